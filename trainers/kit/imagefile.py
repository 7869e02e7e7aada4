"""One picture from a PNG, JPEG or WebP file, as bytes of RGB, by Pillow.

Nothing is guessed: what is cut off, damaged, of another kind or too large is refused with the reason. Pillow
passes over a PNG whose checksums are wrong and fills what its lines lack with black, so those are checked here.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
MOST = 64_000_000  # pixels: a few kilobytes can unfold to gigabytes
SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# Adam7: first line, step of lines, first column, step of columns of each pass
LACED = (
    *((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4)),
    *((2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1)),
)

Pixels = NDArray[np.uint8]


class BadPicture(ValueError):
    """A file that is no picture of a kind that is read here, or a damaged one; the message says which."""


def read(path: Path) -> Pixels:
    """The pixels ``[height, width, 3]``: upright as its camera says, transparent ones on white, first frame.

    Raises:
        BadPicture: for a file that is damaged, too large, or neither PNG, JPEG nor WebP.
        OSError: for one that cannot be opened.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of what it takes for a bomb, and goes on
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=sorted(set(FORMATS.values()))) as image:
                width, height = image.size
                if width * height > MOST:
                    raise BadPicture(f"{width}×{height} pixels; {MOST:,} at most")
                if image.format == "PNG":
                    _whole_png(path.read_bytes())
                return _rgb(image)
    except UnidentifiedImageError:
        raise BadPicture("no PNG, JPEG or WebP, whatever its name says, or a damaged one") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise BadPicture(f"it says that it has more than {MOST:,} pixels") from None
    except OSError as problem:
        if problem.errno is not None:
            raise
        raise BadPicture(f"a damaged picture ({problem})") from None
    except (SyntaxError, EOFError, IndexError) as problem:  # what Pillow's decoders make of broken chunks
        raise BadPicture(f"a damaged picture ({problem})") from None


def _rgb(image: Image.Image) -> Pixels:
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16 bits of grey, which Pillow's own conversion would clip at 255
        grey = np.asarray(upright).astype(np.int64) >> 8
        return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, 2)
    if upright.has_transparency_data:
        seen = upright.convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB"))
    return np.asarray(upright.convert("RGB"))


def _whole_png(data: bytes) -> None:
    """Raises `BadPicture` where a chunk's checksum is wrong, or there are fewer pixels than the header says."""
    head, content, at = b"", [], len(SIGNATURE)
    while data[at + 4 : at + 8] != b"IEND":
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            raise BadPicture("a damaged picture (cut off)")
        name, body = data[at + 4 : at + 8], data[at + 8 : end - 4]
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise BadPicture(f"a damaged picture (checksum of {name.decode('latin-1')})")
        if name == b"IHDR":
            head = body
        if name == b"IDAT":
            content.append(body)
        at = end
    width, height, depth, colour, _, _, laced = struct.unpack(">IIBBBBB", head)
    passes = LACED if laced else ((0, 1, 0, 1),)
    wanted = 0
    for top, down, left, across in passes:
        lines, columns = -(-(height - top) // down), -(-(width - left) // across)
        if lines > 0 and columns > 0:
            wanted += lines * (1 + (columns * CHANNELS[colour] * depth + 7) // 8)
    found, unpacker, rest = 0, zlib.decompressobj(), b"".join(content)
    try:
        while not unpacker.eof and found < wanted and (part := unpacker.decompress(rest, 1 << 20)):
            found, rest = found + len(part), unpacker.unconsumed_tail
    except zlib.error as problem:
        raise BadPicture(f"a damaged picture ({problem})") from None
    if found < wanted:
        raise BadPicture(f"a damaged picture ({found:,} bytes of pixels, not {wanted:,})")
