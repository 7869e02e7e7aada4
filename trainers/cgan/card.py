"""The conditional GAN's data card: its images, their labels, and the part held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recipes.cgan import Cgan
from trainers.cgan import data as sets
from trainers.kit import picturecard


def made(recipe: Cgan, out: Path) -> dict[str, Any]:
    """The card of a recipe's data. Raises `BadInput` for data that cannot be used at all."""
    found, train, held, how = sets.sides(recipe)
    told = picturecard.pictures(train, held, found.classes, out)
    told["facts"] = [["Layout", found.layout], ["Split", how], *told["facts"]]
    if found.resized:
        told["facts"].append(["Resized from", found.resized])
    return told
