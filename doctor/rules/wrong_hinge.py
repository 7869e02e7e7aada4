"""Rule 39: adversarial loss is not what its name says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import Facts, RunView
from doctor.windows import spell


class WrongHinge(Rule):
    """A discriminator that answers 0 is a known point of every loss."""

    code = "wrong-hinge"
    title = "Adversarial loss is not what its name says"
    severity = "fail"
    sees = (
        "The loss of a discriminator that answers 0 differs from its dead value (hinge 2.0, BCE 1.386, least "
        "squares 1.0 for each sub-discriminator)."
    )
    why = "A published hinge lacks the margin on fakes: such a loss rewards another game than its name says."
    try_ = "Margins of 1 on both sides."
    source = "reference 3.2, rule 39"
    needs = (("disc/loss_at_zero",),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        track, dead = view.track("disc/loss_at_zero"), view.dead
        if dead is None or not len(track):
            return
        wrong = np.abs(track.values - dead) > 1e-3
        found = spell(track.steps, wrong, None, 0.0)
        if found:
            yield self.told(
                found,
                f"At logits of 0 the loss is {track.values[-1]:.4g}, not {dead:.4g}.",
                [track],
                (
                    Suspect("a margin is missing on one side", "the loss at logits of 1 and of -1"),
                    Suspect("a sum in place of a mean", "how many sub-discriminators there are"),
                ),
                (Remedy("max(0, 1 - D(real)) + max(0, 1 + D(fake))."),),
            )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case(
            "1.0 under hinge", lambda: flat({"disc/loss_at_zero": 1.0}, facts=Facts(adv_loss="hinge")), "fail"
        ),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case(
            "2.0 under hinge",
            lambda: flat({"disc/loss_at_zero": 2.0}, facts=Facts(adv_loss="hinge"), spread=0.0),
        ),
    )
