"""Rule 28: phase is wrong where magnitude is right."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class Phasiness(LevelRule):
    """Judged by levels of ``eval/phase_error``."""

    code = "phasiness"
    title = "Phase is wrong where magnitude is right"
    severity = "warn"
    sees = "The phase derivative is off by more than 1 rad (median over voiced bins) on 3 evaluations."
    why = "Losses on magnitudes leave the phase free, which is heard as buzz or smear."
    try_ = "A complex STFT discriminator (MRD)."
    source = "reference 3.2, rule 28"
    needs = (("eval/phase_error",),)
    levels = (Level("eval/phase_error", "warn", above=1.0, points=3),)
    suspects = (Suspect("only magnitudes are judged", "add a complex STFT discriminator"),)
    remedies = (Remedy("Add the STFT discriminator.", {"disc.kind": "mpd_stft"}),)

    SICK: ClassVar[tuple[Case, ...]] = (Case("1.5 rad", lambda: flat({"eval/phase_error": 1.5}), "warn"),)
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("0.4 rad", lambda: flat({"eval/phase_error": 0.4})),
    )
