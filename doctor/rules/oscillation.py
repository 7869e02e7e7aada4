"""Rule 32: losses swing against each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from doctor.cases import healthy_biggan, healthy_codec, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect, evidence
from doctor.rule import Case, Rule
from doctor.view import Facts, RunView
from doctor.windows import asof, onset


class Oscillation(Rule):
    """Autocorrelation of the detrended difference of both losses, over the last half of what has run."""

    code = "oscillation"
    title = "Losses swing against each other"
    severity = "warn"
    sees = (
        "The difference of the losses repeats itself with a period of 50 to 5,000 steps (autocorrelation "
        "above 0.5) and swings by more than its mean."
    )
    why = "Both players circle round the solution in place of nearing it."
    try_ = "R1, beta 1 of 0 to 0.5, averaged weights for evaluation."
    source = "reference 3.2, rule 32"
    needs = (("loss/disc", "loss/gen"),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        if view.facts.adv_loss == "wasserstein":
            return
        disc, gen = view.disc_loss(), view.track("loss/gen")
        values = disc.values - asof(gen, disc.steps)
        keep = np.isfinite(values)
        at, values = disc.steps[keep], values[keep]
        n = len(at)
        ends = [e for e in _ends(n) if at[e - 1] >= onset(view)]
        held = [(e, *_swing(at[e // 2 : e], values[e // 2 : e])) for e in ends]
        hits = [h for h in held if h[1]]
        if not hits:
            return
        lasting = held[-1][1] > 0
        end, period, size = hits[0] if not lasting else held[-1]
        first = int(at[hits[0][0] - 1])
        yield self.found(
            "warn" if lasting else "info",
            f"L_D - L_G swings with a period of {period:,.0f} steps and an amplitude of {size:.3g}.",
            (int(at[end // 2]), int(at[end - 1])),
            first,
            [evidence("loss/disc", disc.steps, disc.values), evidence("loss/gen", gen.steps, gen.values)],
            (
                Suspect("rotation: too much momentum", "beta 1 of 0: it stops"),
                Suspect("a schedule with that period", "the rate's curve"),
            ),
            (Remedy("R1 on D; beta 1 between 0 and 0.5."),),
            lasting=lasting,
        )

    SICK: ClassVar[tuple[Case, ...]] = (Case("a period of 1,000 steps", lambda: _swinging(3.0), "warn"),)
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("noise", lambda: _swinging(0.0)),
    )


def _ends(n: int) -> list[int]:
    """Lengths at which the run is looked at: 128 and then a tenth more each time."""
    ends, end = [], 128.0
    while end <= n:
        ends.append(int(end))
        end *= 1.1
    return ends


def _swing(at: NDArray[np.int64], values: NDArray[np.float64]) -> tuple[float, float]:
    """(period in steps, amplitude) of what repeats itself, (0, 0) for nothing."""
    stride = max(1, len(at) // 2048)
    at, values = at[::stride], values[::stride]
    x = np.linspace(-1, 1, len(at))
    rest = values - np.polynomial.Polynomial.fit(x, values, 2)(x)
    power = float(rest @ rest)
    apart = float(np.median(np.diff(at)))
    if power <= 0 or apart <= 0:
        return 0.0, 0.0
    size = 2 ** int(np.ceil(np.log2(2 * len(rest))))
    echo = np.fft.irfft(np.abs(np.fft.rfft(rest, size)) ** 2)[: len(rest) // 2] / power
    negative = np.flatnonzero(echo < 0)
    if not len(negative):
        return 0.0, 0.0
    lag = int(negative[0]) + int(np.argmax(echo[negative[0] :]))
    swing = float(np.sqrt(2) * rest.std())
    if echo[lag] < 0.5 or not 50 <= lag * apart <= 5000 or swing <= abs(float(values.mean())):
        return 0.0, 0.0
    return lag * apart, swing


def _swinging(size: float) -> RunView:
    at = steps()
    wave = size * np.sin(2 * np.pi * at / 1000)
    n = len(at)
    return run(
        {"loss/disc": (at, 2 + wave + noise(n, 0.2)), "loss/gen": (at, 1.5 - wave + noise(n, 0.2, 1))},
        Facts(adv_loss="vanilla"),
    )
