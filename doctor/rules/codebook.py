"""Rule 24: codebook collapsed."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from doctor.cases import flat, healthy_biggan, healthy_codec, run, steps
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case
from doctor.view import Facts, RunView

DECAY = 0.99
TIMES = 5


class Codebook(LevelRule):
    """Judged by levels of ``codebook/relative.*``, ``codebook/use.*`` once codes had the time to be restarted."""

    code = "codebook-collapse"
    title = "Codebook collapsed"
    severity = "fail"
    sees = (
        "Relative perplexity of a stage (over the most that it can be) below 0.4 or a quarter of the codes "
        "used (warning), below 0.1 (failure), on 3 reports. Reports before step 500 do not count, nor before five "
        "time constants of the recipe's codebook average where that is later, however short the run."
    )
    why = (
        "Most codes are dead: the bits are paid for and carry nothing. A known log had perplexity 1.0007 at "
        "mel 66. At the start it says nothing: the encoder makes nearly one vector of everything, and a code that "
        "nothing falls on is put elsewhere only when its running count has faded (to a tenth in 230 steps at "
        "decay 0.99)."
    )
    try_ = (
        "k-means initialisation, code dimension 8 with l2 normalisation, restart of dead codes; count enough "
        "tokens."
    )
    source = (
        "levels: reference 3.2, rule 24; the start: reference 3.0 (500 steps), and arithmetic on EnCodec's decay "
        "of 0.99, of which 0.7 % is left after 5 / (1 - decay) = 500 steps"
    )
    needs = (("codebook/relative.*",), ("codebook/use.*",))
    levels = (
        Level("codebook/relative.*", "warn", below=0.4, points=3),
        Level("codebook/use.*", "warn", below=0.25, points=3),
        Level("codebook/relative.*", "fail", below=0.1, points=3),
    )
    suspects = (
        Suspect("dead codes without restart", "share of codes used"),
        Suspect("too few tokens counted", "perplexity is capped by them"),
        Suspect("restart is undone", "rule codebook-restart"),
    )
    remedies = (Remedy("Restart dead codes from the batch; code dimension 8, l2."),)

    def start(self, view: RunView) -> float:
        """Five time constants of the codebooks' average: that of the recipe, at least that of decay 0.99."""
        told = view.facts.recipe.get("quantizer.decay")
        decay = float(told) if isinstance(told, int | float) and DECAY < told < 1 else DECAY
        return round(TIMES / (1 - decay))

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("one code", lambda: flat({"codebook/relative.0": (0.6, 0.01)}), "fail"),
        Case("a third", lambda: flat({"codebook/relative.1": 0.3}), "warn"),
        Case("one code from the start", lambda: _starting(0.01), "fail"),
        Case("one code in a slow average", lambda: _starting(0.01, decay=0.999, last=9000), "fail"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("in use", lambda: flat({"codebook/relative.0": 0.8, "codebook/use.0": 0.95})),
        Case("dead codes at the start, restarted", lambda: _starting(0.6)),
        Case("stopped before a restart", lambda: _starting(0.6, last=240)),
        Case("restarted late by a slow average", lambda: _starting(0.6, decay=0.999, last=9000)),
    )


def _starting(end: float, decay: float = DECAY, last: int = 1800) -> RunView:
    """One code in use until an average of ``decay`` has faded to a tenth; the level ``end`` comes as slowly."""
    at = steps(last, 60)
    faded = np.log(0.1) / np.log(decay)
    came = 1 - 0.1 ** np.maximum(at / faded - 1, 0)
    return run(
        {"codebook/relative.0": (at, 0.02 + (end - 0.02) * came)},
        Facts(total_steps=max(last, 1800), steps_per_epoch=60, recipe={"quantizer.decay": decay}),
    )
