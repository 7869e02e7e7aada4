"""Rule 24: codebook collapsed."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class Codebook(LevelRule):
    """Judged by levels of ``codebook/relative.*``, ``codebook/use.*``."""

    code = "codebook-collapse"
    title = "Codebook collapsed"
    severity = "fail"
    sees = (
        "Relative perplexity of a stage (over the most that it can be) below 0.4 or a quarter of the codes "
        "used (warning), below 0.1 (failure), on 3 reports."
    )
    why = (
        "Most codes are dead: the bits are paid for and carry nothing. A known log had perplexity 1.0007 at "
        "mel 66."
    )
    try_ = (
        "k-means initialisation, code dimension 8 with l2 normalisation, restart of dead codes; count enough "
        "tokens."
    )
    source = "reference 3.2, rule 24"
    needs = (("codebook/relative.*",), ("codebook/use.*",))
    levels = (
        Level("codebook/relative.*", "warn", below=0.4, points=3),
        Level("codebook/use.*", "warn", below=0.25, points=3),
        Level("codebook/relative.*", "fail", below=0.1, points=3),
    )
    suspects = (
        Suspect("dead codes without restart", "share of codes used"),
        Suspect("too few tokens counted", "perplexity is capped by them"),
        Suspect("restart is undone", "rule codebook-restart"),
    )
    remedies = (Remedy("Restart dead codes from the batch; code dimension 8, l2."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("one code", lambda: flat({"codebook/relative.0": (0.6, 0.01)}), "fail"),
        Case("a third", lambda: flat({"codebook/relative.1": 0.3}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("in use", lambda: flat({"codebook/relative.0": 0.8, "codebook/use.0": 0.95})),
    )
