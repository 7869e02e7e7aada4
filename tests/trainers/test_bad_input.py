"""Bad input at the command line of each trainer: status 2, one line that names file and value, and no new file."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from trainers.cli import main

RATE = 8000
Make = Callable[[Path], None]


def wave(path: Path, seconds: float = 1.0, level: float = 0.2, spoilt: float | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = level * np.sin(np.arange(int(seconds * RATE)) * 0.3)
    if spoilt is not None:
        samples[len(samples) // 2] = spoilt
    soundfile.write(path, samples.astype(np.float32), RATE, subtype="FLOAT")


def text(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def several(*makes: Make) -> Make:
    return lambda root: [make(root) for make in makes] and None


def waves(*names: str, **how: float) -> Make:
    return lambda root: [wave(root / name, **how) for name in names] and None  # type: ignore[arg-type]


def a_file(name: str, content: str | bytes) -> Make:
    return lambda root: text(root / name, content)


def said(metadata: str, **grids: str) -> Make:
    """A corpus of two recordings with this metadata.csv, and TextGrid files by name."""

    def make(root: Path) -> None:
        text(root / "metadata.csv", metadata)
        for name in ("u1", "u2"):
            wave(root / f"wavs/{name}.wav")
        for name, content in grids.items():
            text(root / f"TextGrid/{name}.TextGrid", content)

    return make


def grid(*labels: str) -> str:
    rows = "".join(f'0.{i}\n0.{i + 1}\n"{label}"\n' for i, label in enumerate(labels))
    return (
        f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n1\n<exists>\n1\n"IntervalTier"\n"phones"\n0\n1\n'
        f"{len(labels)}\n{rows}"
    )


TWO = "u1|Low sea.\nu2|Hello.\n"
BATCH = {b"data": np.zeros((4, 3072), np.uint8), b"labels": [0, 1, 2, 10]}
AUDIO = ("codec", "enhancement", "vae")
CASES: list[tuple[str, Make, list[str]]] = [
    *((t, lambda root: None, ["data.root", "holds no"]) for t in ("codec", "vae", "cgan", "tts")),
    ("enhancement", lambda root: None, ["data.root"]),
    *((t, a_file("bad.wav", b"RIFF not a wave"), ["bad.wav", "cannot be read"]) for t in AUDIO),
    *((t, waves("nan.wav", spoilt=float("nan")), ["nan.wav", "samples are NaN or infinite"]) for t in AUDIO),
    *((t, waves("one.wav", seconds=0.3), ["data"]) for t in AUDIO),
    *((t, waves("hush.wav", level=0.0), ["hush.wav", "silent"]) for t in AUDIO),
    ("enhancement", waves("clean/a.wav", "noisy/b.wav"), ["clean/a.wav", "no noisy file of the same name"]),
    (
        "enhancement",
        several(waves("clean/a.wav"), waves("noisy/a.wav", seconds=0.9)),
        ["clean/a.wav", "8000 samples", "7200"],
    ),
    (
        "enhancement",
        several(waves("clean/a.wav"), a_file("noisy/a.wav", b"RIFF")),
        ["data/noisy", "a.wav: cannot be read"],
    ),
    ("cgan", a_file("data_batch_1", b"no pickle"), ["data_batch_1", "no pickled batch"]),
    ("cgan", a_file("data_batch_1", pickle.dumps(BATCH)), ["data_batch_1", "label 10 of record 3"]),
    (
        "cgan",
        a_file("data_batch_1", pickle.dumps({b"data": np.full((4, 3072), np.nan), b"labels": [0] * 4})),
        ["data_batch_1", "value nan"],
    ),
    ("cgan", a_file("data_batch_1.bin", bytes([12]) + bytes(3072)), ["data_batch_1.bin", "label 12"]),
    ("cgan", a_file("cat/a.jpg", b"\xff\xd8\xff not a picture"), ["cat/a.jpg", "damaged"]),
    ("cgan", a_file("cat/a.webp", b"RIFF1234WEBP"), ["cat/a.webp", "damaged"]),
    ("cgan", a_file("data_batch_1.bin", bytes(3073)), ["data", "too few"]),
    ("tts", said("u1|Low sea.\n"), ["metadata.csv", "1 texts"]),
    ("tts", said("u1|Low sea.\nu2|Hello 漢.\n"), ["metadata.csv, line 2", "'漢' (U+6F22) is unknown"]),
    ("tts", said("u1|Low sea.\nu3|Hello.\n"), ["metadata.csv, line 2", "wavs/u3.wav"]),
    ("tts", said(TWO, u1="", u2=grid("h", "l")), ["TextGrid/u1.TextGrid"]),
    ("tts", said(TWO, u1=grid(), u2=grid("h", "l")), ["TextGrid/u1.TextGrid"]),
    ("tts", said(TWO, u1=grid("h", "l")), ["metadata.csv, line 2", "'u2' has no TextGrid"]),
    ("tts", said(TWO, u1=grid("h", "#7"), u2=grid("h", "l")), ["u1.TextGrid", "#7"]),
    (
        "tts",
        several(said(TWO), a_file("durations.json", "{"), a_file("wavs/u1.wav", b"RIFF")),
        ["durations.json", "cannot be read"],
    ),
]


@pytest.mark.parametrize(("trainer", "make", "says"), CASES, ids=lambda x: x if isinstance(x, str) else "")
def test_bad_data_is_one_line_that_names_it(
    trainer: str,
    make: Make,
    says: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "data"
    root.mkdir()
    make(root)
    before = sorted(tmp_path.rglob("*"))
    words = [f"data.root={root}", "size=tiny", "device=cpu", "run_dir=run", "trainer.max_steps=2"]
    words += ["data.rate_hz=8000"] if trainer in AUDIO else []
    assert main([trainer, "preset=fixed", *words]) == 2
    told = capsys.readouterr()
    for part in says:
        assert part in told.err
    assert len(told.err.splitlines()) == 1, told.err
    assert told.out == ""
    assert [p for p in sorted(tmp_path.rglob("*")) if p not in before and "home" not in p.parts] == []


@pytest.mark.parametrize("trainer", ["codec", "enhancement", "cgan", "vae", "tts"])
def test_a_gpu_that_is_not_there_and_a_folder_that_is_closed(
    trainer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "home"))
    words = ["size=tiny", "trainer.max_steps=1", f"run_dir={tmp_path / 'run'}"]
    assert main([trainer, *words, "device=cuda:0"]) == 2
    told = capsys.readouterr().err
    assert "device 'cuda:0': there is no such GPU" in told
    assert len(told.splitlines()) == 1
    root = tmp_path / "closed"
    root.mkdir()
    access = os.access
    # root may read everything: the answer of the system is put in its place
    monkeypatch.setattr(os, "access", lambda p, mode, **k: Path(p) != root and access(p, mode, **k))
    listing = os.scandir

    def refused(path: object = ".") -> object:
        if Path(os.fspath(path)) == root:  # type: ignore[call-overload]
            raise PermissionError(13, "Permission denied", str(root))
        return listing(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", refused)
    monkeypatch.setattr(os, "listdir", refused)
    assert main([trainer, *words, "device=cpu", f"data.root={root}"]) == 2
    told = capsys.readouterr().err
    assert str(root) in told
    assert len(told.splitlines()) == 1, told
    assert not (tmp_path / "run").exists()
