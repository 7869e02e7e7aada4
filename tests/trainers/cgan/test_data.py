"""The conditional GAN's data: a split without overlap, batches without replacement, faults with exit status 2."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes.cgan import Cgan
from recipes.compose import build
from trainers import cli
from trainers.cgan.data import Batches, Pictures, pictures, split
from trainers.kit.errors import BadInput
from trainers.kit.imagesets import Images


def of(folder: Path | str, **patch: Any) -> Pictures:
    words = {"data.root": str(folder), "data.batch": 4, **{k.replace("__", "."): v for k, v in patch.items()}}
    made = build("cgan", "fixed", "tiny", words)
    assert isinstance(made, Cgan)
    return pictures(made)


def some(count: int, classes: int = 3) -> Images:
    random = np.random.default_rng(4)
    return Images(random.integers(0, 256, (count, 3, 32, 32), np.uint8), np.arange(count) % classes)


def test_the_files_own_test_part_is_held_out(images: Path) -> None:
    found = of(images)
    assert (len(found.train), len(found.held), found.split) == (60, 30, "the files' own")
    (images / "test_batch.bin").unlink()
    found = of(images)
    assert (len(found.train), len(found.held)) == (50, 10)
    assert np.bincount(found.held.labels).tolist() == [1] * 10
    both = {p.tobytes() for p in found.train.pixels} & {p.tobytes() for p in found.held.pixels}
    assert both == set()


def test_a_split_by_content_grows_with_the_set() -> None:
    whole = some(90)
    part = Images(whole.pixels[:60], whole.labels[:60])
    held = [{p.tobytes() for p in split(images, 0.2, 0)[1].pixels} for images in (part, whole)]
    assert len(held[0]) == 12
    assert len(held[0] & held[1]) >= 6
    assert {p.tobytes() for p in split(whole, 0.2, 1)[1].pixels} != held[1]


def test_the_seed_moves_batches_and_not_the_evaluation_set(images: Path) -> None:
    one, two = of(images, seed=1), of(images, seed=2)
    assert one.sha256 == two.sha256
    assert (one.batches.next()[0] != two.batches.next()[0]).any()


def test_a_pass_shows_each_image_once_and_position_is_all_there_is() -> None:
    images = some(10)
    batches = Batches(images, batch=3, seed=5, flip=False)
    first = [batches.next()[0] for _ in range(6)]
    shown = [p.tobytes() for part in first[:3] for p in part]
    assert len(set(shown)) == 9
    other = Batches(images, batch=3, seed=5, flip=False)
    other.load_state_dict({"position": 4, "seed": 5})
    assert (other.next()[0] == first[4]).all()
    assert other.state_dict() == {"position": 5, "seed": 5}


def test_half_of_the_images_are_mirrored() -> None:
    images = some(200)
    plain, mirrored = (Batches(images, batch=200, seed=0, flip=f).next()[0] for f in (False, True))
    flipped = [bool((m == p[..., ::-1]).all()) for m, p in zip(mirrored, plain, strict=True)]
    same = [bool((m == p).all()) for m, p in zip(mirrored, plain, strict=True)]
    assert all(f != s for f, s in zip(flipped, same, strict=True))
    assert 70 < sum(flipped) < 130


def test_too_large_a_batch_and_too_few_images(images: Path) -> None:
    with pytest.raises(BadInput, match=r"data\.batch 61 is more than the 60 training images"):
        of(images, data__batch=61)
    for path in images.iterdir():
        path.write_bytes(path.read_bytes()[:3073])
    (images / "test_batch.bin").unlink()
    with pytest.raises(BadInput, match="holds 1 images of 10 classes: too few to hold some out"):
        of(images, data__batch=2)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: data[:-1], "no whole number of CIFAR-10 records"),
        (lambda data: b"\x0b" + data[1:], "label 11 of record 0 is out of range"),
    ],
)
def test_bad_data_is_exit_status_2_with_one_line_and_no_files(
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[bytes], bytes],
    says: str,
) -> None:
    path = images / "data_batch_1.bin"
    path.write_bytes(spoil(path.read_bytes()))
    run_dir = tmp_path / "none"
    assert cli.main(["cgan", f"data.root={images}", "size=tiny", f"run_dir={run_dir}", "device=cpu"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert says in said.err
    assert str(path) in said.err
    assert not run_dir.exists()
    assert "sklearn" not in sys.modules
