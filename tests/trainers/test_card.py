"""Data cards on small made folders: what is wrong is found and named, and a clean folder has nothing wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from nashboard import media
from recipes.compose import build
from trainers import card
from trainers.cli import main

RATE = 8000


def tone(path: Path, seconds: float, hz: float, gain: float = 0.3) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(int(seconds * RATE)) / RATE
    random = np.random.default_rng(int(hz * 10))
    wave = gain * np.sin(2 * np.pi * hz * time) + 0.02 * random.standard_normal(len(time))
    soundfile.write(path, np.clip(wave, -1, 1), RATE)


def speech(folder: Path, speakers: int = 4, each: int = 3) -> Path:
    """A clean folder with a manifest: whole speakers are held out."""
    rows = ["path,speaker"]
    for s in range(speakers):
        for i in range(each):
            tone(folder / f"v{s}_{i}.wav", 1.5 + 0.2 * i, 100 + 40 * s + 7 * i)
            rows.append(f"v{s}_{i}.wav,voice {s}")
    (folder / "manifest.csv").write_text("\n".join(rows))
    return folder


def made(trainer: str, root: Path, out: Path, **patch: Any) -> dict[str, Any]:
    out.mkdir(exist_ok=True)
    knobs = {"data.root": str(root), **patch}
    return card.of(build(trainer, patch=knobs), out)


def codes(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {t["code"]: t for t in found["troubles"]}


@pytest.mark.parametrize("trainer", ["codec", "vae", "enhancement"])
def test_a_clean_folder_has_nothing_wrong(trainer: str, tmp_path: Path) -> None:
    found = made(trainer, speech(tmp_path / "data"), tmp_path / "out")
    assert found["troubles"] == []
    assert (found["found"], found["measured"], found["left"]) == (12, 12, 0)
    assert found["counts"][0][0] == "Files"
    assert sum(found["counts"][0][1:]) == 12
    edges = found["durations"]
    assert sum(edges["train"]) + sum(edges["eval"]) == 12
    assert len(edges["edges"]) == len(edges["train"]) + 1
    assert found["durations"]["low"] == 1.5
    assert 3 <= len(found["samples"]) <= 6
    for sample in found["samples"]:
        assert soundfile.info(tmp_path / "out" / sample["file"]).duration <= 5


@pytest.mark.parametrize("trainer", ["codec", "vae", "enhancement"])
def test_what_is_wrong_is_found_and_named(trainer: str, tmp_path: Path) -> None:
    root = speech(tmp_path / "data")
    (root / "manifest.csv").unlink()  # now files are drawn, not speakers
    for path in sorted(root.glob("*.wav")):
        speaker = path.name.split("_")[0].replace("v", "p0")
        path.rename(root / f"{speaker}_{path.name.split('_')[1]}")
    tone(root / "p09_0.wav", 2, 333, gain=4.0)
    soundfile.write(root / "p09_1.wav", np.zeros(RATE), RATE)
    (root / "p09_2.wav").write_bytes(b"no sound at all")
    for i in range(8):  # the same samples under so many names that both sides get some
        wave, _ = soundfile.read(root / "p00_0.wav", dtype="int16")
        soundfile.write(root / f"p00_{i + 20}.flac", wave, RATE)
    found = codes(made(trainer, root, tmp_path / "out"))
    assert found["clipped"]["items"][0].startswith("p09_0.wav")
    assert found["clipped"]["count"] == 1
    assert "(train)" in found["leak"]["items"][0]
    assert "(eval)" in found["leak"]["items"][0]
    assert found["leak"]["level"] == "fail"
    assert "p00" in found["speakers"]["items"]
    skipped = found["skipped"]["items"]
    assert any("p09_1.wav: silent" in s for s in skipped)
    assert any("p09_2.wav: cannot be read" in s for s in skipped)


def test_one_speaker_alone_is_no_leak(tmp_path: Path) -> None:
    for i in range(6):
        tone(tmp_path / "data" / f"{i:03d}.wav", 2, 150 + i)
    assert made("codec", tmp_path / "data", tmp_path / "out")["troubles"] == []


def test_a_peak_at_full_scale_is_no_clipping_but_flat_tops_are() -> None:
    from trainers.kit.card import flat_tops

    level = np.zeros((100, 2))
    level[10, 0] = level[20:22, 1] = 1.0
    assert flat_tops(level) == 0
    level[50:55, 1] = 1.0
    assert flat_tops(level) == 5


def corpus(folder: Path, texts: list[str]) -> Path:
    lines, said = [], {}
    for i, text in enumerate(texts):
        tone(folder / "wavs" / f"u{i}.wav", 1.0, 120 + 11 * i)
        lines.append(f"u{i}|{text}|{text}")
        said[f"u{i}"] = {"phones": ["a", "b" if i else "c"], "seconds": [0.5, 0.5]}
    (folder / "metadata.csv").write_text("\n".join(lines))
    (folder / "durations.json").write_text(json.dumps(said))
    return folder


def test_the_card_of_speech_with_texts_tells_their_coverage(tmp_path: Path) -> None:
    root = corpus(tmp_path / "data", [f"Sentence number {'i' * (i + 1)}." for i in range(8)])
    found = made("tts", root, tmp_path / "out")
    names = {row[0] for row in found["text"]["symbols"]}
    assert names == {"a", "b", "c"}
    assert found["text"]["source"] == "JSON"
    assert set(codes(found)) <= {"unseen"}, "c is said once, in training or in evaluation"


def test_the_card_of_speech_with_texts_finds_what_is_wrong(tmp_path: Path) -> None:
    root = corpus(tmp_path / "data", ["The same words."] * 8)
    soundfile.write(root / "wavs" / "u1.wav", np.zeros(RATE), RATE)
    tone(root / "wavs" / "u2.wav", 1, 300, gain=5.0)
    tone(root / "wavs" / "stray.wav", 1, 200)
    found = codes(made("tts", root, tmp_path / "out"))
    assert found["silent"]["items"] == ["wavs/u1.wav"]
    assert found["clipped"]["items"][0].startswith("wavs/u2.wav")
    assert found["texts"]["count"] == 1
    assert "stray.wav" in found["skipped"]["items"][0]


def images(folder: Path, each: dict[str, int], seed: int = 0) -> Path:
    random = np.random.default_rng(seed)
    for name, count in each.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            picture(folder / name / f"{i}.png", random.integers(0, 255, (32, 32, 3), dtype=np.uint8))
    return folder


def picture(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(media.as_image(pixels)[0])


def test_the_card_of_clean_images(tmp_path: Path) -> None:
    found = made("cgan", images(tmp_path / "data", {"cat": 10, "dog": 12}), tmp_path / "out")
    assert found["troubles"] == []
    assert [row[0] for row in found["labels"]] == ["cat", "dog"]
    assert sum(found["counts"][0][1:]) == 22
    assert [(s["media"], s["name"]) for s in found["samples"]] == [("image", "train"), ("image", "eval")]
    assert all((tmp_path / "out" / s["file"]).stat().st_size > 500 for s in found["samples"])


def test_the_card_of_images_finds_what_is_wrong(tmp_path: Path) -> None:
    root = images(tmp_path / "data" / "train", {"cat": 20, "dog": 4})
    images(tmp_path / "data" / "test", {"cat": 3}, seed=1)
    double = np.arange(32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8)
    for place in ("train/cat", "train/dog", "test/cat"):
        picture(tmp_path / "data" / place / "same.png", double)
    picture(root / "cat" / "grey.png", np.full((32, 32, 3), 90, np.uint8))
    found = codes(made("cgan", tmp_path / "data", tmp_path / "out"))
    assert found["leak"]["count"] == 1
    assert found["two_labels"]["count"] == 1
    assert found["blank"]["count"] == 1
    assert found["uneven"]["level"] == "warn"
    assert found["unheld"]["items"] == ["dog"]


def test_the_command_line_prints_one_object_and_refuses_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = speech(tmp_path / "data")
    assert main(["card", "codec", f"data.root={root}", "json=true"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["trainer"] == "codec"
    for words, said in (
        (["card", "codec", "data.root=/nowhere/at/all"], "there is no such folder"),
        (["card", "codex"], "codex"),
        (["card", "codec", "json=perhaps"], "neither true nor false"),
        (["card", "codec", "out=/nowhere/at/all"], "is no folder"),
        (["card", "codec", "data.rot=1"], "data.rot"),
    ):
        assert main(words) == 2
        told = capsys.readouterr().err.strip()
        assert said in told
        assert "\n" not in told
