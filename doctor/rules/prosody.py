"""Rule 42: durations or pitch of speech are off."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class Prosody(LevelRule):
    """Judged by levels of ``eval/length_ratio``, ``eval/pitch_std_ratio``, ``eval/energy_by_pitch``."""

    code = "prosody"
    title = "Durations or pitch of speech are off"
    severity = "warn"
    sees = (
        "Predicted length outside 0.8 to 1.2 of the target, or the spread of pitch below half of it, on 3 "
        "evaluations; or energy that answers to the pitch control (failure)."
    )
    why = "Averaged predictions smooth speech flat; a published model hands the pitch control to energy."
    try_ = "Phoneme-level, z-normalised pitch and energy; test each control alone."
    source = "reference 3.2, rule 42"
    needs = (("eval/length_ratio",), ("eval/pitch_std_ratio",), ("eval/energy_by_pitch",))
    levels = (
        Level("eval/length_ratio", "warn", above=1.2, points=3),
        Level("eval/length_ratio", "warn", below=0.8, points=3),
        Level("eval/pitch_std_ratio", "warn", below=0.5, points=3),
        Level("eval/energy_by_pitch", "fail", above=0.01, early=True),
    )
    suspects = (
        Suspect("over-smoothing", "spread of predicted pitch"),
        Suspect("controls are mixed up", "change one control, measure the other"),
    )
    remedies = (Remedy("Phoneme-level pitch and energy, z-normalised."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("a third too long", lambda: flat({"eval/length_ratio": 1.35}), "warn"),
        Case("energy follows pitch", lambda: flat({"eval/energy_by_pitch": 0.4}), "fail"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case(
            "right",
            lambda: flat(
                {"eval/length_ratio": 1.03, "eval/pitch_std_ratio": 0.85, "eval/energy_by_pitch": 0.0}
            ),
        ),
    )
