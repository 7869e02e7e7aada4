"""Stereo tones on disk and the smallest AudioVAE run that has every part."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from nashboard import journal
from recipes.compose import Request, build
from trainers.kit import checkpoints
from trainers.kit.runs import carry_out

TINY = {
    "model.base_channels": 4,
    "model.channel_mults": [1, 2],
    "model.strides": [4, 8],
    "model.latent_dim": 4,
    "model.kernel_size": 3,
    "model.dilations": [1],
    "model.discriminator.stft_filters": 2,
    "model.discriminator.n_ffts": [64],
    "model.discriminator.msd_scales": [1, 2],
    "model.discriminator.msd_channels": [2, 4],
    "model.discriminator.mpd_periods": [2, 3],
    "model.discriminator.mpd_channels": [2, 4],
    "data.crop": 512,
    "data.batch": 2,
    "data.eval_items": 2,
    "data.eval_seconds": 0.3,
    "data.slots": 1,
    "trainer.steps_per_epoch": 4,
    "trainer.log_every": 2,
}


def stereo_tone(seconds: float, pitch: float, rate_hz: int = 8000) -> np.ndarray:
    """Two buzzes, one more to the left and one more to the right."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    left, right = (sum(np.sin(2 * np.pi * p * k * t) / k for k in (1, 2, 3)) for p in (pitch, 1.4 * pitch))
    return (0.15 * np.stack([left + 0.3 * right, right + 0.2 * left], 1)).astype(np.float32)


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """A folder of six stereo files of 1 s."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    for i in range(6):
        soundfile.write(folder / f"s{i}.wav", stereo_tone(1.0, 110.0 + 25 * i), 8000)
    return folder


class Ran:
    """How a run ended, and what it said."""

    def __init__(self, status: int, out: str, err: str, run_dir: Path) -> None:
        self.status, self.out, self.err, self.run_dir = status, out, err, run_dir
        self.events = list(journal.events(run_dir))

    def of(self, kind: str) -> list[Any]:
        return [e for e in self.events if e.kind == kind]

    def series(self, name: str) -> dict[int, float]:
        return {e.step: e.values[name] for e in self.of("points") if name in e.values}

    @property
    def checkpoint(self) -> Path:
        return checkpoints.listed(self.run_dir)[-1]

    @property
    def state(self) -> dict[str, Any]:
        return checkpoints.load(self.checkpoint).state


@pytest.fixture
def vae(sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """vae({"trainer.max_steps": 4}, run="a"): a tiny run on the tones, in this process, without Hydra."""

    def train(
        patch: dict[str, Any] | None = None, preset: str = "fixed", run: str = "run", resume: object = None
    ) -> Ran:
        given = {**TINY, "data.root": str(sounds), **(patch or {})}
        recipe = build("vae", preset, "tiny", given)
        place = str(tmp_path / run)
        request = Request(
            "vae", recipe, place, str(resume) if resume else None, "cpu", given={"preset": preset, **given}
        )
        capsys.readouterr()
        status = carry_out(request)
        said = capsys.readouterr()
        return Ran(status, said.out, said.err, tmp_path / run)

    return train
