"""What was true of a published run, by a rule stated beforehand, from its FID alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from doctor.view import RunView

RATIO, RECENT = 1.5, 3
UNLEARNED = 100.0
STILL, EVALS = 0.03, 10


@dataclass(frozen=True)
class Truth:
    """``state``: healthy, diverged, never learned, or unknown where there is no FID; sick or healthy where the
    index of a folder says so. ``given_away``: the step.
    """

    state: str
    best: tuple[int, float] | None = None
    last: tuple[int, float] | None = None
    given_away: int | None = None

    @property
    def sick(self) -> bool:
        return self.state in ("sick", "diverged", "never learned")


def truth(view: RunView) -> Truth:
    """The truth about a run.

    Diverged: the last FID is over 1.5 times the best and the run is not recovering, that is, the median of its
    last three evaluations is over 1.5 times the best too. Never learned: the best FID is over 100. Else healthy.
    The FID gave a divergence away at the first evaluation after the best that is over 1.5 times the best, and a
    run that never learned at the first where the best had not improved by 3 % in ten evaluations.
    """
    track = view.track("eval/fid")
    if len(track) < 2:
        return Truth("unknown")
    at, values = track.steps, track.values
    where = int(np.argmin(values))
    best, last = (int(at[where]), float(values[where])), (int(at[-1]), float(values[-1]))
    limit = RATIO * best[1]
    if last[1] > limit and float(np.median(values[-RECENT:])) > limit:
        after = np.flatnonzero((values > limit) & (np.arange(len(values)) > where))
        return Truth("diverged", best, last, int(at[after[0]]))
    if best[1] > UNLEARNED:
        so_far = np.minimum.accumulate(values)
        still = np.flatnonzero(so_far[EVALS:] > (1 - STILL) * so_far[:-EVALS])
        return Truth("never learned", best, last, int(at[EVALS + still[0]]) if len(still) else last[0])
    return Truth("healthy", best, last)
