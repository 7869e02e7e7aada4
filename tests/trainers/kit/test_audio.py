"""Any folder of audio files: every format and rate, and every file that cannot be used named."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from trainers.kit import audio as kit
from trainers.kit.errors import BadInput


def test_reads_every_format_at_any_rate_to_one(tmp_path: Path, write_tone) -> None:
    for name, rate in (("a.wav", 8000), ("sub/b.flac", 44100), ("c.ogg", 22050), ("D.MP3", 16000)):
        write_tone(name, seconds=1.0, rate_hz=rate)
    bank = kit.load(str(tmp_path / "audio"), 16000)
    assert [c.id for c in bank.clips] == ["D.MP3", "a.wav", "c.ogg", "sub/b.flac"]
    for clip in bank.clips:
        assert clip.length == pytest.approx(16000, abs=1200), clip.id
        loudest = np.abs(np.fft.rfft(bank.wave(clip)[:16000]))[20:].argmax() + 20
        assert loudest == pytest.approx(150, abs=3), clip.id
    assert bank.skipped == ()


def test_level_and_channels(tmp_path: Path) -> None:
    left = np.full(4000, 0.5, np.float32)
    soundfile.write(tmp_path / "stereo.wav", np.stack([left, -0.1 * left], 1), 8000, subtype="FLOAT")
    as_is = kit.load(str(tmp_path), 8000)
    assert as_is.wave(as_is.clips[0]) == pytest.approx(0.225)
    levelled = kit.load(str(tmp_path), 8000, rms=0.1)
    assert np.sqrt(np.mean(levelled.samples**2)) == pytest.approx(0.1, rel=1e-5)


def broken(folder: Path, write_tone) -> None:
    write_tone("good.wav")
    write_tone("short.wav", seconds=0.1)
    soundfile.write(folder / "silent.wav", np.zeros(8000, np.float32), 8000)
    soundfile.write(folder / "empty.wav", np.zeros(0, np.float32), 8000)
    wave = np.full(8000, 0.1, np.float32)
    wave[[5, 6]] = np.nan, np.inf
    soundfile.write(folder / "nan.wav", wave, 8000, subtype="FLOAT")
    (folder / "text.flac").write_text("no audio")
    (folder / "zero.mp3").write_bytes(b"")
    (folder / "notes.txt").write_text("passed over without a word")


def test_names_what_it_skips_and_why(tmp_path: Path, write_tone) -> None:
    broken(write_tone("x.wav").parent, write_tone)
    bank = kit.load(str(tmp_path / "audio"), 8000, shortest=1024)
    assert [c.id for c in bank.clips] == ["good.wav", "x.wav"]
    reasons = {s.path: s.reason for s in bank.skipped}
    assert set(reasons) == {"short.wav", "silent.wav", "empty.wav", "nan.wav", "text.flac", "zero.mp3"}
    assert reasons["short.wav"] == "too short: 800 samples at 8000 Hz, fewer than a crop of 1024"
    assert reasons["silent.wav"].startswith("silent")
    assert reasons["empty.wav"].startswith("empty")
    assert reasons["nan.wav"] == "2 of 8000 samples are NaN or infinite"
    assert reasons["text.flac"].startswith("cannot be read")
    assert reasons["zero.mp3"].startswith("cannot be read")
    assert all("\n" not in r for r in reasons.values())


def test_nothing_left_says_why(tmp_path: Path, write_tone) -> None:
    write_tone("short.wav", seconds=0.1)
    with pytest.raises(BadInput, match=r"none of its 1 files.*short\.wav: too short.*lower data\.crop"):
        kit.load(str(tmp_path / "audio"), 8000, shortest=1024)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: None, "there is no such folder"),
        (lambda p: p.write_text("x"), "is a file"),
        (lambda p: p.mkdir(), "holds no wav, flac, ogg or mp3"),
    ],
)
def test_a_folder_that_cannot_be_used(tmp_path: Path, make, says: str) -> None:
    root = tmp_path / "it=[(~"
    make(root)
    with pytest.raises(BadInput, match=says) as caught:
        kit.load(str(root), 8000)
    assert repr(str(root)) in str(caught.value)


def test_a_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit.os, "access", lambda path, mode: False)  # root may read everything
    with pytest.raises(BadInput, match="cannot be read"):
        kit.load(str(tmp_path), 8000)


def test_a_subfolder_that_cannot_be_read_is_named(audio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = kit.os.walk

    def closed(folder: Path, onerror):  # root may read everything, so that chmod would not do
        onerror(PermissionError(13, "Permission denied", str(folder / "closed")))
        yield from walk(folder)

    monkeypatch.setattr(kit.os, "walk", closed)
    bank = kit.load(str(audio), 8000)
    assert len(bank.clips) == 6
    assert [(s.path, s.reason) for s in bank.skipped] == [
        (str(audio / "closed"), "folder: Permission denied")
    ]


def test_speakers_from_the_manifest(audio: Path) -> None:
    (audio / "manifest.csv").write_text(
        "path,speaker,note\nt0.wav,ann,\nt1.wav,bob,\ngone.wav,ann,\nt2.wav,,\n"
    )
    bank = kit.load(str(audio), 8000)
    assert [c.speaker for c in bank.clips] == ["ann", "bob", "", "", "", ""]
    assert [(s.path, s.reason) for s in bank.skipped] == [
        ("gone.wav", "named in manifest.csv, but not there")
    ]


def test_a_manifest_without_speakers_or_none_at_all(audio: Path) -> None:
    (audio / "manifest.csv").write_text("file;who\nt0.wav;ann\n")
    assert {c.speaker for c in kit.load(str(audio), 8000).clips} == {""}
    (audio / "manifest.csv").write_bytes(b"\xff\xfe\x00garbage")
    with pytest.raises(BadInput, match=r"manifest\.csv cannot be read"):
        kit.load(str(audio), 8000)


def test_a_large_bank_is_mapped_and_made_once(
    audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "home"))
    (audio / "bad.wav").write_text("no audio")
    small = kit.load(str(audio), 8000, rms=0.1)
    monkeypatch.setattr(kit, "IN_MEMORY", 1000)
    large = kit.load(str(audio), 8000, rms=0.1)
    assert isinstance(large.samples, np.memmap)
    assert (large.clips, large.skipped) == (small.clips, small.skipped)
    assert np.array_equal(large.samples, small.samples)
    monkeypatch.setattr(kit, "decode", lambda *a, **k: pytest.fail("decoded again"))
    assert np.array_equal(kit.load(str(audio), 8000, rms=0.1).samples, small.samples)
    monkeypatch.undo()
    assert len(list((tmp_path / "home" / "banks").iterdir())) == 1


def test_a_full_or_readonly_cache_is_named(
    audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(kit, "IN_MEMORY", 1000)
    with pytest.raises(BadInput, match="NASHBOARD_HOME"):
        kit.load(str(audio), 8000)
