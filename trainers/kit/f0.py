"""Fundamental frequency of speech by autocorrelation, after Boersma (1993): window, divide by its own, pick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LOW, HIGH = 65.0, 420.0  # Hz
VOICED = 0.5  # least normalised autocorrelation of a voiced frame
QUIET = 0.02  # a frame whose peak is below this share of the loudest one has no voice
OCTAVE_COST = 0.02  # a lag twice as long must be better by this much
FINE = 32_000  # lags are looked at in steps of this rate or finer, Hz
BLOCK = 512  # frames at once


def track(wave: NDArray[np.float32], rate_hz: int, hop: int, frames: int) -> Floats:
    """F0 in Hz ``[frames]`` at samples 0, hop, 2 hop, …; 0 where there is no voice.

    Samples that are not finite count as silence.
    """
    size = int(3 * rate_hz / LOW)
    clean = np.nan_to_num(wave.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    padded = np.pad(clean, (size // 2, size + max(0, (frames - 1) * hop - len(wave) + 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[: frames * hop : hop][:frames]
    loudest = float(np.abs(clean).max(initial=0.0))
    found = np.concatenate(
        [_picked(windows[i : i + BLOCK], rate_hz, loudest) for i in range(0, frames, BLOCK)] or [np.zeros(0)]
    )
    return _smoothed(found)


def _picked(windows: Floats, rate_hz: int, loudest: float) -> Floats:
    size = windows.shape[1]
    fine = -(-FINE // rate_hz)  # between samples the autocorrelation is exactly known from its spectrum
    fft = 1 << (2 * size - 1).bit_length()
    taper = np.hanning(size)
    own = np.fft.irfft(np.abs(np.fft.rfft(taper, fft)) ** 2, fine * fft)
    tapered = (windows - windows.mean(1, keepdims=True)) * taper
    auto = np.fft.irfft(np.abs(np.fft.rfft(tapered, fft, axis=1)) ** 2, fine * fft, axis=1)
    first, last = int(fine * rate_hz / HIGH), int(fine * rate_hz / LOW)
    lags = np.arange(first - 1, last + 2)
    ratio = auto[:, lags] / np.maximum(auto[:, :1], 1e-20) / (own[lags] / own[0])
    middle = ratio[:, 1:-1]
    peaks = (middle >= ratio[:, :-2]) & (middle >= ratio[:, 2:])
    scored = np.where(peaks, middle - OCTAVE_COST * np.log2(lags[1:-1] / first), -np.inf)
    best = scored.argmax(1) + 1
    rows = np.arange(len(windows))
    left, peak, right = ratio[rows, best - 1], ratio[rows, best], ratio[rows, best + 1]
    bend = left - 2 * peak + right
    shift = np.where(np.abs(bend) > 1e-12, 0.5 * (left - right) / np.where(bend == 0, 1, bend), 0.0)
    hz = fine * rate_hz / (lags[best] + np.clip(shift, -0.5, 0.5))
    voiced = peaks.any(1) & (peak > VOICED) & (np.abs(windows).max(1) > QUIET * loudest)
    return np.where(voiced, hz, 0.0)


def _smoothed(hz: Floats) -> Floats:
    """Runs of one or two voiced frames are dropped; inside runs the median of three replaces a value."""
    out = hz.copy()
    voiced = np.concatenate([[False], hz > 0, [False]])
    turns = np.flatnonzero(voiced[1:] != voiced[:-1])
    for start, end in zip(turns[::2], turns[1::2], strict=True):
        if end - start < 3:
            out[start:end] = 0.0
        else:
            three = np.stack([hz[start : end - 2], hz[start + 1 : end - 1], hz[start + 2 : end]])
            out[start + 1 : end - 1] = np.median(three, axis=0)
    return out


def filled(hz: Floats) -> Floats:
    """The contour with gaps bridged by straight lines and ends held; all 0 where nothing is voiced."""
    at = np.flatnonzero(hz > 0)
    if not len(at):
        return np.zeros_like(hz)
    return np.interp(np.arange(len(hz)), at, hz[at])
