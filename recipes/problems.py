"""What is wrong with a recipe, in words: which knob, which value, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError


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

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(str(p) for p in self.problems))


def unknown(name: str, names: Iterable[str], what: str = "knob") -> str:
    """The message for a name that is not there, with the nearest ones that are."""
    names = list(names)
    inside = [n for n in names if n.startswith(f"{name}.")]
    if inside:
        return f"{name!r} is a group of {len(inside)} knobs, not one; set {inside[0]} and the like"
    near = _near(name, names)
    return f"there is no {what} {name!r}" + (f"; did you mean {' or '.join(near)}?" if near else "")


def _near(name: str, names: list[str]) -> list[str]:
    leaf = name.rsplit(".", 1)[-1]
    same_leaf = [n for n in names if n.rsplit(".", 1)[-1] == leaf]
    whole = difflib.get_close_matches(name, names, n=1, cutoff=0.66)
    if same_leaf:
        return sorted(same_leaf, key=lambda n: -difflib.SequenceMatcher(None, n, name).ratio())[:3]
    if whole:
        return whole
    leaves = {n.rsplit(".", 1)[-1]: n for n in names}
    return [leaves[c] for c in difflib.get_close_matches(leaf, leaves, n=1, cutoff=0.75)]


def problems_of(error: ValidationError) -> list[Problem]:
    """pydantic's errors as ours: the knob by its dotted name, the value, the way out."""
    found: list[Problem] = []
    for e in error.errors(include_url=False):
        context: dict[str, Any] = dict(e.get("ctx") or {})
        inner = context.get("error")
        if isinstance(inner, BadRecipe):
            found += inner.problems
            continue
        names = [p for p in e["loc"] if isinstance(p, str)]
        place = next((f"value {p + 1} of the list: " for p in e["loc"] if isinstance(p, int)), "")
        text = place + _text(e["type"], e.get("input"), context, e["msg"])
        found.append(Problem(".".join(names), e.get("input"), text))
    return found


def _text(kind: str, value: Any, context: dict[str, Any], message: str) -> str:
    shown = "nothing" if value is None or value == "" else repr(value)
    match kind:
        case "extra_forbidden":
            return "there is no such knob"
        case "greater_than_equal":
            return f"{shown} is too small; the least is {context['ge']:,.10g}"
        case "greater_than":
            return f"{shown} is too small; it must be more than {context['gt']:,.10g}"
        case "less_than_equal":
            return f"{shown} is too large; the most is {context['le']:,.10g}"
        case "less_than":
            return f"{shown} is too large; it must be less than {context['lt']:,.10g}"
        case "too_short":
            return f"the list needs {context['min_length']} values or more, not {context['actual_length']}"
        case "too_long":
            return f"the list takes {context['max_length']} values at most, not {context['actual_length']}"
        case "literal_error":
            return f"{shown} is none of {context['expected']}"
        case "int_type" if isinstance(value, float) and value.is_integer():
            return f"{shown} is not written as a whole number; write {int(value)}"
        case "int_type":
            return f"{shown} is not a whole number"
        case "float_type":
            return f"{shown} is not a number"
        case "finite_number":
            return f"{shown} is not a finite number"
        case "bool_type":
            return f"{shown} is neither true nor false"
        case "list_type":
            return f"{shown} is not a list; write it as [2,3,5]"
        case "string_type":
            return f"{shown} is not text"
        case _:
            return f"{shown}: {message}"


def more_slots_than_clips(slots: int, eval_items: int) -> Iterator[Problem]:
    """The problem of a recipe that keeps samples of more clips than it evaluates."""
    if slots > eval_items:
        yield Problem(
            "data.slots",
            slots,
            f"{slots} clips cannot be kept of the {eval_items} that are evaluated (data.eval_items)",
        )


def uneven_batch(batch: int, processes: int) -> Iterator[Problem]:
    """The problem of a recipe whose batch cannot be cut into equal parts, one a process."""
    if batch % processes:
        above = -(-batch // processes) * processes
        yield Problem(
            "trainer.processes",
            processes,
            f"data.batch {batch} cannot be split evenly between {processes} processes; take data.batch={above}, "
            f"or a number of processes that divides {batch}",
        )
