"""The codec's data card: the files that its bank and split would use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recipes.codec import Codec
from trainers.kit import audio, card
from trainers.kit.crops import split


def made(recipe: Codec, out: Path) -> dict[str, Any]:
    """The card of a recipe's data. Raises `BadInput` for data that cannot be used at all."""
    data = recipe.data
    bank = audio.load(data.root, data.rate_hz, shortest=data.crop, rms=data.rms)
    sides = split(bank, data.eval_share, data.split_seed, shortest=data.crop)
    items = card.items_of(Path(bank.root), *sides)
    return card.audio(items, bank.skipped, out, rate_hz=data.rate_hz)
