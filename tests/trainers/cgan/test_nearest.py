"""The real images nearest to a generated one: right for a real image itself, and bad input in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nashboard import media
from trainers.cgan.data import Batches, Pictures
from trainers.cgan.evaluate import grid
from trainers.cgan.nearest import cell_of, main, nearest
from trainers.kit.classifier import as_float
from trainers.kit.errors import BadInput
from trainers.kit.imagesets import Images


def pictures() -> Pictures:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 3, 8, 8), dtype=np.uint8)
    labels = np.arange(30) % 3
    train, held = Images(pixels[:20], labels[:20]), Images(pixels[20:], labels[20:])
    batches = Batches(train, batch=4, seed=0, flip=False)
    return Pictures("test", ("a", "b", "c"), train, held, batches, "0" * 64, "", "by hand")


def features(images: Tensor) -> tuple[Tensor, Tensor]:
    return images.mean((2, 3)), images.mean((2, 3))


def test_a_real_image_is_nearest_to_itself() -> None:
    data = pictures()
    found = nearest(torch.from_numpy(data.held.pixels[4]), data, features)
    assert [m.by for m in found] == ["features", "features", "features", "pixels"]
    for match in (found[0], found[3]):
        assert (match.split, match.index, match.label, match.distance) == ("held out", 4, "a", 0)
    assert found[0].distance < found[1].distance <= found[2].distance


def test_a_cell_is_cut_out_of_the_grid_as_it_was_drawn(tmp_path: Path) -> None:
    data = pictures()
    images = as_float(torch.from_numpy(data.train.pixels[:6]))
    path = tmp_path / "grid.png"
    path.write_bytes(media.png(grid(images, 2)))
    for i in range(6):
        assert torch.equal(cell_of(path, i, 2, 3), torch.from_numpy(data.train.pixels[i]))
    with pytest.raises(BadInput, match="cell=6: the grid has 6 images, from 0 to 5"):
        cell_of(path, 6, 2, 3)
    with pytest.raises(BadInput, match="is no grid of 5 by 3"):
        cell_of(path, 0, 5, 3)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run_dir=x"], "nearest needs picture=… and cell=…"),
        (["run_dir=x", "picture=../a", "cell=0"], "is no SHA-256"),
        (["run_dir=x", f"picture={'a' * 64}", "cell=-1"], "is no whole number"),
        (["run_dir=x", "colour=red"], "is none of run_dir=…"),
    ],
)
def test_bad_words_are_one_line(words: list[str], said: str) -> None:
    with pytest.raises(BadInput) as refused:
        main(words)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
