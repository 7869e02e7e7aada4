"""A small corpus of tones with durations, and the smallest FastSpeech2 run on it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from recipes.compose import Request, build
from recipes.tts import Tts
from trainers.kit.runs import carry_out

RATE = 8000
PHONES = (("h", 110), ("ə", 130), ("l", 150), ("oʊ", 170), ("s", 0), ("iː", 200))
TINY = {
    "data.rate_hz": RATE,
    "mel.n_fft": 256,
    "mel.hop": 80,
    "mel.n_mels": 16,
    "mel.high": 4000.0,
    "gen.hidden": 16,
    "gen.encoder_layers": 1,
    "gen.decoder_layers": 1,
    "gen.filter": 16,
    "gen.predictor": 16,
    "gen.bins": 16,
    "gen.postnet_layers": 2,
    "gen.postnet": 16,
    "disc.channels": 2,
    "disc.frames": 16,
    "data.batch": 2,
    "data.eval_items": 2,
    "data.slots": 1,
    "vocoder.iterations": 2,
    "trainer.steps_per_epoch": 4,
    "trainer.threads": 1,
    "trainer.log_every": 2,
}


def spoken(order: list[int]) -> tuple[np.ndarray, list[str], list[float]]:
    """A wave, its phonemes and their seconds: a buzz of its own pitch for each, noise for the one without."""
    waves, names, seconds = [], [], []
    for place, i in enumerate(order):
        name, pitch = PHONES[i]
        length = 0.08 + 0.02 * ((i + place) % 3)
        t = np.arange(int(length * RATE)) / RATE
        noise = np.random.default_rng(place).standard_normal(len(t))
        buzz = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 9)) if pitch else noise
        waves.append(0.1 * buzz)
        names.append(name)
        seconds.append(len(t) / RATE)
    return np.concatenate(waves).astype(np.float32), names, seconds


def write_corpus(folder: Path, count: int = 8) -> Path:
    """LJSpeech's layout with durations/ID.json."""
    (folder / "wavs").mkdir(parents=True)
    (folder / "durations").mkdir()
    lines = []
    for k in range(count):
        order = [int(i) for i in np.random.default_rng(k).permutation(len(PHONES))]
        wave, names, seconds = spoken(order)
        soundfile.write(folder / "wavs" / f"u{k}.wav", wave, RATE, subtype="FLOAT")
        said = {"phones": names, "seconds": seconds}
        (folder / "durations" / f"u{k}.json").write_text(json.dumps(said))
        lines.append(f"u{k}|Low sea, hello.|low sea, hello.\n")
    (folder / "metadata.csv").write_text("".join(lines))
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus")


@pytest.fixture
def recipe(corpus: Path) -> Callable[..., Tts]:
    """recipe("old", {"mel.eps": 1e-9}): the smallest recipe on the corpus."""

    def make(preset: str = "fixed", patch: dict[str, Any] | None = None) -> Tts:
        made = build("tts", preset, "tiny", {**TINY, "data.root": str(corpus), **(patch or {})})
        assert isinstance(made, Tts)
        return made

    return make


@pytest.fixture
def run(tmp_path: Path, recipe: Callable[..., Tts], capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """run({"trainer.max_steps": 4}): the run's folder, its exit status and events, in this process."""

    def train(
        patch: dict[str, Any], preset: str = "fixed", name: str = "run", resume: Path | None = None
    ) -> Any:
        made = recipe(preset, patch)
        given = {"preset": preset, **TINY, **patch}
        place = tmp_path / name
        status = carry_out(
            Request("tts", made, str(place), str(resume) if resume else None, "cpu", given=given)
        )
        return Ran(status, place, capsys.readouterr().err)

    return train


class Ran:
    def __init__(self, status: int, run_dir: Path, err: str) -> None:
        self.status, self.run_dir, self.err = status, run_dir, err
        self.events = [json.loads(line) for line in (run_dir / "events.jsonl").read_text().splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [e for e in self.events if e["kind"] == kind]

    def series(self, name: str) -> dict[int, float]:
        return {e["step"]: e["values"][name] for e in self.of("points") if name in e["values"]}
