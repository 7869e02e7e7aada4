"""Values of knobs: the kind that a field's annotation asks for, and reading a value from text."""

from __future__ import annotations

import math
import re
import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

INT = re.compile(r"[+-]?[0-9]{1,30}")
FLOAT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")


@dataclass(frozen=True)
class Kind:
    """What a knob takes: "int", "float", "bool", "str", "choice", "list of int" or "list of float"."""

    name: str
    choices: tuple[Any, ...] = ()
    nullable: bool = False


def kind_of(annotation: Any) -> Kind:
    """The kind that an annotation asks for."""
    nullable = False
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [a for a in get_args(annotation) if a is not type(None)]
        nullable = len(inner) < len(get_args(annotation))
        annotation = inner[0]
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return Kind("choice", get_args(annotation), nullable)
    if get_origin(annotation) is list:
        return Kind(f"list of {kind_of(get_args(annotation)[0]).name}", (), nullable)
    return Kind(annotation.__name__, (), nullable)


def from_text(kind: Kind, text: str) -> Any:
    """The value that text, as a form or a command line gives it, means for a knob of this kind.

    Raises ValueError with the value and the way out; ranges are the recipe's business.
    """
    if kind.name == "str":
        return text
    plain = text.strip()
    if not plain:
        if kind.nullable:
            return None
        raise ValueError("no value is given")
    if kind.nullable and plain in ("null", "none", "None"):
        return None
    if kind.name == "choice":
        for choice in kind.choices:
            if str(choice) == plain:
                return choice
        raise ValueError(f"{plain!r} is none of {', '.join(str(c) for c in kind.choices)}")
    if kind.name.startswith("list of "):
        item = Kind(kind.name.removeprefix("list of "))
        inside = plain.removeprefix("[").removesuffix("]") if plain[0] == "[" and plain[-1] == "]" else plain
        return [from_text(item, part) for part in inside.split(",")] if inside.strip() else []
    if kind.name == "bool":
        if plain in ("true", "false"):
            return plain == "true"
        raise ValueError(f"{plain!r} is neither true nor false")
    return _number(kind.name, plain)


def _number(kind: str, text: str) -> int | float:
    if kind == "int":
        if INT.fullmatch(text):
            return int(text)
        if FLOAT.fullmatch(text) and math.isfinite(float(text)) and float(text).is_integer():
            raise ValueError(f"{text!r} is not written as a whole number; write {int(float(text))}")
        raise ValueError(f"{text!r} is not a whole number")
    if FLOAT.fullmatch(text):
        return float(text)
    raise ValueError(f"{text!r} is not a number")


def to_text(value: Any) -> str:
    """A value as the command line and forms write it; `from_text` reads it back."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{','.join(to_text(v) for v in value)}]"
    return str(value)
