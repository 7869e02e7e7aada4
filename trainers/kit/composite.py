"""Segmental SNR, log-likelihood ratio, weighted spectral slope, and the composite measures made of them.

CSIG, CBAK and COVL estimate how people rate the signal, the background and the whole on 1 to 5: regressions on
PESQ, LLR, WSS and segmental SNR (Hu and Loizou, "Evaluation of objective quality measures for speech
enhancement", IEEE TASLP 16(1), 2008). As in the tables of the field, PESQ is the wide band one. Frames are
30 ms with a Hann window, a quarter of a frame apart; LLR and WSS are means of the best 95 % of frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BEST = 0.95
EPS = np.finfo(np.float64).eps
CENTRES = (
    50.0, 120.0, 190.0, 260.0, 330.0, 400.0, 470.0, 540.0, 617.372, 703.378, 798.717, 904.128, 1020.38, 1148.30,
    1288.72, 1442.54, 1610.70, 1794.16, 1993.93, 2211.08, 2446.71, 2701.97, 2978.04, 3276.17, 3597.63,
)  # fmt: skip
WIDTHS = (
    70.0, 70.0, 70.0, 70.0, 70.0, 70.0, 70.0, 77.3724, 86.0056, 95.3398, 105.411, 116.256, 127.914, 140.423,
    153.823, 168.154, 183.457, 199.776, 217.153, 235.631, 255.255, 276.072, 298.126, 321.465, 346.136,
)  # fmt: skip


def _frames(wave: Array, rate_hz: int) -> Array:
    """Windowed frames ``[n, size]``; a wave shorter than one is filled with zeros."""
    size = round(0.03 * rate_hz)
    if len(wave) < size:
        wave = np.pad(wave, (0, size - len(wave)))
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(1, size + 1) / (size + 1)))
    cut: Array = np.lib.stride_tricks.sliding_window_view(wave, size)[:: size // 4] * window
    return cut


def _best(values: Array) -> float:
    kept = np.sort(values)[: max(1, round(BEST * len(values)))]
    return float(kept.mean())


def segmental_snr(clean: Array, estimate: Array, rate_hz: int) -> float:
    """Mean over frames of their SNR in dB, each between -10 and 35."""
    x, y = _frames(clean, rate_hz), _frames(estimate, rate_hz)
    signal, noise = np.square(x).sum(1), np.square(x - y).sum(1)
    return float(np.clip(10 * np.log10(signal / (noise + EPS) + EPS), -10, 35).mean())


def _lpc(frames: Array, order: int) -> tuple[Array, Array]:
    """(autocorrelation ``[n, order + 1]``, predictor ``[n, order + 1]`` with a leading 1), Levinson-Durbin."""
    size = frames.shape[1]
    spectrum = np.abs(np.fft.rfft(frames, 2 * size)) ** 2
    lags: Array = np.fft.irfft(spectrum, 2 * size)[:, : order + 1]
    taps = np.zeros_like(lags)
    taps[:, 0] = 1
    error = lags[:, 0] + EPS
    for i in range(1, order + 1):
        reflection = -(taps[:, :i] * lags[:, i:0:-1]).sum(1) / error
        taps[:, 1 : i + 1] += reflection[:, None] * taps[:, i - 1 :: -1][:, :i]
        error = error * (1 - reflection**2) + EPS
    return lags, taps


def log_likelihood_ratio(clean: Array, estimate: Array, rate_hz: int) -> float:
    """log of the residual energies' ratio of the two predictors on the clean frames, best 95 %."""
    order = 10 if rate_hz < 10000 else 16
    lags, taps = _lpc(_frames(clean, rate_hz), order)
    _, theirs = _lpc(_frames(estimate, rate_hz), order)
    places = np.abs(np.arange(order + 1)[:, None] - np.arange(order + 1))
    matrix = lags[:, places]
    above = np.einsum("ni,nij,nj->n", theirs, matrix, theirs)
    below = np.einsum("ni,nij,nj->n", taps, matrix, taps)
    return _best(np.log(np.maximum(above, EPS) / np.maximum(below, EPS)))


def _bands(frames: Array, rate_hz: int) -> Array:
    """Energies ``[n, 25]`` in dB of the critical bands."""
    n_fft = 2 ** int(np.ceil(np.log2(2 * frames.shape[1])))
    half = n_fft // 2
    centres, widths = (np.asarray(v) / (rate_hz / 2) * half for v in (CENTRES, WIDTHS))
    bins = np.arange(half)
    shape = -11 * ((bins - np.floor(centres)[:, None]) / widths[:, None]) ** 2
    filters = np.exp(shape + np.log(WIDTHS[0] / np.asarray(WIDTHS))[:, None])
    filters *= filters > np.exp(-30 / (2 * 2.303))
    power = np.abs(np.fft.fft(frames, n_fft)[:, :half]) ** 2
    energies: Array = 10 * np.log10(np.maximum(power @ filters.T, 1e-10))
    return energies


def _peaks(energies: Array, slopes: Array) -> Array:
    """For each band of each frame the energy of the nearest peak, uphill from it."""
    count = slopes.shape[1]
    found = np.empty_like(slopes)
    up = np.empty_like(slopes)
    last = energies[:, count]
    for i in range(count - 1, -1, -1):  # rising: on to the band after which it no longer rises
        last = np.where(slopes[:, i] > 0, last, energies[:, i])
        up[:, i] = last
    before = energies[:, 0]
    for i in range(count):  # falling: back to the band before which it no longer falls
        before = np.where(slopes[:, i] > 0, energies[:, i + 1], before)
        found[:, i] = np.where(slopes[:, i] > 0, up[:, i], before)
    return found


def weighted_slope(clean: Array, estimate: Array, rate_hz: int) -> float:
    """Weighted spectral slope distance (Klatt 1982) over 25 critical bands, best 95 % of frames."""
    weights, slopes = [], []
    for wave in (clean, estimate):
        energies = _bands(_frames(wave, rate_hz), rate_hz)
        slope = np.diff(energies, axis=1)
        here = energies[:, :-1]
        tallest = 20 / (20 + energies.max(1, keepdims=True) - here)
        nearest = 1 / (1 + _peaks(energies, slope) - here)
        weights.append(tallest * nearest)
        slopes.append(slope)
    weight = (weights[0] + weights[1]) / 2
    return _best((weight * (slopes[0] - slopes[1]) ** 2).sum(1) / weight.sum(1))


@dataclass(frozen=True)
class Composite:
    """Ratings of signal distortion, background and the whole, each 1 to 5."""

    csig: float
    cbak: float
    covl: float


def composite(clean: Array, estimate: Array, rate_hz: int, pesq: float, ssnr: float) -> Composite:
    """The three ratings from the waves ``[T]``, their PESQ and their segmental SNR."""
    llr = log_likelihood_ratio(clean, estimate, rate_hz)
    wss = weighted_slope(clean, estimate, rate_hz)
    rated = (
        3.093 - 1.029 * llr + 0.603 * pesq - 0.009 * wss,
        1.634 + 0.478 * pesq - 0.007 * wss + 0.063 * ssnr,
        1.594 + 0.805 * pesq - 0.512 * llr - 0.007 * wss,
    )
    return Composite(*(float(np.clip(value, 1, 5)) for value in rated))
