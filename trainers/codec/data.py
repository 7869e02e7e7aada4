"""The codec's data: one bank of speech, training crops and the evaluation set of a recipe."""

from __future__ import annotations

from dataclasses import dataclass

from recipes.codec import Codec
from trainers.kit import audio
from trainers.kit.crops import Crops, EvaluationSet, evaluation_set, split


@dataclass(frozen=True)
class Speech:
    """What a run trains on and is measured by; ``minutes`` of training audio."""

    bank: audio.Bank
    crops: Crops
    evaluation: EvaluationSet
    minutes: float


def speech(recipe: Codec) -> Speech:
    """Decodes, splits and checks the data of a recipe. Raises `BadInput` for data that cannot be used."""
    data = recipe.data
    bank = audio.load(data.root, data.rate_hz, shortest=data.crop, rms=data.rms)
    training, held = split(bank, data.eval_share, data.split_seed, shortest=data.crop)
    crops = Crops(bank, training, crop=data.crop, batch=data.batch, seed=recipe.seed)
    evaluation = evaluation_set(bank, held, items=data.eval_items, seconds=data.eval_seconds)
    return Speech(bank, crops, evaluation, sum(c.length for c in training) / data.rate_hz / 60)
