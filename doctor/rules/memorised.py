"""Rule 37: fakes copy the training data."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class Memorised(LevelRule):
    """Judged by levels of ``eval/memorised``."""

    code = "memorised"
    title = "Fakes copy the training data"
    severity = "warn"
    sees = (
        "Over 5 % of the fakes are nearer to a training item than 99 % of the training items are to each "
        "other, on 2 evaluations."
    )
    why = "A small data set can be learnt by heart; scores against it then look excellent."
    try_ = "DiffAugment, more data; score against held-out items."
    source = "reference 3.2, rule 37"
    needs = (("eval/memorised",),)
    levels = (Level("eval/memorised", "warn", above=0.05, points=2),)
    suspects = (Suspect("too little data", "nearest training items beside the fakes"),)
    remedies = (Remedy("DiffAugment in both steps."),)

    SICK: ClassVar[tuple[Case, ...]] = (Case("30 %", lambda: flat({"eval/memorised": 0.3}), "warn"),)
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("1 %", lambda: flat({"eval/memorised": 0.01})),
    )
