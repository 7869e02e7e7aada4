"""Sets of labelled images from the field's own files: CIFAR-10 batches, idx pairs, folders of pictures.

Everything comes out as RGB of one side, resized with antialiasing where it was of another size. Whatever
cannot be read is an error that names the file and the value: a set with a hole would be another set.
"""

from __future__ import annotations

import gzip
import math
import pickle
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from trainers.kit import imagefile
from trainers.kit.errors import BadInput

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]

RECORD = 1 + 3 * 32 * 32
IMAGES, LABELS = "images-idx3", "labels-idx1"
TEST_WORDS = re.compile(r"(^|[^a-z])(t10k|test|val|valid|validation|held_out)([^a-z]|$)", re.IGNORECASE)
OTHERS = (".gif", ".bmp", ".tif", ".tiff", ".ppm", ".avif", ".heic")
CIFAR_NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


@dataclass(frozen=True)
class Images:
    """Pixels ``[N, 3, side, side]`` and labels ``[N]`` below the number of classes."""

    pixels: Pixels
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class ImageSet:
    """A data set: ``test`` is None where the files have no part of that kind."""

    root: str
    layout: str
    classes: tuple[str, ...]
    train: Images
    test: Images | None = None
    resized: str = ""
    notes: tuple[str, ...] = field(default=())


def load(root: str, side: int = 32) -> ImageSet:
    """The set in a folder, by what it holds. Raises BadInput."""
    folder = Path(root)
    if not folder.is_dir():
        raise BadInput(f"data.root {root!r} is no folder")
    for reader in (_cifar_binary, _cifar_python, _idx):
        for place in (folder, folder / "cifar-10-batches-bin", folder / "cifar-10-batches-py"):
            found = reader(root, place, side) if place.is_dir() else None
            if found is not None:
                return found
    return _folders(root, folder, side)


def resized(pixels: Pixels, side: int) -> Pixels:
    """``[N, C, H, W]`` as ``[N, 3, side, side]``: the middle square, bilinear with antialiasing."""
    _, channels, height, width = pixels.shape
    square = min(height, width)
    top, left = (height - square) // 2, (width - square) // 2
    pixels = pixels[:, :, top : top + square, left : left + square]
    if square != side:
        parts = [
            F.interpolate(part.float(), (side, side), mode="bilinear", antialias=True, align_corners=False)
            for part in torch.from_numpy(np.array(pixels)).split(1024)
        ]
        pixels = torch.cat(parts).round().clamp(0, 255).to(torch.uint8).numpy()
    return np.ascontiguousarray(
        np.broadcast_to(pixels, (len(pixels), 3, side, side)) if channels == 1 else pixels
    )


def _checked(labels: NDArray[Any], classes: int, where: Path, what: str = "record") -> Labels:
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        first = int(wrong[0])
        raise BadInput(
            f"{where}: label {labels[first]} of {what} {first} is out of range; there are {classes} classes, "
            f"0 to {classes - 1}"
        )
    return labels.astype(np.int64)


def _joined(parts: Iterable[Images]) -> Images | None:
    parts = list(parts)
    if not parts:
        return None
    return Images(np.concatenate([p.pixels for p in parts]), np.concatenate([p.labels for p in parts]))


def _two(
    root: str, layout: str, classes: tuple[str, ...], train: Images | None, test: Images | None, how: str = ""
) -> ImageSet:
    """A set whose test part alone is there counts as training data, to be split."""
    whole = train if train is not None else test
    if whole is None or not len(whole):
        raise BadInput(f"data.root {root!r}: its files hold no image")
    return ImageSet(root, layout, classes, whole, test if train is not None else None, how)


def _cifar(
    root: str, folder: Path, suffix: str, layout: str, read: Callable[[Path], Images], names: Path, side: int
) -> ImageSet | None:
    train = sorted(p for p in folder.glob(f"data_batch*{suffix}") if p.suffix == suffix and p.is_file())
    test = [p for p in (folder / f"test_batch{suffix}",) if p.is_file()]
    if not train and not test:
        return None
    classes: tuple[str, ...] = CIFAR_NAMES
    if names.is_file() and names.suffix == ".txt":
        given = [line.strip() for line in names.read_text("utf-8", "replace").splitlines() if line.strip()]
        classes = tuple(given) if len(given) == len(CIFAR_NAMES) else CIFAR_NAMES
    parts = [_joined(read(p) for p in paths) for paths in (train, test)]
    fitted = [p and Images(resized(p.pixels, side), p.labels) for p in parts]
    return _two(root, layout, classes, fitted[0], fitted[1])


def _cifar_binary(root: str, folder: Path, side: int) -> ImageSet | None:
    def read(path: Path) -> Images:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        if not len(data) or len(data) % RECORD:
            raise BadInput(
                f"{path}: {len(data):,} bytes are no whole number of CIFAR-10 records of {RECORD:,}; the file "
                "is truncated or of another format"
            )
        rows = data.reshape(-1, RECORD)
        labels = _checked(rows[:, 0].astype(np.int64), len(CIFAR_NAMES), path)
        return Images(rows[:, 1:].reshape(-1, 3, 32, 32), labels)

    return _cifar(root, folder, ".bin", "CIFAR-10, binary", read, folder / "batches.meta.txt", side)


class _Unpickler(pickle.Unpickler):
    """Knows arrays and text alone: a pickle that names anything else runs nothing and is refused."""

    def find_class(self, module: str, name: str) -> Any:
        module = module.replace("numpy.core", "numpy._core")
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which a batch of images does not need")


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1", "ascii", "utf-8"):
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding!r}")
    return text.encode(encoding)


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy._core.multiarray", "_reconstruct"): np._core.multiarray._reconstruct,  # type: ignore[attr-defined]
    ("numpy._core.multiarray", "scalar"): np._core.multiarray.scalar,  # type: ignore[attr-defined]
    ("numpy._core.numeric", "_frombuffer"): np._core.numeric._frombuffer,  # type: ignore[attr-defined]
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
}


def _cifar_python(root: str, folder: Path, side: int) -> ImageSet | None:
    def read(path: Path) -> Images:
        try:
            with open(path, "rb") as file:
                batch = _Unpickler(file, encoding="bytes").load()
        except OSError:
            raise
        except Exception as problem:  # a damaged pickle can fail in any way at all
            raise BadInput(f"{path}: no pickled batch, or a damaged one ({_brief(problem)})") from None
        named = {k.decode("latin-1") if isinstance(k, bytes) else k: v for k, v in _items(batch, path)}
        pixels, labels = named.get("data"), named.get("labels")
        if not isinstance(pixels, np.ndarray) or not isinstance(labels, list | tuple | np.ndarray):
            raise BadInput(
                f"{path}: a batch needs data (an array) and labels; it has {', '.join(map(str, named))}"
            )
        if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != RECORD - 1:
            raise BadInput(_not_bytes(path, pixels))
        if len(pixels) != len(labels):
            raise BadInput(f"{path}: {len(pixels)} images and {len(labels)} labels")
        try:
            numbers = np.asarray(labels, np.int64)
        except (TypeError, ValueError, OverflowError):
            raise BadInput(f"{path}: its labels are no whole numbers") from None
        return Images(pixels.reshape(-1, 3, 32, 32), _checked(numbers, len(CIFAR_NAMES), path))

    return _cifar(root, folder, "", "CIFAR-10, Python", read, folder / "batches.meta", side)


def _items(batch: Any, path: Path) -> Iterable[tuple[Any, Any]]:
    if not isinstance(batch, dict):
        raise BadInput(f"{path}: a batch must be a dictionary, not a {type(batch).__name__}")
    return batch.items()


def _not_bytes(path: Path, pixels: NDArray[Any]) -> str:
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        return (
            f"{path}: value {pixels[~np.isfinite(pixels)][0]} among its pixels; they must be bytes, 0 to 255"
        )
    return f"{path}: data must be bytes of shape [N, 3072], not {pixels.dtype} of {list(pixels.shape)}"


def _brief(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"[:160] if str(problem) else type(problem).__name__


def _opened(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as problem:
        raise BadInput(f"{path}: a damaged gzip file ({problem})") from None


def _array(path: Path, dims: int) -> Pixels:
    """The bytes of an idx file of so many dimensions."""
    data = _opened(path)
    head = 4 + 4 * dims
    if len(data) < head or data[:2] != b"\0\0" or data[2] != 8 or data[3] != dims:
        raise BadInput(
            f"{path}: no idx file of bytes with {dims} dimensions (it begins with {data[:4].hex()})"
        )
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(dims)]
    if len(data) - head != math.prod(shape):
        raise BadInput(f"{path}: {len(data) - head:,} bytes of content for the shape {shape}; truncated?")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def _idx(root: str, folder: Path, side: int) -> ImageSet | None:
    images = sorted(p for p in folder.glob(f"*{IMAGES}*") if p.is_file())
    if not images:
        return None
    read: dict[bool, list[Images]] = {True: [], False: []}
    raw, sizes = [], set()
    for path in images:
        beside = path.name.replace(IMAGES, LABELS).removesuffix(".gz")
        labelled = next((p for n in (beside, f"{beside}.gz") if (p := folder / n).is_file()), None)
        if labelled is None:
            raise BadInput(f"{path}: its labels are missing; there must be {beside} or {beside}.gz beside it")
        pixels, labels = _array(path, 3), _array(labelled, 1)
        if len(pixels) != len(labels):
            raise BadInput(f"{path}: {len(pixels)} images, but {labelled.name} has {len(labels)} labels")
        if pixels.size == 0:
            raise BadInput(f"{path}: it holds no image")
        raw.append((path, labelled, pixels, labels))
        sizes.add(pixels.shape[1:])
    classes = _class_count(raw)
    for path, labelled, pixels, labels in raw:
        fitted = resized(pixels[:, None], side)
        read[bool(TEST_WORDS.search(path.name.split(IMAGES)[0]))].append(
            Images(fitted, _checked(labels, classes, labelled))
        )
    how = ", ".join(f"{h}×{w}" for h, w in sorted(sizes) if (h, w) != (side, side))
    names = tuple(map(str, range(classes)))
    return _two(root, "idx", names, _joined(read[False]), _joined(read[True]), how)


def _class_count(raw: Sequence[tuple[Path, Path, Pixels, Pixels]]) -> int:
    """Ten, or what the largest label asks for: EMNIST has up to 62, and its letters begin at 1."""
    labelled, labels = max(((where, each) for _, where, _, each in raw), key=lambda pair: int(pair[1].max()))
    most, seen = int(labels.max()) + 1, len(np.unique(np.concatenate([each for *_, each in raw])))
    if most > 10 and seen < most / 2:
        raise BadInput(
            f"{labelled}: label {most - 1} of image {int(labels.argmax())} is out of range; only {seen} different "
            f"labels occur, which is too few for {most} classes"
        )
    return max(10, most)


def _folders(root: str, folder: Path, side: int) -> ImageSet:
    """One folder a class, perhaps under train and test; images that lie in the folder itself are one class."""
    parts = {p.name.lower(): p for p in sorted(folder.iterdir()) if p.is_dir()}
    train = parts.get("train") or parts.get("training") or folder
    tests = [p for name, p in parts.items() if TEST_WORDS.fullmatch(name)] if train != folder else []
    names = [p.name for p in sorted(train.iterdir()) if p.is_dir() and any(_pictures(p))]
    if names and (loose := _pictures(train)):
        raise BadInput(
            f"{loose[0]}: it lies beside the folders of the classes {', '.join(names[:5])} and has no label; move "
            "it into one of them, or away"
        )
    sizes: set[tuple[int, int]] = set()

    def read(place: Path) -> Images | None:
        pixels: list[Pixels] = []
        labels: list[int] = []
        for label, name in enumerate(names or [""]):
            for path in _pictures(place / name) if (place / name).is_dir() else ():
                pixels.append(_picture(path, side, sizes))
                labels.append(label)
        return Images(np.concatenate(pixels), np.array(labels, np.int64)) if labels else None

    found = read(train)
    if found is None:
        other = sorted({p.suffix for p in folder.rglob("*") if p.suffix.lower() in OTHERS})
        hint = f"; it has {', '.join(other)} files: convert them to PNG, JPEG or WebP" if other else ""
        raise BadInput(
            f"data.root {root!r} holds no data set: neither CIFAR-10 batches (data_batch_1.bin), nor a pair "
            f"*{IMAGES}*, *{LABELS}*, nor PNG, JPEG or WebP files in one folder a class{hint}"
        )
    strange = {p.name for t in tests for p in t.iterdir() if p.is_dir() and any(_pictures(p))} - set(names)
    if strange:
        raise BadInput(
            f"{tests[0]}: class {sorted(strange)[0]!r} is not among those of {train}: {', '.join(names)}"
        )
    how = ", ".join(f"{h}×{w}" for h, w in sorted(sizes)[:3] if (h, w) != (side, side))
    return _two(root, "folders", tuple(names) or ("images",), found, read(tests[0]) if tests else None, how)


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        p for p in folder.iterdir() if p.suffix.lower() in imagefile.FORMATS and not p.name.startswith(".")
    )


def _picture(path: Path, side: int, sizes: set[tuple[int, int]]) -> Pixels:
    try:
        pixels = imagefile.read(path)
    except imagefile.BadPicture as problem:
        raise BadInput(f"{path}: {problem}") from None
    sizes.add((pixels.shape[0], pixels.shape[1]))
    return resized(pixels.transpose(2, 0, 1)[None], side)
