"""Rule 30: non-finite gradients are hidden."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class Masked(LevelRule):
    """Judged by levels of ``gen/masked_grads``, ``disc/masked_grads``."""

    code = "masked-gradients"
    title = "Non-finite gradients are hidden"
    severity = "warn"
    sees = "Gradients that were not finite have been replaced by numbers."
    why = "Some trainers turn NaN into 0 without a word: training goes on and something is wrong."
    try_ = "Find the term; double precision for norms and penalties; count them openly."
    source = "reference 3.2, rule 30"
    needs = (("gen/masked_grads",), ("disc/masked_grads",))
    levels = (
        Level("gen/masked_grads", "warn", above=0.0, early=True),
        Level("disc/masked_grads", "warn", above=0.0, early=True),
    )
    suspects = (Suspect("half precision overflows", "the same steps in fp32"),)
    remedies = (Remedy("fp32 for the discriminator and penalties."),)

    SICK: ClassVar[tuple[Case, ...]] = (Case("a few", lambda: flat({"gen/masked_grads": 12.0}), "warn"),)
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("none", lambda: flat({"gen/masked_grads": 0.0, "disc/masked_grads": 0.0})),
    )
