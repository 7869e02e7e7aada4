"""Made speech with pauses on disk, pairs of it, and the smallest enhancement run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

RATE = 8000

# The smallest enhancer that has every part: a step takes milliseconds, PESQ apart.
TINY = {
    "data.crop": "4000",
    "data.crop_step": "1000",
    "data.pauses": "0.3",
    "data.batch": "2",
    "data.eval_items": "2",
    "data.eval_seconds": "0.7",
    "data.slots": "1",
    "gen.n_fft": "64",
    "gen.hop": "32",
    "gen.channels": "4",
    "gen.depth": "1",
    "gen.heads": "1",
    "gen.head_dim": "2",
    "gen.kernel": "3",
    "disc.channels": "2",
    "disc.history": "6",
    "trainer.steps_per_epoch": "4",
    "trainer.log_every": "2",
}


def spoken(seconds: float, pitch: float = 140.0, seed: int = 0) -> np.ndarray:
    """A buzz in syllables: enough of an utterance for PESQ."""
    t = np.arange(int(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 12))
    hiss = 0.001 * np.random.default_rng(seed).standard_normal(len(t))
    return (0.1 * buzz * np.clip(np.sin(2 * np.pi * 2.5 * t), 0, None) + hiss).astype(np.float32)


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write("pairs/clean/a.wav", wave) under ``tmp_path``."""

    def wave_file(name: str, wave: np.ndarray, rate_hz: int = RATE) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, wave, rate_hz)
        return path

    return wave_file


@pytest.fixture
def clean(tmp_path: Path, write: Write) -> Path:
    """A folder of six clean clips of 1 s."""
    for i in range(6):
        write(f"speech/s{i}.wav", spoken(1.0, 110.0 + 20 * i, i))
    return tmp_path / "speech"


@pytest.fixture
def pairs(tmp_path: Path, write: Write) -> Path:
    """A folder with clean/ and noisy/, three clips of 1 s each."""
    for i in range(3):
        wave = spoken(1.0, 120.0 + 30 * i, i)
        noise = 0.03 * np.random.default_rng(9 + i).standard_normal(len(wave)).astype(np.float32)
        write(f"pairs/clean/p23{i}_00{i}.wav", wave)
        write(f"pairs/noisy/p23{i}_00{i}.wav", wave + noise)
    return tmp_path / "pairs"


@pytest.fixture
def enhance(clean: Path, carry: Callable[..., Any]) -> Callable[..., Any]:
    """enhance(**{"trainer.max_steps": "4"}): the smallest run on the made speech, in this process."""

    def train(preset: str = "fixed", run: str | None = "run", resume: object = None, **patch: str) -> Any:
        return carry(
            "enhancement", preset, {**TINY, "data.root": str(clean), **patch}, run=run, resume=resume
        )

    return train
