"""The demo images: scikit-learn's 1,797 handwritten digits, coloured, at 32×32.

Only the table inside the installed package is read; scikit-learn itself is not imported. Each digit has a
light and a dark colour of its own from a fixed seed, because in black and white nearly every value would lie
at the ends of the range, where saturation cannot be told from the data.
"""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from trainers.kit.errors import BadInput
from trainers.kit.imagesets import Images, ImageSet, resized

WAY_OUT = "install it with `pip install scikit-learn`, or name a folder of images with data.root=DIR"
TABLE = Path("datasets/data/digits.csv.gz")


def table() -> Path:
    """Where the digits lie in the installed package. Raises BadInput without it."""
    found = find_spec("sklearn")
    for place in (found.submodule_search_locations or ()) if found else ():
        if (Path(place) / TABLE).is_file():
            return Path(place) / TABLE
    raise BadInput(f"the built-in demo images are scikit-learn's digits, which is not installed: {WAY_OUT}")


def load(side: int = 32) -> ImageSet:
    """The digits as a set without a test part."""
    with gzip.open(table(), "rt") as lines:
        rows = np.loadtxt(lines, delimiter=",")
    ink = rows[:, :-1].reshape(-1, 1, 8, 8) / 16
    random = np.random.default_rng(0)
    dark, light = random.uniform(20, 100, (2, len(rows), 3, 1, 1)) + np.array([0, 130]).reshape(2, 1, 1, 1, 1)
    flipped = random.random((len(rows), 1, 1, 1)) < 0.5
    front, back = np.where(flipped, dark, light), np.where(flipped, light, dark)
    small = np.rint(back + ink * (front - back)).astype(np.uint8)
    images = Images(resized(small, side), rows[:, -1].astype(np.int64))
    return ImageSet("", "scikit-learn digits, coloured", tuple(map(str, range(10))), images, None, "8×8")
