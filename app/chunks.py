"""Chunks: some thousand points of a series, compressed, with a summary that can stand for them.

Layout of the bytes: version (1 byte), flags (1 byte: bit 0 is set when the values are exact as float32), then
one zstd frame of steps, times and values, each as differences of its bit pattern, shuffled so that bytes of
equal weight lie together. Integers wrap, so every column comes back bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

SIZE = 4096
VERSION = 1
NAN, INFINITY, MINUS_INFINITY = 1, 2, 3
KINDS = {NAN: "NaN", INFINITY: "Infinity", MINUS_INFINITY: "-Infinity"}
_LEVEL = 3


class BadChunk(ValueError):
    """Bytes that are no chunk of ours."""


@dataclass(frozen=True)
class Columns:
    """Points as they came, each column (n,): ``step`` int64, ``time`` (Unix s) and ``value`` float64."""

    step: NDArray[np.int64]
    time: NDArray[np.float64]
    value: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.step)

    def part(self, start: int, stop: int) -> Columns:
        return Columns(self.step[start:stop], self.time[start:stop], self.value[start:stop])


def columns(steps: Any, times: Any, values: Any) -> Columns:
    """Columns of sequences of the same length."""
    return Columns(np.asarray(steps, np.int64), np.asarray(times, np.float64), np.asarray(values, np.float64))


def joined(parts: list[Columns]) -> Columns:
    """The parts, one after another; empty columns for no parts."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return columns([], [], [])
    return Columns(
        np.concatenate([p.step for p in parts]),
        np.concatenate([p.time for p in parts]),
        np.concatenate([p.value for p in parts]),
    )


def codes(value: NDArray[np.float64]) -> NDArray[np.int8]:
    """0 where finite, else `NAN`, `INFINITY` or `MINUS_INFINITY`; shape (n,) int8."""
    found = np.zeros(len(value), np.int8)
    bad = ~np.isfinite(value)
    if bad.any():
        found[bad] = np.where(np.isnan(value[bad]), NAN, np.where(value[bad] > 0, INFINITY, MINUS_INFINITY))
    return found


def restored(value: NDArray[np.float64], code: NDArray[Any]) -> NDArray[np.float64]:
    """Values with the non-finite ones put back by their code."""
    out = value.copy()
    out[code == NAN], out[code == INFINITY], out[code == MINUS_INFINITY] = np.nan, np.inf, -np.inf
    return out


def _packed(column: NDArray[Any]) -> bytes:
    bits = column.view(f"<u{column.dtype.itemsize}")
    delta = np.empty_like(bits)
    delta[:1] = bits[:1]
    np.subtract(bits[1:], bits[:-1], out=delta[1:])
    return delta.view(np.uint8).reshape(len(column), -1).T.tobytes()


def _unpacked(raw: memoryview, count: int, kind: str) -> NDArray[Any]:
    width = np.dtype(kind).itemsize
    plain = np.frombuffer(raw, np.uint8).reshape(width, count).T.copy()
    delta = plain.reshape(-1).view(f"<u{width}")
    return np.cumsum(delta, dtype=delta.dtype).view(kind)


def raw(points: Columns) -> bytes:
    """The columns one after another, uncompressed, little-endian: 24 bytes a point."""
    parts = zip((points.step, points.time, points.value), _RAW, strict=True)
    return b"".join(column.astype(kind).tobytes() for column, kind in parts)


def from_raw(data: bytes, count: int) -> Columns:
    """The points in bytes made by `raw`. Raises `BadChunk`."""
    if len(data) != 24 * count:
        raise BadChunk(f"a piece of {len(data)} bytes where {count} points need {24 * count}")
    step, time, value = (np.frombuffer(data, kind, count, 8 * count * n) for n, kind in enumerate(_RAW))
    return columns(step, time, value)


_RAW = ("<i8", "<f8", "<f8")


def encode(points: Columns) -> bytes:
    """The points as bytes; values as float32 only where that is exact for each of them."""
    with np.errstate(over="ignore", invalid="ignore"):
        short = points.value.astype("<f4")
        exact = bool(np.array_equal(short.astype("<f8"), points.value, equal_nan=True))
    values = short if exact else np.ascontiguousarray(points.value, "<f8")
    raw = (
        _packed(np.ascontiguousarray(points.step, "<i8"))
        + _packed(np.ascontiguousarray(points.time, "<f8"))
        + _packed(values)
    )
    return bytes((VERSION, int(exact))) + zstandard.ZstdCompressor(level=_LEVEL).compress(raw)


def decode(data: bytes, count: int) -> Columns:
    """The points in bytes made by `encode`. Raises `BadChunk`."""
    if len(data) < 2 or data[0] != VERSION:
        raise BadChunk(f"a chunk of version {data[:1].hex() or 'none'}; this version reads {VERSION}")
    kind = "<f4" if data[1] & 1 else "<f8"
    size = count * (16 + np.dtype(kind).itemsize)
    try:
        raw = memoryview(zstandard.ZstdDecompressor().decompress(data[2:], max_output_size=size))
    except zstandard.ZstdError as problem:
        raise BadChunk(f"a broken chunk: {problem}") from None
    if len(raw) != size:
        raise BadChunk(f"a chunk of {len(raw)} bytes where {count} points need {size}")
    return Columns(
        _unpacked(raw[: 8 * count], count, "<i8"),
        _unpacked(raw[8 * count : 16 * count], count, "<f8"),
        _unpacked(raw[16 * count :], count, kind).astype(np.float64),
    )


def row(series_id: int, index: int, points: Columns) -> dict[str, Any]:
    """A row of the table of chunks: the bytes and the summary. ``points`` is not empty."""
    step, time, value = points.step, points.time, points.value
    finite = np.isfinite(value)
    known = bool(finite.any())
    low = int(np.argmin(np.where(finite, value, np.inf))) if known else 0
    high = int(np.argmax(np.where(finite, value, -np.inf))) if known else 0
    return {
        "series_id": series_id,
        "index": index,
        "count": len(step),
        "step_low": int(step.min()),
        "step_high": int(step.max()),
        "step_last": int(step[-1]),
        "ordered": bool((np.diff(step) >= 0).all()),
        "low": float(value[low]) if known else None,
        "low_at": low,
        "low_step": int(step[low]),
        "low_time": float(time[low]),
        "high": float(value[high]) if known else None,
        "high_at": high,
        "high_step": int(step[high]),
        "high_time": float(time[high]),
        "first": float(value[0]) if finite[0] else None,
        "first_time": float(time[0]),
        "last": float(value[-1]) if finite[-1] else None,
        "last_time": float(time[-1]),
        "nonfinite": int(len(step) - finite.sum()),
        "data": encode(points),
    }
