"""Measuring sound: level, overload, silence and loudness (ITU-R BS.1770-4), in plain Python.

Where numpy is loaded already it does the sums; it is never imported for it. Both ways give the same facts.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Sequence
from itertools import groupby, pairwise
from operator import mul
from typing import Any

FLOOR_DBFS = -60.0
WINDOW_S = 0.02
BLOCK_S = 0.4
LEAST_RATE = 4000
Biquad = tuple[float, float, float, float, float]


def facts(channels: Sequence[array[float]], rate_hz: int) -> dict[str, Any]:
    """The facts of a wave, one float32 array a channel, full scale 1.0.

    - ``peak_dbfs``, ``rms_dbfs``: over all channels, in dB of full scale; -inf for digital silence.
    - ``clipped_share``: share of samples at or beyond full scale (|x| >= 1).
    - ``longest_flat``: longest run of equal samples that are not zero, in samples: 1 in ordinary sound.
    - ``dc``: mean of all samples.
    - ``silence_share``: share of windows of 20 ms whose RMS is below -60 dBFS.
    - ``nonfinite``: number of NaN and Inf samples; everything else is measured with these taken as 0.
    - ``lufs``: integrated loudness, gated; -inf where every block is gated away, None where it is not defined
      (shorter than 0.4 s, or a rate below 4000 Hz).
    - ``seconds``, ``rate_hz``, ``channels``.
    """
    numpy = sys.modules.get("numpy")
    measured = _with_numpy(numpy, channels, rate_hz) if numpy is not None else _plain(channels, rate_hz)
    peak, square, total, clipped, flat, quiet, windows, bad, powers = measured
    count = len(channels) * len(channels[0])
    return {
        "peak_dbfs": _db(peak * peak),
        "rms_dbfs": _db(square / count),
        "clipped_share": clipped / count,
        "longest_flat": flat,
        "dc": total / count,
        "silence_share": quiet / windows,
        "nonfinite": bad,
        "seconds": round(len(channels[0]) / rate_hz, 6),
        "rate_hz": rate_hz,
        "channels": len(channels),
        "lufs": _gated(powers),
    }


def _db(power: float) -> float:
    return round(10.0 * math.log10(power), 3) if power > 0.0 else -math.inf


def k_weighting(rate_hz: int) -> tuple[Biquad, Biquad]:
    """(b0, b1, b2, a1, a2) of the two filters of BS.1770: the shelf of the head and the RLB high-pass.

    The standard gives coefficients at 48 kHz; these come from the analogue prototypes behind them, so that
    every rate has its own. At 48 kHz they agree with the standard's table to 1e-6.
    """
    k = math.tan(math.pi * 1681.974450955533 / rate_hz)
    q, high = 0.7071752369554196, 10.0 ** (3.999843853973347 / 20.0)
    band = high**0.4996667741545416
    norm = 1.0 + k / q + k * k
    shelf = (
        (high + band * k / q + k * k) / norm,
        2.0 * (k * k - high) / norm,
        (high - band * k / q + k * k) / norm,
        2.0 * (k * k - 1.0) / norm,
        (1.0 - k / q + k * k) / norm,
    )
    k, q = math.tan(math.pi * 38.13547087602444 / rate_hz), 0.5003270373238773
    norm = 1.0 + k / q + k * k
    return shelf, (1.0, -2.0, 1.0, 2.0 * (k * k - 1.0) / norm, (1.0 - k / q + k * k) / norm)


def _blocks(samples: int, rate_hz: int) -> list[tuple[int, int]]:
    """(start, end) of the blocks of 0.4 s that overlap by three quarters; [] where loudness is undefined."""
    length = round(BLOCK_S * rate_hz)
    if rate_hz < LEAST_RATE or samples < length:
        return []
    count = int((samples - length) / (length / 4)) + 1
    return [(round(i * length / 4), round(i * length / 4) + length) for i in range(count)]


def _weight(channel: int, channels: int) -> float:
    return 1.41 if channels == 5 and channel >= 3 else 1.0


def _gated(powers: list[float]) -> float | None:
    """Integrated loudness in LUFS of the blocks' powers, gated at -70 LUFS and 10 LU below their mean."""
    if not powers:
        return None
    loud = [p for p in powers if p > 0.0 and -0.691 + 10.0 * math.log10(p) > -70.0]
    if not loud:
        return -math.inf
    gate = sum(loud) / len(loud) / 10.0
    kept = [p for p in loud if p > gate]
    return round(-0.691 + 10.0 * math.log10(sum(kept) / len(kept)), 2)


Measured = tuple[float, float, float, int, int, int, int, int, list[float]]


def _plain(channels: Sequence[array[float]], rate_hz: int) -> Measured:
    peak = square = total = 0.0
    clipped = flat = quiet = bad = windows = 0
    blocks = _blocks(len(channels[0]), rate_hz)
    powers = [0.0] * len(blocks)
    window = max(round(WINDOW_S * rate_hz), 1)
    floor = 10.0 ** (FLOOR_DBFS / 10.0)
    for number, channel in enumerate(channels):
        samples = list(channel)
        whole = sum(samples)
        if whole - whole != 0.0:
            wrong = sum(v - v != 0.0 for v in samples)
            bad += wrong
            samples = [v if v - v == 0.0 else 0.0 for v in samples]
            whole = sum(samples)
        total += whole
        top = max(max(samples), -min(samples))
        peak = max(peak, top)
        squares = list(map(mul, samples, samples))
        square += sum(squares)
        if top >= 1.0:
            clipped += sum(v >= 1.0 for v in squares)
        flat = max(flat, _flat(samples))
        for start in range(0, len(squares), window):
            part = squares[start : start + window]
            windows += 1
            quiet += sum(part) < floor * len(part)
        if blocks:
            weight = _weight(number, len(channels))
            heard = _filtered(samples, *k_weighting(rate_hz))
            for i, power in enumerate(_means(list(map(mul, heard, heard)), blocks)):
                powers[i] += weight * power
    return peak, square, total, clipped, flat, quiet, windows, bad, powers


def _flat(samples: list[float]) -> int:
    if not any(a == b for a, b in pairwise(samples) if a):
        return int(any(samples))
    return max((sum(1 for _ in run) for value, run in groupby(samples) if value), default=0)


def _filtered(samples: list[float], shelf: Biquad, high: Biquad) -> list[float]:
    b0, b1, b2, a1, a2 = shelf
    _, _, _, c1, c2 = high
    x1 = x2 = y1 = y2 = z1 = z2 = 0.0
    out: list[float] = []
    add = out.append
    for x in samples:
        y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
        z = y - 2.0 * y1 + y2 - c1 * z1 - c2 * z2
        x2, x1, y2, y1, z2, z1 = x1, x, y1, y, z1, z
        add(z)
    return out


def _means(squares: list[float], blocks: list[tuple[int, int]]) -> list[float]:
    return [sum(squares[a:b]) / (b - a) for a, b in blocks]


def _with_numpy(np: Any, channels: Sequence[array[float]], rate_hz: int) -> Measured:
    x = np.stack([np.frombuffer(c, dtype=np.float32) for c in channels]).astype(np.float64)
    bad = ~np.isfinite(x)
    x[bad] = 0.0
    length = x.shape[1]
    squares = x * x
    window = max(round(WINDOW_S * rate_hz), 1)
    starts = np.arange(0, length, window)
    sums = np.add.reduceat(squares, starts, axis=1)
    sizes = np.diff(np.append(starts, length))
    quiet = sums < 10.0 ** (FLOOR_DBFS / 10.0) * sizes
    powers: list[float] = []
    blocks = _blocks(length, rate_hz)
    if blocks:
        tail = 1 << (length + 2 * rate_hz).bit_length()  # the filters ring for less than 2 s
        turn = np.exp(-2j * np.pi * np.arange(tail // 2 + 1) / tail)
        response = np.ones_like(turn)
        for b0, b1, b2, a1, a2 in k_weighting(rate_hz):
            response *= (b0 + turn * (b1 + turn * b2)) / (1.0 + turn * (a1 + turn * a2))
        heard = np.fft.irfft(np.fft.rfft(x, tail, axis=1) * response, tail, axis=1)[:, :length]
        weights = np.array([_weight(i, len(channels)) for i in range(len(channels))])
        running = np.concatenate(([0.0], np.cumsum(weights @ (heard * heard))))
        powers = [max(float(running[b] - running[a]), 0.0) / (b - a) for a, b in blocks]
    return (
        float(np.abs(x).max()),
        float(squares.sum()),
        float(x.sum()),
        int((squares >= 1.0).sum()),
        max(_longest(np, row) for row in x),
        int(quiet.sum()),
        int(quiet.size),
        int(bad.sum()),
        powers,
    )


def _longest(np: Any, row: Any) -> int:
    if not row.any():
        return 0
    starts = np.concatenate(([0], np.flatnonzero(row[1:] != row[:-1]) + 1))
    lengths = np.diff(np.append(starts, row.size))
    return int(lengths[row[starts] != 0.0].max())
