"""Measures: perfect ones, known distances, pictures."""

import math

import numpy as np
import pytest
import torch

from trainers.tts.evaluate import mcd, prosody


def test_mcd_ignores_level_and_grows_with_shape() -> None:
    mel = torch.randn(20, 40)
    assert mcd(mel, mel) == 0
    assert mcd(mel, mel + 3) == pytest.approx(0, abs=1e-4)
    wave = torch.cos(math.pi / 40 * (torch.arange(40) + 0.5) * 3)
    # 2 c_3 cos is a cosine of height 2 c_3: one of height 1 has c_3 = 1/2
    assert mcd(mel, mel + wave) == pytest.approx(10 / math.log(10) * math.sqrt(2) * 0.5, rel=1e-4)
    fast = torch.cos(math.pi / 40 * (torch.arange(40) + 0.5) * 20)
    assert mcd(mel, mel + fast) == pytest.approx(0, abs=1e-4), "past the 13th cepstrum"


def test_prosody() -> None:
    true = np.log(np.array([100.0, 120, 140, 160]))
    perfect = prosody([(true, true)])
    assert perfect["eval/f0_rmse"] == 0
    assert perfect["eval/f0_correlation"] == pytest.approx(1)
    assert perfect["eval/pitch_std_ratio"] == pytest.approx(1)
    flat = prosody([(np.full(4, true.mean()), true)])
    assert flat["eval/pitch_std_ratio"] == pytest.approx(0, abs=1e-9)
    assert "eval/f0_correlation" not in flat
    assert flat["eval/f0_rmse"] > 20
    assert prosody([(np.zeros(0), np.zeros(0))]) == {}
