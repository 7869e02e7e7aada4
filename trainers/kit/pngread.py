"""PNG files read with zlib and numpy alone: 1 to 16 bits a channel, grey, RGB or palette, alpha or not.

Interlaced files are refused; they are rare in data sets.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
MOST = 64_000_000  # pixels

Pixels = NDArray[np.uint8]


class BadPng(ValueError):
    """A file that is no PNG, is damaged, or is of a kind that is not read; the message says which."""


def read(path: Path) -> Pixels:
    """The pixels ``[height, width, 3]``; transparent ones on white. Raises `BadPng` and OSError."""
    return decode(path.read_bytes())


def decode(data: bytes) -> Pixels:
    """As `read`, from the bytes of a file."""
    if not data.startswith(SIGNATURE):
        raise BadPng("no PNG")
    chunks = _chunks(data)
    if "IHDR" not in chunks or len(chunks["IHDR"]) != 13:
        raise BadPng("a PNG without a header")
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks["IHDR"])
    if kind not in CHANNELS or depth not in DEPTHS[kind]:
        raise BadPng(f"a PNG of colour type {kind} with {depth} bits, which there is not")
    if interlaced:
        raise BadPng("an interlaced PNG; save it without interlacing")
    if not width or not height or width * height > MOST:
        raise BadPng(f"a PNG of {width}×{height} pixels")
    channels = CHANNELS[kind]
    stride = (width * channels * depth + 7) // 8
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(chunks.get("IDAT", b""), height * (stride + 1) + 1)
    except zlib.error as problem:
        raise BadPng(f"a damaged PNG ({problem})") from None
    if len(raw) != height * (stride + 1):
        raise BadPng(f"a truncated PNG: {len(raw)} bytes of pixels, not {height * (stride + 1)}")
    lines = _unfiltered(raw, height, stride, max(1, channels * depth // 8))
    values = _values(lines, width * channels, depth).reshape(height, width, channels)
    return _rgb(values, kind, depth, chunks)


def _chunks(data: bytes) -> dict[str, bytes]:
    """The chunks by name, those of a name joined; each one's checksum is held against its content."""
    found: dict[str, list[bytes]] = {}
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        name, end = data[at + 4 : at + 8], at + 8 + size
        if end + 4 > len(data):
            raise BadPng("a truncated PNG")
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise BadPng(f"a damaged PNG (checksum of {name.decode('latin-1')})")
        found.setdefault(name.decode("latin-1"), []).append(data[at + 8 : end])
        if name == b"IEND":
            return {k: b"".join(v) for k, v in found.items()}
        at = end + 4
    raise BadPng("a truncated PNG")


def _unfiltered(raw: bytes, height: int, stride: int, back: int) -> Pixels:
    """The bytes of each line ``[height, stride]`` with the filter of each line undone."""
    lines = np.frombuffer(raw, np.uint8).reshape(height, stride + 1)
    out = np.zeros((height, stride), np.uint8)
    above = np.zeros(stride, np.uint8)
    for y in range(height):
        kind, line = int(lines[y, 0]), lines[y, 1:].copy()
        if kind == 1:
            for first in range(back):
                line[first::back] = np.cumsum(line[first::back], dtype=np.uint64).astype(np.uint8)
        elif kind == 2:
            line += above
        elif kind in (3, 4):
            line = _by_neighbours(line, above, back, kind)
        elif kind:
            raise BadPng(f"a damaged PNG (filter {kind} in line {y})")
        out[y] = above = line
    return out


def _by_neighbours(line: Pixels, above: Pixels, back: int, kind: int) -> Pixels:
    """Average (3) or Paeth (4): each byte needs the one before it, so this is a plain loop."""
    done, up = line.tolist(), above.tolist()
    for i in range(len(done)):
        left = done[i - back] if i >= back else 0
        if kind == 3:
            guess = (left + up[i]) // 2
        else:
            corner = up[i - back] if i >= back else 0
            p = left + up[i] - corner
            far = abs(p - left), abs(p - up[i]), abs(p - corner)
            guess = (left, up[i], corner)[far.index(min(far))]
        done[i] = (done[i] + guess) & 255
    return np.array(done, np.uint8)


def _values(lines: Pixels, count: int, depth: int) -> NDArray[np.uint8]:
    """Samples of each line; 16 bits keep their upper byte."""
    if depth == 16:
        return np.ascontiguousarray(lines[:, ::2])
    if depth == 8:
        return lines
    bits = np.unpackbits(lines, axis=1).reshape(len(lines), -1, depth)
    weights = (1 << np.arange(depth - 1, -1, -1)).astype(np.uint8)
    return (bits * weights).sum(2).astype(np.uint8)[:, :count]


def _rgb(values: Pixels, kind: int, depth: int, chunks: dict[str, bytes]) -> Pixels:
    if kind == 3:
        palette = np.frombuffer(chunks.get("PLTE", b""), np.uint8)
        if not len(palette) or len(palette) % 3 or int(values.max()) >= len(palette) // 3:
            raise BadPng("a damaged PNG (palette)")
        return palette.reshape(-1, 3)[values[:, :, 0]]
    if depth < 8:
        values = (values.astype(np.uint16) * 255 // ((1 << depth) - 1)).astype(np.uint8)
    colours = values if kind in (0, 2) else values[:, :, :-1]
    if kind in (4, 6):
        alpha = values[:, :, -1:].astype(np.uint16)
        colours = ((colours * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(colours, (*colours.shape[:2], 3)))
