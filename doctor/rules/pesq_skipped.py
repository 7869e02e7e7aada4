"""Rule 10: items without a PESQ."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class PesqSkipped(LevelRule):
    """Judged by levels of ``eval/pesq_missing``."""

    code = "pesq-skipped"
    title = "Items without a PESQ"
    severity = "fail"
    sees = "PESQ could not be measured for over 5 % of the items (warning) or over 20 % (failure)."
    why = (
        "If one item loses its batch, a batch of 4 is lost in 18.5 % of cases at 5 % a item, one of 16 in 56 "
        "%. Silent, short or non-finite estimates have no PESQ; a sentinel in place of a reason becomes a "
        "target of D."
    )
    try_ = (
        "Mask items, not batches; skip speech below -50 dBFS and under a quarter of a second; count the "
        "reasons."
    )
    source = "reference 3.1, rule 10, measured there"
    needs = (("eval/pesq_missing",),)
    levels = (
        Level("eval/pesq_missing", "warn", above=0.05, early=True),
        Level("eval/pesq_missing", "fail", above=0.2, early=True),
    )
    suspects = (
        Suspect("silent or very short crops", "the reasons that were counted"),
        Suspect("the estimate is silent or not finite", "level of the output"),
    )
    remedies = (Remedy("Mask single items and count the reasons; crops of at least a quarter of a second."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("30 % lost", lambda: flat({"eval/pesq_missing": 0.3}), "fail"),
        Case("8 % lost", lambda: flat({"eval/pesq_missing": 0.08}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("1 % lost", lambda: flat({"eval/pesq_missing": 0.01})),
    )
