"""The classifier behind scores: trained once a data set, kept, the same each time."""

from pathlib import Path

import numpy as np
import pytest
import torch

from trainers.kit import classifier
from trainers.kit.classifier import trained
from trainers.kit.errors import BadInput
from trainers.kit.imagesets import Images


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(classifier, "FEWEST", 25)
    return tmp_path / "home" / "classifiers"


def shades(count: int, seed: int) -> Images:
    """Three classes of brightness with noise."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    pixels = labels[:, None, None, None] * 80 + random.integers(0, 60, (count, 3, 32, 32))
    return Images(pixels.astype(np.uint8), labels)


def test_it_learns_is_kept_and_comes_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = torch.get_rng_state()
    first = trained(shades(60, 0), shades(30, 1), 3)
    assert first.accuracy > 0.6
    assert [p.stem for p in home.iterdir()] == [first.key]
    monkeypatch.setattr(classifier, "_fit", lambda *_: pytest.fail("trained twice"))
    again = trained(shades(60, 0), shades(30, 1), 3)
    assert (again.accuracy, again.steps) == (first.accuracy, 25)
    assert torch.equal(again.net.head.weight, first.net.head.weight)
    assert torch.equal(torch.get_rng_state(), state)


def test_other_images_get_another_one_and_a_torn_file_is_made_anew(home: Path) -> None:
    first = trained(shades(60, 0), shades(30, 1), 3)
    other = trained(shades(60, 5), shades(30, 1), 3)
    assert other.key != first.key
    path = home / f"{first.key}.pt"
    path.write_bytes(path.read_bytes()[:100])
    assert torch.equal(trained(shades(60, 0), shades(30, 1), 3).net.head.weight, first.net.head.weight)


def test_a_cache_that_cannot_be_written(home: Path) -> None:
    home.parent.mkdir(parents=True)
    home.write_text("a file in its way")
    with pytest.raises(BadInput, match="set NASHBOARD_HOME to a folder that can be written"):
        trained(shades(6, 0), shades(3, 1), 3)
