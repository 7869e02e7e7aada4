"""Pictures from files: each format, depth and mode against pixels that are known; damage is named."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nashboard.media import png
from trainers.kit import imagefile
from trainers.kit.imagefile import BadPicture, read

SMOOTH = np.stack(np.broadcast_arrays(np.arange(40)[:, None] * 5, np.arange(30)[None] * 6, 90), 2)
PIXELS = SMOOTH.astype(np.uint8)


def kept(tmp_path: Path, content: bytes, name: str = "a.png") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def packed(kind: str, image: Image.Image | None = None, **how: Any) -> bytes:
    out = io.BytesIO()
    (image or Image.fromarray(PIXELS)).save(out, kind, **how)
    return out.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def made(lines: list[bytes], width: int, depth: int, kind: int, height: int = 0) -> bytes:
    """A PNG of lines that bear their filter byte already."""
    head = struct.pack(">IIBBBBB", width, height or len(lines), depth, kind, 0, 0, 0)
    body = zlib.compress(b"".join(lines))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_what_loses_nothing_comes_back(tmp_path: Path) -> None:
    assert (read(kept(tmp_path, png(PIXELS))) == PIXELS).all()
    assert (read(kept(tmp_path, packed("PNG"))) == PIXELS).all()
    assert (read(kept(tmp_path, packed("WEBP", lossless=True), "a.webp")) == PIXELS).all()
    assert read(kept(tmp_path, png(PIXELS[:, :, 0]))).tolist() == PIXELS[:, :, [0, 0, 0]].tolist()


@pytest.mark.parametrize(("kind", "name"), [("JPEG", "a.jpg"), ("JPEG", "a.JPEG"), ("WEBP", "a.webp")])
def test_what_loses_little_comes_close(tmp_path: Path, kind: str, name: str) -> None:
    found = read(kept(tmp_path, packed(kind, quality=95), name))
    assert found.shape == PIXELS.shape
    assert np.abs(found.astype(int) - PIXELS).mean() < 3


def test_depths_and_modes(tmp_path: Path) -> None:
    assert read(kept(tmp_path, made([b"\0\xb0"], 4, 1, 0)))[0, :, 0].tolist() == [255, 0, 255, 255]
    assert read(kept(tmp_path, made([b"\0\x1b"], 4, 2, 0)))[0, :, 1].tolist() == [0, 85, 170, 255]
    grey = read(kept(tmp_path, made([b"\0\x12\x34\xff\x00"], 2, 16, 0)))
    assert grey[0, :, 2].tolist() == [0x12, 0xFF], "16 bits keep their upper byte"
    colour = read(kept(tmp_path, made([b"\0\x12\x34\xff\x00\x01\x80"], 1, 16, 2)))
    assert np.abs(colour[0, 0].astype(int) - [0x12, 0xFF, 0x01]).max() <= 1
    clear = Image.new("RGBA", (2, 1), (200, 0, 0, 0))
    clear.putpixel((1, 0), (200, 0, 0, 255))
    assert read(kept(tmp_path, packed("PNG", clear)))[0].tolist() == [[255, 255, 255], [200, 0, 0]]
    palette = Image.new("P", (2, 1))
    palette.putpalette([1, 2, 3, 40, 50, 60])
    palette.putpixel((0, 0), 1)
    assert read(kept(tmp_path, packed("PNG", palette)))[0].tolist() == [[40, 50, 60], [1, 2, 3]]
    ink = read(kept(tmp_path, packed("JPEG", Image.fromarray(PIXELS).convert("CMYK"), quality=95), "a.jpg"))
    assert np.abs(ink.astype(int) - PIXELS).mean() < 6


def test_interlaced_pictures(tmp_path: Path) -> None:
    """One pixel a pass of a PNG of 8×8, by the standard's table, and one that lacks the last line."""
    passes = ([1, 1], [1, 1], [2, 1], [2, 2], [4, 2], [4, 4], [8, 4])
    lines = [bytes([0, *[10 * i] * wide]) for i, (wide, high) in enumerate(passes) for _ in range(high)]
    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1)
    for rows, whole in ((lines, True), (lines[:-1], False)):
        parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")
        path = kept(tmp_path, imagefile.SIGNATURE + parts)
        if whole:
            found = read(path)[:, :, 0]
            assert found[0].tolist() == [0, 50, 30, 50, 10, 50, 30, 50]
            assert (found[1::2] == 60).all()
        else:
            with pytest.raises(BadPicture, match="70 bytes of pixels, not 79"):
                read(path)


def test_a_camera_that_lay_on_its_side(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    found = read(kept(tmp_path, packed("JPEG", exif=turned, quality=95), "a.jpg"))
    assert found.shape == (30, 40, 3)
    assert np.abs(found.astype(int) - np.rot90(PIXELS, -1)).mean() < 3


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :]


WHOLE = packed("PNG")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.png", b"", "no PNG, JPEG or WebP"),
        ("a.png", b"GIF89a" + bytes(40), "no PNG, JPEG or WebP, whatever its name says"),
        ("a.png", packed("TIFF"), "no PNG, JPEG or WebP"),
        ("a.png", WHOLE[:-30], "a damaged picture"),
        ("a.png", flipped(WHOLE, 80), r"a damaged picture \(checksum of IDAT\)"),
        ("a.jpg", packed("JPEG")[:400], "a damaged picture"),
        ("a.webp", packed("WEBP")[:60], "damaged"),
        ("a.png", made([bytes(5)], 4, 8, 0, height=9), r"a damaged picture \(5 bytes of pixels, not 45\)"),
    ],
)
def test_damage_is_named(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    with pytest.raises(BadPicture, match=says) as caught:
        read(kept(tmp_path, content, name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("side", [8_001, 9_500, 14_000, 60_000])
def test_a_small_file_of_many_pixels_is_not_unpacked(tmp_path: Path, side: int) -> None:
    with pytest.raises(BadPicture, match="64,000,000"):
        read(kept(tmp_path, made([bytes(8)], side, 8, 2, height=side)))


def test_the_limit_is_inclusive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagefile, "MOST", 1200)
    assert read(kept(tmp_path, WHOLE)).shape == (40, 30, 3)
    monkeypatch.setattr(imagefile, "MOST", 1199)
    with pytest.raises(BadPicture, match="30×40 pixels; 1,199 at most"):
        read(kept(tmp_path, WHOLE))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.png")
