"""Synthetic speech-like tones on disk, for trainers' tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

Tone = Callable[..., Path]


def tone(seconds: float, rate_hz: int, pitch: float, level: float = 0.2) -> np.ndarray:
    """A buzz with a slow swell: harmonics, so that a codec has something to learn."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    buzz = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 6))
    return (level * buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))).astype(np.float32)


@pytest.fixture
def write_tone(tmp_path: Path) -> Tone:
    """write_tone("a/b.wav", seconds=1.0, rate_hz=8000, pitch=150.0) under ``tmp_path / "audio"``."""

    def write(name: str, seconds: float = 1.0, rate_hz: int = 8000, pitch: float = 150.0) -> Path:
        path = tmp_path / "audio" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(seconds, rate_hz, pitch), rate_hz)
        return path

    return write


@pytest.fixture
def audio(tmp_path: Path, write_tone: Tone) -> Path:
    """A folder of six files of 1 s."""
    for i in range(6):
        write_tone(f"t{i}.wav", pitch=110.0 + 25 * i)
    return tmp_path / "audio"
