"""Rule 16: few modes: fakes resemble each other."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from doctor.cases import falling, flat, healthy_biggan, healthy_codec, run, steps
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case
from doctor.view import Facts, RunView
from doctor.windows import LATEST


class Collapse(LevelRule):
    """Judged by levels of ``eval/diversity``, ``eval/class_entropy``, ``eval/recall``."""

    code = "mode-collapse"
    title = "Few modes: fakes resemble each other"
    severity = "fail"
    sees = (
        "Fakes of a class are less than half as far apart as reals, or recall is below 0.2 at a precision "
        "above 0.6, or the classes that a classifier finds in them have below 0.8 of the full entropy; on 3 "
        "evaluations. Evaluations before step 500 do not count, however short the run."
    )
    why = (
        "The generator answers with few pictures or sounds whatever it is asked. Published healthy recall is "
        "0.62 to 0.69, DCGAN 0.21, clipped WGAN 0.02. At the start it says nothing: a fresh generator answers nearly "
        "the same whatever it is asked."
    )
    try_ = (
        "Minibatch statistics, a projection discriminator, LeCam, a lower G rate; the checkpoint before it."
    )
    source = "levels: reference 3.2, rule 16; the start: reference 3.0, no rule before 500 steps"
    needs = (("eval/diversity",), ("eval/class_entropy",), ("eval/recall",))
    levels = (
        Level("eval/diversity", "fail", below=0.5, points=3),
        Level("eval/class_entropy", "fail", below=0.8, points=3),
        Level("eval/recall", "warn", below=0.2, points=5, given=("eval/precision", 0.6)),
    )
    settles = LATEST
    suspects = (
        Suspect("G ignores z", "distance of fakes with equal class and unlike z near 0"),
        Suspect("G ignores classes", "entropy of classes found"),
    )
    remedies = (Remedy("Minibatch standard deviation, LeCam, or a lower G rate."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("0.2 of the distance of reals", lambda: flat({"eval/diversity": (1.0, 0.2)}), "fail"),
        Case("still alike at the end of a short run", lambda: _spreading(0.1, last=900), "fail"),
        Case("recall 0.05", lambda: flat({"eval/recall": (0.4, 0.05), "eval/precision": 0.75}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("diverse", lambda: flat({"eval/diversity": 0.9, "eval/recall": 0.65, "eval/precision": 0.75})),
        Case("alike at the start", lambda: _spreading(1.0)),
        Case("looked at while they are alike", lambda: _spreading(1.0, last=240)),
    )


def _spreading(end: float, last: int = 600) -> RunView:
    """Fakes that are alike at first, and classes found that go with them; evaluated every 60 steps."""
    at = steps(last, 60)
    apart = falling(len(at), 0.1, end, 400 / last)
    return run(
        {"eval/diversity": (at, apart), "eval/class_entropy": (at, np.minimum(apart + 0.1, 1))},
        Facts(total_steps=1800, steps_per_epoch=60),
    )
