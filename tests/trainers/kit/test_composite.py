"""Composite measures: closed forms, limits, and the parts' own definitions."""

import numpy as np
import pytest

from trainers.kit.composite import (
    _lpc,
    _peaks,
    composite,
    log_likelihood_ratio,
    segmental_snr,
    weighted_slope,
)

RATE = 16000


def speech(seed: int = 0) -> np.ndarray:
    t = np.arange(RATE) / RATE
    buzz = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20))
    return 0.1 * buzz * (0.6 + 0.4 * np.sin(6 * np.pi * t)) + 0.002 * np.random.default_rng(
        seed
    ).standard_normal(RATE)


def test_nothing_is_wrong_with_the_clean_signal() -> None:
    clean = speech()
    assert segmental_snr(clean, clean, RATE) == 35
    assert log_likelihood_ratio(clean, clean, RATE) == pytest.approx(0, abs=1e-9)
    assert weighted_slope(clean, clean, RATE) == 0
    rated = composite(clean, clean, RATE, 4.64, 35.0)
    assert (rated.csig, rated.cbak, rated.covl) == (5, 5, 5)


def test_segmental_snr_of_a_gain_is_known_and_bounded() -> None:
    clean = speech()
    assert segmental_snr(clean, 0.9 * clean, RATE) == pytest.approx(20, abs=0.01)
    assert segmental_snr(clean, 11 * clean, RATE) == -10


def test_level_is_heard_by_neither_ratio_nor_slope() -> None:
    clean = speech()
    assert log_likelihood_ratio(clean, 0.5 * clean, RATE) == pytest.approx(0, abs=1e-6)
    assert weighted_slope(clean, 0.5 * clean, RATE) == pytest.approx(0, abs=1e-6)


def test_more_noise_is_worse_by_every_measure() -> None:
    clean, hiss = speech(), np.random.default_rng(1).standard_normal(RATE)
    found = []
    for level in (0.003, 0.01, 0.03):
        y = clean + level * hiss
        ssnr = segmental_snr(clean, y, RATE)
        found.append(composite(clean, y, RATE, 2.0, ssnr))
    for name in ("csig", "cbak", "covl"):
        values = [getattr(f, name) for f in found]
        assert values == sorted(values, reverse=True), name
        assert values[0] > values[2]


def test_the_predictor_is_that_of_the_normal_equations() -> None:
    frames = speech()[:960].reshape(2, 480) * np.hanning(480)
    lags, taps = _lpc(frames, 4)
    for row in range(2):
        matrix = lags[row][np.abs(np.arange(4)[:, None] - np.arange(4))]
        assert taps[row, 1:] == pytest.approx(-np.linalg.solve(matrix, lags[row, 1:5]), rel=1e-6)
        assert taps[row, 0] == 1


def test_the_nearest_peak_is_uphill() -> None:
    energies = np.array([[1.0, 3.0, 2.0, 0.0, 5.0, 4.0]])
    slopes = np.diff(energies, axis=1)
    assert _peaks(energies, slopes).tolist() == [[3.0, 3.0, 3.0, 5.0, 5.0]]
