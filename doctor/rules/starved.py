"""Rule 41: training waits for data."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class Starved(LevelRule):
    """Judged by levels of ``speed/data_wait``."""

    code = "starved"
    title = "Training waits for data"
    severity = "warn"
    sees = "Over 30 % of the time is spent waiting for data, over 500 steps."
    why = "The device is idle: the same run could be done in less time."
    try_ = "More loader workers, prefetch, data decoded beforehand."
    source = "reference 3.2, rule 41"
    needs = (("speed/data_wait",),)
    levels = (Level("speed/data_wait", "warn", above=0.3, steps=500, window=300),)
    suspects = (
        Suspect("decoding is slow", "read one file in a loop"),
        Suspect("the disk is slow", "the same data from memory"),
    )
    remedies = (Remedy("Prefetch, more workers, decode once."),)

    SICK: ClassVar[tuple[Case, ...]] = (Case("60 %", lambda: flat({"speed/data_wait": 0.6}), "warn"),)
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("2 %", lambda: flat({"speed/data_wait": 0.02})),
    )
