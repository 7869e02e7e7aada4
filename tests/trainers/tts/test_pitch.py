"""Pitch spectrogram and phonemes' pitch."""

import numpy as np
import pytest
import torch

from trainers.tts.pitch import SCALES, by_phoneme, contour, outliers_cut, rebuilt, spectrogram


def test_the_spectrogram_gives_the_contour_back() -> None:
    t = np.arange(200) * 0.0116
    wanted = 5.2 + 0.2 * np.sin(2 * np.pi * 0.7 * t) + 0.05 * np.sin(2 * np.pi * 4 * t) - 0.1 * t
    parts, mean, spread = spectrogram(wanted, 0.0116)
    assert parts.shape == (200, SCALES)
    mask = torch.ones(1, 200, dtype=torch.bool)
    found = rebuilt(torch.tensor(parts)[None], torch.tensor([mean]), torch.tensor([spread]), mask)[0].numpy()
    assert np.corrcoef(found, wanted)[0, 1] > 0.995
    assert np.abs(found - wanted).mean() < 0.02
    # the paper's weights lose it
    weighted = torch.tensor(parts * (np.arange(SCALES) + 3.5) ** -5.0)[None]
    twin = rebuilt(weighted, torch.tensor([mean]), torch.tensor([spread]), mask)[0].numpy()
    assert np.corrcoef(twin, wanted)[0, 1] < 0.9


def test_padding_changes_nothing() -> None:
    parts = torch.randn(1, 30, SCALES)
    mean, spread = torch.tensor([5.0]), torch.tensor([0.3])
    alone = rebuilt(parts, mean, spread, torch.ones(1, 30, dtype=torch.bool))
    mask = torch.arange(40)[None] < 30
    padded = rebuilt(torch.cat([parts, torch.randn(1, 10, SCALES)], 1), mean, spread, mask)
    assert torch.allclose(alone[0], padded[0, :30], atol=1e-5)
    assert not padded[0, 30:].any()


def test_flat_and_voiceless_speech() -> None:
    parts, mean, spread = spectrogram(np.full(50, 5.0), 0.01)
    assert (not parts.any(), mean, spread) == (True, 5.0, 0.0)
    assert not contour(np.zeros(5)).any()


def test_a_phoneme_has_the_mean_of_its_known_frames() -> None:
    values = np.array([1.0, 3, 9, 5, 7, 100])
    known = np.array([1, 1, 0, 1, 1, 0], bool)
    assert by_phoneme(values, np.array([2, 1, 2, 0, 1]), known).tolist() == [2, 4, 6, 6, 6]
    assert by_phoneme(values, np.array([6]), np.zeros(6, bool)).tolist() == [0]


def test_outliers_are_cut() -> None:
    assert outliers_cut(np.array([1.0, 2, 3, 4, 100])).tolist() == [1, 2, 3, 4]
    assert outliers_cut(np.zeros(0)).tolist() == pytest.approx([])
