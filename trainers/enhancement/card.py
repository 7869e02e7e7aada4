"""The enhancer's data card: clean files, their noisy partners, and how noisy those are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recipes.enhancement import Enhancement
from trainers.enhancement import data as pairs
from trainers.kit import card
from trainers.kit.audio import Clip
from trainers.kit.pairs import Pairs

HEARD_PAIRS = 60


def made(recipe: Enhancement, out: Path) -> dict[str, Any]:
    """The card of a recipe's data. Raises `BadInput` for data that cannot be used at all."""
    data = recipe.data
    training, source, clips, held, about = pairs.sides(data)
    root, other = Path(training.bank.root), Path(source.bank.root)
    items = card.items_of(root, clips, [] if other != root else held)
    if other != root:
        items = [
            *card.items_of(root, clips, [], prefix="train/"),
            *card.items_of(other, [], held, prefix="test/"),
        ]
    skipped = training.bank.skipped + (source.bank.skipped if source.bank is not training.bank else ())
    told = card.audio(items, tuple(dict.fromkeys(skipped)), out, rate_hz=data.rate_hz)
    told["facts"] += [["What", about]]
    for side, pair, some in (("training", training, clips), ("evaluation", source, held)):
        told["facts"].append([f"SNR in {side}", _snr(pair, some)])
    return told


def _snr(pair: Pairs, clips: list[Clip]) -> str:
    """Lowest, middle and highest ratio of clean speech to what was added, of up to `HEARD_PAIRS` pairs."""
    found = []
    for clip in clips[:: max(1, len(clips) // HEARD_PAIRS)][:HEARD_PAIRS]:
        clean, noisy = pair.stretch(clip, 0, clip.length)
        signal, noise = (float(np.square(w, dtype=np.float64).sum()) for w in (clean, noisy - clean))
        if signal > 0 and noise > 0:
            found.append(10 * np.log10(signal / noise))
    if not found:
        return "no noise in the noisy files"
    low, middle, high = np.quantile(found, (0, 0.5, 1))
    low, middle, high = (round(float(v), 1) + 0.0 for v in (low, middle, high))  # no minus zero
    return f"{low} to {high} dB, middle {middle} dB".replace("-", "−")
