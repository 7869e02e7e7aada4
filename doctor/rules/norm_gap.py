"""Rule 36: evaluation and training statistics differ."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class NormGap(LevelRule):
    """Judged by levels of ``eval/fid.eval_bn``."""

    code = "norm-gap"
    title = "Evaluation and training statistics differ"
    severity = "warn"
    sees = (
        "FID with the stored normalisation statistics over 1.3 times FID with those of the batch, on 2 "
        "evaluations."
    )
    why = "The stored statistics are stale, so that evaluation sees another network than training."
    try_ = "Standing statistics: run the generator on many batches before evaluating."
    source = "reference 3.2, rule 36"
    needs = (("eval/fid.eval_bn", "eval/fid.batch_bn"),)
    levels = (Level("eval/fid.eval_bn", "warn", above=1.3, per="eval/fid.batch_bn", points=2),)
    suspects = (Suspect("momentum too small or too few forwards", "take statistics anew"),)
    remedies = (Remedy("Standing statistics before each evaluation."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("twice", lambda: flat({"eval/fid.eval_bn": 30.0, "eval/fid.batch_bn": 15.0}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("equal", lambda: flat({"eval/fid.eval_bn": 15.5, "eval/fid.batch_bn": 15.0})),
    )
