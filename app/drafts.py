"""A launch as it stands in the form: read from what was sent, checked whole, ready to be queued.

The form says for which trainer, size and presets its knobs were shown. Where those have been changed since,
what was typed is kept and everything else takes the new presets' values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app import dataroots
from app.forms import Typed, common, patches
from nashboard import rulecodes
from recipes import TRAINERS, compose, files
from recipes.base import BadRecipe, Knob, Problem, Recipe, knobs, patched
from recipes.plan import MOST_SEEDS

PAIR = ("old", "fixed")
MOST = 2
MAX_TEXT = 2000


@dataclass(frozen=True)
class Draft:
    """The form's texts. ``shown`` is (trainer, size, presets…) of the knobs that the sender saw."""

    trainer: str = "codec"
    presets: tuple[str, ...] = PAIR
    size: str = "tiny"
    seed: str = ""
    seeds: str = ""
    root: str = ""
    name: str = ""
    project: str = ""
    tags: str = ""
    device: str = "auto"
    stop_on: tuple[str, ...] = ()
    typed: Typed = field(default_factory=Typed)
    shown: tuple[str, ...] = ()

    @property
    def repeats(self) -> int:
        """How many seeds; 0 for a text that says no number from 1 to `MOST_SEEDS`."""
        if not self.seeds:
            return 1
        many = int(self.seeds) if self.seeds.isdecimal() and len(self.seeds) < 6 else 0
        return many if many <= MOST_SEEDS else 0

    @property
    def tag_list(self) -> list[str]:
        """The tags, split at commas."""
        return [t for t in (part.strip() for part in self.tags.split(",")) if t]


@dataclass(frozen=True)
class Checked:
    """A draft after checking. ``problems`` are (preset or "", problem); without any it can be queued."""

    draft: Draft
    knobs: Mapping[str, Sequence[Knob]]
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    problems: tuple[tuple[str, Problem], ...] = ()


PLAIN = {"trainer": "trainer", "size": "size", "seed": "seed", "seeds": "seeds", "knob:data.root": "root", "name": "name",
         "project": "project", "tags": "tags", "device": "device"}  # fmt: skip


def read(items: Iterable[tuple[str, str]]) -> Draft:
    """A draft from a form's or a query's (name, text) pairs; unknown names are passed over."""
    plain: dict[str, str] = {}
    presets: list[str] = []
    stops: list[str] = []
    both: dict[str, str] = {}
    sides: dict[tuple[str, str], str] = {}
    shown: tuple[str, ...] = ()
    for name, raw in items:
        text = raw[:MAX_TEXT].replace("\x00", "")
        if name in PLAIN:
            plain[PLAIN[name]] = text.strip()
        elif name == "preset":
            presets.append(text)
        elif name == "stop_on" and text.strip():
            stops.append(text.strip())
        elif name == "shown":
            shown = tuple(text.split())
        elif name.startswith("knob:"):
            both[name.removeprefix("knob:")] = text
        elif name.startswith("side:") and name.count(":") >= 2:
            _, preset, knob = name.split(":", 2)
            sides[preset, knob] = text
    if presets or shown:
        plain["presets"] = tuple(dict.fromkeys(presets))  # type: ignore[assignment]
    plain["stop_on"] = tuple(dict.fromkeys(stops))  # type: ignore[assignment]
    return Draft(**plain, typed=Typed(both, sides), shown=shown)  # type: ignore[arg-type]


def fresh(draft: Draft) -> bool:
    """Whether the sender saw the knobs of the trainer, size and presets that are chosen now."""
    return draft.shown == (draft.trainer, draft.size, *draft.presets)


def check(draft: Draft, roots: Sequence[Path]) -> Checked:
    """Everything that is wrong with a draft, at once, by field."""
    problems: list[tuple[str, Problem]] = []
    draft = _known(draft, problems)
    if trouble := rulecodes.trouble(draft.stop_on):
        problems.append(("", Problem("stop_on", ", ".join(draft.stop_on), trouble)))
    base = {preset: _base(draft.trainer, preset, draft.size, problems) for preset in draft.presets}
    shown = {preset: knobs(recipe) for preset, recipe in base.items() if recipe is not None}
    draft = _kept(draft, shown)
    changes = patches(shown, draft.typed)
    made: dict[str, Recipe] = {}
    for preset, recipe in base.items():
        if recipe is not None:
            made_here, wrong = _patched(recipe, {**changes[preset], **common_patch(draft)}, roots)
            problems += [(preset, p) for p in wrong]
            if made_here is not None:
                made[preset] = made_here
    return Checked(draft, shown, made, tuple(_once(problems, draft)))


def _patched(
    recipe: Recipe, patch: Mapping[str, str], roots: Sequence[Path]
) -> tuple[Recipe | None, list[Problem]]:
    """The recipe with the patch, or all that is wrong: refused knobs are left out to see the rest."""
    left, wrong = dict(patch), []
    while True:
        try:
            found = patched(recipe, left)
            dataroots.check(found, roots)
        except BadRecipe as bad:
            wrong += bad.problems
            again = [p.knob for p in bad.problems if left.pop(p.knob, None) is not None]
            if again:
                continue
            return None, wrong
        return (None if wrong else found), wrong


def size_text(trainer: str, size: str) -> str:
    """What a size is, in its own file's words."""
    return str(files.read(files.size_path(trainer, size)).words.get("text", "")).strip()


def common_patch(draft: Draft) -> dict[str, str]:
    """What the form asks for every run alike: seed and data."""
    return {k: v for k, v in (("seed", draft.seed), ("data.root", draft.root)) if v}


def asked(checked: Checked) -> dict[str, Any]:
    """The request to the API for a draft: ``patch`` for all runs, ``sides`` for one preset's alone."""
    draft = checked.draft
    defaults = {preset: {k.name: k for k in own} for preset, own in checked.knobs.items()}
    both = {k: t.strip() for k, t in draft.typed.both.items() if t.strip() not in ("", common(defaults, k))}
    request: dict[str, Any] = {
        "trainer": draft.trainer,
        "size": draft.size,
        "patch": {**both, **common_patch(draft)},
        "name": draft.name,
        "project": draft.project or "default",
        "tags": draft.tag_list,
        "device": draft.device or "auto",
        **({"stop_on": list(draft.stop_on)} if draft.stop_on else {}),
    }
    if len(draft.presets) == 1:
        return {**request, "preset": draft.presets[0]}
    sides: dict[str, dict[str, str]] = {}
    for (preset, knob), text in draft.typed.sides.items():
        if text.strip() and preset in draft.presets:
            sides.setdefault(preset, {})[knob] = text.strip()
    return {**request, "presets": list(draft.presets), **({"sides": sides} if sides else {})}


def planned(checked: Checked) -> dict[str, Any]:
    """The request to the API for a plan: what is asked for, once for each seed, from the draft's seed on."""
    once = asked(checked)
    both = {k: v for k, v in once["patch"].items() if k != "seed"}
    first = int(checked.draft.seed) if checked.draft.seed.isdecimal() else 0
    presets = once.get("presets") or [once["preset"]]
    sides = once.get("sides", {})
    sheet = {
        "title": f"{' against '.join(presets)}, {checked.draft.repeats} seeds",
        "trainer": once["trainer"],
        "size": once["size"],
        "seeds": list(range(first, first + checked.draft.repeats)),
        "same_data": True,
        "items": [{"preset": p, "patch": {**both, **sides.get(p, {})}} for p in presets],
        "stop_on": once.get("stop_on", []),
    }
    return {"plan": sheet, **{k: once[k] for k in ("name", "project", "tags", "device")}}


def _known(draft: Draft, problems: list[tuple[str, Problem]]) -> Draft:
    """The draft with a trainer, size and presets that exist; what did not is a problem."""
    if draft.trainer not in TRAINERS:
        text = f"there is no trainer {draft.trainer!r}; choose one of {', '.join(TRAINERS)}"
        problems.append(("", Problem("trainer", draft.trainer, text)))
        draft = replace(draft, trainer=next(iter(TRAINERS)))
    sizes = compose.sizes(draft.trainer)
    if draft.size not in sizes:
        text = f"there is no size {draft.size!r}; choose one of {', '.join(sizes)}"
        problems.append(("", Problem("size", draft.size, text)))
        draft = replace(draft, size=sizes[0])
    if not draft.repeats:
        text = f"{draft.seeds!r:.40} is no number of seeds; take 1 to {MOST_SEEDS}"
        problems.append(("", Problem("seeds", draft.seeds, text)))
    names = [p.name for p in compose.presets(draft.trainer)]
    for preset in draft.presets:
        if preset not in names:
            text = f"there is no preset {preset!r}; choose one of {', '.join(names)}"
            problems.append(("", Problem("preset", preset, text)))
    found = tuple(p for p in draft.presets if p in names)
    if not draft.presets:
        problems.append(("", Problem("preset", "", "no preset is chosen; choose one, or two for a pair")))
    elif len(found) > MOST:
        text = f"{len(found)} presets are chosen; a launch takes one, or two for a pair"
        problems.append(("", Problem("preset", ", ".join(found), text)))
    return replace(draft, presets=found[:MOST])


def _base(trainer: str, preset: str, size: str, problems: list[tuple[str, Problem]]) -> Recipe | None:
    try:
        return compose.build(trainer, preset, size)
    except BadRecipe as bad:
        problems += [
            ("", Problem("preset", preset, f"the preset {preset!r} is broken: {p}")) for p in bad.problems
        ]
        return None


def _kept(draft: Draft, now: Mapping[str, Sequence[Knob]]) -> Draft:
    """The draft with only those texts that differ from what the sender was shown."""
    if not draft.shown or fresh(draft):
        return draft
    trainer, size, *presets = (*draft.shown, "", "")[: max(2, len(draft.shown))]
    then: dict[str, dict[str, Knob]] = {}
    for preset in presets:
        try:
            then[preset] = {k.name: k for k in knobs(compose.build(trainer, preset, size))}
        except BadRecipe:
            return replace(draft, typed=Typed(), shown=())
    names = {k.name for own in now.values() for k in own}
    both = {
        knob: text
        for knob, text in draft.typed.both.items()
        if knob in names and text.strip() not in ("", common(then, knob))
    }
    sides = {(p, k): t for (p, k), t in draft.typed.sides.items() if t.strip() and p in now and k in names}
    return replace(draft, typed=Typed(both, sides))


def _once(problems: Sequence[tuple[str, Problem]], draft: Draft) -> list[tuple[str, Problem]]:
    """Problems without those that both sides have from the same field."""
    found: dict[tuple[str, str, str], tuple[str, Problem]] = {}
    for preset, problem in problems:
        own = preset if draft.typed.sides.get((preset, problem.knob), "").strip() else ""
        found.setdefault((own, problem.knob, problem.message), (preset, problem))
    return list(found.values())
