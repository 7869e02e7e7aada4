"""What a recipe is: a typed, frozen configuration, its knobs, patches and differences."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

Value = bool | int | float | str | None | list[Any]
Patch = dict[str, Any]


class Part(BaseModel):
    """A group of knobs. Frozen; an unknown name is an error, never passed over."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a recipe: which knob, which value, what to do."""

    knob: str
    value: Any
    message: str

    def __str__(self) -> str:
        return f"{self.knob}: {self.message}" if self.knob else self.message


class BadRecipe(ValueError):
    """A recipe that cannot be: one `Problem` a knob."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(p) for p in problems))
        self.problems = problems


@dataclass(frozen=True)
class Knob:
    """One leaf of a recipe, as the form, the command line's help and the docs show it."""

    name: str
    type: str
    default: Any
    value: Any
    help: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    group: str = ""
    advanced: bool = False
    nullable: bool = False
    path: bool = False


def knob(
    default: Any,
    help: str,
    *,
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    advanced: bool = False,
    path: bool = False,
    **more: Any,
) -> Any:
    """A pydantic field that carries what a form needs beside the range: help, unit, whether it is a path."""
    extra = {"unit": unit, "advanced": advanced, "path": path}
    if isinstance(default, list | dict):
        value = default
        return Field(
            default_factory=lambda: value.copy(),
            description=help,
            ge=ge,
            gt=gt,
            le=le,
            lt=lt,
            json_schema_extra=extra,
            **more,
        )
    return Field(
        default, description=help, ge=ge, gt=gt, le=le, lt=lt, json_schema_extra=extra, **more
    )


class Recipe(Part):
    """What every trainer's recipe has. A trainer's own recipe adds its parts and knobs.

    ``name`` is the trainer's name; the knobs of the group ``trainer`` (max_steps, …) are a `Part` of that name.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    preset: str = knob("fixed", "The named recipe that this one started from.")
    size: Literal["tiny", "small", "paper"] = knob("tiny", "Size of the networks.")
    seed: int = knob(0, "Seed of every random number of the run.", ge=0, le=2**31 - 1)


def _leaf_type(annotation: Any) -> tuple[str, tuple[str, ...], bool]:
    """(type name, choices, nullable) of a leaf's annotation."""
    nullable = False
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [a for a in get_args(annotation) if a is not type(None)]
        nullable = len(inner) < len(get_args(annotation))
        annotation = inner[0]
    if get_origin(annotation) is Literal:
        return "choice", tuple(str(c) for c in get_args(annotation)), nullable
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "choice", tuple(str(m.value) for m in annotation), nullable
    if get_origin(annotation) in (list, tuple):
        item = get_args(annotation)[0]
        return f"list of {item.__name__}", (), nullable
    return getattr(annotation, "__name__", str(annotation)), (), nullable


def _bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    low = high = None
    for rule in info.metadata:
        for name in ("ge", "gt"):
            if getattr(rule, name, None) is not None:
                low = float(getattr(rule, name))
        for name in ("le", "lt"):
            if getattr(rule, name, None) is not None:
                high = float(getattr(rule, name))
    return low, high


def _leaves(part: Part, prefix: str = "") -> Iterator[tuple[str, FieldInfo, Any]]:
    for name, info in type(part).model_fields.items():
        value = getattr(part, name)
        if isinstance(value, Part):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", info, value


def knobs(recipe: Recipe, base: Recipe | None = None) -> tuple[Knob, ...]:
    """All knobs of a recipe in the order of its definition; ``base`` gives the defaults to compare with."""
    defaults = {name: value for name, _, value in _leaves(base)} if base is not None else {}
    found = []
    for name, info, value in _leaves(recipe):
        kind, choices, nullable = _leaf_type(info.annotation)
        low, high = _bounds(info)
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        found.append(
            Knob(
                name=name,
                type=kind,
                default=defaults.get(name, value),
                value=value,
                help=info.description or "",
                unit=str(extra.get("unit", "")),
                low=low,
                high=high,
                choices=choices,
                group=name.split(".", 1)[0] if "." in name else "",
                advanced=bool(extra.get("advanced", False)),
                nullable=nullable,
                path=bool(extra.get("path", False)),
            )
        )
    return tuple(found)


def flat(recipe: Recipe) -> dict[str, Any]:
    """{dotted knob: value} of a recipe."""
    return {name: value for name, _, value in _leaves(recipe)}


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """{"disc.lr": 1} as {"disc": {"lr": 1}}."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        *path, leaf = name.split(".")
        here = out
        for step in path:
            here = here.setdefault(step, {})
        here[leaf] = value
    return out


def diff(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """{knob: (value in a, value in b)} where two flat recipes differ; None where one lacks it."""
    return {k: (a.get(k), b.get(k)) for k in [*a, *(k for k in b if k not in a)] if a.get(k) != b.get(k)}


def problems_of(error: ValidationError) -> list[Problem]:
    """pydantic's errors as ours: the knob by its dotted name, the value, the way out."""
    found = []
    for e in error.errors(include_url=False):
        name = ".".join(str(p) for p in e["loc"])
        value = e.get("input")
        context = e.get("ctx") or {}
        match e["type"]:
            case "extra_forbidden":
                text = f"there is no knob {name!r}"
            case "greater_than_equal":
                text = f"{value!r} is too small; the least is {context['ge']:g}"
            case "greater_than":
                text = f"{value!r} is too small; it must be more than {context['gt']:g}"
            case "less_than_equal":
                text = f"{value!r} is too large; the most is {context['le']:g}"
            case "less_than":
                text = f"{value!r} is too large; it must be less than {context['lt']:g}"
            case "literal_error":
                text = f"{value!r} is none of {context['expected']}"
            case "float_parsing" | "float_type" | "int_parsing" | "int_type" | "int_from_float":
                what = "a whole number" if e["type"].startswith("int") else "a number"
                text = f"{value!r} is not {what}"
            case "value_error":
                text = str(context.get("error", e["msg"]))
            case _:
                text = f"{value!r}: {e['msg']}"
        found.append(Problem(name, value, text))
    return found
