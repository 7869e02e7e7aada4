"""Rule 19: the score stands still at a bad level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import falling, healthy_biggan, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect
from doctor.metrics import age_of_best, distance
from doctor.rule import Case, Rule
from doctor.view import RunView
from doctor.windows import judged

SLACK, EVALS = 0.03, 10
POOR, UNLEARNED = 50.0, 100.0


class Plateau(Rule):
    """The best so far is compared, so that noise of the evaluation does not hide that nothing is gained."""

    code = "plateau"
    title = "FID stands still at a bad level"
    severity = "fail"
    sees = (
        "The best FID has not improved by 3 % in 10 evaluations and is over 50 (warning) or over 100 (failure: "
        "nothing was learned that looks like the data)."
    )
    why = "The run has reached what this game can give; more steps cost time and change nothing."
    try_ = "Another regulariser (gradient penalty, spectral normalisation), more capacity, a smaller learning rate."
    source = "reference 3.2, rule 19 (10 evaluations, 3 %, FID 50), back-tested there; 100: never learned"
    needs = (("eval/fid",),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        metric = distance(view, "eval/fid")
        if metric is None:
            return
        at = metric.track.steps
        still = age_of_best(metric.track, at, SLACK) >= EVALS
        holds = still & (metric.best > POOR)
        found = judged(at, holds, holds, holds & (metric.best > UNLEARNED))
        if found is None:
            return
        best = float(metric.best[np.searchsorted(at, found.end, side="right") - 1])
        yield self.told(
            found,
            f"The best FID, {best:.4g}, has not improved by {SLACK:.0%} in {EVALS} evaluations or more.",
            [metric.track],
            (
                Suspect(
                    "the constraint on D is too tight (weight clipping) or there is none",
                    "critic gap, D loss",
                ),
                Suspect("the generator is too small or its rate too low", "update ratio of G"),
            ),
            (Remedy("Gradient penalty or spectral normalisation in place of the present regulariser."),),
        )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("weight clipping at 160", lambda: _level(160.0), "fail"),
        Case("stands at 65", lambda: _level(65.0), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("stands at 8", lambda: _level(8.0)),
    )


def _level(level: float) -> RunView:
    at = steps(100_000, 2000)
    return run({"eval/fid": (at, falling(len(at), 240.0, level, 0.08) + noise(len(at), level * 0.004))})
