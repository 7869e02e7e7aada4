"""F0: right on buzzes, silent where there is no voice."""

import numpy as np
import pytest

from trainers.kit.f0 import filled, track


def buzz(hz: float, seconds: float = 0.5, rate: int = 16000) -> np.ndarray:
    t = np.arange(int(seconds * rate)) / rate
    return sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 8)).astype(np.float32)  # type: ignore[union-attr]


@pytest.mark.parametrize("hz", [80.0, 120.0, 233.3, 390.0])
@pytest.mark.parametrize("rate", [8000, 22050])
def test_a_buzz_has_its_pitch(hz: float, rate: int) -> None:
    found = track(buzz(hz, rate=rate), rate, 100, 30)
    assert found[8:22] == pytest.approx(hz, rel=0.01)


def test_noise_silence_and_bad_samples_have_no_voice() -> None:
    noise = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    assert (track(noise, 16000, 160, 50) > 0).mean() < 0.2
    assert not track(np.zeros(8000, np.float32), 16000, 160, 50).any()
    assert not track(np.full(8000, np.nan, np.float32), 16000, 160, 50).any()


def test_level_does_not_matter_but_a_quiet_tail_is_no_voice() -> None:
    wave = buzz(150)
    assert track(wave, 16000, 160, 40) == pytest.approx(
        track(wave * np.float32(1e-3), 16000, 160, 40), rel=1e-3
    )
    wave[4000:] *= 1e-3
    assert not track(wave, 16000, 160, 50)[30:].any()


def test_gaps_are_bridged() -> None:
    assert filled(np.array([0.0, 100, 0, 200, 0])).tolist() == [100, 100, 150, 200, 200]
    assert not filled(np.zeros(3)).any()


def test_short_waves() -> None:
    assert track(np.ones(10, np.float32), 16000, 160, 1).shape == (1,)
    assert track(np.zeros(0, np.float32), 16000, 160, 0).shape == (0,)
