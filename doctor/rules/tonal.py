"""Rule 27: tonal or checkerboard artefacts."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class Tonal(LevelRule):
    """Judged by levels of ``eval/tonal_db``, ``eval/checkerboard``."""

    code = "tonal"
    title = "Tonal or checkerboard artefacts"
    severity = "warn"
    sees = (
        "Energy at multiples of the rate over the stride more than 10 dB above its neighbours on 2 "
        "evaluations; for images, autocorrelation at lag 2 or 4 above 0.5."
    )
    why = (
        "Transposed convolutions whose kernel is no multiple of their stride print their grid into every "
        "output, silence included."
    )
    try_ = "A kernel that is a multiple of the stride, or nearest-neighbour upsampling and a convolution."
    source = "reference 3.2, rule 27 (arXiv 2010.14356)"
    needs = (("eval/tonal_db",), ("eval/checkerboard",))
    levels = (
        Level("eval/tonal_db", "warn", above=10.0, points=2),
        Level("eval/checkerboard", "warn", above=0.5, points=2),
    )
    suspects = (
        Suspect("transposed convolutions", "the same peaks on silence"),
        Suspect("the data has the tone", "periodogram of the references"),
    )
    remedies = (Remedy("Kernel a multiple of the stride."),)

    SICK: ClassVar[tuple[Case, ...]] = (Case("20 dB", lambda: flat({"eval/tonal_db": 20.0}), "warn"),)
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("none", lambda: flat({"eval/tonal_db": 1.0, "eval/checkerboard": 0.05})),
    )
