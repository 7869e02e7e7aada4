"""Samples as bytes: float WAV, PNG, and the folder that keeps them by digest.

Nothing here normalises or clips without saying so. Waves and pixels may be lists, `array.array`, anything
with the buffer protocol, numpy arrays or torch tensors; neither library is imported for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nashboard.arrays import FLOATS, Shape, flatten
from nashboard.journalfile import told
from nashboard.loudness import facts as _loudness_facts
from nashboard.pixels import as_image, png

__all__ = ["Wave", "as_image", "as_wave", "audio_facts", "histogram", "png", "store", "wav", "write_wav"]

FOLDER = "samples"
MAX_CHANNELS = 64
_FULL_SCALE = {"b": 2.0**7, "h": 2.0**15, "i": 2.0**31}


@dataclass(frozen=True)
class Wave:
    """Sound as one float32 array a channel, all of one length, full scale 1.0."""

    channels: list[array[float]]

    @property
    def samples(self) -> int:
        return len(self.channels[0])


def as_wave(wave: Any) -> Wave:
    """``wave`` of shape [samples] or [channels, samples] as a `Wave`; axes of length 1 in front are dropped.

    Integers count as fixed point: int16 is divided by 32768, int32 by 2**31, int8 by 128.

    Raises:
        ValueError: for an empty wave, channels of different lengths, or another shape.
        TypeError: for what holds no numbers.
    """
    if isinstance(wave, Wave):
        return wave
    given, flat = _floats(wave)
    shape = given
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) == 1:
        shape = (1, *shape)
    if len(shape) != 2 or not shape[0] or not shape[1]:
        raise ValueError(f"a wave has the shape [samples] or [channels, samples], not {list(given)}")
    channels, samples = shape
    if channels > MAX_CHANNELS:
        raise ValueError(
            f"a wave of {channels} channels and {samples} samples: its shape is [channels, samples]"
        )
    return Wave([flat[i * samples : (i + 1) * samples] for i in range(channels)])


def _floats(data: Any) -> tuple[Shape, array[float]]:
    """(shape, float32 numbers in row order), fixed point brought to full scale 1.0."""
    shape, numbers = flatten(data)
    if isinstance(numbers, array):
        if numbers.typecode in _FULL_SCALE:
            scale = 1.0 / _FULL_SCALE[numbers.typecode]
            return shape, array("f", [v * scale for v in numbers])
        if numbers.typecode not in FLOATS:
            raise TypeError(
                "a wave is made of floats of full scale 1.0, or of signed 8, 16 or 32 bit integers"
            )
        if numbers.typecode == "f":
            return shape, numbers
    return shape, array("f", numbers)


def audio_facts(wave: Any, rate_hz: int) -> dict[str, Any]:
    """What is measured of a wave before anything is done to it: see `nashboard.loudness.facts`."""
    return _loudness_facts(as_wave(wave).channels, _rate(rate_hz))


def _rate(rate_hz: Any) -> int:
    if isinstance(rate_hz, bool) or not isinstance(rate_hz, int | float) or not 1 <= rate_hz <= 2**24:
        raise ValueError(f"rate_hz is a sampling rate in Hz, not {rate_hz!r:.40}")
    if rate_hz != int(rate_hz):
        raise ValueError(f"rate_hz is a whole number of Hz, not {rate_hz!r:.40}")
    return int(rate_hz)


def wav(wave: Any, rate_hz: int) -> bytes:
    """A WAV file of 32-bit floats (RIFF, format 3), each sample as it is, NaN and overload included."""
    sound, rate = as_wave(wave), _rate(rate_hz)
    count = len(sound.channels)
    mixed = array("f", bytes(4 * count * sound.samples))
    for i, channel in enumerate(sound.channels):
        mixed[i::count] = channel
    if sys.byteorder == "big":
        mixed.byteswap()
    data = mixed.tobytes()
    if len(data) > 2**32 - 100:
        raise ValueError(f"a wave of {len(data)} bytes does not fit into a WAV file")
    return b"".join(
        (
            struct.pack("<4sI4s", b"RIFF", 4 + 26 + 12 + 8 + len(data), b"WAVE"),
            struct.pack("<4sIHHIIHHH", b"fmt ", 18, 3, count, rate, rate * 4 * count, 4 * count, 32, 0),
            struct.pack("<4sII", b"fact", 4, sound.samples),
            struct.pack("<4sI", b"data", len(data)),
            data,
        )
    )


def write_wav(path: str | os.PathLike[str], wave: Any, rate_hz: int) -> None:
    """Writes `wav` to ``path``, whole or not at all."""
    _write(Path(path), wav(wave, rate_hz))


def store(run_dir: str | os.PathLike[str], data: bytes, ext: str) -> str:
    """Keeps bytes at ``samples/<sha256>.<ext>`` and returns the digest; the same bytes are written once.

    Raises:
        JournalFull: when there is no room, naming the file.
    """
    digest = hashlib.sha256(data).hexdigest()
    path = Path(run_dir) / FOLDER / f"{digest}.{ext}"
    with contextlib.suppress(OSError):
        if path.stat().st_size == len(data):
            return digest
    _write(path, data)
    return digest


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise told(problem, path, "cannot be written") from problem


def histogram(values: Sequence[float] | Any, bins: int = 64) -> tuple[list[float], list[float]]:
    """(edges, counts) of the finite values in ``bins`` equal bins from the least to the greatest.

    Raises:
        ValueError: when no value is finite, or ``bins`` is not positive.
    """
    _, flat = flatten(values)
    finite = [v for v in flat if v - v == 0.0]
    if not finite or bins < 1:
        raise ValueError(f"a histogram of {len(flat)} values, {len(finite)} of them finite, in {bins} bins")
    low, high = min(finite), max(finite)
    if low == high:
        high = low + max(1.0, abs(low) * 1e-9)
    half = high / 2 - low / 2  # halves, as the whole span of two floats may be more than a float holds
    counts = [0.0] * bins
    for v in finite:
        counts[min(int((v / 2 - low / 2) / half * bins), bins - 1)] += 1.0
    return [low * (1 - i / bins) + high * (i / bins) for i in range(bins + 1)], counts
