"""The command line that makes a recipe again: what the worker spawns and what a page shows to copy."""

from __future__ import annotations

import re
from typing import Any

from recipes.base import IDENTITY, Recipe, diff, flat, knobs
from recipes.compose import build
from recipes.values import to_text

BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
NAMES = ("true", "false", "null", "nan", "inf")


def command(
    recipe: Recipe,
    *,
    run_dir: str,
    url: str | None = None,
    device: str = "auto",
    resume: str | None = None,
) -> list[str]:
    """The arguments after ``python -m trainers`` that make a run of this recipe, in the fewest knobs.

    Preset and size are always said, because the default size depends on the machine. Every other knob is said
    where it differs from theirs. Raises `BadRecipe` where the recipe's preset is no longer there.
    """
    base = build(recipe.name, recipe.preset, recipe.size)
    paths = {k.name for k in knobs(recipe) if k.path}
    words = [recipe.name, f"preset={recipe.preset}", f"size={recipe.size}"]
    for name, (_, value) in diff(flat(base), flat(recipe)).items():
        if name not in IDENTITY:
            words.append(f"{name}={value if name in paths else quoted(value)}")
    words.append(f"run_dir={run_dir}")
    if resume is not None:
        words.append(f"resume={resume}")
    if device != "auto":
        words.append(f"device={device}")
    if url is not None:
        words.append(f"url={url}")
    return words


def quoted(value: Any) -> str:
    """A value in Hydra's grammar: text in quotes where it would be read as something else."""
    if isinstance(value, list):
        return f"[{','.join(quoted(v) for v in value)}]"
    if not isinstance(value, str) or (BARE.fullmatch(value) and value.lower() not in NAMES):
        return to_text(value)
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", value)
    tail = len(escaped) - len(escaped.rstrip("\\"))
    return "'" + escaped + "\\" * tail + "'"
