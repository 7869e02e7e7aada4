"""Rule 25: restart of codes without effect."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class CodebookRestart(LevelRule):
    """Judged by levels of ``codebook/restart_error.*``, ``codebook/dead.*``."""

    code = "codebook-restart"
    title = "Restart of codes without effect"
    severity = "fail"
    sees = (
        "After a restart a code differs from the vector that it was given, in the same forward; or over 90 % "
        "of the codes stay dead for 100 steps after."
    )
    why = (
        "An average kept beside the codebook overwrites the new vector at once: the restart is undone. "
        "Published quantisers do this."
    )
    try_ = "Set the running sum and the cluster size of the code as well."
    source = "reference 3.2, rule 25, replayed there"
    needs = (("codebook/restart_error.*",), ("codebook/dead.*",))
    levels = (
        Level("codebook/restart_error.*", "fail", above=0.001, early=True, points=2),
        Level("codebook/dead.*", "fail", above=0.9, early=True, steps=100, points=3),
    )
    suspects = (
        Suspect("the moving average overwrites it", "compare code and sampled vector after the same forward"),
    )
    remedies = (Remedy("Set the average and the size with the code."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("overwritten", lambda: flat({"codebook/restart_error.0": 99.0}), "fail"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("kept", lambda: flat({"codebook/restart_error.0": 0.0, "codebook/dead.0": 0.05})),
    )
