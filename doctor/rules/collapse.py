"""Rule 16: few modes: fakes resemble each other."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class Collapse(LevelRule):
    """Judged by levels of ``eval/diversity``, ``eval/class_entropy``, ``eval/recall``."""

    code = "mode-collapse"
    title = "Few modes: fakes resemble each other"
    severity = "fail"
    sees = (
        "Fakes of a class are less than half as far apart as reals, or recall is below 0.2 at a precision "
        "above 0.6, or the classes that a classifier finds in them have below 0.8 of the full entropy; on 3 "
        "evaluations."
    )
    why = (
        "The generator answers with few pictures or sounds whatever it is asked. Published healthy recall is "
        "0.62 to 0.69, DCGAN 0.21, clipped WGAN 0.02."
    )
    try_ = (
        "Minibatch statistics, a projection discriminator, LeCam, a lower G rate; the checkpoint before it."
    )
    source = "reference 3.2, rule 16"
    needs = (("eval/diversity",), ("eval/class_entropy",), ("eval/recall",))
    levels = (
        Level("eval/diversity", "fail", below=0.5, points=3),
        Level("eval/class_entropy", "fail", below=0.8, points=3),
        Level("eval/recall", "warn", below=0.2, points=5, given=("eval/precision", 0.6)),
    )
    suspects = (
        Suspect("G ignores z", "distance of fakes with equal class and unlike z near 0"),
        Suspect("G ignores classes", "entropy of classes found"),
    )
    remedies = (Remedy("Minibatch standard deviation, LeCam, or a lower G rate."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("0.2 of the distance of reals", lambda: flat({"eval/diversity": (1.0, 0.2)}), "fail"),
        Case("recall 0.05", lambda: flat({"eval/recall": (0.4, 0.05), "eval/precision": 0.75}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("diverse", lambda: flat({"eval/diversity": 0.9, "eval/recall": 0.65, "eval/precision": 0.75})),
    )
