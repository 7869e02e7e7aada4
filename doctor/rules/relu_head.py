"""Rule 12: outputs cannot be negative, targets are."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class ReluHead(LevelRule):
    """Judged by levels of ``eval/output_min``."""

    code = "relu-head"
    title = "Outputs cannot be negative, targets are"
    severity = "fail"
    sees = "Over 5 % of the target is below zero while the smallest prediction is not, on 3 evaluations."
    why = (
        "The range of the output leaves out the target, and the gradient is 0 wherever the output sits at 0. "
        "99 % of log-mel targets are negative."
    )
    try_ = "A linear head."
    source = "reference 3.1, rule 12, measured there"
    needs = (("eval/output_min", "data/target_negative"),)
    levels = (
        Level(
            "eval/output_min",
            "fail",
            above=-1e-06,
            points=3,
            early=True,
            given=("data/target_negative", 0.05),
        ),
    )
    suspects = (Suspect("a ReLU at the end of the decoder", "the last layer of the decoder"),)
    remedies = (Remedy("Take the ReLU from the decoder's end."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("never below 0", lambda: flat({"eval/output_min": 0.0, "data/target_negative": 0.99}), "fail"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("reaches below", lambda: flat({"eval/output_min": -8.0, "data/target_negative": 0.99})),
        Case(
            "a target without negatives", lambda: flat({"eval/output_min": 0.0, "data/target_negative": 0.0})
        ),
    )
