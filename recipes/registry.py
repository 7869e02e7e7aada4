"""The trainers that there are. A new one is one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recipes.base import BadRecipe, Problem, Recipe, unknown, validated
from recipes.cgan import Cgan
from recipes.codec import Codec
from recipes.enhancement import Enhancement
from recipes.tts import Tts
from recipes.vae import Vae

TRAINERS: dict[str, type[Recipe]] = {r.name: r for r in (Codec, Enhancement, Cgan, Vae, Tts)}


def recipe_type(trainer: str) -> type[Recipe]:
    """The recipe's class of a trainer. Raises `BadRecipe` for a name that is none."""
    if trainer not in TRAINERS:
        message = f"{unknown(trainer, TRAINERS, 'trainer')}; trainers: {', '.join(TRAINERS)}"
        raise BadRecipe([Problem("trainer", trainer, message)])
    return TRAINERS[trainer]


def load(trainer: str, values: Mapping[str, Any]) -> Recipe:
    """A stored recipe, nested or flat, as its type. Raises `BadRecipe`."""
    return validated(recipe_type(trainer), values)
