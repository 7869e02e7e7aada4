"""A sentence by a checkpoint: the weights make the sound, eSpeak NG only names the phonemes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from trainers import cli
from trainers.kit import checkpoints, reading, speak
from trainers.tts import say

TEXT = "Low sea, hello."


@pytest.fixture
def ran(run: Callable[..., Any]) -> Any:
    return run({"trainer.max_steps": 20, "gen.lr": 0.01})


def spoken(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    status = cli.main(["say", *words])
    return status, capsys.readouterr().err


def test_writes_what_the_checkpoint_says(
    ran: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.wav"
    assert spoken([f"run_dir={ran.run_dir}", f"text={TEXT}", f"out={out}"], capsys)[0] == 0
    wave, rate = soundfile.read(out)
    assert rate == 8000
    assert len(wave) > 800
    assert np.isfinite(wave).all()
    assert np.abs(wave).max() > 0


def test_shuffled_weights_sound_different(ran: Any) -> None:
    checkpoint = checkpoints.load(checkpoints.find(str(ran.run_dir)), "tts")
    before = say.speak(checkpoint, TEXT).wave
    assert np.array_equal(before, say.speak(checkpoint, TEXT).wave)
    torch.manual_seed(0)
    weights = checkpoint.state["gen"]
    for name, tensor in weights.items():
        weights[name] = tensor.flatten()[torch.randperm(tensor.numel())].view_as(tensor)
    after = say.speak(checkpoint, TEXT).wave
    assert len(before) != len(after) or np.abs(before - after).max() > 1e-4


def test_espeak_makes_no_sound_of_it(ran: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = []
    real = reading.read_aloud

    def watched(texts: Any, voice: str, folder: Any = None, **more: Any) -> Any:
        jobs.append(folder)
        return real(texts, voice, folder, **more)

    monkeypatch.setattr(say, "read_aloud", watched)
    say.speak(checkpoints.load(checkpoints.find(str(ran.run_dir)), "tts"), TEXT)
    assert jobs == [None], "eSpeak NG was asked for a sound file"


def test_a_reading_without_a_file_writes_none(tmp_path: Path) -> None:
    class Silent(speak.Speaker):
        def __init__(self, phonemes: bool = False) -> None:
            self.phonemes, self.rate_hz = [("h", 0)], 22050

        def say(self, text: str, voice: str, rate: int, pitch: int) -> bytes:
            return b"\0\0" * 10

    real, speak.Speaker = speak.Speaker, Silent  # type: ignore[misc]
    try:
        job = {"text": "a", "voice": "en", "rate": 1, "pitch": 1}
        speak.speak({"folder": str(tmp_path), "lines": [{**job, "file": ""}], "phonemes": True})
        assert list(tmp_path.glob("*.wav")) == []
        speak.speak({"folder": str(tmp_path), "lines": [{**job, "file": "a.wav"}], "phonemes": True})
        assert (tmp_path / "a.wav").is_file()
    finally:
        speak.Speaker = real  # type: ignore[misc]


def test_speed_changes_length_and_pitch_does_not(ran: Any) -> None:
    checkpoint = checkpoints.load(checkpoints.find(str(ran.run_dir)), "tts")
    plain = say.speak(checkpoint, TEXT).wave
    assert len(say.speak(checkpoint, TEXT, speed=0.5).wave) > 1.5 * len(plain)
    higher = say.speak(checkpoint, TEXT, pitch=1.5).wave
    assert len(higher) == len(plain)
    assert not np.array_equal(higher, plain)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["text=Hello 世界"], "the symbol '世' (U+4E16) is unknown"),
        (["text=..."], "has nothing to say"),
        (["text="], "say needs text=…"),
        (["text=a", "loud=2"], "'loud=2' is none of"),
        (["text=a", "speed=fast"], "speed 'fast' must be a number from 0.2 to 5"),
        (["text=a", "out=x.mp3"], "must end in .wav"),
        (["text=a", "out=nowhere/x.wav"], "there is no folder 'nowhere'"),
        (["text=a", "run_dir=nowhere"], "run_dir 'nowhere': there is no such run folder"),
        (["text=a", "vocoder=nowhere.pt"], "vocoder.path 'nowhere.pt': there is no such file"),
    ],
)
def test_bad_words_are_one_line(
    words: list[str], told: str, run: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = run({"trainer.max_steps": 1}) if "vocoder" in words[-1] else None
    base = [f"run_dir={here.run_dir if here else tmp_path}", f"out={tmp_path / 'a.wav'}"]
    status, err = spoken([*base, *words], capsys)
    assert status == 2
    assert told in err
    assert err.count("\n") == 1
    assert not (tmp_path / "a.wav").exists()


def test_a_checkpoint_of_another_trainer_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "step-00000001.pt"
    checkpoints.save(path, checkpoints.Checkpoint("0" * 12, "codec", 1, {}, {}))
    status, err = spoken([f"run_dir={path}", "text=a", f"out={tmp_path / 'a.wav'}"], capsys)
    assert (status, "belongs to the trainer 'codec'" in err) == (2, True)
