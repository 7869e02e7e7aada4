"""Rule 3: SNR is falling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import RunView
from doctor.windows import asof, judged, places

DROP, EVALS, TIMES = 1.0, 5, 4
Steps = NDArray[np.int64]
Flags = NDArray[np.bool_]


def _usual(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) median of the moves between evaluations up to each; 0 before the second."""
    moves = np.abs(np.diff(values))
    return np.array([np.median(moves[:i]) if i else 0.0 for i in range(len(values))])


class SnrFalling(Rule):
    """The fall is classified by what the other scores do in the meantime."""

    code = "snr-falling"
    title = "SNR is falling"
    severity = "fail"
    sees = (
        "SNR fell by over 1 dB in 5 evaluations, twice in a row, and by over four times what it usually moves between "
        "two: few clips go up and down by more than 1 dB on their own. With SI-SDR stable it is the gain; with mel "
        "better by 1 % it is the phase trade of adversarial training, which is expected; else it is a failure. Only "
        "evaluations on the same set are compared."
    )
    why = (
        "SNR compares waveforms sample by sample: a change of gain, delay or phase lowers it though nothing "
        "sounds worse."
    )
    try_ = "Check gain, alignment and polarity; a mel loss of weight 15; a smaller adversarial weight."
    source = (
        "reference 3.1, rule 3; four times the median move is 3.8 standard deviations of a score that only "
        "scatters, while a steady fall makes five such moves in 5 evaluations"
    )
    needs = (("eval/snr",),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        track = view.track("eval/snr")
        chosen = places(len(track))
        at, values = track.steps[chosen], track.values[chosen]
        if len(at) <= EVALS:
            return
        before = np.concatenate([np.full(EVALS, np.nan), values[:-EVALS]])
        with np.errstate(invalid="ignore"):
            drop = np.maximum(DROP, TIMES * _usual(values))
            falls = (values - before < -drop) & (values < np.maximum.accumulate(values) - drop)
        same = self._same(view, at)
        falls &= same
        falls &= np.concatenate([[False], falls[:-1]])  # one evaluation alone may be an unlucky one
        gain = self._stable(view, at)
        phase = self._gained(view, at)
        below = same & (values < np.maximum.accumulate(values) - drop)
        found = judged(at, below, falls, falls & ~gain & ~phase)
        if found is None:
            return
        here = int(np.searchsorted(at, found.end, side="right")) - 1
        info = found.failed is None and bool((phase | ~falls).all())
        kind = (
            "the phase trade, expected"
            if info
            else "the gain"
            if found.failed is None
            else "the signal itself"
        )
        yield self.told(
            found,
            f"SNR is {values[here]:.3g} dB at step {found.end:,} after {np.nanmax(values[: here + 1]):.3g}: {kind}.",
            [track],
            (
                Suspect("gain error", "eval/gain_db beyond 0.5 dB while SI-SDR stands"),
                Suspect("delay or padding", "SNR at the best lag is over 3 dB higher"),
                Suspect("polarity", "correlation below -0.5"),
            ),
            (
                Remedy("A mel loss of weight 15.", {"mel_weight": 15.0})
                if view.facts.trainer == "codec"
                else Remedy("A mel loss, a smaller adversarial weight."),
            ),
            severity="info" if info else None,
        )

    @staticmethod
    def _same(view: RunView, at: Steps) -> Flags:
        """Where the evaluation set is still the first one; rule 11 tells the rest."""
        digests = view.track("eval/set")
        if not len(digests):
            return np.ones(len(at), bool)
        now = asof(digests, at)
        return np.asarray(np.logical_and.accumulate(np.isnan(now) | (now == digests.values[0])))

    @staticmethod
    def _stable(view: RunView, at: Steps) -> Flags:
        other = asof(view.track("eval/si_sdr"), at)
        before = np.concatenate([np.full(EVALS, np.nan), other[:-EVALS]])
        with np.errstate(invalid="ignore"):
            return np.asarray(other - before > -DROP)

    @staticmethod
    def _gained(view: RunView, at: Steps) -> Flags:
        other = asof(view.track("eval/mel"), at)
        before = np.concatenate([np.full(EVALS, np.nan), other[:-EVALS]])
        with np.errstate(invalid="ignore"):
            return np.asarray(other < 0.99 * before)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case(
            "falls with SI-SDR",
            lambda: flat({"eval/snr": (8.0, 1.0), "eval/si_sdr": (7.0, 0.0)}, last=4000),
            "fail",
        ),
        Case("the gain alone", lambda: flat({"eval/snr": (8.0, 1.0), "eval/si_sdr": 7.0}, last=4000), "warn"),
        Case(
            "phase trade",
            lambda: flat(
                {"eval/snr": (8.0, 1.0), "eval/si_sdr": (7.0, 0.0), "eval/mel": (1.2, 0.6)},
                last=4000,
                spread=0.001,
                knee=0.4,
            ),
            "info",
        ),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("rises", lambda: flat({"eval/snr": (-8.0, 6.0)})),
        Case("goes up and down", lambda: flat({"eval/snr": 8.0, "eval/si_sdr": 9.0}, last=4000, spread=0.2)),
    )
