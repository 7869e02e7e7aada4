"""The conditional GAN's data: training and held-out images, and batches that depend on seed and position alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from recipes.cgan import Cgan
from trainers.kit import digits, imagesets
from trainers.kit.classifier import digest
from trainers.kit.errors import BadInput
from trainers.kit.imagesets import Images, ImageSet, Labels, Pixels


class Batches:
    """Batches of images without replacement, pass after pass; batch k depends on (seed, k) alone."""

    def __init__(self, images: Images, *, batch: int, seed: int, flip: bool) -> None:
        if batch > len(images):
            raise BadInput(
                f"data.batch {batch} is more than the {len(images)} training images: lower data.batch or add "
                "images"
            )
        self.images, self.size, self.seed, self.flip = images, batch, seed, flip
        self.position = 0
        self._pass, self._order = -1, np.zeros(0, np.int64)

    def next(self) -> tuple[Pixels, Labels]:
        """The batch at `position`, which moves on by one; what does not fill a batch waits for its next pass."""
        number, place = divmod(self.position, len(self.images) // self.size)
        if number != self._pass:
            self._pass = number
            self._order = np.random.default_rng([self.seed, number]).permutation(len(self.images))
        chosen = self._order[place * self.size : (place + 1) * self.size]
        pixels = self.images.pixels[chosen]
        if self.flip:
            mirrored = np.random.default_rng([self.seed, self.position, 1]).random(self.size) < 0.5
            pixels[mirrored] = pixels[mirrored][..., ::-1]
        self.position += 1
        return pixels, self.images.labels[chosen]

    def state_dict(self) -> dict[str, int]:
        return {"position": self.position, "seed": self.seed}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.position = int(state["position"])


@dataclass(frozen=True)
class Pictures:
    """What a run trains on and is measured by; ``sha256`` proves the held-out part."""

    layout: str
    classes: tuple[str, ...]
    train: Images
    held: Images
    batches: Batches
    sha256: str
    resized: str
    split: str


def _part(images: Images, chosen: np.ndarray) -> Images:
    return Images(np.ascontiguousarray(images.pixels[chosen]), images.labels[chosen])


def split(images: Images, share: float, seed: int) -> tuple[Images, Images]:
    """(training, held out), each class in its share, in the order of the files.

    An image's place is drawn from its own content, so that a set which grows keeps most of its split.
    """
    keys = [hashlib.sha256(f"{seed}:".encode() + pixels.tobytes()).digest() for pixels in images.pixels]
    held = np.zeros(len(images), bool)
    for label in np.unique(images.labels):
        mine = np.flatnonzero(images.labels == label)
        ordered = sorted(mine, key=lambda i: (keys[i], i))
        held[ordered[: min(max(round(share * len(mine)), 1), len(mine) - 1)]] = True
    return _part(images, np.flatnonzero(~held)), _part(images, np.flatnonzero(held))


def sides(recipe: Cgan) -> tuple[ImageSet, Images, Images, str]:
    """(the set, its training part, the part held out, how it was split)."""
    data = recipe.data
    found = imagesets.load(data.root) if data.root else digits.load()
    if found.test is None:
        train, held = split(found.train, data.eval_share, data.split_seed)
        how = f"{data.eval_share:g} of each class by digest, seed {data.split_seed}"
    else:
        train, held, how = found.train, found.test, "the files' own"
    return found, train, held, how


def pictures(recipe: Cgan) -> Pictures:
    """Reads, splits and checks the data of a recipe. Raises `BadInput` for data that cannot be used."""
    data = recipe.data
    found, train, held, how = sides(recipe)
    least = 2 if found.test is None else 1
    if len(held) < least:
        raise BadInput(
            f"data.root {data.root!r} holds {len(found.train)} images of {len(found.classes)} classes: too few to "
            "hold some out; add images"
        )
    batches = Batches(train, batch=data.batch, seed=recipe.seed, flip=data.flip)
    return Pictures(found.layout, found.classes, train, held, batches, digest(held), found.resized, how)
