"""Rule 13: mel targets on a scale that teaches little."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class MelScale(LevelRule):
    """Judged by levels of ``data/target_std``, ``data/target_floor``, ``data/target_min``."""

    code = "mel-scale"
    title = "Mel targets on a scale that teaches little"
    severity = "warn"
    sees = (
        "The spread of the target is below 0.3, over 5 % of it lies at the floor, or its minimum is below "
        "-12."
    )
    why = (
        "log(1 + x) is linear near 0, so that quiet speech keeps its tiny scale and the mean spectrogram is "
        "nearly the best answer; too small a floor spends most of the variance on silence."
    )
    try_ = "log of the magnitude clamped at 1e-5, silence trimmed."
    source = "reference 3.1, rule 13; measured there: spread 0.12 under log1p, 2.07 under log"
    needs = (("data/target_std",), ("data/target_floor",), ("data/target_min",))
    levels = (
        Level("data/target_std", "warn", below=0.3, early=True),
        Level("data/target_floor", "warn", above=0.05, early=True),
        Level("data/target_min", "warn", below=-12.0, early=True),
    )
    suspects = (
        Suspect("log1p of magnitudes", "the smallest target is 0"),
        Suspect("a floor of 1e-9", "silence lies at -20.7"),
    )
    remedies = (Remedy("log(clamp(mel, 1e-5))."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("log1p", lambda: flat({"data/target_std": 0.12}), "warn"),
        Case("floor 1e-9", lambda: flat({"data/target_min": -20.7}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case(
            "log clamped",
            lambda: flat({"data/target_std": 2.07, "data/target_min": -11.5, "data/target_floor": 0.01}),
        ),
    )
