"""``python -m trainers card TRAINER [knob=value …] [out=DIR] [json=true]``: what a recipe's data holds, before it trains.

Prints what was measured and what a person should know: duplicates, leaks, clipping, silence, balance, coverage.
Clips and pictures go to ``out``; without it they are not kept.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from nashboard import events
from nashboard.environment import plain
from recipes.base import flat
from recipes.compose import compose
from recipes.registry import recipe_type
from trainers.kit.errors import BadInput

USAGE = "python -m trainers card TRAINER [data.root=DIR] [knob=value …] [out=DIR] [json=true]"


def main(words: Sequence[str]) -> int:
    """Runs the command line after ``card``; returns 0. Raises `BadInput` or `BadRecipe` for words that cannot be."""
    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    recipe_type(words[0])
    own, rest = told(words[1:], "out", "json")
    recipe = compose(words[0], rest).recipe
    with tempfile.TemporaryDirectory(prefix="nashboard-card-") as scratch:
        out = Path(own["out"] or scratch)
        if not out.is_dir():
            raise BadInput(f"out={own['out']!r} is no folder")
        began = time.monotonic()
        found = of(recipe, out)
    if own["json"] == "true":
        print(events.dumps(plain({**found, "seconds": round(time.monotonic() - began, 2)})))
    else:
        show(found)
    return 0


def told(words: Sequence[str], *names: str) -> tuple[dict[str, str], list[str]]:
    """(the words of these names, the others). Raises `BadInput` for a ``json`` that is neither true nor false."""
    own, rest = dict.fromkeys(names, ""), []
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name in names:
            own[name] = value
        else:
            rest.append(word)
    if own.get("json", "") not in ("", "true", "false"):
        raise BadInput(f"json={own['json']!r} is neither true nor false")
    return own, rest


def of(recipe: Any, out: Path) -> dict[str, Any]:
    """The card of a recipe's data, its clips and pictures in ``out``. Raises `BadInput`."""
    try:
        found: dict[str, Any] = import_module(f"trainers.{recipe.name}.card").made(recipe, out)
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        raise BadInput(f"{where}{problem.strerror or problem}") from problem
    return {"trainer": recipe.name, "root": str(flat(recipe).get("data.root") or ""), **found}


def show(found: dict[str, Any]) -> None:
    """A card as lines."""
    print(f"{found['root'] or 'the built-in demo set'}: {found['found']} found, {found['measured']} measured")
    for name, train, held in found["counts"]:
        print(f"  {name:<14} {train} to train, {held} to evaluate")
    for name, text in found["facts"]:
        print(f"  {name:<14} {text}")
    for trouble in found["troubles"]:
        print(f"  {trouble['level']:<14} {trouble['title']}: {trouble['text']}")
        for item in trouble["items"][:5]:
            print(f"  {'':<14}   {item}")
    if not found["troubles"]:
        print("  nothing wrong was found")
