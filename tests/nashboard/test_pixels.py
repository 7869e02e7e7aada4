"""Images: PNG from pixels of any shape, and encoded images kept as they are."""

from __future__ import annotations

import math
import struct
import zlib
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nashboard.pixels import as_image, png


def read(data: bytes) -> tuple[int, int, int, list[int]]:
    """(width, height, channels, values) of a PNG without filters; checks every chunk's sum."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, chunks = 8, {}
    while place < len(data):
        size, name = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + size]
        assert struct.unpack(">I", data[place + 8 + size : place + 12 + size])[0] == zlib.crc32(name + body)
        chunks[name] = body
        place += 12 + size
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, rest) == (8, [0, 0, 0])
    channels = {0: 1, 4: 2, 2: 3, 6: 4}[colour]
    raw, row = zlib.decompress(chunks[b"IDAT"]), width * channels + 1
    rows = [raw[i : i + row] for i in range(0, len(raw), row)]
    assert len(rows) == height
    assert {r[0] for r in rows} == {0}
    return width, height, channels, [v for r in rows for v in r[1:]]


@given(st.integers(1, 9), st.integers(5, 9), st.sampled_from([1, 2, 3, 4]), st.data())
def test_every_value_arrives(height: int, width: int, channels: int, data: Any) -> None:
    size = height * width * channels
    values = data.draw(st.lists(st.integers(0, 255), min_size=size, max_size=size))
    pixels = [[values[(y * width + x) * channels :][:channels] for x in range(width)] for y in range(height)]
    assert read(png(pixels)) == (width, height, channels, values)
    if height > 4:
        planes = [[[pixels[y][x][c] for x in range(width)] for y in range(height)] for c in range(channels)]
        assert png(planes) == png(pixels)


def test_pixels_may_come_in_anything() -> None:
    np, torch = pytest.importorskip("numpy"), pytest.importorskip("torch")
    floats = np.linspace(0, 1, 3 * 6 * 5).reshape(3, 6, 5)
    whole = (floats * 255 + 0.5).astype(np.uint8)
    expected = png(whole)
    for pixels in (
        whole.tolist(),
        whole.astype(np.int64),
        floats,
        floats.astype(np.float32),
        floats.transpose(1, 2, 0),
        floats.transpose(1, 2, 0).tolist(),
        torch.tensor(floats),
        torch.tensor(whole),
        torch.tensor(whole)[None],
    ):
        assert png(pixels) == expected
    assert read(expected)[:3] == (5, 6, 3)


def test_grey_rows_and_booleans() -> None:
    assert read(png([[0, 128], [255, 3]])) == (2, 2, 1, [0, 128, 255, 3])
    assert read(png([[0.0, 1.0]])) == (2, 1, 1, [0, 255])
    assert read(png([array("B", [1, 2, 3])])) == (3, 1, 1, [1, 2, 3])
    np = pytest.importorskip("numpy")
    assert read(png(np.array([[True, False]]))) == (2, 1, 1, [255, 0])
    assert read(png([[True, False]])) == (2, 1, 1, [255, 0])


def test_what_is_cut_off_is_said() -> None:
    data, ext, facts = as_image([[-1.0, 0.5, 2.0, math.nan, math.inf]])
    assert ext == "png"
    assert facts == {
        "width": 5,
        "height": 1,
        "channels": 1,
        "low": -1.0,
        "high": 2.0,
        "clipped_share": 0.6,
        "nonfinite": 2,
    }
    assert read(data)[3] == [0, 128, 255, 0, 255]
    assert as_image([[0.0, 1.0]])[2]["clipped_share"] == 0.0
    assert as_image([[300]])[2] | {"high": 300, "clipped_share": 1.0} == as_image([[300]])[2]


def test_encoded_images_stay_as_they_are() -> None:
    data = png([[1, 2]])
    assert as_image(data) == (data, "png", {"width": 2, "height": 1})
    assert as_image(bytearray(data))[0] == data
    assert as_image(b"\xff\xd8\xff\xe0rest")[1] == "jpg"
    assert as_image(b"RIFF\0\0\0\0WEBPVP8 ")[1] == "webp"


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (b"GIF89a", "no PNG, JPEG or WebP"),
        (b"", "no PNG, JPEG or WebP"),
        ([], "not \\[0\\]"),
        ([[]], "not \\[1, 0\\]"),
        ([1, 2], "not \\[2\\]"),
        ([[[0] * 5] * 7] * 6, "not \\[6, 7, 5\\]"),
        ([[1], [1, 2]], "one length"),
        ([["red"]], "'red' is not a number"),
        (7, "not as 7"),
    ],
)
def test_what_is_no_image_is_told(pixels: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        as_image(pixels)
