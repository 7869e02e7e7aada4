"""Presets and sizes on disk: YAML read strictly, with the line of whatever is wrong.

Shipped ones lie in ``recipes/presets/TRAINER`` and ``recipes/sizes/TRAINER``. A person's own presets lie in
the folder that the environment's NASHBOARD_PRESETS names, as ``TRAINER/NAME.yaml``, or as ``NAME.yaml``,
which a line ``trainer: TRAINER`` may bind to one trainer. They are data: what would run or refer to something
(tags, aliases, interpolation) is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from recipes.problems import BadRecipe, Problem, unknown

HERE = Path(__file__).parent
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
MAX_BYTES = 256 * 1024
SIZES = ("tiny", "small", "paper")
SIDES = ("", "old", "fixed")
WORDS = ("trainer", "title", "text", "source", "side", "base", "changes", "label", "order", "knobs", *SIZES)


class _Loader(yaml.SafeLoader):
    """YAML's core: true and false alone are booleans, 1e-3 is a number, a key twice is an error."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.MarkedYAMLError(problem="aliases are not read here", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a name", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} is set twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.(inf|Inf))|\.(nan|NaN)",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def _bad(
    path: Path, message: str, line: int | None = None, value: Any = None, knob: str = "preset"
) -> BadRecipe:
    where = f"{path}, line {line}" if line else str(path)
    return BadRecipe([Problem(knob, value, f"{where}: {message}")])


@dataclass(frozen=True)
class Sheet:
    """One YAML file: its words, its knobs by dotted name, those of each size, and the line of each name."""

    path: Path
    stamp: tuple[int, int]
    name: str
    words: dict[str, Any]
    knobs: dict[str, Any]
    by_size: dict[str, dict[str, Any]]
    lines: dict[str, int] = field(default_factory=dict)

    def values(self, size: str) -> dict[str, Any]:
        """{knob: value} that the file sets at a size."""
        return {**self.knobs, **self.by_size.get(size, {})}

    def line(self, knob: str, size: str = "") -> int | None:
        """The line that sets a knob, the size's own section first."""
        return self.lines.get(f"{size}.{knob}") or self.lines.get(f"knobs.{knob}") or self.lines.get(knob)


def _lines(node: yaml.Node, prefix: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = f"{prefix}{key.value}"
            yield name, key.start_mark.line + 1
            yield from _lines(value, f"{name}.")


def _flat(path: Path, values: Any, lines: dict[str, int], top: str) -> dict[str, Any]:
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise _bad(path, f"{top} must be knobs with their values, not {values!r}", lines.get(top), values)
    out: dict[str, Any] = {}
    for key, value in values.items():
        name = str(key)
        if isinstance(value, dict):
            inner = _flat(path, value, lines, f"{top}.{name}")
            out.update({f"{name}.{k}": v for k, v in inner.items()})
        elif all(
            v is None or isinstance(v, bool | int | float | str)
            for v in (value if isinstance(value, list) else [value])
        ):
            out[name] = value
        else:
            raise _bad(path, f"{name} cannot be {value!r}", lines.get(f"{top}.{name}"), value, name)
    return out


def read(path: Path) -> Sheet:
    """Read a preset or a size. Raises `BadRecipe` that names the file and the line."""
    try:
        about = path.stat()
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}") from None
    return _read(path, (about.st_mtime_ns, about.st_size))


@lru_cache(maxsize=256)
def _read(path: Path, stamp: tuple[int, int]) -> Sheet:
    data, lines = _data(path, _text(path, stamp[1]))
    for word in data:
        if word not in WORDS:
            text = f"{unknown(str(word), WORDS, 'word')}; knobs belong under knobs:"
            raise _bad(path, text, lines.get(str(word)))
    for word, value in data.items():
        if word == "order" and not isinstance(value, int):
            raise _bad(path, f"order must be a whole number, not {value!r}", lines[word], value)
        if word not in ("knobs", "order", *SIZES) and not isinstance(value, str):
            raise _bad(path, f"{word} must be text, not {value!r}", lines[word], value)
    if data.get("side", "") not in SIDES:
        raise _bad(
            path, f"side {data['side']!r} is none of old, fixed or nothing", lines["side"], data["side"]
        )
    return Sheet(
        path=path,
        stamp=stamp,
        name=path.stem,
        words={k: v for k, v in data.items() if k not in ("knobs", *SIZES)},
        knobs=_flat(path, data.get("knobs"), lines, "knobs"),
        by_size={s: _flat(path, data.get(s), lines, s) for s in SIZES if s in data},
        lines=lines,
    )


def _text(path: Path, size: int) -> str:
    if not NAME.fullmatch(path.stem):
        text = f"the name {path.stem!r} must be letters, digits, - and _, and start with a letter or digit"
        raise _bad(path, text, value=path.stem)
    if size > MAX_BYTES:
        raise _bad(path, f"{size:,} bytes; a preset has {MAX_BYTES:,} at most", value=path.stem)
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise _bad(path, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise _bad(path, f"is not UTF-8 text at byte {error.start}") from None


def _data(path: Path, text: str) -> tuple[dict[str, Any], dict[str, int]]:
    """The mapping that a YAML text holds, and the line of every name in it."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        data = loader.construct_document(node) if node is not None else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise _bad(path, f"broken YAML: {said}", mark.line + 1 if mark else None) from None
    except (RecursionError, ValueError) as error:
        said = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise _bad(path, f"broken YAML: {said}") from None
    if not isinstance(data, dict):
        raise _bad(path, f"must be names with values, not {data!r:.60}", 1)
    return data, dict(_lines(node)) if node is not None else {}


def parsed(path: Path, text: str) -> dict[str, Any]:
    """The mapping that a text of YAML or JSON holds. Raises `BadRecipe` that names the path and the line."""
    return _data(path, text)[0]


def size_path(trainer: str, size: str) -> Path:
    return HERE / "sizes" / trainer / f"{size}.yaml"


def shipped_paths(trainer: str) -> list[Path]:
    return sorted((HERE / "presets" / trainer).glob("*.yaml"), key=lambda p: p.stem)


def preset_paths(trainer: str) -> dict[str, Path]:
    """{name: file} of the presets of a trainer, shipped ones first; a person's own never hide them."""
    found = {p.stem: p for p in shipped_paths(trainer)}
    for path in own_paths(trainer):
        found.setdefault(path.stem, path)
    return found


def own_paths(trainer: str) -> list[Path]:
    """A person's own preset files for a trainer, from NASHBOARD_PRESETS; none where that names no folder."""
    folder = os.environ.get("NASHBOARD_PRESETS", "")
    if not folder:
        return []
    root = Path(folder)
    inside = [p for ending in ("yaml", "yml") for p in root.glob(f"{trainer}/*.{ending}")]
    beside = [
        p for ending in ("yaml", "yml") for p in root.glob(f"*.{ending}") if _trainer_of(p) in ("", trainer)
    ]
    return sorted(inside) + sorted(beside)


def _trainer_of(path: Path) -> str:
    """The trainer that a file names; empty where it cannot be read, so that its fault comes to light."""
    try:
        return str(read(path).words.get("trainer", ""))
    except BadRecipe:
        return ""
