"""Images as bytes: a PNG encoder, and what is known of an image that comes encoded."""

from __future__ import annotations

import struct
import zlib
from array import array
from copy import copy
from typing import Any

from nashboard.arrays import FLOATS, Numbers, flatten

_COLOUR = {1: 0, 2: 4, 3: 2, 4: 6}  # PNG's colour type by number of channels
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def as_image(pixels: Any) -> tuple[bytes, str, dict[str, Any]]:
    """(bytes, file ending, facts) of an encoded image, kept as it is, or of pixels, encoded as PNG.

    Facts of pixels: width, height, channels, low, high, clipped_share (share of values outside the range that
    PNG can hold, cut off), nonfinite (shown as black). Of an encoded image: width and height where known.

    Raises:
        ValueError, TypeError: for what is neither, naming the shape.
    """
    if isinstance(pixels, bytes | bytearray):
        return _encoded(bytes(pixels))
    height, width, channels, values = _grid(pixels)
    data, facts = _bytes(values)
    facts = {"width": width, "height": height, "channels": channels, **facts}
    return _png(data, width, height, channels), "png", facts


def png(pixels: Any) -> bytes:
    """Pixels as a PNG file.

    ``pixels`` has the shape [height, width], [height, width, channels] or [channels, height, width] with 1
    (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels: whole numbers 0 to 255, or floats 0.0 to 1.0. What
    lies outside is cut off, NaN becomes black; `as_image` says how much.
    """
    height, width, channels, values = _grid(pixels)
    return _png(_bytes(values)[0], width, height, channels)


def _encoded(data: bytes) -> tuple[bytes, str, dict[str, Any]]:
    if data.startswith(_SIGNATURE) and len(data) >= 33:
        width, height = struct.unpack(">II", data[16:24])
        return data, "png", {"width": width, "height": height}
    if data.startswith(b"\xff\xd8\xff"):
        return data, "jpg", {}
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return data, "webp", {}
    raise ValueError(f"{len(data)} bytes that are no PNG, JPEG or WebP; pixels come as rows or as an array")


def _grid(pixels: Any) -> tuple[int, int, int, Numbers]:
    """(height, width, channels, values in row order, channel last)."""
    given, values = flatten(pixels)
    shape = given
    if len(shape) == 4 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) == 2:
        shape = (*shape, 1)
    if 0 not in shape and len(shape) == 3:
        if shape[2] in _COLOUR:
            return *shape, values
        if shape[0] in _COLOUR:
            channels, height, width = shape
            planes = [values[i * height * width : (i + 1) * height * width] for i in range(channels)]
            mixed = copy(values)
            for i, plane in enumerate(planes):
                mixed[i::channels] = plane  # type: ignore[assignment]
            return height, width, channels, mixed
    raise ValueError(
        f"pixels have the shape [height, width], [height, width, 1 to 4] or [1 to 4, height, width], "
        f"not {list(given)}"
    )


def _bytes(values: Numbers) -> tuple[bytes, dict[str, Any]]:
    """(one byte a value, facts): floats are 0.0 to 1.0, whole numbers 0 to 255."""
    if isinstance(values, array) and values.typecode == "B":
        return values.tobytes(), {
            "low": min(values),
            "high": max(values),
            "clipped_share": 0.0,
            "nonfinite": 0,
        }
    finite = [v for v in values if v - v == 0]
    bad = len(values) - len(finite)
    low, high = (min(finite), max(finite)) if finite else (0, 0)
    if isinstance(values, array):
        unit = values.typecode in FLOATS
    else:  # of a list, one float makes floats; booleans alone are black and white
        unit = any(type(v) is float for v in values) or all(type(v) is bool for v in values)
    top, scale = (1, 255.0) if unit else (255, 1)
    facts = {"low": low, "high": high, "clipped_share": 0.0, "nonfinite": bad}
    if bad or low < 0 or high > top:
        cut = sum(v < 0 or v > top for v in values)
        facts["clipped_share"] = cut / len(values)
        values = [0 if v != v else 0 if v < 0 else top if v > top else v for v in values]
    return bytes([int(v * scale + 0.5) for v in values]), facts


def _png(data: bytes, width: int, height: int, channels: int) -> bytes:
    row = width * channels
    rows = b"".join(b"\0" + data[i : i + row] for i in range(0, len(data), row))  # 0: no filter
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR[channels], 0, 0, 0)
    return b"".join(
        (_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows, 6)), _chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
