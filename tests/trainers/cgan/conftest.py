"""A synthetic set of coloured images in CIFAR-10's binary layout, and the smallest conditional GAN."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainers.kit import classifier


def records(count: int, seed: int) -> bytes:
    """CIFAR-10 records: each of ten classes has its own colour, with stripes and noise."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 10
    colours = np.random.default_rng(99).uniform(60, 190, (10, 3, 1, 1))
    stripes = 30 * np.sin(np.arange(32) * 0.7)[None, None, None]
    pixels = colours[labels] + stripes + random.normal(0, 12, (count, 3, 32, 32))
    rows = np.concatenate([labels[:, None], pixels.clip(0, 255).reshape(count, -1)], 1)
    return rows.astype(np.uint8).tobytes()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with 60 training and 30 test images."""
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "data_batch_1.bin").write_bytes(records(60, 0))
    (folder / "test_batch.bin").write_bytes(records(30, 1))
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, and a classifier that is trained in a moment."""
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(classifier, "FEWEST", 10)
    monkeypatch.setattr(classifier, "MOST", 10)
    return tmp_path / "home"


# The smallest conditional GAN that has every part: a step takes some hundredths of a second.
TINY = (
    "gen.scale=0.03",
    "gen.latent=8",
    "gen.embed=4",
    "disc.scale=0.06",
    "disc.embed=4",
    "data.batch=4",
    "data.slots=2",
    "score.images=24",
    "trainer.steps_per_epoch=4",
    "trainer.log_every=2",
)


@pytest.fixture
def tiny() -> dict[str, Any]:
    """The patch of the smallest conditional GAN."""
    return dict(word.split("=", 1) for word in TINY)


@pytest.fixture
def cgan(images: Path, tiny: dict[str, Any], carry: Callable[..., Any]) -> Callable[..., Any]:
    """cgan("trainer.max_steps=4", run="a"): a tiny run on the synthetic images, in this process."""

    def train(*words: str, preset: str = "fixed", run: str | None = "run", resume: object = None) -> Any:
        patch = {**tiny, "data.root": str(images), **dict(word.split("=", 1) for word in words)}
        return carry("cgan", preset, patch, run=run, resume=resume)

    return train
