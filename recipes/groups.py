"""Words of configuration groups and older spellings, put in the recipe's own words before they are read.

``model/discriminator=lightweight`` chooses a variant: what the preset ``lightweight`` sets below
``model.discriminator``. As in Hydra, the knobs of a variant give way to those that the command line names.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from recipes import files
from recipes.base import BadRecipe, Problem, Recipe, unknown
from recipes.values import to_text


def spelled(recipe: type[Recipe], words: Sequence[str], default_size: str) -> list[str]:
    """The words with groups and spellings of ``recipe`` replaced. Raises `BadRecipe`."""
    if not recipe.groups:
        return list(words)
    sizes = [w.split("=", 1)[1] for w in words if w.startswith("size=")]
    chosen: list[str] = []
    rest: list[str] = []
    for word in words:
        key, equals, text = word.partition("=")
        if equals and key in recipe.groups:
            chosen += variant(recipe, key, text, sizes[-1] if sizes else default_size)
        elif equals and key in _heads(recipe):
            group = _heads(recipe)[key]
            name = text.rsplit("/", 1)[-1] or "NAME"
            raise BadRecipe([Problem("", word, f"{key} is a group, not a knob: write {group}={name}")])
        elif key in recipe.deprecated:
            name = recipe.deprecated[key]
            warnings.warn(f"{key} is deprecated; write {name}={text}", FutureWarning, stacklevel=2)
            rest.append(f"{name}{equals}{text}")
        else:
            rest.append(f"{recipe.spellings.get(key, key)}{equals}{text}")
    return chosen + rest


def _heads(recipe: type[Recipe]) -> dict[str, str]:
    """{dotted name of a group: the word that chooses a variant of it}."""
    dotted = {word.replace("/", "."): word for word in recipe.groups}
    return dotted | {head: word for word, head in reversed(list(recipe.groups.items()))}


def variants(recipe: type[Recipe], group: str) -> list[str]:
    """The presets that set knobs of a group, by name."""
    head = f"{recipe.groups[group]}."
    found = []
    for path in files.shipped_paths(recipe.name):
        sheet = files.read(path)
        if any(k.startswith(head) for s in ("", *files.SIZES) for k in sheet.values(s)):
            found.append(sheet.name)
    return found


def variant(recipe: type[Recipe], group: str, name: str, size: str) -> list[str]:
    """The knobs that a variant of a group sets at a size, as words. Raises `BadRecipe`."""
    names = variants(recipe, group)
    if name not in names:
        bare = name.rsplit("/", 1)[-1].removesuffix(".yaml")
        way = f"write {group}={bare}" if bare in names else f"variants: {', '.join(names)}"
        raise BadRecipe([Problem(group, name, f"{unknown(name, names, 'variant')}; {way}")])
    sheet = files.read(files.preset_paths(recipe.name)[name])
    head = f"{recipe.groups[group]}."
    return [f"{k}={to_text(v)}" for k, v in sheet.values(size).items() if k.startswith(head)]
