"""Made-up runs for the rules' own cases: deterministic, small, shaped like what the rule must tell apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doctor.view import Facts, RunView, Track

Values = NDArray[np.float64]


def steps(last: int = 10_000, every: int = 50) -> NDArray[np.int64]:
    """Report steps from ``every`` to ``last``."""
    return np.arange(every, last + 1, every, dtype=np.int64)


def noise(n: int, spread: float, seed: int = 0) -> Values:
    """Gaussian noise of the given standard deviation."""
    return np.random.default_rng(seed).normal(0.0, spread, n)


def falling(n: int, first: float, last: float, knee: float = 0.2) -> Values:
    """An exponential approach from ``first`` to ``last``; ``knee`` is the share of the run of one time constant."""
    x = np.linspace(0, 1, n)
    return np.asarray(last + (first - last) * np.exp(-x / knee))


def run(
    series: dict[str, tuple[NDArray[np.int64], Values]], facts: Facts | None = None, **more: Any
) -> RunView:
    """A view over named (steps, values)."""
    tracks = {name: Track(name, np.asarray(s), np.asarray(v, dtype=float)) for name, (s, v) in series.items()}
    return RunView(tracks, facts or Facts(), **more)


def healthy_biggan(last: int = 60_000) -> RunView:
    """The shape of a healthy BigGAN on CIFAR-10: D loss falls to 0.4, G loss rises, D accurate, FID falls.

    Levels after StudioGAN's published BigGAN log (D 0.95 to 0.39, G 1.21 to 1.73, FID 45 to 8).
    """
    at, evals = steps(last, 100), steps(last, 2000)
    n = len(at)
    return run(
        {
            "loss/disc": (at, falling(n, 0.95, 0.39, 0.5) + noise(n, 0.1, 1)),
            "loss/gen": (at, falling(n, 1.21, 1.73, 0.5) + noise(n, 0.2, 2)),
            "disc/sign_acc": (at, np.clip(falling(n, 0.85, 0.97, 0.3) + noise(n, 0.01, 3), 0, 1)),
            "disc/logit_std": (at, 1.2 + noise(n, 0.05, 4)),
            "eval/fid": (evals, falling(len(evals), 45.4, 8.0, 0.3) + noise(len(evals), 0.1, 5)),
        },
        Facts(adv_loss="hinge", total_steps=last),
    )


def healthy_codec(last: int = 6_000) -> RunView:
    """A codec whose discriminator leaves its dead value and whose scores improve."""
    at, evals = steps(last, 10), steps(last, 200)
    n, m = len(at), len(evals)
    return run(
        {
            "loss/disc": (at, falling(n, 2.0, 1.35, 0.1) + noise(n, 0.02, 1)),
            "loss/gen": (at, falling(n, 12.0, 5.0) + noise(n, 0.1, 2)),
            "loss/feat": (at, falling(n, 0.1, 0.25, 0.05) + noise(n, 0.005, 3)),
            "feat/relative": (at, falling(n, 0.12, 0.5, 0.1) + noise(n, 0.01, 4)),
            "disc/sign_acc": (at, falling(n, 0.5, 0.8, 0.1) + noise(n, 0.01, 5)),
            "disc/logit_std": (at, falling(n, 0.02, 0.8, 0.1) + noise(n, 0.005, 6)),
            "disc/update_ratio": (at, np.full(n, 1e-3)),
            "disc/grad_norm": (at, 1.0 + noise(n, 0.05, 7)),
            "gen/grad_norm": (at, 2.0 + noise(n, 0.1, 8)),
            "eval/snr": (evals, falling(m, -8.0, 6.0, 0.1) + noise(m, 0.05, 9)),
            "eval/si_sdr": (evals, falling(m, -40.0, 5.0, 0.1) + noise(m, 0.05, 10)),
            "eval/mel": (evals, falling(m, 1.2, 0.45, 0.2) + noise(m, 0.005, 11)),
            "eval/gain_db": (evals, falling(m, 7.0, -0.2, 0.1)),
        },
        Facts(adv_loss="hinge", total_steps=last, steps_per_epoch=200),
    )


def with_series(base: Callable[[], RunView], **series: tuple[NDArray[np.int64], Values]) -> RunView:
    """``base`` with some series replaced; a name's ``/`` is written ``__`` and its ``.`` ``_dot_``."""
    view = base()
    tracks = dict(view.tracks)
    for key, (at, values) in series.items():
        name = key.replace("__", "/").replace("_dot_", ".")
        tracks[name] = Track(name, np.asarray(at), np.asarray(values, dtype=float))
    return RunView(tracks, view.facts, view.marks)


def flat(
    levels: dict[str, float | tuple[float, float]],
    last: int = 10_000,
    every: int = 100,
    facts: Facts | None = None,
    spread: float = 0.01,
    knee: float = 0.2,
) -> RunView:
    """Series at a level, or going from one to another, with relative noise of ``spread``."""
    at = steps(last, every)
    n = len(at)
    series = {}
    for number, (name, level) in enumerate(levels.items()):
        first, end = level if isinstance(level, tuple) else (level, level)
        values = falling(n, first, end, knee)
        series[name] = (at, values + noise(n, spread * abs(end), number))
    return run(series, facts)
