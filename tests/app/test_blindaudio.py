"""Sounds of blind tests: read from the usual files, made as loud, and what is no sound is said."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import soundfile

from app import blind, blindaudio
from nashboard.media import wav

RATE = 16000


def tone(hz: float, amplitude: float, seconds: float = 0.5) -> np.ndarray:
    at = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hz * at)).astype(np.float32)


def test_the_anchor_ends_at_three_and_a_half_kilohertz() -> None:
    both = blindaudio.Sound(RATE, (tone(3000, 0.3) + tone(4500, 0.3))[None].astype(float))
    spectrum = 2 * np.abs(np.fft.rfft(blindaudio.low_passed(both).samples[0])) / both.frames
    hz = np.fft.rfftfreq(both.frames, 1 / RATE)
    assert 20 * math.log10(spectrum[hz == 3000][0] / 0.3) == pytest.approx(0, abs=0.1)
    assert spectrum[hz == 4500][0] < 0.3 * 10 ** (-50 / 20)


def test_the_anchor_of_narrow_sounds_ends_at_half_their_band() -> None:
    at = np.arange(8000) / 8000
    both = blindaudio.Sound(8000, sum(0.3 * np.sin(2 * np.pi * hz * at) for hz in (1500, 3000))[None])
    spectrum = 2 * np.abs(np.fft.rfft(blindaudio.low_passed(both).samples[0])) / both.frames
    assert 20 * math.log10(spectrum[1500] / 0.3) == pytest.approx(0, abs=0.1)
    assert spectrum[3000] < 0.3 * 10 ** (-50 / 20)
    assert [blindaudio.anchor_hz(r) for r in (44100, 16000, 8001, 8000)] == [3500, 3500, 3500, 2000]


def test_matched_sounds_are_as_loud_as_the_reference() -> None:
    loud, soft = (blindaudio.Sound(RATE, tone(1000, a, 1.0)[None].astype(float)) for a in (0.8, 0.2))
    gains = blindaudio.matched({"R": soft, "A": loud})
    assert gains["R"] == 0.0
    assert gains["A"] == pytest.approx(-12.04, abs=0.02)
    lowered = blindaudio.matched({"R": loud, "A": blindaudio.Sound(RATE, soft.samples * 0 + 1e-9)})
    assert lowered["A"] <= 40.0
    silent = blindaudio.Sound(RATE, soft.samples * 0)
    assert blindaudio.matched({"A": silent, "B": silent}) == {"A": 0.0, "B": 0.0}


@pytest.mark.parametrize(("kind", "bits"), [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)])
def test_every_usual_wav_is_read(kind: int, bits: int) -> None:
    wave = tone(1000, 0.5, 0.01)
    if kind == 3:
        body = wave.astype(f"<f{bits // 8}").tobytes()
    elif bits == 8:
        body = (np.round(wave * 127) + 128).astype(np.uint8).tobytes()
    else:
        whole = np.round(wave * (2 ** (bits - 1) - 1)).astype("<i8")
        body = b"".join(int(v).to_bytes(bits // 8, "little", signed=True) for v in whole)
    form = b"".join(n.to_bytes(s, "little") for n, s in
                    ((kind, 2), (1, 2), (RATE, 4), (RATE * bits // 8, 4), (bits // 8, 2), (bits, 2)))  # fmt: skip
    note = b"LIST" + (6).to_bytes(4, "little") + b"secret"
    data = (
        b"fmt "
        + len(form).to_bytes(4, "little")
        + form
        + note
        + b"data"
        + len(body).to_bytes(4, "little")
        + body
    )
    found = blindaudio.decoded(b"RIFF" + (len(data) + 4).to_bytes(4, "little") + b"WAVE" + data, "it")
    assert np.abs(found.samples[0] - wave).max() < 2.0 ** -(min(bits, 24) - 2)


@pytest.mark.parametrize("data", [b"", b"RIFF0000WAVE", b"fLaC" + bytes(50), wav([0.0] * 9, RATE)[:40],
                                  wav([0.0], RATE)[:58]])  # fmt: skip
def test_what_is_no_sound_is_said(data: bytes) -> None:
    with pytest.raises(blind.BadInput, match="clip 3"):
        blindaudio.decoded(data, "clip 3")


@pytest.mark.parametrize(("form", "subtype", "near"), [("FLAC", "PCM_24", 1e-6), ("OGG", "VORBIS", 0.05)])
def test_packed_sounds_are_read(form: str, subtype: str, near: float) -> None:
    packed = io.BytesIO()
    stereo = np.stack([tone(440, 0.5), tone(660, 0.25)], axis=1)
    soundfile.write(packed, stereo, RATE, format=form, subtype=subtype)
    found = blindaudio.decoded(packed.getvalue(), "it")
    assert found.rate_hz == RATE
    assert found.samples.shape == (2, len(stereo))
    assert np.sqrt(np.mean((found.samples - stereo.T) ** 2)) < near
    with pytest.raises(blind.BadInput, match="WAV, FLAC, Ogg or MP3"):
        blindaudio.decoded(packed.getvalue()[:40], "it")


def test_what_unpacks_to_too_much_is_refused(monkeypatch) -> None:
    packed = io.BytesIO()
    soundfile.write(packed, tone(440, 0.5), RATE, format="FLAC")
    monkeypatch.setattr(blindaudio, "MOST_VALUES", 100)
    with pytest.raises(blind.BadInput, match="too long"):
        blindaudio.decoded(packed.getvalue(), "it")
