"""What a recipe is: a typed, frozen configuration, its knobs, patches and differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from recipes.problems import BadRecipe, Problem, problems_of, uneven_batch, unknown
from recipes.values import from_text, kind_of

__all__ = [
    "BadRecipe",
    "Knob",
    "Part",
    "Patch",
    "Problem",
    "Processes",
    "Recipe",
    "diff",
    "flat",
    "flattened",
    "knob",
    "knobs",
    "leaves",
    "nested",
    "patched",
    "same",
    "unknown",
    "validated",
]

Patch = Mapping[str, Any]


class Part(BaseModel):
    """A group of knobs. Frozen and strict; an unknown name is an error, never passed over."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, validate_default=True, allow_inf_nan=False
    )
    title: ClassVar[str] = ""


def knob(
    default: Any,
    help: str,
    *,
    title: str = "",
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    group: str = "",
    advanced: bool = False,
    path: bool = False,
    **more: Any,
) -> Any:
    """A pydantic field that also carries what a form needs: title, help, unit, whether it is a path."""
    extra: dict[str, Any] = {"title": title, "unit": unit, "group": group, "advanced": advanced, "path": path}
    given: dict[str, Any] = {"default": default}
    if isinstance(default, list):
        value = tuple(default)
        given = {"default_factory": lambda: list(value)}
    return Field(**given, description=help, ge=ge, gt=gt, le=le, lt=lt, json_schema_extra=extra, **more)


@dataclass(frozen=True)
class Knob:
    """One leaf of a recipe, as the form, the command line's help and the docs show it.

    ``default`` is the preset's value. A range is inclusive unless ``low_open`` or ``high_open`` is set; that of
    a list holds for each of its values.
    """

    name: str
    title: str
    type: str
    default: Any
    value: Any
    help: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    choices: tuple[str, ...] = ()
    group: str = ""
    advanced: bool = False
    nullable: bool = False
    path: bool = False

    @property
    def changed(self) -> bool:
        """Whether the value differs from the preset's."""
        return not same(self.default, self.value)

    @property
    def range(self) -> str:
        """The range in words, "more than 0, at most 1"; empty where there is none."""
        low = "" if self.low is None else f"{'more than' if self.low_open else 'at least'} {self.low:,.10g}"
        high = (
            "" if self.high is None else f"{'less than' if self.high_open else 'at most'} {self.high:,.10g}"
        )
        text = ", ".join(x for x in (low, high) if x)
        return f"each {text}" if text and self.type.startswith("list") else text


class Processes(Part):
    """The knobs of training in several processes, for a trainer's group ``trainer``."""

    processes: int = knob(
        1,
        "Processes that train together, one a GPU; each takes an equal part of data.batch.",
        title="Processes",
        ge=1,
        le=64,
        advanced=True,
    )
    start: Literal["spawn", "torchrun"] = knob(
        "spawn",
        "How several processes are started: by Python's multiprocessing, or by torch.distributed.run. A run that "
        "torchrun has started already goes on from there, whatever this says.",
        title="Started by",
        advanced=True,
    )


class Recipe(Part):
    """What every trainer's recipe has. A trainer's own recipe adds its parts and knobs.

    ``name`` is the trainer's name; ``trainer`` is free for the group of knobs (max_steps, …). ``reads`` says what
    ``data.root`` holds: audio or images; ``demo`` is what an empty one stands for, in words.
    """

    name: ClassVar[str] = ""
    reads: ClassVar[Literal["audio", "images"]] = "audio"
    demo: ClassVar[str] = "demo speech"
    # Words of the command line beside the knobs (recipes.groups): {group: head of its knobs}, {other spelling: knob}
    groups: ClassVar[Mapping[str, str]] = {}
    spellings: ClassVar[Mapping[str, str]] = {}
    deprecated: ClassVar[Mapping[str, str]] = {}
    preset: str = knob("fixed", "The named recipe that this one started from.", group="Recipe")
    size: Literal["tiny", "small", "paper"] = knob("tiny", "Size of the networks.", group="Recipe")
    seed: int = knob(0, "Seed of every random number of the run.", ge=0, le=2**31 - 1, group="Recipe")

    def conflicts(self) -> Iterator[Problem]:
        """What is wrong between knobs that are each in range; a trainer's recipe overrides this."""
        yield from ()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        found = list(self.conflicts())
        batch = getattr(getattr(self, "data", None), "batch", None)
        if batch is not None:
            found += uneven_batch(batch, getattr(getattr(self, "trainer", None), "processes", 1))
        if found:
            raise BadRecipe(found)
        return self


R = TypeVar("R", bound=Recipe)


def leaves(part: Part, prefix: str = "") -> Iterator[tuple[str, FieldInfo, Any]]:
    """(dotted name, field, value) of every knob, in the order of definition."""
    for name, info in type(part).model_fields.items():
        value = getattr(part, name)
        if isinstance(value, Part):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", info, value


def flat(recipe: Recipe) -> dict[str, Any]:
    """{dotted knob: value} of a recipe; lists are copies."""
    return {name: list(v) if isinstance(v, list) else v for name, _, v in leaves(recipe)}


def nested(values: Patch) -> dict[str, Any]:
    """{"disc.lr": 1} as {"disc": {"lr": 1}}."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        *path, leaf = name.split(".")
        here = out
        for step in path:
            here = here.setdefault(step, {})
        here[leaf] = value
    return out


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"disc": {"lr": 1}} as {"disc.lr": 1}; dotted names may be mixed in."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            out.update(flattened(value, f"{prefix}{name}."))
        else:
            out[f"{prefix}{name}"] = value
    return out


def diff(a: Patch, b: Patch) -> dict[str, tuple[Any, Any]]:
    """{knob: (value in a, value in b)} where two flat recipes differ; None where one lacks it."""
    names = [*a, *(k for k in b if k not in a)]
    return {k: (a.get(k), b.get(k)) for k in names if k not in a or k not in b or not same(a[k], b[k])}


def same(a: Any, b: Any) -> bool:
    """Equal as knob values: 1 and 1.0 are, True and 1 are not."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def validated(cls: type[R], values: Mapping[str, Any]) -> R:
    """A recipe from nested or flat values. Raises `BadRecipe` with every problem that was found."""
    values = flattened(values)
    names = list(flat(cls()))
    strange = [Problem(n, v, unknown(n, names)) for n, v in values.items() if n not in names]
    if strange:
        raise BadRecipe(strange)
    try:
        return cls.model_validate(nested(values))
    except ValidationError as error:
        raise BadRecipe(problems_of(error)) from None


IDENTITY = ("preset", "size")


def patched(recipe: R, patch: Patch) -> R:
    """The recipe with some knobs set anew, all rules checked again.

    Text for a number or a list, as forms send it, is read by the knob's type. Preset and size name where a
    recipe started and cannot be patched. Raises `BadRecipe`.
    """
    patch = flattened(patch)
    values = flat(recipe)
    problems = []
    fields = {name: info for name, info, _ in leaves(recipe)}
    for name, value in patch.items():
        if name not in fields:
            problems.append(Problem(name, value, unknown(name, fields)))
        elif name in IDENTITY and value != values[name]:
            problems.append(
                Problem(name, value, f"{name} is {values[name]!r} here; choose another one at the start")
            )
        else:
            try:
                values[name] = (
                    from_text(kind_of(fields[name].annotation), value) if isinstance(value, str) else value
                )
            except ValueError as error:
                problems.append(Problem(name, value, str(error)))
    try:
        found = validated(type(recipe), values)
    except BadRecipe as rest:  # what could not be read keeps its old value here, so nothing is said twice
        raise BadRecipe([*problems, *rest.problems]) from None
    if problems:
        raise BadRecipe(problems)
    return found


def knobs(recipe: Recipe, base: Recipe | None = None) -> tuple[Knob, ...]:
    """All knobs of a recipe in the order of its definition; ``base`` gives the defaults to compare with."""
    defaults = flat(base) if base is not None else {}
    titles = {name: type(part).title for name, part in recipe if isinstance(part, Part)}
    found = []
    for name, info, value in leaves(recipe):
        kind = kind_of(info.annotation)
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        leaf = name.rsplit(".", 1)[-1]
        top = name.split(".", 1)[0] if "." in name else ""
        found.append(
            Knob(
                name=name,
                title=str(extra.get("title") or leaf.replace("_", " ").capitalize()),
                type=kind.name,
                default=defaults.get(name, value),
                value=value,
                help=info.description or "",
                unit=str(extra.get("unit", "")),
                choices=tuple(str(c) for c in kind.choices),
                group=str(extra.get("group") or titles.get(top) or top.capitalize() or "Recipe"),
                advanced=bool(extra.get("advanced", False)),
                nullable=kind.nullable,
                path=bool(extra.get("path", False)),
                **_bounds(info),
            )
        )
    return tuple(found)


LIMITS = {"ge": ("low", False), "gt": ("low", True), "le": ("high", False), "lt": ("high", True)}


def _bounds(info: FieldInfo) -> dict[str, Any]:
    """The range of a number, or of each value of a list."""
    rules = list(info.metadata)
    if get_origin(info.annotation) is list:
        item = get_args(info.annotation)[0]
        rules = [r for field in getattr(item, "__metadata__", ()) for r in getattr(field, "metadata", ())]
    found: dict[str, Any] = {}
    for rule in rules:
        for name, (side, is_open) in LIMITS.items():
            limit = getattr(rule, name, None)
            if limit is not None:
                found |= {side: float(limit), f"{side}_open": is_open}
    return found
