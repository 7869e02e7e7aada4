"""Rule 21: no adversarial gradient reaches the generator."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class Vanishing(LevelRule):
    """Judged by levels of ``share/adv``."""

    code = "vanishing"
    title = "No adversarial gradient reaches the generator"
    severity = "warn"
    sees = "The adversarial loss has less than 1 % of the gradient at the output for 2,000 steps."
    why = (
        "The game is not played: a perfect discriminator, a saturated output, a wrong sign or a detached "
        "tensor."
    )
    try_ = (
        "Hinge or the non-saturating loss, R1; probe that the gradient of the adversarial loss at the output "
        "is not 0."
    )
    source = "reference 3.2, rule 21"
    needs = (("share/adv",),)
    levels = (Level("share/adv", "warn", below=0.01, steps=2000, window=500),)
    suspects = (
        Suspect("the weight is too small", "raise it: the share follows"),
        Suspect("the graph is cut", "gradient of the loss at the output is exactly 0"),
        Suspect("D is perfect", "its loss near zero"),
    )
    remedies = (Remedy("A larger adversarial weight, or the gradient balancer."),)

    SICK: ClassVar[tuple[Case, ...]] = (Case("a thousandth", lambda: flat({"share/adv": 0.001}), "warn"),)
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("a fifth", lambda: flat({"share/adv": 0.2})),
    )
