"""Sets of images: every layout, any of the files absent, and every fault named with file and value."""

import gzip
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainers.kit import imagesets
from trainers.kit.errors import BadInput
from trainers.kit.imagesets import load, resized

RANDOM = np.random.default_rng(0)


def records(labels: list[int]) -> bytes:
    rows = [bytes([label]) + RANDOM.integers(0, 256, 3072, np.uint8).tobytes() for label in labels]
    return b"".join(rows)


def idx(values: np.ndarray) -> bytes:
    head = struct.pack(">BBBB", 0, 0, 8, values.ndim)
    return head + struct.pack(f">{values.ndim}I", *values.shape) + values.astype(np.uint8).tobytes()


def pair(folder: Path, prefix: str, labels: list[int], side: int = 28, packed: str = "il") -> None:
    pixels = idx(RANDOM.integers(0, 256, (len(labels), side, side)))
    names = idx(np.array(labels))
    for part, data, name in (("i", pixels, "images-idx3"), ("l", names, "labels-idx1")):
        ending, content = (".gz", gzip.compress(data)) if part in packed else ("", data)
        (folder / f"{prefix}{name}-ubyte{ending}").write_bytes(content)


def batch(**other: Any) -> dict[Any, Any]:
    whole = {
        b"data": RANDOM.integers(0, 256, (4, 3072), np.uint8),
        b"labels": [0, 1, 2, 9],
        b"batch_label": b"1 of 5",
    }
    return {**whole, **{k.encode(): v for k, v in other.items()}}


def test_cifar_binary_with_any_number_of_records(tmp_path: Path) -> None:
    data = records([3, 9, 0]) + records([7])
    (tmp_path / "data_batch_1.bin").write_bytes(data[: 3 * 3073])
    (tmp_path / "data_batch_4.bin").write_bytes(data[3 * 3073 :])
    (tmp_path / "test_batch.bin").write_bytes(records([1, 2]))
    (tmp_path / "batches.meta.txt").write_text("\n".join(f"c{i}" for i in range(10)) + "\n\n")
    found = load(str(tmp_path))
    assert found.train.labels.tolist() == [3, 9, 0, 7]
    assert found.test is not None
    assert found.test.labels.tolist() == [1, 2]
    assert found.classes[9] == "c9"
    assert found.train.pixels[1].tobytes() == data[3073 + 1 : 2 * 3073]


def test_a_test_file_alone_is_to_be_split(tmp_path: Path) -> None:
    inner = tmp_path / "cifar-10-batches-bin"
    inner.mkdir()
    (inner / "test_batch.bin").write_bytes(records([1, 2]))
    found = load(str(tmp_path))
    assert (len(found.train), found.test, found.classes[0]) == (2, None, "airplane")


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_cifar_python(tmp_path: Path, protocol: int) -> None:
    one = batch()
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(one, protocol))
    (tmp_path / "batches.meta").write_bytes(b"not looked at")
    found = load(str(tmp_path))
    assert found.layout == "CIFAR-10, Python"
    assert found.train.labels.tolist() == [0, 1, 2, 9]
    assert found.train.pixels.reshape(4, -1).tolist() == one[b"data"].tolist()


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('run')",))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (pickle.dumps({b"data": Evil()}), "builtins.exec, which a batch of images does not need"),
        (pickle.dumps(batch())[:-40], "damaged one"),
        (b"no pickle", "no pickled batch"),
        (pickle.dumps([1]), "a batch must be a dictionary, not a list"),
        (pickle.dumps({b"x": 1}), "a batch needs data .* and labels; it has x"),
        (
            pickle.dumps(batch(labels=[0, 1, 2, 10])),
            "label 10 of record 3 is out of range; there are 10 classes",
        ),
        (pickle.dumps(batch(labels=[0, 1, 2, -1])), "label -1 of record 3"),
        (pickle.dumps(batch(labels=[0, 1])), "4 images and 2 labels"),
        (pickle.dumps(batch(labels=["a"] * 4)), "its labels are no whole numbers"),
        (pickle.dumps(batch(data=np.full((4, 3072), np.nan))), "value nan among its pixels"),
        (
            pickle.dumps(batch(data=np.zeros((4, 100), np.uint8))),
            r"shape \[N, 3072\], not uint8 of \[4, 100\]",
        ),
    ],
)
def test_a_bad_pickle_is_named_and_runs_nothing(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "data_batch_2").write_bytes(content)
    with pytest.raises(BadInput, match=says) as caught:
        load(str(tmp_path))
    assert str(tmp_path / "data_batch_2") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (records([1])[:-5], "3,068 bytes are no whole number of CIFAR-10 records of 3,073"),
        (b"", "0 bytes are no whole number"),
        (records([1, 12]), "label 12 of record 1 is out of range; there are 10 classes, 0 to 9"),
    ],
)
def test_a_bad_binary_batch_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "data_batch_1.bin").write_bytes(content)
    with pytest.raises(BadInput, match=says):
        load(str(tmp_path))


@pytest.mark.parametrize("packed", ["", "i", "l", "il"])
def test_idx_pairs_packed_or_not(tmp_path: Path, packed: str) -> None:
    pair(tmp_path, "train-", [0, 5, 9], packed=packed)
    pair(tmp_path, "t10k-", [1], packed=packed)
    found = load(str(tmp_path))
    assert (found.layout, found.resized, len(found.classes)) == ("idx", "28×28", 10)
    assert found.train.labels.tolist() == [0, 5, 9]
    assert found.test is not None
    assert found.test.pixels.shape == (1, 3, 32, 32)
    assert (found.train.pixels[:, 0] == found.train.pixels[:, 2]).all()


def test_any_name_of_a_pair_and_more_than_ten_classes(tmp_path: Path) -> None:
    pair(tmp_path, "emnist-letters-", list(range(1, 27)), side=32)
    found = load(str(tmp_path))
    assert (len(found.classes), found.test, found.resized) == (27, None, "")


def damaged(folder: Path, change: Callable[[bytes], bytes], which: str = "images-idx3") -> Path:
    pair(folder, "x-", [0, 1, 2], packed="")
    path = folder / f"x-{which}-ubyte"
    path.write_bytes(change(path.read_bytes()))
    return path


@pytest.mark.parametrize(
    ("which", "change", "says"),
    [
        ("images-idx3", lambda d: d[:-1], r"2,351 bytes of content for the shape \[3, 28, 28\]; truncated"),
        (
            "images-idx3",
            lambda d: b"\1" + d[1:],
            "no idx file of bytes with 3 dimensions .it begins with 01000803",
        ),
        ("images-idx3", lambda d: gzip.compress(d)[:-9], "a damaged gzip file"),
        ("labels-idx1", lambda d: idx(np.array([1, 2])), "3 images, but x-labels-idx1-ubyte has 2 labels"),
        ("labels-idx1", lambda d: idx(np.array([1, 255, 2])), "label 255 of image 1 is out of range"),
        ("labels-idx1", lambda d: b"", "no idx file of bytes with 1 dim"),
    ],
)
def test_a_bad_idx_file_is_named(
    tmp_path: Path, which: str, change: Callable[[bytes], bytes], says: str
) -> None:
    path = damaged(tmp_path, change, which)
    with pytest.raises(BadInput, match=says) as caught:
        load(str(tmp_path))
    assert str(path.parent) in str(caught.value)


def test_labels_that_are_missing(tmp_path: Path) -> None:
    pair(tmp_path, "x-", [0])
    (tmp_path / "x-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(
        BadInput, match=r"there must be x-labels-idx1-ubyte or x-labels-idx1-ubyte\.gz beside it"
    ):
        load(str(tmp_path))


def picture(path: Path, height: int = 40, width: int = 30, level: int | None = None) -> None:
    """Noise, or an even picture; in the format that the name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RANDOM.integers(0, 256, (height, width, 3)).astype(np.uint8)
    Image.fromarray(pixels if level is None else np.full_like(pixels, level)).save(path)


def test_folders_of_classes(tmp_path: Path) -> None:
    for name in ("train/cat/a.png", "train/cat/b.png", "train/dog/c.PNG", "test/dog/d.png"):
        picture(tmp_path / name)
    found = load(str(tmp_path))
    assert (found.classes, found.train.labels.tolist(), found.resized) == (("cat", "dog"), [0, 0, 1], "40×30")
    assert found.test is not None
    assert found.test.labels.tolist() == [1]


def test_folders_of_pictures_of_any_format_and_size(tmp_path: Path) -> None:
    names = ("cat/a.jpg", "cat/b.JPEG", "dog/c.webp", "dog/d.png")
    for i, name in enumerate(names):
        picture(tmp_path / name, 40 + 8 * i, 64 - 8 * i, level=50 * i)
    (tmp_path / "cat/.thumb.jpg").write_bytes(b"not a picture")
    (tmp_path / "cat/notes.txt").write_text("x")
    found = load(str(tmp_path))
    assert (found.classes, found.train.labels.tolist()) == (("cat", "dog"), [0, 0, 1, 1])
    assert found.resized == "40×64, 48×56, 56×48"
    levels = found.train.pixels.reshape(4, -1).astype(int)
    assert levels.mean(1) == pytest.approx([0, 50, 100, 150], abs=2)
    assert np.ptp(levels, axis=1).max() <= 3


def test_a_picture_without_a_label_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "train/cat/a.png")
    picture(tmp_path / "train/sheet.jpg")
    with pytest.raises(BadInput, match=r"train/sheet\.jpg: it lies beside the folders of the classes cat"):
        load(str(tmp_path))


def test_a_folder_without_classes_is_one(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 32, 32)
    found = load(str(tmp_path))
    assert (found.classes, len(found.train), found.resized) == (("images",), 1, "")


def test_what_a_folder_lacks_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no data set: neither CIFAR-10"):
        load(str(tmp_path))
    (tmp_path / "a.gif").write_bytes(b"x")
    with pytest.raises(BadInput, match=r"it has \.gif files: convert them to PNG, JPEG or WebP"):
        load(str(tmp_path))
    with pytest.raises(BadInput, match="is no folder"):
        load(str(tmp_path / "none"))
    picture(tmp_path / "train/cat/a.png")
    picture(tmp_path / "val/cow/a.png")
    with pytest.raises(BadInput, match=r"class 'cow' is not among those of .*: cat"):
        load(str(tmp_path))


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_a_corrupt_picture_is_named(tmp_path: Path, ending: str) -> None:
    picture(tmp_path / f"cat/a.{ending}")
    path = tmp_path / f"cat/b.{ending}"
    whole = (tmp_path / f"cat/a.{ending}").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="damaged") as caught:
        load(str(tmp_path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_resizing_keeps_the_middle_square_and_its_level() -> None:
    pixels = np.zeros((1, 1, 20, 64), np.uint8)
    pixels[..., 22:42] = 200
    found = resized(pixels, 32)
    assert found.shape == (1, 3, 32, 32)
    assert (found == 200).all()
    exact = RANDOM.integers(0, 256, (2, 3, 32, 32), np.uint8)
    assert (resized(exact, 32) == exact).all()
    assert imagesets.resized(np.full((1, 3, 300, 300), 7, np.uint8), 32).max() == 7
