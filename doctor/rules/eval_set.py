"""Rule 11: evaluation is not on one fixed set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Finding, Remedy, Suspect, evidence
from doctor.levels import Level, LevelRule
from doctor.rule import Case
from doctor.view import RunView


class EvalSet(LevelRule):
    """Judged by levels of ``eval/repeat_difference``, ``eval/set_changed``."""

    code = "eval-set"
    title = "Evaluation is not on one fixed set"
    severity = "fail"
    sees = (
        "Two evaluations of the same weights differ, or the number made of the evaluation set's digest "
        "changes."
    )
    why = "Random crops make every score another test: two of them cannot be compared."
    try_ = "Whole files or one fixed crop each; keep a digest of ids, offsets and samples."
    source = "reference 3.1, rule 11"
    needs = (("eval/set",), ("eval/repeat_difference",), ("eval/set_changed",))
    levels = (
        Level("eval/repeat_difference", "fail", above=0.0, early=True),
        Level("eval/set_changed", "fail", above=0.0, early=True),
    )
    suspects = (Suspect("crops are drawn anew", "evaluate the same weights twice"),)
    remedies = (Remedy("Deterministic centre crops or whole files."),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        yield from super().examine(view)
        track = view.track("eval/set")
        other = track.values != track.values[0] if len(track) else np.empty(0, bool)
        if other.any():
            at = int(track.steps[np.argmax(other)])
            yield self.found(
                "fail",
                f"The evaluation set is another one from step {at:,} on.",
                (at, int(track.steps[-1])),
                at,
                [evidence(track.name, track.steps, track.values)],
                self.suspects,
                self.remedies,
            )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("another set", lambda: flat({"eval/set": (1.0, 5.0)}, spread=0.0), "fail"),
        Case("differs", lambda: flat({"eval/repeat_difference": 0.03}), "fail"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("the same", lambda: flat({"eval/repeat_difference": 0.0, "eval/set_changed": 0.0})),
    )
