"""From words to a recipe: presets, sizes and overrides, composed by Hydra's compose API and validated by pydantic.

Hydra sees one chain of configs a recipe: the trainer's defaults, the size, then the preset with what it stands
on. There is no ``@hydra.main`` and no outputs folder; Hydra's global state is put back, and a lock keeps threads
apart. Values of paths never pass through Hydra's grammar: they are taken letter by letter.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from recipes import files
from recipes.base import BadRecipe, Patch, Problem, Recipe, flat, nested, patched, unknown, validated
from recipes.registry import recipe_type

_lock = threading.Lock()


@dataclass(frozen=True)
class Preset:
    """A named recipe: ``base`` is the preset that it stands on, ``sets`` the knobs that it changes there."""

    name: str
    title: str
    text: str = ""
    side: str = ""
    base: str = ""
    changes: str = ""
    label: str = ""
    source: str = ""
    sets: tuple[str, ...] = ()
    own: bool = False


def sizes(trainer: str) -> tuple[str, ...]:
    """The sizes of a trainer, smallest first."""
    recipe_type(trainer)
    return tuple(s for s in files.SIZES if files.size_path(trainer, s).is_file())


def presets(trainer: str) -> list[Preset]:
    """The presets of a trainer in the order to show them; broken ones of a person's own are left out."""
    found = []
    for name, path in files.preset_paths(trainer).items():
        own = path.parent != files.HERE / "presets" / trainer
        try:
            sheet = files.read(path)
        except BadRecipe:
            if own:
                continue
            raise
        words = {k: str(v).strip() for k, v in sheet.words.items() if k not in ("order", "trainer")}
        sets = tuple(dict.fromkeys([*sheet.knobs, *(k for s in sheet.by_size.values() for k in s)]))
        order = sheet.words.get("order", 100)
        found.append((order, name, Preset(name=name, own=own, sets=sets, **{"title": name, **words})))
    return [p for _, _, p in sorted(found, key=lambda f: (f[2].own, f[0], f[1]))]


def build(trainer: str, preset: str = "fixed", size: str = "tiny", patch: Patch | None = None) -> Recipe:
    """The recipe of a preset at a size, with a patch of {knob: value} on top. Raises `BadRecipe`."""
    recipe = validated(recipe_type(trainer), _composed(trainer, preset, size))
    return patched(recipe, patch) if patch else recipe


def _chain(trainer: str, preset: str, size: str) -> list[files.Sheet]:
    """The files that a recipe is made of: the size, then the presets from the ground up."""
    if size not in sizes(trainer):
        near = unknown(size, sizes(trainer), "size")
        raise BadRecipe([Problem("size", size, f"{near}; sizes: {', '.join(sizes(trainer))}")])
    paths = files.preset_paths(trainer)
    chain: list[files.Sheet] = []
    name, above = preset, ""
    while name:
        if name not in paths:
            where = f"the base of {above!r}: " if above else ""
            text = f"{where}{unknown(name, paths, 'preset')}; presets: {', '.join(paths)}"
            raise BadRecipe([Problem("preset", name, text)])
        if name in (s.name for s in chain):
            raise BadRecipe([Problem("preset", preset, f"{preset!r} stands on itself by way of {above!r}")])
        chain.append(files.read(paths[name]))
        above, name = name, str(chain[-1].words.get("base", ""))
    return [files.read(files.size_path(trainer, size)), *reversed(chain)]


def _composed(trainer: str, preset: str, size: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    cls = recipe_type(trainer)
    chain = _chain(trainer, preset, size)
    names = flat(cls())
    for sheet in chain:
        for knob, value in sheet.values(size).items():
            if knob not in names or knob in ("preset", "size") or (isinstance(value, str) and "${" in value):
                text = (
                    unknown(knob, names) if knob not in names else f"{knob} cannot be set here to {value!r}"
                )
                raise BadRecipe(
                    [Problem(knob, value, f"{sheet.path}, line {sheet.line(knob, size)}: {text}")]
                )
    group = f"{trainer}/{size}"
    with _lock:
        store = ConfigStore.instance()
        store.store(group=group, name="_defaults", node=nested(names), package="_global_")
        below = "_defaults"
        for i, sheet in enumerate(chain):
            name = sheet.name if i else "_size"
            node = {"defaults": [below, "_self_"], **nested(sheet.values(size))}
            store.store(group=group, name=name, node=node, package="_global_")
            below = name
        with initialize(version_base=None, config_path=None):
            config = hydra_compose(config_name=f"{group}/{below}", overrides=list(overrides))
    values: dict[str, Any] = OmegaConf.to_container(config, resolve=False)
    return {**values, "preset": preset, "size": size}
