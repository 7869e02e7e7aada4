"""Synthetic speech-like tones on disk and the smallest codec run, for trainers' tests."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from recipes.compose import Request, build
from trainers.kit import checkpoints
from trainers.kit.runs import carry_out

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


# The smallest codec that has every part: a step takes milliseconds.
TINY = (
    "gen.channels=8",
    "gen.latent=8",
    "quantizer.codebooks=2",
    "quantizer.size=16",
    "data.crop=512",
    "data.batch=2",
    "data.eval_items=2",
    "data.eval_seconds=0.5",
    "data.slots=1",
    "disc.periods=[2,3]",
    "disc.mpd_channels=[2,4]",
    "disc.n_ffts=[64]",
    "disc.stft_channels=2",
    "disc.msd_channels=[2,4]",
    "disc.msd_groups=[2]",
    "disc.num_scales=2",
    "trainer.steps_per_epoch=4",
    "trainer.log_every=2",
)


@pytest.fixture
def tiny() -> tuple[str, ...]:
    """The words of the smallest codec for a command line."""
    return TINY


@dataclass(frozen=True)
class Ran:
    """How a command line ended, and what it said."""

    status: int
    out: str
    err: str
    run_dir: Path

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.run_dir / "events.jsonl").read_text().splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [e for e in self.events if e["kind"] == kind]

    def series(self, name: str) -> dict[int, float]:
        return {e["step"]: e["values"][name] for e in self.of("points") if name in e["values"]}

    @property
    def state(self) -> dict[str, Any]:
        """What the checkpoint written last holds."""
        return checkpoints.load(checkpoints.listed(self.run_dir)[-1]).state


Carry = Callable[..., Ran]


@pytest.fixture
def carry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Carry:
    """carry("cgan", "fixed", {knob: value}, run="a"): a run at size tiny in this process, without Hydra."""

    def out(
        trainer: str, preset: str, patch: dict[str, Any], *, run: str | None = "run", resume: object = None
    ) -> Ran:
        run_dir = tmp_path / run if run else None
        recipe = build(trainer, preset, "tiny", patch)
        given = {"preset": preset, **patch}
        place = str(run_dir) if run_dir else None
        request = Request(trainer, recipe, place, str(resume) if resume else None, "cpu", given=given)
        capsys.readouterr()
        status = carry_out(request)
        said = capsys.readouterr()
        return Ran(status, said.out, said.err, run_dir or tmp_path)

    return out


@pytest.fixture
def codec(audio: Path, carry: Carry) -> Callable[..., Ran]:
    """codec("trainer.max_steps=4", run="a"): a tiny run on the tones, in this process, without Hydra."""

    def train(*words: str, preset: str = "fixed", run: str | None = "run", resume: object = None) -> Ran:
        patch = dict(word.split("=", 1) for word in (*TINY, f"data.root={audio}", *words))
        return carry("codec", preset, patch, run=run, resume=resume)

    return train
