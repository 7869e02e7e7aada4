"""Features: durations add up to frames, alignment follows a known reading, the cache and the demo corpus."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from recipes.compose import build
from recipes.tts import Tts
from trainers.kit.errors import BadInput
from trainers.kit.reading import read_aloud
from trainers.tts import demo
from trainers.tts.features import features


def test_durations_are_whole_frames_of_the_whole_recording(recipe: Callable[..., Tts]) -> None:
    found = features(recipe())
    assert len(found.utterances) == 8
    for u in found.utterances:
        assert sum(u.durations) == u.frames
        assert len(u.durations) == len(u.phonemes)
        rows, tracks = found.mel[u.start : u.start + u.frames], found.tracks[u.start : u.start + u.frames]
        assert np.isfinite(rows).all()
        assert (rows >= 0).all()
        voiced = tracks[:, 0][tracks[:, 0] > 0]
        assert 100 < np.median(voiced) < 210


def test_the_cache_follows_settings_and_files(recipe: Callable[..., Tts], home: Path, corpus: Path) -> None:
    for patch in ({}, {}, {"mel.scale": "log1p"}, {"mel.n_mels": 20}):
        features(recipe("fixed", patch))
    assert len(list((home / "tts").iterdir())) == 2  # the scale is no matter of the features
    wave, rate = soundfile.read(corpus / "wavs" / "u0.wav", dtype="float32")
    soundfile.write(corpus / "wavs" / "u0.wav", wave[:-80], rate, subtype="FLOAT")
    features(recipe())
    assert len(list((home / "tts").iterdir())) == 3


def test_alignment_of_another_voice_is_near_its_own_events(tmp_path: Path) -> None:
    texts = ["Seven yellow kites were flying over the car park.", "The fox crossed the road into the hedge."]
    (tmp_path / "c" / "wavs").mkdir(parents=True)
    slow = read_aloud(texts, "en-us+m3", tmp_path / "c" / "wavs", rate=130, pitch=35)
    lines = [f"{i:05d}|{t}|{t}\n" for i, t in enumerate(texts)]
    (tmp_path / "c" / "metadata.csv").write_text("".join(lines))
    patch = {"data.root": str(tmp_path / "c"), "data.rate_hz": 16000}
    found = features(build("tts", "fixed", "tiny", patch))  # type: ignore[arg-type]
    assert found.source == "DTW-aligned"
    for u, reading in zip(found.utterances, slow, strict=True):
        assert u.phonemes == reading.phonemes
        ours = np.cumsum(u.durations)[:-1] * 256 / 16000
        theirs = np.array(reading.bounds[1:-1]) / reading.rate_hz
        assert np.median(np.abs(ours - theirs)) < 0.05
        even = np.linspace(0, theirs[-1], len(theirs) + 1)[1:]
        assert np.abs(ours - theirs).mean() < np.abs(even - theirs).mean() / 2


def test_long_clips_are_left_out(recipe: Callable[..., Tts], corpus: Path) -> None:
    seconds = sorted(soundfile.info(p).duration for p in (corpus / "wavs").iterdir())
    found = features(recipe("fixed", {"data.max_seconds": seconds[-2] + 1e-4}))
    assert (len(found.utterances), len(found.skipped)) == (7, 1) or seconds[-1] == seconds[-2]
    assert all("longer than data.max_seconds" in s.reason for s in found.skipped)
    with pytest.raises(BadInput, match="0 of its 8 recordings can be used"):
        features(recipe("fixed", {"data.max_seconds": 0.3}))


def test_the_demo_corpus_has_events_for_durations(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "USED", demo.MORE[:4])
    found = features(build("tts", "fixed", "tiny"))  # type: ignore[arg-type]
    assert (found.source, len(found.utterances)) == ("eSpeak NG", 4)
    assert demo.folder() == demo.folder()
    assert [p.name for p in (home / "demo").iterdir()] == ["tts-v1-4"]
