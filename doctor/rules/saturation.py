"""Rule 4: outputs saturated at tanh."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class Saturation(LevelRule):
    """Judged by levels of ``eval/saturation``, ``eval/tanh_slope``, ``gen/bn_gain``."""

    code = "saturation"
    title = "Outputs saturated at tanh"
    severity = "fail"
    sees = (
        "More than 15 points more of the outputs beyond 0.99 than of the data, or a mean tanh slope below 0.3 "
        "(warning); over 30 points on 2 evaluations, or a slope below 0.15 (failure). The largest gain of the "
        "last normalisation over 5 is a warning."
    )
    why = "Where tanh is flat the generator gets no gradient, so that a saturated output cannot come back."
    try_ = (
        "A ReLU before the last convolution; a tenth of the initialisation without spectral normalisation "
        "(with it, scaling is cancelled); decay on the last gain; check that the data lies in -1 to 1."
    )
    source = "reference 3.1, rule 4; measured there: healthy 0.008 and slope 0.62, gain 5 gives 0.58 and 0.16"
    needs = (("eval/saturation", "eval/saturation.real"), ("eval/tanh_slope",), ("gen/bn_gain",))
    levels = (
        Level("eval/saturation", "warn", above=0.15, minus="eval/saturation.real", early=True),
        Level("eval/saturation", "fail", above=0.3, minus="eval/saturation.real", points=2, early=True),
        Level("eval/tanh_slope", "warn", below=0.3, early=True),
        Level("eval/tanh_slope", "fail", below=0.15, points=2, early=True),
        Level("gen/bn_gain", "warn", above=5.0, early=True),
    )
    suspects = (
        Suspect("the gain of the last normalisation grew", "its largest gain over 5"),
        Suspect("the data is not in -1 to 1", "minimum and maximum of a batch"),
        Suspect("the learning rate of G is too high", "the spread before tanh follows the rate"),
    )
    remedies = (Remedy("Decay on the last gain, a smaller G rate; start again if it failed early."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case(
            "58 % saturated",
            lambda: flat({"eval/saturation": (0.02, 0.6), "eval/saturation.real": 0.02}),
            "fail",
        ),
        Case("a slope of 0.1", lambda: flat({"eval/tanh_slope": (0.62, 0.1)}), "fail"),
        Case("a gain of 7", lambda: flat({"gen/bn_gain": 7.0}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case(
            "a fresh head",
            lambda: flat({"eval/saturation": 0.008, "eval/saturation.real": 0.02, "eval/tanh_slope": 0.62}),
        ),
        Case("bright data", lambda: flat({"eval/saturation": 0.4, "eval/saturation.real": 0.38})),
    )
