"""A plan on paper: presets and patches times a grid times seeds, read from YAML or JSON, each item a valid recipe.

A sheet says ``trainer``, ``size`` and ``seeds``, then ``preset`` (or several ``presets``, or a list of ``items`` of one's
own, each with a preset and a patch), a ``patch`` for all, and a ``grid`` of knobs with lists of values. Its items are
every item with every point of the grid at every seed. With ``search`` it names ranges instead (`recipes.space`).
Shipped sheets lie in ``recipes/plans/TRAINER``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from recipes import compose, files
from recipes.base import BadRecipe, Patch, Problem, Recipe, flat, flattened, same
from recipes.problems import problems_of
from recipes.registry import TRAINERS
from recipes.space import Search
from recipes.values import to_text

HERE = Path(__file__).parent / "plans"
MOST_ITEMS = 200
MOST_SEEDS = 50
MOST_BYTES = 64 * 1024
MOST_PROBLEMS = 40
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Text = Annotated[str, Field(max_length=2000)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Entry(_Model):
    """One setting of a plan. ``factors`` name what it stands for where the preset's name says it badly."""

    title: Annotated[str, Field(max_length=200)] = ""
    preset: Annotated[str, Field(max_length=80)] = ""
    patch: dict[str, Any] = {}
    factors: dict[str, str | int | float | bool] = {}


class Sheet(_Model):
    """What a plan's file says. ``same_data``: all items take the data knobs of the first preset, as a pair does.
    ``stop_on``: codes of the doctor's rules that stop a run of it.
    """

    title: Annotated[str, Field(max_length=200)] = ""
    text: Text = ""
    source: Text = ""
    order: int = 100
    trainer: str
    size: Literal["tiny", "small", "paper"] = "tiny"
    preset: Annotated[str, Field(max_length=80)] = ""
    presets: Annotated[list[str], Field(max_length=20)] = []
    seeds: int | list[Seed] = 1
    patch: dict[str, Any] = {}
    grid: dict[str, list[Any]] = {}
    items: list[Entry] = []
    same_data: bool = False
    metric: Annotated[str, Field(max_length=200)] = ""
    stop_on: Annotated[list[str], Field(max_length=100)] = []
    search: Search | None = None

    @field_validator("preset", "trainer", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value

    @property
    def seed_list(self) -> list[int]:
        """The seeds: those listed, or 0 to n − 1."""
        return list(self.seeds) if isinstance(self.seeds, list) else list(range(self.seeds))


@dataclass(frozen=True)
class Item:
    """One run of a plan: ``patch`` over ``preset``, without the seed; ``at``: its value on each varied knob."""

    title: str
    preset: str
    patch: dict[str, Any]
    seed: int
    recipe: Recipe
    at: dict[str, Any]


@dataclass(frozen=True)
class Made:
    """The items of a sheet in the order in which to run them, and how many were left out as doubles."""

    items: tuple[Item, ...]
    varied: tuple[str, ...]
    doubles: int


def read(text: str, name: str = "plan.yaml") -> Sheet:
    """A sheet from YAML or JSON. Raises `BadRecipe` that names the line or the field."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise BadRecipe([Problem("plan", None, f"{name} has more than {MOST_BYTES // 1024} KiB; split it")])
    if not text.strip():
        raise BadRecipe([Problem("plan", "", f"{name} is empty; write at least trainer: codec")])
    try:
        values = files.parsed(Path(name), text)
    except BadRecipe as bad:
        raise BadRecipe([Problem("plan", p.value, p.message) for p in bad.problems]) from None
    return of(values)


def of(values: Mapping[str, Any]) -> Sheet:
    """A sheet from a mapping. Raises `BadRecipe` with every problem."""
    try:
        sheet = Sheet.model_validate(dict(values))
    except ValidationError as error:
        raise BadRecipe(problems_of(error)) from None
    _check(sheet)
    return sheet


def _check(sheet: Sheet) -> None:
    wrong = []
    if sheet.trainer not in TRAINERS:
        text = f"{sheet.trainer!r:.60} is none of the trainers {', '.join(TRAINERS)}"
        wrong.append(Problem("trainer", sheet.trainer, text))
    if sum(map(bool, (sheet.preset, sheet.presets))) > 1:
        wrong.append(Problem("presets", sheet.presets, "give preset or presets, not both"))
    seeds = sheet.seed_list if isinstance(sheet.seeds, list) or 0 < sheet.seeds <= MOST_SEEDS else []
    if not seeds or len(seeds) > MOST_SEEDS:
        text = f"{to_text(sheet.seeds)} is no number of seeds; take 1 to {MOST_SEEDS}, or list them"
        wrong.append(Problem("seeds", sheet.seeds, text))
    elif len(set(seeds)) < len(seeds):
        wrong.append(
            Problem("seeds", sheet.seeds, f"a seed stands twice in {to_text(sheet.seeds)}; name each once")
        )
    for knob, values in sheet.grid.items():
        if not values:
            wrong.append(Problem(f"grid.{knob}", values, f"the grid gives {knob} no value; write [a, b]"))
        if knob == "seed":
            wrong.append(Problem("grid.seed", values, "seeds are given as seeds: 3 or seeds: [0, 1, 2]"))
    for part in (sheet.patch, *(e.patch for e in sheet.items)):
        for knob in ("seed", "preset", "size"):
            if knob in part:
                wrong.append(
                    Problem(knob, part[knob], f"{knob} has a line of its own and cannot be in a patch")
                )
    if sheet.search is not None and (sheet.grid or sheet.items or sheet.presets):
        wrong.append(Problem("search", None, "a search takes one preset; leave grid, items and presets out"))
    if wrong:
        raise BadRecipe(wrong)


def size_of(sheet: Sheet) -> int:
    """How many runs a sheet asks for, before doubles are left out."""
    if sheet.search is not None:
        return sheet.search.trials
    count = max(1, len(sheet.presets)) * max(1, len(sheet.items)) * len(sheet.seed_list)
    for values in sheet.grid.values():
        count *= len(values)
    return count


def make(sheet: Sheet) -> Made:
    """The items of a sheet, each validated. Raises `BadRecipe`: every problem by knob, its text by item."""
    count = size_of(sheet)
    if count > MOST_ITEMS:
        text = f"the plan has {count:,} runs and the limit is {MOST_ITEMS}; take fewer values or seeds"
        raise BadRecipe([Problem("plan", count, text)])
    shared = _shared(sheet)
    found: list[Item] = []
    problems: list[Problem] = []
    settings = list(_settings(sheet))
    varied = _varied(settings)
    for number, (entry, patch) in enumerate(settings, 1):
        base = {**shared, **patch}
        try:
            recipe = compose.build(
                sheet.trainer, entry.preset, sheet.size, {**base, "seed": sheet.seed_list[0]}
            )
        except BadRecipe as bad:
            label = label_of(entry, patch)
            problems += [
                Problem(p.knob, p.value, f"item {number} ({label}): {p.message}") for p in bad.problems
            ]
            continue
        known = {**flat(recipe), **entry.factors}
        at = {knob: entry.preset if knob == "preset" else known.get(knob) for knob in varied}
        for seed in sheet.seed_list:
            own = recipe.model_copy(update={"seed": seed})
            found.append(Item(entry.title, entry.preset, base, seed, own, at))
    if problems:
        raise BadRecipe(_few(problems))
    varied = [v for v in varied if any(not same(i.at[v], found[0].at[v]) for i in found)]
    found = [replace(i, at={v: i.at[v] for v in varied}) for i in found]
    items = _without_doubles(found, sheet.seed_list)
    return Made(tuple(items), tuple(varied), len(found) - len(items))


def _few(problems: Sequence[Problem]) -> list[Problem]:
    more = len(problems) - MOST_PROBLEMS
    return [*problems[:MOST_PROBLEMS], *([Problem("plan", None, f"and {more} more")] if more > 0 else [])]


def _shared(sheet: Sheet) -> dict[str, Any]:
    if not sheet.same_data or sheet.search is not None:
        return {}
    first = next(_settings(sheet))
    recipe = compose.build(sheet.trainer, first[0].preset, sheet.size, first[1])
    return {k: v for k, v in flat(recipe).items() if k.startswith("data.")}


def _settings(sheet: Sheet) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """(entry with its preset, patch) of each item, without seeds."""
    entries = sheet.items or [Entry()]
    for preset in sheet.presets or [sheet.preset or "fixed"]:
        for entry in entries:
            named = entry.model_copy(update={"preset": entry.preset or preset})
            for point in itertools.product(*sheet.grid.values()):
                grid = dict(zip(sheet.grid, point, strict=True))
                yield named, {**flattened(sheet.patch), **flattened(entry.patch), **flattened(grid)}


def _varied(settings: Sequence[tuple[Entry, Patch]]) -> list[str]:
    """What tells the items apart: their factors, else their presets; and each knob that a patch varies."""
    names = list(dict.fromkeys(f for entry, _ in settings for f in entry.factors))
    if not names and len({entry.preset for entry, _ in settings}) > 1:
        names = ["preset"]
    for knob in dict.fromkeys(k for _, patch in settings for k in patch):
        values = [patch.get(knob, _Missing) for _, patch in settings]
        if any(not same(v, values[0]) for v in values) and knob not in names:
            names.append(knob)
    return names


class _Missing:
    """Stands for a knob that a patch does not name."""


def _without_doubles(found: Sequence[Item], seeds: Sequence[int]) -> list[Item]:
    """Each recipe once, all settings of a seed before the next seed; titles of doubles are joined."""
    kept: dict[str, Item] = {}
    for seed in seeds:
        for item in (i for i in found if i.seed == seed):
            key = repr(sorted(flat(item.recipe).items()))
            twin = kept.get(key)
            if twin is None:
                kept[key] = item
            elif item.title and item.title not in twin.title.split(" · "):
                title = f"{twin.title} · {item.title}" if twin.title else item.title
                kept[key] = replace(twin, title=title[:200])
    return list(kept.values())


def label_of(entry: Entry, patch: Patch) -> str:
    """ "run-b, gen.base=256": an item in a message."""
    parts = [entry.title or entry.preset, *(f"{k}={to_text(v)}" for k, v in list(patch.items())[:4])]
    return ", ".join(p for p in parts if p)


@dataclass(frozen=True)
class Shipped:
    """A plan that comes with the product; ``name`` is ``trainer/stem``."""

    name: str
    sheet: Sheet
    text: str


def shipped(trainer: str = "") -> list[Shipped]:
    """The plans that come with the product, those of one trainer or all, in the order to show them."""
    found = []
    for own in [trainer] if trainer else TRAINERS:
        here = [shipped_one(f"{own}/{p.stem}") for p in sorted((HERE / own).glob("*.yaml"))]
        found += sorted(here, key=lambda s: (s.sheet.order, s.name))
    return found


def shipped_one(name: str) -> Shipped:
    """A shipped plan by ``trainer/stem``. Raises `BadRecipe` for a name that is none."""
    trainer, _, stem = name.partition("/")
    path = HERE / trainer / f"{stem}.yaml"
    if trainer not in TRAINERS or not files.NAME.fullmatch(stem) or not path.is_file():
        names = [f"{p.parent.name}/{p.stem}" for p in sorted(HERE.glob("*/*.yaml"))]
        raise BadRecipe(
            [Problem("shipped", name, f"{name!r:.80} is none of the shipped plans {', '.join(names)}")]
        )
    text = path.read_text("utf-8")
    return Shipped(name, read(text, path.name), text)
