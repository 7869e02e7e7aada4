"""Timed readings: phonemes with bounds, the same each time, and texts that cannot be read."""

from pathlib import Path

import pytest
import soundfile

from trainers.kit.errors import BadInput
from trainers.kit.reading import PAUSE, checked, read_aloud


def test_phonemes_cover_the_sound(tmp_path: Path) -> None:
    one, two = read_aloud(["Hello there, world.", "It works."], "en-us", tmp_path)
    for i, reading in enumerate((one, two)):
        info = soundfile.info(tmp_path / f"{i:05d}.wav")
        assert reading.bounds[0] == 0
        assert reading.bounds[-1] == info.frames
        assert list(reading.bounds) == sorted(reading.bounds)
        assert len(reading.bounds) == len(reading.phonemes) + 1
        assert sum(reading.seconds) == pytest.approx(info.duration)
    assert [p for p in two.phonemes if p != PAUSE] == ["ɪ", "t", "w", "ˈɜː", "k", "s"]
    assert PAUSE in one.phonemes[1:-1], "the comma is a pause"
    assert not any(a == b == PAUSE for a, b in zip(one.phonemes, one.phonemes[1:], strict=False))


def test_without_a_folder_no_sound_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (silent,) = read_aloud(["It works."], "en-us")
    (loud,) = read_aloud(["It works."], "en-us", tmp_path)
    assert silent == loud
    assert [p.name for p in tmp_path.iterdir()] == ["00000.wav"]


def test_a_voice_that_is_none_is_named() -> None:
    with pytest.raises(BadInput, match="no voice 'tlh-klingon'"):
        read_aloud(["It works."], "tlh-klingon")


def test_without_the_wheel_says_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "espeakng_loader.py").write_text("raise ImportError('No module named espeakng_loader')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BadInput, match="pip install espeakng-loader"):
        read_aloud(["It works."], "en-us")


@pytest.mark.parametrize(
    ("text", "told"), [("a ☃", "U\\+2603"), ("— …", "nothing to say"), ("x" * 3000, "2000 at most")]
)
def test_texts_that_cannot_be_read(text: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        checked(text)
    assert checked("  Plain\n text,  né 42. ") == "Plain text, né 42."
