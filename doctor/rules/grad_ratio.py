"""Rule 31: gradients of the players drift apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import flat, healthy_biggan, healthy_codec, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import RunView, Track
from doctor.windows import asof, looks, scale, spell


class GradRatio(Rule):
    """Compared with the run's own past, in logarithms."""

    code = "grad-ratio"
    title = "Gradients of the players drift apart"
    severity = "warn"
    sees = (
        "The logarithm of the ratio of both gradient norms lies over 3 standard deviations from its past for "
        "1,000 steps."
    )
    why = "One player has begun to move on its own: often the first sign of a break."
    try_ = "The ratio of learning rates; what changed at that step."
    source = "reference 3.2, rule 31"
    needs = (("gen/grad_norm", "disc/grad_norm"),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        disc, gen = view.track("disc/grad_norm"), view.track("gen/grad_norm")
        other = asof(gen, disc.steps)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.log10(disc.values / other)
        keep = np.isfinite(ratio)
        track = Track("disc/grad_norm", disc.steps[keep], ratio[keep])
        now, past = looks(view, track, 500), looks(view, track, 5000)
        if not len(now.at):
            return
        back = np.searchsorted(past.steps, now.steps - 2000 * scale(view), side="right") - 1
        known = (back >= 20) & past.ready[np.maximum(back, 0)]
        back = np.maximum(back, 0)
        spread = np.maximum(past.seen.std(axis=1)[back], 0.05)
        holds = now.ready & known & (np.abs(now.median - past.median[back]) > 3 * spread)
        found = spell(now.steps, holds, 1000 * scale(view), None, points=3, calm="warn")
        if found:
            yield self.told(
                found,
                f"The ratio of D's to G's gradient norm is {10 ** now.median[-1]:.3g}, far from its past.",
                [disc, gen],
                (
                    Suspect("one player's rate or loss changed", "marks at that step"),
                    Suspect("the game is breaking", "scores after it"),
                ),
                (Remedy("Set the rates so that both norms move together."),),
            )

    SICK: ClassVar[tuple[Case, ...]] = (Case("D's norm rises a hundredfold", lambda: _apart(), "warn"),)
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("steady", lambda: flat({"gen/grad_norm": 2.0, "disc/grad_norm": 1.0}, spread=0.1)),
    )


def _apart() -> RunView:
    at = steps(20_000, 100)
    disc = np.where(at > 15_000, 100.0, 1.0) * (1 + noise(len(at), 0.1))
    return run({"disc/grad_norm": (at, disc), "gen/grad_norm": (at, 2 + noise(len(at), 0.1, 2))})
