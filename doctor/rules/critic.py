"""Rule 34: a Wasserstein critic that separates nothing, or whose Lipschitz constraint is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import falling, healthy_biggan, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import Facts, RunView, Track
from doctor.windows import looks, spell, window

CHANCE = 0.53
GONE = 0.01
WINDOW, LONG = 5000, 2000
GRADIENT = (0.8, 1.2)
LOGITS = 1e3


class Critic(Rule):
    """The level of a Wasserstein loss says nothing; whether it has a sign, and has not vanished, does."""

    code = "critic"
    title = "Wasserstein critic estimates nothing"
    severity = "fail"
    sees = (
        "The critic's loss has no sign any more (its usual sign on less than 53 % of the reports of 5,000 steps: "
        "chance), or it fell below 1 % of what it was. Where they are logged: a gradient norm outside 0.8 to 1.2 for "
        "2,000 steps, or logits over 1,000."
    )
    why = (
        "The critic's loss is minus the distance that it finds between real and fake, so that it must be below zero. "
        "One that is above it as often separates nothing: weights clipped to death, or a penalty that outweighs the gap."
    )
    try_ = "A gradient penalty with weight 10, no batch normalisation in the critic, 5 critic steps, no weight clipping."
    source = "reference 3.2, rule 34; the chance band of 0.03 is rule 1's; the vanishing of clipped critics is published"
    needs = (("loss/disc",), ("disc/grad_between",), ("disc/mean.real",))

    def examine(self, view: RunView) -> Iterator[Finding]:
        if view.facts.adv_loss != "wasserstein":
            return
        suspects = (
            Suspect("weight clipping holds the critic near a constant", "share of weights at the clip"),
            Suspect("the penalty outweighs the gap: the critic is unstable", "log gap and penalty apart"),
            Suspect(
                "batch normalisation in the critic couples the batch", "replace it by layer normalisation"
            ),
        )
        remedies = (
            Remedy(
                "Gradient penalty (weight 10) in place of clipping or DRAGAN; no batch norm in the critic."
            ),
        )
        track = view.track("loss/disc")
        seen = looks(view, track, WINDOW, points=50)
        if len(seen.at):
            minus = np.cumsum(np.sign(track.values))[seen.at] <= 0
            negative = seen.share(lambda v: v < 0)
            holds = seen.ready & (np.where(minus, negative, seen.share(lambda v: v > 0)) < CHANCE)
            found = spell(seen.steps, holds, 0.0, 0.0)
            if found:
                claim = f"From step {found.start:,} the critic's loss has its usual sign on no more reports than chance."
                yield self.told(found, claim, [track], suspects, remedies)
            size = np.abs(seen.median)
            peak = np.maximum.accumulate(np.where(seen.ready, size, 0.0))
            long = window(view, LONG, seen.steps.astype(float))
            found = spell(seen.steps, seen.ready & (size < GONE * peak), long / 2, long, points=5)
            if found:
                claim = f"From step {found.start:,} the critic's loss is below {GONE:.0%} of what it was ({peak[-1]:.3g})."
                yield self.told(found, claim, [track], suspects, remedies)
        yield from self._logged(view, suspects, remedies)

    def _logged(
        self, view: RunView, suspects: tuple[Suspect, ...], remedies: tuple[Remedy, ...]
    ) -> Iterator[Finding]:
        for name, low, high in (
            ("disc/grad_between", *GRADIENT),
            ("disc/mean.real", -LOGITS, LOGITS),
            ("disc/mean.fake", -LOGITS, LOGITS),
        ):
            track: Track = view.track(name)
            seen = looks(view, track, LONG)
            if not len(seen.at):
                continue
            holds = seen.ready & ((seen.median < low) | (seen.median > high))
            long = window(view, LONG, seen.steps.astype(float))
            found = spell(seen.steps, holds, long, None if name != "disc/grad_between" else 5 * long)
            if found:
                yield self.told(
                    found,
                    f"The median of {name} lies outside {low:g} to {high:g} from step {found.start:,}.",
                    [track],
                    suspects,
                    remedies,
                )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("vanished", lambda: _critic(-1e-9, 5e-9, first=-0.5), "fail"),
        Case("its sign is lost", lambda: _critic(0.02, 1.5, first=-2.0), "fail"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("a gradient-penalty run", lambda: _critic(-0.55, 0.5, first=-1.6)),
        Case("the estimate logged with the other sign", lambda: _critic(0.55, 0.5, first=1.6)),
        Case("not a critic", healthy_biggan),
    )


def _critic(level: float, spread: float, first: float) -> RunView:
    at = steps(40_000, 100)
    n = len(at)
    values = falling(n, first, level, 0.02) + noise(n, spread, 3)
    return run(
        {"loss/disc": (at, values), "loss/gen": (at, 60 + noise(n, 20, 4))}, Facts(adv_loss="wasserstein")
    )
