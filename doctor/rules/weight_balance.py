"""Rule 14: one loss has nearly all of the gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import RunView, Track
from doctor.windows import Spell, looks, scale, spell

MAINS = ("mel", "recon", "stft", "main")


class WeightBalance(Rule):
    """Shares of gradient are compared, since weights multiply losses of unlike scale."""

    code = "weight-balance"
    title = "One loss has nearly all of the gradient"
    severity = "warn"
    sees = (
        "One term has over 90 % of the gradient at the output, or the mel or reconstruction term, where there "
        "is one, below 30 %, over 1,000 steps."
    )
    why = "Equal weights are no balance and 45 is no cure: only what reaches the output can be compared."
    try_ = "Lower the weight of the term that drowns the others, or the gradient balancer."
    source = "reference 3.1, rule 14"
    needs = (("share/*",),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        names = view.named("share/*")
        mains = [n for n in names if n.rsplit("/")[-1] in MAINS]
        for name in names if len(names) > 1 else []:
            seen = looks(view, view.track(name), 500)
            if not len(seen.at):
                continue
            drowns = spell(seen.steps, seen.ready & (seen.median > 0.9), 1000 * scale(view), None)
            if drowns:
                yield self._tell(drowns, seen.track, "has over 90 % of the gradient at the output")
        for name in mains[:1]:
            seen = looks(view, view.track(name), 500)
            if not len(seen.at):
                continue
            drowned = spell(seen.steps, seen.ready & (seen.median < 0.3), 1000 * scale(view), None)
            if drowned:
                yield self._tell(
                    drowned, seen.track, "has under 30 % of the gradient, though it is a main loss"
                )

    def _tell(self, found: Spell, track: Track, what: str) -> Finding:
        return self.told(
            found,
            f"{track.name} {what} from step {found.start:,}.",
            [track],
            (Suspect("weights were set without looking at gradients", "shares after changing one weight"),),
            (Remedy("Set weights by shares, or use the gradient balancer."),),
        )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("adversarial loss 95 %", lambda: flat({"share/adv": 0.95, "share/mel": 0.05}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("balanced", lambda: flat({"share/adv": 0.3, "share/mel": 0.5, "share/feat": 0.2})),
    )
