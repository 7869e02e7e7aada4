"""The launch form as data: what each knob has in the chosen presets, what was typed, what is wrong with it.

A knob has one field, whose text applies to every chosen preset. Beside it, where two presets are chosen, each
side has a field of its own that wins over it. An empty field means the preset's value; the word ``none``
means nothing where a knob may be that. Texts stay texts here: the recipe reads them by the knob's type.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app import words
from recipes.base import Knob, Problem

OWN_FIELD = ("preset", "size", "seed", "data.root")
RULER_DECADES = 4


@dataclass(frozen=True)
class Typed:
    """What was typed for knobs: ``both`` by knob, ``sides`` by (preset, knob)."""

    both: Mapping[str, str] = field(default_factory=dict)
    sides: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ruler:
    """Where a value lies in its knob's range, from 0 to 1; ``ticks`` are (place, preset's letter or "")."""

    low: str
    high: str
    ticks: tuple[tuple[float, str], ...]
    value: float | None


@dataclass(frozen=True)
class Side:
    """One preset's own field of a knob."""

    letter: str
    preset: str
    input: str
    text: str
    default: str
    error: str = ""


@dataclass(frozen=True)
class Field:
    """A knob as the form shows it. ``default`` is the presets' common value as text, "" where they differ."""

    name: str
    id: str
    label: str
    help: str
    unit: str
    type: str
    choices: tuple[str, ...]
    limits: str
    text: str
    default: str
    placeholder: str
    differs: bool
    changed: bool
    sides: tuple[Side, ...]
    ruler: Ruler | None
    advanced: bool
    error: str = ""


@dataclass(frozen=True)
class Group:
    """Knobs of one part. ``open`` where something in it differs, was changed or is wrong."""

    title: str
    note: str
    fields: tuple[Field, ...]
    more: tuple[Field, ...]
    open: bool


def anchor(name: str) -> str:
    """The id of a knob's field."""
    return "knob-" + "".join(c if c.isalnum() else "-" for c in name)


def short(value: float) -> str:
    """A limit in few letters: 50000 as "50k", 1e9 as "1e9", 0.5 as "0.5"."""
    if value == int(value) and abs(value) >= 1e6:
        power = round(math.log10(abs(value)))
        return f"1e{power}" if value == 10.0**power else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    if value == int(value) and abs(value) >= 1e4 and value % 1000 == 0:
        return f"{int(value) // 1000}k"
    return words.knob(float(value))


def as_number(text: object) -> float | None:
    """A finite number from what was typed, or nothing."""
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def place(value: float, low: float, high: float, typical: Sequence[float]) -> float:
    """Where ``value`` lies from 0 to 1. Wide ranges are read in decades, from 4 below the least usual."""
    usual = [v for v in typical if v > 0]
    if low >= 0 and usual and high / min(usual) >= 50:
        start = max(low, min(usual) / 10**RULER_DECADES)
        if value <= start:
            return 0.0
        return min(1.0, math.log(value / start) / math.log(high / start))
    return min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.0


def ruler(knob: Knob, defaults: Sequence[object], letters: str, text: str) -> Ruler | None:
    """The ruler of a number with two limits; None for anything else."""
    if knob.low is None or knob.high is None or knob.type not in ("int", "float"):
        return None
    usual = [as_number(d) for d in defaults]
    typical = [v for v in usual if v is not None]
    marks = [(v, letter) for v, letter in zip(usual, letters, strict=False) if v is not None]
    if len(set(typical)) == 1:
        marks = [(typical[0], "")]
    ticks = tuple((place(v, knob.low, knob.high, typical), letter) for v, letter in marks)
    value = as_number(text)
    at = None if value is None else place(value, knob.low, knob.high, typical)
    return Ruler(short(knob.low), short(knob.high), ticks, at)


def patches(knobs: Mapping[str, Sequence[Knob]], typed: Typed) -> dict[str, dict[str, str]]:
    """{preset: patch} from what was typed; ``knobs`` are each preset's, with the shown size's values.

    A text equal to the common default is no change, nor is an empty one.
    """
    found: dict[str, dict[str, str]] = {preset: {} for preset in knobs}
    defaults = {preset: {k.name: k for k in own} for preset, own in knobs.items()}
    for preset in defaults:
        for name in {*typed.both, *(k for p, k in typed.sides if p == preset)}:
            side = typed.sides.get((preset, name), "").strip()
            both = typed.both.get(name, "").strip()
            text = side or ("" if both == common(defaults, name) else both)
            if text:
                found[preset][name] = text
    return found


def common(defaults: Mapping[str, Mapping[str, Knob]], name: str) -> str:
    """The presets' value as text where all agree, else ""."""
    texts = {words.knob(own[name].value) for own in defaults.values() if name in own}
    return texts.pop() if len(texts) == 1 else ""


def groups(
    knobs: Mapping[str, Sequence[Knob]],
    typed: Typed = Typed(),
    problems: Sequence[tuple[str, Problem]] = (),
    letters: str = "AB",
) -> tuple[Group, ...]:
    """The form's groups, those first in which the presets differ.

    Args:
        knobs: each chosen preset's knobs, in the order chosen; one or two presets.
        problems: (preset, problem) of what was refused.
    """
    defaults = {preset: {k.name: k for k in own} for preset, own in knobs.items()}
    wrong: dict[tuple[str, str], str] = {}
    for preset, problem in problems:
        side = typed.sides.get((preset, problem.knob), "").strip()
        wrong.setdefault((preset if side else "", problem.knob), problem.message)
    parts: dict[str, list[Field]] = {}
    for knob in next(iter(knobs.values()), ()):
        if knob.name not in OWN_FIELD:
            parts.setdefault(knob.group, []).append(_field(knob, defaults, typed, wrong, letters))
    found = [_group(name, fields) for name, fields in parts.items()]
    return tuple(sorted(found, key=lambda g: not any(f.differs for f in (*g.fields, *g.more))))


def _group(title: str, fields: list[Field]) -> Group:
    plain = tuple(f for f in fields if not f.advanced or f.changed or f.error)
    differing = sum(f.differs for f in fields)
    changed = sum(f.changed for f in fields)
    notes = [words.plural(len(fields), "knob")]
    if differing:
        notes.append(f"{differing} {'differs' if differing == 1 else 'differ'} between the presets")
    if changed:
        notes.append(f"{changed} changed")
    return Group(
        title=title,
        note=", ".join(notes),
        fields=plain,
        more=tuple(f for f in fields if f not in plain),
        open=any(f.differs or f.changed or f.error or any(s.error for s in f.sides) for f in fields)
        or any(f.name.startswith("trainer.") for f in fields),
    )


def _field(
    knob: Knob,
    defaults: Mapping[str, Mapping[str, Knob]],
    typed: Typed,
    wrong: Mapping[tuple[str, str], str],
    letters: str,
) -> Field:
    values = [own[knob.name].value if knob.name in own else None for own in defaults.values()]
    texts = [words.knob(v) for v in values]
    default = common(defaults, knob.name)
    differs = len(set(texts)) > 1
    text = typed.both.get(knob.name, "" if differs else default)
    sides = tuple(
        Side(
            letter,
            preset,
            f"side:{preset}:{knob.name}",
            typed.sides.get((preset, knob.name), ""),
            own_text or "none",
            wrong.get((preset, knob.name), ""),
        )
        for letter, preset, own_text in zip(letters, defaults, texts, strict=False)
        if len(defaults) > 1
    )
    both = text.strip() not in ("", default)
    return Field(
        name=knob.name,
        id=anchor(knob.name),
        label=knob.title,
        help=knob.help,
        unit=knob.unit,
        type=knob.type,
        choices=knob.choices or (("true", "false") if knob.type == "bool" else ()),
        limits=knob.range,
        text=text,
        default=default,
        placeholder=" · ".join(dict.fromkeys(t or "none" for t in texts)),
        differs=differs,
        changed=both or any(s.text.strip() for s in sides),
        sides=sides,
        ruler=ruler(knob, values, letters, text),
        advanced=knob.advanced,
        error=wrong.get(("", knob.name), ""),
    )
