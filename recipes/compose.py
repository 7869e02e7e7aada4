"""From words to a recipe: presets, sizes and overrides, composed by Hydra, validated by pydantic.

Hydra sees one chain of configs a recipe: the trainer's defaults, the size, then the preset with what it
stands on; a command line's words come upon the recipe that this makes. There is no ``@hydra.main`` and no
outputs folder; Hydra's global state is put back, and a lock keeps threads apart. Values of paths never pass
through Hydra's grammar: they are taken letter by letter.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from recipes import files, groups, overrides
from recipes.base import (
    IDENTITY,
    BadRecipe,
    Patch,
    Problem,
    Recipe,
    flat,
    flattened,
    knobs,
    nested,
    patched,
    unknown,
    validated,
)
from recipes.registry import recipe_type

_lock = threading.Lock()
GROUP = "nashboard_recipe"  # in Hydra's store, while a recipe is composed


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


def about_size(trainer: str, size: str) -> str:
    """What a size is, in a sentence."""
    return str(files.read(files.size_path(trainer, size)).words.get("text", "")).strip()


def presets(trainer: str) -> list[Preset]:
    """The presets of a trainer in the order to show them; broken ones of a person's own are left out."""
    found = []
    for name, path in files.preset_paths(trainer).items():
        own = not path.is_relative_to(files.HERE)
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


def broken(trainer: str) -> list[Problem]:
    """What is wrong with a person's own presets for a trainer, one problem a file that cannot be used."""
    shipped = {p.stem for p in files.shipped_paths(trainer)}
    found = []
    for path in files.own_paths(trainer):
        if path.stem in shipped:
            text = f"{path}: {path.stem!r} is a shipped preset's name; rename the file"
            found.append(Problem("preset", path.stem, text))
            continue
        try:
            build(trainer, path.stem)
        except BadRecipe as error:
            found += error.problems[:1]
    return found


def build(trainer: str, preset: str = "fixed", size: str = "tiny", patch: Patch | None = None) -> Recipe:
    """The recipe of a preset at a size, with a patch of {knob: value} on top. Raises `BadRecipe`."""
    cls = recipe_type(trainer)
    chain = _chain(trainer, preset, size)
    key = (trainer, preset, size, tuple((s.path, s.stamp) for s in chain))
    if key not in _built:
        try:
            recipe = validated(cls, {**_composed(trainer, chain, size), "preset": preset, "size": size})
        except BadRecipe as error:
            raise BadRecipe(_located(p, chain, size) for p in error.problems) from None
        if len(_built) >= 256:
            _built.clear()
        _built[key] = recipe
    return patched(_built[key], patch or {})


_built: dict[Any, Recipe] = {}


@dataclass(frozen=True)
class Request:
    """What a command line asks for. ``given`` holds the knobs that it names, preset and size too."""

    trainer: str
    recipe: Recipe
    run_dir: str | None = None
    resume: str | None = None
    device: str = "auto"
    url: str | None = None
    stop_on: tuple[str, ...] = ()
    given: dict[str, Any] = field(default_factory=dict)


def compose(trainer: str, words: Sequence[str], default_size: str = "tiny") -> Request:
    """What the words after ``python -m trainers TRAINER`` ask for. Raises `BadRecipe` with every problem.

    Words are ``key=value`` in Hydra's grammar; ``data.root``, ``run_dir``, ``resume``, ``url`` and the other
    words of the run are taken letter by letter.
    """
    words = groups.spelled(recipe_type(trainer), words, default_size)
    given = overrides.read(words, knobs(recipe_type(trainer)()))
    preset, size = given.words.get("preset", "fixed"), given.words.get("size", default_size)
    base = build(trainer, preset, size)
    recipe = base
    if given.knobs:
        told = [f"{k}={v}" for k, v in given.rest.items()]
        values = {**flattened(_hydra([flat(base)], told)), **given.paths}
        recipe = patched(base, {k: values[k] for k in given.knobs})
    values = flat(recipe)
    named = [*(w for w in IDENTITY if w in given.words), *given.knobs]
    return Request(
        trainer=trainer,
        recipe=recipe,
        run_dir=given.words.get("run_dir"),
        resume=given.words.get("resume"),
        device=given.words.get("device", "auto"),
        url=given.words.get("url"),
        stop_on=tuple(dict.fromkeys(w for w in given.words.get("stop_on", "").split(",") if w)),
        given={k: values[k] for k in named},
    )


def _chain(trainer: str, preset: str, size: str) -> list[files.Sheet]:
    """The files that a recipe is made of: the size, then the presets from the ground up."""
    if size not in sizes(trainer):
        text = f"{unknown(size, sizes(trainer), 'size')}; sizes: {', '.join(sizes(trainer))}"
        raise BadRecipe([Problem("size", size, text)])
    paths = files.preset_paths(trainer)
    chain: list[files.Sheet] = []
    name, above = preset, ""
    while name:
        if name not in paths:
            where = f"{chain[-1].path}, line {chain[-1].lines.get('base')}: " if chain else ""
            text = f"{where}{unknown(name, paths, 'preset')}; presets: {', '.join(paths)}"
            raise BadRecipe([Problem("preset", name, text)])
        if name in (s.name for s in chain):
            text = f"{chain[-1].path}: the preset {preset!r} stands on itself by way of {above!r}"
            raise BadRecipe([Problem("preset", preset, text)])
        chain.append(files.read(paths[name]))
        above, name = name, str(chain[-1].words.get("base", ""))
    chain = [files.read(files.size_path(trainer, size)), *reversed(chain)]
    names = flat(recipe_type(trainer)())
    for sheet in chain:
        for knob, value in sheet.values(size).items():
            fault = ""
            if knob not in names:
                fault = unknown(knob, names)
            elif knob in IDENTITY:
                fault = f"{knob} cannot be set in a preset"
            elif isinstance(value, str) and "${" in value:
                fault = f"{value!r} refers to something else; write the value itself"
            if fault:
                where = f"{sheet.path}, line {sheet.line(knob, size)}"
                raise BadRecipe([Problem(knob, value, f"{where}: {fault}")])
    return chain


def _located(problem: Problem, chain: Sequence[files.Sheet], size: str) -> Problem:
    """The problem with the file and line, uppermost first, that set its knob or one that its message names."""
    for sheet in reversed(chain):
        for knob in sheet.values(size):
            if knob == problem.knob or ("." in knob and knob in problem.message):
                where = f"{sheet.path}, line {sheet.line(knob, size)}"
                return Problem(problem.knob, problem.value, f"{where}: {problem.message}")
    return problem


def _composed(trainer: str, chain: Sequence[files.Sheet], size: str) -> dict[str, Any]:
    """What the chain's files make of the trainer's defaults, nested."""
    return _hydra([flat(recipe_type(trainer)()), *(copy.deepcopy(sheet.values(size)) for sheet in chain)])


def _hydra(layers: Sequence[Patch], words: Sequence[str] = ()) -> dict[str, Any]:
    """Layers of {knob: value}, each upon the one before, and words in Hydra's grammar on top; nested."""
    # a tenth of the server's time to its first answer, so not before it is needed
    from hydra import compose as hydra_compose
    from hydra import initialize
    from hydra.core.config_store import ConfigStore
    from omegaconf import OmegaConf

    with _lock:
        store = ConfigStore.instance()
        try:
            for i, layer in enumerate(layers):
                node = {**({"defaults": [f"layer{i - 1}", "_self_"]} if i else {}), **nested(layer)}
                store.store(group=GROUP, name=f"layer{i}", node=node, package="_global_")
            with initialize(version_base=None, config_path=None):
                name = f"{GROUP}/layer{len(layers) - 1}"
                config = hydra_compose(config_name=name, overrides=list(words))
        finally:
            # Hydra copies the whole store each time that it composes: what stays there slows what comes after
            store.repo.pop(GROUP, None)
    values: dict[str, Any] = OmegaConf.to_container(config, resolve=False)
    return values
