"""PNG: every filter, depth and colour type against pixels that are known; damage is named."""

import struct
import zlib

import numpy as np
import pytest

from nashboard.media import png
from trainers.kit.pngread import SIGNATURE, BadPng, decode


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def made(lines: list[bytes], width: int, depth: int, kind: int, extra: bytes = b"", laced: int = 0) -> bytes:
    """A PNG of lines that bear their filter byte already."""
    head = struct.pack(">IIBBBBB", width, len(lines), depth, kind, 0, 0, laced)
    body = zlib.compress(b"".join(lines))
    return SIGNATURE + chunk(b"IHDR", head) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def filtered(pixels: np.ndarray, kind: int) -> list[bytes]:
    """Lines of an RGB picture under one filter, by the standard's definition."""
    height, width, back = pixels.shape
    flat = pixels.reshape(height, -1).astype(int)
    out = []
    for y in range(height):
        line = []
        for x in range(width * back):
            a = flat[y, x - back] if x >= back else 0
            b = flat[y - 1, x] if y else 0
            c = flat[y - 1, x - back] if y and x >= back else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line.append((flat[y, x] - [0, a, b, (a + b) // 2, paeth][kind]) % 256)
        out.append(bytes([kind, *line]))
    return out


@pytest.mark.parametrize("kind", range(5))
def test_every_filter(kind: int) -> None:
    pixels = np.random.default_rng(kind).integers(0, 256, (5, 7, 3))
    assert (decode(made(filtered(pixels, kind), 7, 8, 2)) == pixels).all()


def test_what_the_sdk_writes_comes_back() -> None:
    pixels = np.random.default_rng(9).integers(0, 256, (6, 4, 3)).astype(np.uint8)
    assert (decode(png(pixels)) == pixels).all()
    grey = pixels[:, :, 0]
    assert (decode(png(grey)) == grey[:, :, None]).all()


def test_depths_palettes_and_transparency() -> None:
    assert decode(made([b"\0\xb0"], 4, 1, 0))[0, :, 0].tolist() == [255, 0, 255, 255]
    assert decode(made([b"\0\x1b"], 4, 2, 0))[0, :, 1].tolist() == [0, 85, 170, 255]
    assert decode(made([b"\0\x12\x34\xff\x00"], 2, 16, 0))[0, :, 2].tolist() == [0x12, 0xFF]
    palette = chunk(b"PLTE", bytes([1, 2, 3, 40, 50, 60]))
    assert decode(made([b"\0\x40"], 2, 1, 3, palette))[0].tolist() == [[1, 2, 3], [40, 50, 60]]
    half = decode(made([bytes([0, 0, 0, 0, 128, 10, 20, 30, 255])], 2, 8, 6))[0].tolist()
    assert half == [[127, 127, 127], [10, 20, 30]]


GOOD = png(np.zeros((3, 3, 3), np.uint8))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"GIF89a", "no PNG"),
        (GOOD[:-20], "truncated"),
        (GOOD[:20] + b"\xff" + GOOD[21:], "checksum of IHDR"),
        (made([b"\0\0\0\0"], 1, 8, 2, laced=1), "interlaced"),
        (made([b"\0\0"], 1, 8, 2), "2 bytes of pixels, not 4"),
        (made([b"\x09\0\0\0"], 1, 8, 2), "filter 9 in line 0"),
        (made([b"\0\x05"], 1, 8, 3, chunk(b"PLTE", bytes(6))), "palette"),
        (made([b"\0\x05"], 1, 8, 3), "palette"),
        (made([b"\0\0"], 1, 8, 5), "colour type 5"),
        (made([b"\0"] * 3, 0, 8, 2), "0×3 pixels"),
        (SIGNATURE + chunk(b"IEND", b""), "without a header"),
        (GOOD.replace(GOOD[GOOD.index(b"IDAT") :], b"") + b"\0" * 4, "truncated"),
    ],
)
def test_damage_is_named(data: bytes, says: str) -> None:
    with pytest.raises(BadPng, match=says):
        decode(data)
