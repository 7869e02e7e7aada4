"""Rule 18: a distance turns back from its best and stays worse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import falling, healthy_biggan, healthy_codec, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect
from doctor.metrics import Metric, distances, inception
from doctor.rule import Case, Rule
from doctor.view import RunView
from doctor.windows import judged, runs

WORSE, LOST = 1.25, 1.5
EVALS, FIRST = 3, 5


class UTurn(Rule):
    """A warning at 1.25 times the best for 3 evaluations; a failure once it is over 1.5 times as well."""

    code = "u-turn"
    title = "Score turned back from its best"
    severity = "fail"
    sees = (
        "FID, mel or another distance over 1.25 times its best for 3 evaluations (warning), and over 1.5 times in the "
        "same stretch (failure). It is over once the score is within 1.25 times the best again. The Inception score "
        "is judged by what lies above 1, and fails only where no distance was evaluated."
    )
    why = "The game has come apart. Training on rarely brings such a run back, and its last checkpoint is not its best."
    try_ = "Stop, go back to the best checkpoint, regularise the discriminator (R1, augmentation)."
    source = "reference 3.2, rule 18, back-tested there; 1.5 is the published logs' own word for diverged"
    needs = (("eval/fid",), ("eval/mel",), ("eval/fd_*",), ("eval/kid",), ("eval/is",))

    def examine(self, view: RunView) -> Iterator[Finding]:
        found = distances(view)
        score = inception(view)
        if score is not None:
            found.append(score)
        for metric in found:
            yield from self._judge(metric, may_fail=metric.name != "eval/is" or len(found) == 1)

    def _judge(self, metric: Metric, may_fail: bool) -> Iterator[Finding]:
        holds = metric.worse > WORSE
        index, begin = runs(holds)
        lost = metric.worse > LOST
        count = index - begin + 1
        late = index >= FIRST - 1
        warned = holds & late & (count >= EVALS)
        both = lost & np.concatenate(([False], lost[:-1]))
        failed = holds & late & ((lost & (count >= EVALS)) | both)
        steps_ = metric.track.steps
        found = judged(steps_, holds, warned | failed, failed if may_fail else np.zeros(len(holds), bool))
        if found is None:
            return
        at = int(np.searchsorted(steps_, found.end, side="right")) - 1
        best, value = float(metric.best[at]), float(metric.track.values[at])
        yield self.told(
            found,
            f"{metric.name} was {best:.4g} at its best and is {value:.4g} at step {found.end:,}; worse than "
            f"{WORSE} times the best since step {found.start:,}.",
            [metric.track],
            (
                Suspect(
                    "the discriminator overfits or has won",
                    "D's answers on held-out reals; its loss near zero",
                ),
                Suspect("the generator lost modes", "recall falls while precision stands"),
                Suspect("the evaluation changed", "evaluate the best checkpoint again"),
            ),
            (Remedy("Go back to the best checkpoint and go on with R1, augmentation or a smaller rate."),),
        )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("FID 42 at its best, then 128", lambda: _turn(42.0, 128.0), "fail"),
        Case("FID up by a third", lambda: _turn(20.0, 27.5), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("a spike that goes", lambda: _spike()),
    )


def _turn(best: float, last: float) -> RunView:
    at = steps(60_000, 2000)
    half = len(at) // 2
    values = np.concatenate([falling(half, 110.0, best, 0.15), falling(len(at) - half, best, last, 0.2)])
    return run({"eval/fid": (at, values + noise(len(at), 0.2))})


def _spike() -> RunView:
    at = steps(60_000, 2000)
    values = falling(len(at), 110.0, 10.0, 0.15)
    values[20] *= 2
    return run({"eval/fid": (at, values)})
