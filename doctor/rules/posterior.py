"""Rule 26: latent collapsed or exploded."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from doctor.cases import flat, healthy_biggan, healthy_codec, run, steps
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case
from doctor.view import Facts, RunView
from doctor.windows import LATEST


class Posterior(LevelRule):
    """Judged by levels of ``eval/active_units``, ``eval/latent_effect``, ``eval/kl_per_dim``, ``eval/mu_st."""

    code = "posterior-collapse"
    title = "Latent collapsed or exploded"
    severity = "fail"
    sees = (
        "Fewer than 10 % of the latent dimensions active (failure, 3 evaluations); decoding the mean differs "
        "from decoding zeros by less than 1 %; KL over 100 a dimension or a spread of means over 10 "
        "(warning). Evaluations before step 500 do not count, however short the run."
    )
    why = (
        "With a KL weight that is too high the decoder is paid to ignore its input; with one too low the "
        "latent has no scale. At the start it says nothing: the means of a fresh encoder hardly differ from clip to "
        "clip, and they come apart with the optimiser's steps."
    )
    try_ = "Warm up the KL weight, free bits; for an explosion more KL."
    source = "levels: reference 3.2, rule 26; the start: reference 3.0, no rule before 500 steps"
    needs = (("eval/active_units",), ("eval/latent_effect",), ("eval/kl_per_dim",), ("eval/mu_std",))
    levels = (
        Level("eval/active_units", "fail", below=0.1, points=3),
        Level("eval/latent_effect", "fail", below=0.01, points=3),
        Level("eval/kl_per_dim", "warn", above=100.0, points=3),
        Level("eval/mu_std", "warn", above=10.0, points=3),
    )
    suspects = (
        Suspect("KL weight too high", "halve it: units wake"),
        Suspect("the decoder is strong enough alone", "decode zeros"),
    )
    settles = LATEST
    remedies = (Remedy("Warm the KL weight up; free bits."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("2 % active", lambda: flat({"eval/active_units": (0.5, 0.02)}), "fail"),
        Case("asleep for a whole short run", lambda: _waking(last=900), "fail"),
        Case("KL 400 a dimension", lambda: flat({"eval/kl_per_dim": 400.0}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case(
            "active",
            lambda: flat(
                {
                    "eval/active_units": 0.8,
                    "eval/kl_per_dim": 2.0,
                    "eval/mu_std": 1.0,
                    "eval/latent_effect": 0.5,
                }
            ),
        ),
        Case("asleep at the start", lambda: _waking(360)),
        Case("looked at while it sleeps", lambda: _waking(360, last=300)),
    )


def _waking(at_step: int | None = None, last: int = 600) -> RunView:
    """No active unit before ``at_step`` (None: ever), then nearly all; evaluated every 60 steps."""
    at = steps(last, 60)
    awake = np.zeros(len(at), bool) if at_step is None else at >= at_step
    return run(
        {"eval/active_units": (at, np.where(awake, 0.95, 0.0))}, Facts(total_steps=600, steps_per_epoch=60)
    )
