"""Rule 22: a singular value runs away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import flat, healthy_biggan, healthy_codec, run, steps
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import RunView
from doctor.windows import onset, places, scale, spell

NAMES = ("gen/sigma.*", "disc/sigma.*", "gen/*/sigma", "disc/*/sigma")


class Sigma(Rule):
    """The slope matters, not the level: one layer of a healthy run rises smoothly to 88."""

    code = "sigma"
    title = "A singular value runs away"
    severity = "fail"
    sees = (
        "The largest singular value of a layer doubles within 1,000 steps, or exceeds 3 times its running "
        "mean."
    )
    why = "The published onset of collapse: one late layer goes from 12 to 40 in the last 3,000 steps."
    try_ = "Go back to an earlier checkpoint, a lower rate, stop early."
    source = "reference 3.2, rule 22"
    needs = tuple((name,) for name in NAMES)

    def examine(self, view: RunView) -> Iterator[Finding]:
        for name in [n for pattern in NAMES for n in view.named(pattern)]:
            track = view.track(name)
            chosen = places(len(track))
            at, values = track.steps[chosen], track.values[chosen]
            before = np.searchsorted(at, at - 1000 * scale(view), side="left")
            mean = np.array(
                [np.mean(values[max(0, i - 50) : i]) if i >= 10 else np.inf for i in range(len(at))]
            )
            holds = ((values > 2 * values[before]) | (values > 3 * mean)) & (at >= onset(view)) & (values > 0)
            found = spell(at, holds, None, 0.0, points=2)
            if found:
                yield self.told(
                    found,
                    f"{name} goes from {values[before[-1]]:.3g} to {values[-1]:.3g} within 1,000 steps.",
                    [track],
                    (Suspect("onset of collapse", "FID of this and of an earlier checkpoint"),),
                    (Remedy("Go back to an earlier checkpoint with half the rate."),),
                )

    SICK: ClassVar[tuple[Case, ...]] = (Case("12 to 40", lambda: _rising(), "fail"),)
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case(
            "smooth to 88",
            lambda: flat({"gen/sigma.linear": (20.0, 88.0)}, last=100_000, every=500, knee=0.5),
        ),
    )


def _rising() -> RunView:
    at = steps()
    return run({"gen/sigma.linear": (at, 12 + np.where(at > 9000, (at - 9000) * 0.04, 0.0))})
