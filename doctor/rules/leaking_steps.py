"""Rule 40: one player's step moves the other."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class LeakingSteps(LevelRule):
    """Judged by levels of ``gen/grad_in_disc_step``, ``disc/moved_in_gen_step``."""

    code = "leaking-steps"
    title = "One player's step moves the other"
    severity = "fail"
    sees = (
        "The discriminator's step leaves a gradient in the generator, or the generator's step changes the "
        "discriminator, on 2 reports."
    )
    why = (
        "A missing detach or freeze: each player is trained by the other's loss, or both are clipped as one."
    )
    try_ = "Detach the fakes in D's step; zero D's gradients after G's; clip each player alone."
    source = "reference 3.2, rule 40"
    needs = (("gen/grad_in_disc_step",), ("disc/moved_in_gen_step",))
    levels = (
        Level("gen/grad_in_disc_step", "fail", above=0.0, points=2, early=True),
        Level("disc/moved_in_gen_step", "fail", above=0.0, points=2, early=True),
    )
    suspects = (Suspect("fakes are not detached", "gradient of G after D's backward pass"),)
    remedies = (Remedy("Detach the fakes in the discriminator's step."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("a gradient is left", lambda: flat({"gen/grad_in_disc_step": 0.4}), "fail"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("none", lambda: flat({"gen/grad_in_disc_step": 0.0, "disc/moved_in_gen_step": 0.0})),
    )
