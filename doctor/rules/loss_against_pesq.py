"""Rule 9: validation loss and PESQ disagree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import RunView
from doctor.windows import asof, judged, places, runs

EVALS = 6


class LossAgainstPesq(Rule):
    """Which of the two is wrong is told by the calibration of D."""

    code = "loss-against-pesq"
    title = "Validation loss and PESQ disagree"
    severity = "fail"
    sees = (
        "Over at least 6 evaluations the validation loss is at a new minimum while PESQ is 0.10 or more below "
        "its best, 3 times in a row (failure); or their rank correlation is above 0.5 (warning). A "
        "discriminator whose rank correlation with the true score is below 0.5, or that is off by over 0.1, "
        "is named."
    )
    why = (
        "The generator learns to please the loss or the learned metric, not the listener; the checkpoint "
        "chosen by loss is the wrong one."
    )
    try_ = (
        "Select by PESQ; replay 20 % of old samples; the noisy signal as a third anchor of D; compare at one "
        "scale."
    )
    source = "reference 3.1, rule 9"
    needs = (("eval/loss", "eval/pesq_wb"), ("eval/loss", "eval/pesq_nb"))

    def examine(self, view: RunView) -> Iterator[Finding]:
        score = view.track("eval/pesq_wb" if view.has("eval/pesq_wb") else "eval/pesq_nb")
        loss = view.track("eval/loss")
        chosen = places(len(score))
        at, pesq = score.steps[chosen], score.values[chosen]
        value = asof(loss, at)
        ok = np.isfinite(value)
        at, pesq, value = at[ok], pesq[ok], value[ok]
        if len(at) < EVALS:
            return
        least = np.minimum.accumulate(value)
        fresh = np.concatenate(([True], value[1:] < least[:-1]))
        apart = fresh & (pesq <= np.maximum.accumulate(pesq) - 0.10) & (np.arange(len(at)) >= EVALS - 1)
        together = np.array(
            [_rank(value[max(0, i - 11) : i + 1], pesq[max(0, i - 11) : i + 1]) > 0.5 for i in range(len(at))]
        )
        together &= np.arange(len(at)) >= EVALS - 1
        _, begin = runs(apart)
        failed = apart & (np.arange(len(at)) - begin >= 2)
        holds = apart | together
        found = judged(at, holds, failed | together, failed)
        if found:
            yield self.told(
                found,
                f"The loss improves ({value[-1]:.3g}) while PESQ is {pesq[-1]:.3g} after {pesq.max():.3g}.",
                [loss, score],
                self._suspects(view),
                (
                    Remedy(
                        "Choose the checkpoint by PESQ; replay old samples to D; noisy speech as an anchor."
                    ),
                ),
            )

    @staticmethod
    def _suspects(view: RunView) -> tuple[Suspect, ...]:
        rank, bias = view.track("eval/disc_spearman"), view.track("eval/disc_bias")
        disc = Suspect(
            "D predicts the score badly",
            "rank correlation of D with the true score below 0.5, or bias over 0.1",
        )
        rest = (
            Suspect("the evaluation set changes", "evaluate the same weights twice"),
            Suspect("the time loss compares unlike scales", "eval/gain_db"),
        )
        wrong = (len(rank) and rank.values[-1] < 0.5) or (len(bias) and abs(bias.values[-1]) > 0.1)
        return (disc, *rest) if wrong else (*rest, disc)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case(
            "loss falls, PESQ falls",
            lambda: flat({"eval/loss": (1.0, 0.2), "eval/pesq_wb": (3.0, 2.2)}, last=2000, spread=0.0),
            "fail",
        ),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case(
            "loss falls, PESQ rises",
            lambda: flat({"eval/loss": (1.0, 0.2), "eval/pesq_wb": (2.0, 3.0)}, last=2000, spread=0.0),
        ),
    )


def _rank(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's rank correlation; 0 where one of them is constant or there are under 6."""
    if len(a) < EVALS or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(np.argsort(np.argsort(a)), np.argsort(np.argsort(b)))[0, 1])
