"""Rule 38: scales of the discriminator see the same signal."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class SameScales(LevelRule):
    """Judged by levels of ``disc/same_scales``."""

    code = "same-scales"
    title = "Scales of the discriminator see the same signal"
    severity = "fail"
    sees = "Two scales of a multi-scale discriminator have feature maps of one length."
    why = (
        "The pooled signal was dropped and every scale sees the original: a published discriminator does "
        "this."
    )
    try_ = "Hand the pooled signal on; assert that the lengths differ."
    source = "reference 3.2, rule 38"
    needs = (("disc/same_scales",),)
    levels = (Level("disc/same_scales", "fail", above=0.5, early=True),)
    suspects = (Suspect("the result of the pooling is not assigned", "lengths of the feature maps"),)
    remedies = (Remedy("Assign the pooled signal."),)

    SICK: ClassVar[tuple[Case, ...]] = (Case("two alike", lambda: flat({"disc/same_scales": 2.0}), "fail"),)
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("all unlike", lambda: flat({"disc/same_scales": 0.0})),
    )
