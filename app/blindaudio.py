"""Sounds of blind tests: read from WAV, FLAC, Ogg or MP3, made alike, and written anew as WAV, so that a file tells
nothing but its sound.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput
from nashboard.media import audio_facts, wav

ANCHOR_HZ = 3500.0
EDGE_HZ = 500.0
NOISE = 2.0**-24
"""Half the width of the noise that makes each sound's bytes its own: about -146 dBFS RMS, far below hearing."""
MOST_RAISED_DB = 40.0
MOST_VALUES = 2**26
"""Samples of all channels that a packed file may unpack to: 12 minutes of stereo at 44.1 kHz."""
PACKED = ("FLAC", "OGG", "MP3")

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Sound:
    """Samples [channels, frames], full scale 1.0."""

    rate_hz: int
    samples: Samples

    @property
    def frames(self) -> int:
        return int(self.samples.shape[1])


def decoded(data: bytes, what: str) -> Sound:
    """The sound of a WAV file (PCM of 8 to 32 bits, or floats) or of a packed one: FLAC, Ogg (Vorbis, Opus), MP3.

    NaN and Inf count as 0, as no device plays them.

    Raises:
        BadInput: no such file; ``what`` names it.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return _unpacked(data, what)
    form: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt " and len(body) >= 16:
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
            if kind == 0xFFFE and len(body) >= 26:
                kind = int.from_bytes(body[24:26], "little")
            form = (kind, channels, rate, bits)
        elif name == b"data" and form is not None:
            return _samples(body, form, what)
        at += 8 + size + size % 2
    raise BadInput(f"{what} is a WAV file without sound, or is cut off", field="slots")


def _unpacked(data: bytes, what: str) -> Sound:
    import soundfile  # only where such a sound is met: WAV needs no library

    problem = BadInput(f"{what} cannot be read as WAV, FLAC, Ogg or MP3", field="slots")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.format not in PACKED or not file.frames:
                raise problem
            if file.frames * file.channels > MOST_VALUES:
                raise BadInput(f"{what} is too long for a blind test", field="slots")
            flat = file.read(dtype="float64", always_2d=True)
            rate = int(file.samplerate)
    except (soundfile.LibsndfileError, RuntimeError, OSError, ValueError, TypeError):
        raise problem from None
    if not len(flat):
        raise problem
    return Sound(rate, np.nan_to_num(flat, nan=0.0, posinf=0.0, neginf=0.0).T)


def _samples(body: bytes, form: tuple[int, int, int, int], what: str) -> Sound:
    kind, channels, rate, bits = form
    width = bits // 8
    if not 1 <= channels <= 64 or not 1 <= rate <= 2**24 or (kind, bits) not in _KINDS:
        raise BadInput(f"{what} has a coding of WAV that is not read here: format {kind}, {bits} bits")
    frames = len(body) // (width * channels)
    if not frames:
        raise BadInput(f"{what} is a WAV file without sound", field="slots")
    flat = _KINDS[kind, bits](body[: frames * width * channels])
    return Sound(rate, np.nan_to_num(flat, nan=0.0, posinf=0.0, neginf=0.0).reshape(frames, channels).T)


def _wide(body: bytes) -> Samples:
    """PCM of 24 bits: the upper three bytes of 32."""
    padded = np.zeros((len(body) // 3, 4), np.uint8)
    padded[:, 1:] = np.frombuffer(body, np.uint8).reshape(-1, 3)
    return padded.view("<i4")[:, 0] / 2.0**31


_KINDS = {
    (1, 8): lambda body: (np.frombuffer(body, np.uint8) - 128.0) / 2.0**7,
    (1, 16): lambda body: np.frombuffer(body, "<i2") / 2.0**15,
    (1, 24): _wide,
    (1, 32): lambda body: np.frombuffer(body, "<i4") / 2.0**31,
    (3, 32): lambda body: np.frombuffer(body, "<f4").astype(np.float64),
    (3, 64): lambda body: np.frombuffer(body, "<f8").astype(np.float64),
}


def anchor_hz(rate_hz: int) -> float:
    """Where the low anchor ends: at 3.5 kHz as in ITU-R BS.1534, or at half the band of sounds that hold no more.

    Up to 8 kHz a cut at 3.5 kHz would leave the reference as it is.
    """
    return ANCHOR_HZ if rate_hz > 2 * (ANCHOR_HZ + EDGE_HZ) else rate_hz / 4


def low_passed(sound: Sound) -> Sound:
    """The low anchor: flat up to `anchor_hz`, nothing from 500 Hz above it on, a raised cosine between; zero phase."""
    count = sound.frames
    padded = count + 2 * int(sound.rate_hz * 0.05)  # what rings past an end must not come back at the other
    spectrum = np.fft.rfft(sound.samples, padded, axis=1)
    hz = np.fft.rfftfreq(padded, 1.0 / sound.rate_hz)
    edge = np.clip((hz - anchor_hz(sound.rate_hz)) / EDGE_HZ, 0.0, 1.0)
    return Sound(
        sound.rate_hz,
        np.fft.irfft(spectrum * (0.5 + 0.5 * np.cos(np.pi * edge)), padded, axis=1)[:, :count],
    )


def alike(sound: Sound, frames: int, channels: int) -> Sound:
    """The first ``frames`` of the sound; one channel is heard from all."""
    samples = sound.samples[:, :frames]
    if len(samples) == 1 and channels > 1:
        samples = np.repeat(samples, channels, axis=0)
    return Sound(sound.rate_hz, samples)


def written(sound: Sound, gain_db: float, noise: int) -> bytes:
    """A WAV file of 32-bit floats, with the gain and with noise of its own, so that no two files have equal bytes."""
    generator = np.random.default_rng(noise)
    shape = sound.samples.shape
    dither = NOISE * (generator.random(shape) - generator.random(shape))
    return wav((sound.samples * 10.0 ** (gain_db / 20.0) + dither).astype(np.float32), sound.rate_hz)


def loudness(sound: Sound) -> tuple[float, float, float]:
    """(loudness in LUFS, RMS in dBFS, peak in dBFS); -inf for silence, NaN in LUFS where it is not defined."""
    facts: dict[str, Any] = audio_facts(sound.samples.astype(np.float32), sound.rate_hz)
    lufs = math.nan if facts["lufs"] is None else float(facts["lufs"])
    return lufs, float(facts["rms_dbfs"]), float(facts["peak_dbfs"])


def matched(sounds: Mapping[str, Sound]) -> dict[str, float]:
    """Gains in dB that bring sounds to one loudness: the reference's (``R``), the quietest's where there is none.

    In LUFS, in RMS where one is too short for that. All are lowered together where one would pass full scale;
    silence stays as it is, and nothing is raised by more than 40 dB.
    """
    measured = {key: loudness(sound) for key, sound in sounds.items()}
    unit = 1 if any(math.isnan(m[0]) for m in measured.values()) else 0
    levels = {key: m[unit] for key, m in measured.items() if math.isfinite(m[unit])}
    if not levels:
        return dict.fromkeys(sounds, 0.0)
    target = levels["R"] if "R" in levels else min(levels.values())
    gains = {k: min(target - levels[k], MOST_RAISED_DB) if k in levels else 0.0 for k in sounds}
    over = max(0.0, *(measured[k][2] + gains[k] for k in levels))
    return {key: round(gain - over, 3) for key, gain in gains.items()}
