"""The demo speech: made in a fresh process, whole or not at all, the same each time."""

import csv
import hashlib
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
import soundfile

from trainers.kit import demo
from trainers.kit.errors import BadInput


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(demo, "EACH", 2)
    return tmp_path / "home"


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_speaks_several_voices_at_the_asked_rate(home: Path) -> None:
    folder = demo.demo_folder(8000)
    with open(folder / "manifest.csv", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert len({r["speaker"] for r in rows}) == len(demo.VOICES)
    assert len(rows) == 2 * len(demo.VOICES)
    for row in rows:
        info = soundfile.info(folder / row["path"])
        assert info.samplerate == 8000
        assert 1.0 < info.duration < 8.0
        assert info.duration == pytest.approx(float(row["seconds"]), abs=1e-3)
    waves = [soundfile.read(folder / r["path"])[0] for r in rows]
    assert all(abs(w).max() > 0.05 for w in waves)
    assert len(set(digests(folder).values())) == len(rows) + 1


def test_is_the_same_every_time_and_kept(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = demo.demo_folder(22050)
    made = digests(first)
    stamp = (first / "manifest.csv").stat().st_mtime_ns
    assert demo.demo_folder(22050) == first
    assert (first / "manifest.csv").stat().st_mtime_ns == stamp
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "other"))
    assert digests(demo.demo_folder(22050)) == made


def test_two_that_start_at_once_do_not_clash(home: Path) -> None:
    script = "from trainers.kit import demo; demo.EACH = 2; print(demo.demo_folder(16000))"
    both = [
        subprocess.Popen([sys.executable, "-c", script], stdout=PIPE, stderr=PIPE, text=True)
        for _ in range(2)
    ]
    said = [p.communicate(timeout=120) for p in both]
    assert [p.returncode for p in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    folder = Path(said[0][0].strip())
    assert len(list(folder.glob("*.wav"))) == 2 * len(demo.VOICES)
    assert [p.name for p in folder.parent.iterdir()] == [folder.name], "no half-made folder stays behind"


def test_without_the_wheel_says_the_way_out(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "espeakng_loader.py").write_text("raise ImportError('No module named espeakng_loader')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BadInput, match=r"needs eSpeak NG .*pip install espeakng-loader.*data\.root=DIR"):
        demo.demo_folder(8000)
    assert list((home / "demo").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "file"))
    with pytest.raises(BadInput, match="NASHBOARD_HOME"):
        demo.demo_folder(8000)
