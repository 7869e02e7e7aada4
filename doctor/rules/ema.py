"""Rule 35: averaged weights are wrong."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class Ema(LevelRule):
    """Judged by levels of ``gen/ema_distance``, ``eval/fid``."""

    code = "ema"
    title = "Averaged weights are wrong"
    severity = "warn"
    sees = (
        "The averaged weights equal the live ones, or are further from them than the weights are long, for "
        "1,000 steps; or FID with them is over 1.2 times that without."
    )
    why = (
        "A wrong decay or order, or normalisation statistics that were not copied: what is evaluated is not "
        "what was trained."
    )
    try_ = "Update after the optimiser's step; copy the buffers."
    source = "reference 3.2, rule 35"
    needs = (("gen/ema_distance",), ("eval/fid", "eval/fid.raw"))
    levels = (
        Level("gen/ema_distance", "warn", below=1e-12, steps=1000),
        Level("gen/ema_distance", "warn", above=1.0, steps=1000),
        Level("eval/fid", "warn", above=1.2, per="eval/fid.raw", points=5),
    )
    suspects = (
        Suspect("buffers are not copied", "evaluate with the live statistics"),
        Suspect("decay too near 1 for this length", "half-life against the steps done"),
    )
    remedies = (Remedy("Copy buffers with the weights; a shorter half-life."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("never moves apart", lambda: flat({"gen/ema_distance": 0.0}), "warn"),
        Case("worse by half", lambda: flat({"eval/fid": 30.0, "eval/fid.raw": 20.0}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("close behind", lambda: flat({"gen/ema_distance": 0.01, "eval/fid": 9.0, "eval/fid.raw": 10.0})),
    )
