"""What differs between runs: knobs, and the places where they ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app import words
from app.models import Run
from recipes.base import flattened, same

PLACES = ("hostname", "platform", "python", "torch", "device", "gpus", "git_commit", "git_dirty", "eval_hash")
HIDDEN = ("preset", "size")


@dataclass(frozen=True)
class Line:
    """One knob or fact: a value a run, and whether it is another than the first run's."""

    name: str
    values: tuple[str, ...]
    other: tuple[bool, ...]


@dataclass(frozen=True)
class Differences:
    """``knobs`` of ``total`` differ; ``places`` are facts of the environment that differ."""

    knobs: tuple[Line, ...]
    total: int
    places: tuple[Line, ...]
    missing: tuple[str, ...] = ()

    @property
    def same_data(self) -> bool | None:
        """Whether all knobs of the data agree; None where a run has no recipe."""
        return None if self.missing else not any(k.name.startswith("data.") for k in self.knobs)


def between(runs: Sequence[Run]) -> Differences:
    """The differences of runs, in the order of the first one's knobs."""
    recipes = [flattened(r.recipe or {}) for r in runs]
    names = list(dict.fromkeys(n for recipe in recipes for n in recipe if n not in HIDDEN))
    knobs = [
        _line(n, recipes) for n in names if not all(same(r.get(n), recipes[0].get(n)) for r in recipes[1:])
    ]
    places = [flattened(r.environment or {}) for r in runs]
    known = [p for p in places if p]
    facts = [n for n in dict.fromkeys(n for p in known for n in p) if n.split(".", 1)[0] in PLACES]
    differing = [_line(n, places) for n in facts if len({str(p.get(n)) for p in known}) > 1]
    missing = tuple(r.name or r.id for r, recipe in zip(runs, recipes, strict=True) if not recipe)
    return Differences(tuple(knobs), len(names), tuple(differing), missing)


def _line(name: str, recipes: Sequence[dict[str, Any]]) -> Line:
    first = recipes[0].get(name)
    values = tuple(shown(r[name]) if name in r else "none" for r in recipes)
    return Line(name, values, tuple(not same(r.get(name), first) for r in recipes))


def shown(value: Any) -> str:
    """A value as a person types it; nothing as "none"."""
    if value is None or value == "":
        return "none"
    return words.knob(value) if isinstance(value, bool | int | float | str | list | tuple) else str(value)


def changed(run: Run, base: dict[str, Any] | None) -> tuple[tuple[str, str, str], ...]:
    """(knob, its value, the preset's value) where a run's recipe departs from its preset."""
    if base is None:
        return ()
    mine = flattened(run.recipe or {})
    return tuple(
        (name, shown(value), shown(base.get(name)))
        for name, value in mine.items()
        if name in base and not same(value, base[name])
    )
