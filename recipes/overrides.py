"""The words of a command line, ``key=value`` each: told apart and checked against Hydra's grammar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from nashboard import rulecodes
from recipes.base import BadRecipe, Knob, Problem
from recipes.problems import unknown

WORDS = ("preset", "size", "run_dir", "resume", "device", "url", "stop_on")
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
DEVICE = re.compile(r"auto|cpu|cuda:\d{1,3}")


@dataclass
class Given:
    """What a command line says: ``words`` of the run, literal ``paths``, the ``rest`` for Hydra."""

    words: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    rest: dict[str, str] = field(default_factory=dict)

    @property
    def knobs(self) -> tuple[str, ...]:
        return (*self.paths, *self.rest)


def read(overrides: Sequence[str], knobs: Sequence[Knob]) -> Given:
    """Tell the overrides apart; of two for the same key the last holds. Raises `BadRecipe`."""
    given = Given()
    problems: list[Problem] = []
    known = {k.name: k for k in knobs}
    for override in overrides:
        key, equals, text = override.partition("=")
        problem = _form(override, key, equals)
        if problem:
            problems.append(problem)
        elif key in WORDS or (key in known and known[key].path):
            literal = key in WORDS or bool(text)
            fault = _word_fault(key, text) if literal else ""
            if fault:
                problems.append(Problem(key, text, fault))
            else:
                (given.words if key in WORDS else given.paths)[key] = text
        elif key not in known:
            problems.append(Problem(key, text, unknown(key, [*known, *WORDS])))
        else:
            fault = _value_fault(key, text, known[key])
            if fault:
                problems.append(Problem(key, text, fault))
            else:
                given.rest[key] = text
    if problems:
        raise BadRecipe(problems)
    return given


def _form(override: str, key: str, equals: str) -> Problem | None:
    if key.startswith("-"):
        bare = key.lstrip("-")
        return Problem("", override, f"{override!r}: there are no flags here; write {bare or 'knob'}=VALUE")
    if key[:1] in ("+", "~"):
        bare = key.lstrip("+~")
        return Problem("", override, f"{override!r}: knobs can only be set; write {bare}=VALUE")
    if not equals:
        return Problem("", override, f"{override!r} has no value; write {override or 'knob'}=VALUE")
    if not KEY.fullmatch(key):
        return Problem("", override, f"{override!r} is not of the form knob=value")
    return None


def _word_fault(key: str, text: str) -> str:
    """What is wrong with a literal value, or ""."""
    if not text:
        return f"no value is given; write {key}=VALUE"
    if "\x00" in text:
        return f"{text!r} holds a NUL character, which no path and no name can"
    if key == "device" and not DEVICE.fullmatch(text):
        return f"{text!r} is none of auto, cpu, cuda:N"
    if key == "stop_on":
        return rulecodes.trouble(text.split(","))
    if key == "url":
        try:
            parts = urlsplit(text)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good or any(c.isspace() for c in text):
            return f"{text!r} is no address; write it as http://127.0.0.1:8000"
    return ""


def _value_fault(key: str, text: str, knob: Knob) -> str:
    """What Hydra's grammar says against ``key=text``, or ""."""
    if not text.strip():
        return f"no value is given; write {key}=VALUE"
    if "${" in text:
        return f"{text!r} refers to something else; write the value itself"
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        override = OverridesParser.create().parse_override(f"{key}={text}")
        if override.is_sweep_override():
            way = f"[{text}]" if knob.type.startswith("list") and "(" not in text else "one value"
            return f"{text!r} is several values; a run takes one: write {way}"
        value = override.value()
    except (HydraException, ValueError):
        way = "; put text with signs in quotes" if knob.type == "str" else ""
        return f"{text!r} cannot be read as a value{way}"
    if isinstance(value, dict):
        return f"{text!r} is a group of values; set one knob at a time"
    return ""
