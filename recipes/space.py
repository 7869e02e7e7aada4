"""The space of a search: for each marked knob a range or choices, within the bounds that the knob itself has."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nashboard.vocabulary import describe
from recipes.base import BadRecipe, Knob, Problem, Recipe, knobs, patched, unknown
from recipes.values import to_text

MOST_TRIALS = 200
MOST_KNOBS = 20
Choice = bool | int | float | str | None


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Range(_Model):
    """Where one knob may go: ``low`` to ``high`` (both included), or one of ``choices``. What is not given is the knob's
    own. ``log``: spread evenly over the decades; ``step``: the distance between values.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    choices: Annotated[list[Choice], Field(max_length=50)] = []


class Search(_Model):
    """A search by Optuna's TPE sampler. ``objective`` is a series; its better direction is the vocabulary's where
    ``direction`` says nothing. ``startup``: trials that are drawn at random, and finished before any is pruned;
    ``warmup``: evaluations of a trial before it can be pruned.
    """

    knobs: Annotated[dict[str, Range | None], Field(min_length=1, max_length=MOST_KNOBS)]
    objective: Annotated[str, Field(min_length=1, max_length=200)]
    direction: Literal["", "minimize", "maximize"] = ""
    trials: int = Field(20, ge=1, le=MOST_TRIALS)
    prune: bool = True
    startup: int = Field(5, ge=1, le=MOST_TRIALS)
    warmup: int = Field(1, ge=0, le=10_000)
    seed: int = Field(0, ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not self.direction and not describe(self.objective).better:
            text = f"neither direction of {self.objective!r} is known to be better; say direction: minimize or maximize"
            raise BadRecipe([Problem("search.direction", self.direction, text)])
        return self

    @property
    def better(self) -> Literal["up", "down"]:
        """Which direction of the objective is better."""
        told = {"minimize": "down", "maximize": "up"}.get(self.direction) or describe(self.objective).better
        return "up" if told == "up" else "down"


class Axis(_Model):
    """A knob of a search with everything said: either ``choices``, or a range of numbers."""

    knob: str
    kind: Literal["int", "float", "choice"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    choices: list[Choice] = []


def axes(search: Search, recipe: Recipe) -> list[Axis]:
    """The space for a base recipe; both ends of each range are tried on it. Raises `BadRecipe` by knob."""
    have = {k.name: k for k in knobs(recipe)}
    found, wrong = [], []
    for name, given in search.knobs.items():
        if name not in have:
            wrong.append(Problem(name, None, unknown(name, have)))
        elif name in ("seed", "preset", "size") or have[name].path:
            wrong.append(
                Problem(name, None, f"{name} cannot be searched; take a knob of the networks or losses")
            )
        else:
            try:
                axis = _axis(have[name], given or Range())
                _try(axis, recipe)
                found.append(axis)
            except BadRecipe as bad:
                wrong += bad.problems
    if wrong:
        raise BadRecipe(wrong)
    return found


def _axis(knob: Knob, given: Range) -> Axis:
    numbers = (given.low, given.high, given.step)
    if given.choices or knob.type in ("choice", "bool"):
        if any(n is not None for n in numbers) or given.log:
            raise _bad(knob.name, "give choices, or low and high, not both")
        own: list[Choice] = [True, False] if knob.type == "bool" else list(knob.choices)
        choices = given.choices or own
        if len(choices) < 2 or len({to_text(c) for c in choices}) < len(choices):
            raise _bad(knob.name, f"needs two different choices or more, not {to_text(choices)}")
        return Axis(knob=knob.name, kind="choice", choices=choices)
    if knob.type not in ("int", "float"):
        raise _bad(knob.name, f"is {knob.type}; give its choices as a list")
    low = given.low if given.low is not None else knob.low
    high = given.high if given.high is not None else knob.high
    if low is None or high is None:
        raise _bad(
            knob.name, f"has no {'lower' if low is None else 'upper'} bound of its own; give low and high"
        )
    if not low < high:
        raise _bad(knob.name, f"goes from {low:g} to {high:g}; low must be below high")
    if given.log and low <= 0:
        raise _bad(knob.name, f"is spread over decades from {low:g}; low must be above 0")
    if given.step is not None and (given.step <= 0 or given.step > high - low or given.log):
        raise _bad(
            knob.name, f"has step {given.step:g}; it must be above 0, fit the range, and go without log"
        )
    if knob.type == "int" and any(n is not None and n != int(n) for n in (low, high, given.step)):
        raise _bad(knob.name, f"is a whole number; {low:g} to {high:g} must be too")
    return Axis(knob=knob.name, kind="int" if knob.type == "int" else "float", low=low, high=high,
                log=given.log, step=given.step)  # fmt: skip


def _try(axis: Axis, recipe: Recipe) -> None:
    """Raise `BadRecipe` where an end of the range, or a choice, is none of the knob's values.

    What goes wrong with other knobs alone is left: such a trial is refused when it comes.
    """
    ends: list[Any] = list(axis.choices) if axis.kind == "choice" else [axis.low, axis.high]
    for value in ends:
        try:
            patched(recipe, {axis.knob: int(value) if axis.kind == "int" else value})
        except BadRecipe as bad:
            own = [p for p in bad.problems if p.knob == axis.knob]
            if own:
                raise BadRecipe([Problem(axis.knob, value, f"search: {p.message}") for p in own]) from None


def _bad(knob: str, text: str) -> BadRecipe:
    return BadRecipe([Problem(knob, None, f"search: {knob} {text}")])
