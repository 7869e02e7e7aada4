"""The events of a run: one frozen dataclass a kind, one JSON object a line.

An event is one fact about a run. The journal gives it its ``seq`` (line number, from 0) and ``time``
(Unix seconds). JSON is strict: the non-finite numbers are the strings ``"NaN"``, ``"Infinity"`` and
``"-Infinity"``, in `Points.values` and everywhere else.
"""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, ClassVar

Json = Any
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
MAX_LINE = 4 * 1024 * 1024


class BadEvent(ValueError):
    """A line that is no event of ours; the message names the field and the value."""


class UnknownKind(BadEvent):
    """A well-formed event of a kind that this version does not know: count it, show it, pass it over."""

    def __init__(self, kind: str, seq: int) -> None:
        super().__init__(f"unknown event kind {kind!r}")
        self.kind, self.seq = kind, seq


@dataclass(frozen=True, kw_only=True)
class Event:
    """What every event has: its line number in the journal and when it was written."""

    kind: ClassVar[str] = ""
    seq: int = -1
    time: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """A trainer has started; ``resumed_from`` is a step where it goes on from a checkpoint."""

    kind: ClassVar[str] = "run_started"
    run: str
    name: str = ""
    project: str = "default"
    trainer: str = ""
    preset: str = ""
    size: str = ""
    seed: int | None = None
    recipe: dict[str, Json] = field(default_factory=dict)
    environment: dict[str, Json] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    parent: str | None = None
    treats: str | None = None
    resumed_from: int | None = None
    total_steps: int | None = None


@dataclass(frozen=True, kw_only=True)
class Points(Event):
    """Values of several series at one generator step."""

    kind: ClassVar[str] = "points"
    step: int
    values: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class SampleMade(Event):
    """Audio or an image, stored under its digest at ``samples/<sha256>.<ext>``.

    ``facts`` are measured on the float signal before it is quantised: see `nashboard.media`.
    """

    kind: ClassVar[str] = "sample_made"
    step: int
    series: str
    slot: str
    media: str
    sha256: str
    ext: str
    size: int
    facts: dict[str, Json] = field(default_factory=dict)
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved(Event):
    """A checkpoint was written on this host; ``kept`` lists all paths that still exist after retention."""

    kind: ClassVar[str] = "checkpoint_saved"
    step: int
    path: str
    size: int
    sha256: str = ""
    best: dict[str, float] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Mark(Event):
    """Something happened at a step: a phase starts, the learning rate drops, noise ends."""

    kind: ClassVar[str] = "mark"
    step: int
    name: str
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Distribution(Event):
    """A histogram at a step: ``len(edges) == len(counts) + 1``."""

    kind: ClassVar[str] = "distribution"
    step: int
    series: str
    edges: list[float]
    counts: list[float]


@dataclass(frozen=True, kw_only=True)
class Table(Event):
    """Rows at a step: a scatter, verdicts, skipped files."""

    kind: ClassVar[str] = "table"
    step: int
    name: str
    columns: list[str]
    rows: list[list[Json]]


@dataclass(frozen=True, kw_only=True)
class NoteWritten(Event):
    kind: ClassVar[str] = "note_written"
    text: str
    step: int | None = None


@dataclass(frozen=True, kw_only=True)
class LogLine(Event):
    """A line of the console; ``stream`` is ``stdout``, ``stderr`` or ``log``."""

    kind: ClassVar[str] = "log_line"
    text: str
    stream: str = "log"
    level: str = "info"


@dataclass(frozen=True, kw_only=True)
class RunEnded(Event):
    """The last line of a run that ended: finished, stopped or failed, and why."""

    kind: ClassVar[str] = "run_ended"
    status: str
    reason: str = ""
    step: int | None = None


KINDS: dict[str, type[Event]] = {
    c.kind: c
    for c in (
        RunStarted,
        Points,
        SampleMade,
        CheckpointSaved,
        Mark,
        Distribution,
        Table,
        NoteWritten,
        LogLine,
        RunEnded,
    )
}
STATUSES = ("queued", "running", "stopping", "finished", "stopped", "failed", "lost")
ENDED = ("finished", "stopped", "failed", "lost")


def spelled(value: Json) -> Json:
    """``value`` with each non-finite float spelled as its string, in lists and dicts as well.

    Text that UTF-8 cannot hold is spelled with visible escapes.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {spelled(str(k)): spelled(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [spelled(v) for v in value]
    return value


def number(value: Json) -> float:
    """A float from JSON; raises `BadEvent` for anything but a number or a spelled non-finite one."""
    if isinstance(value, str) and value in NON_FINITE:
        return NON_FINITE[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadEvent(f"{value!r} is not a number")
    return float(value)


def to_dict(event: Event) -> dict[str, Json]:
    """The event as a plain dict, in the order seq, time, kind, then its own fields."""
    own = {f.name: getattr(event, f.name) for f in fields(event) if f.name not in ("seq", "time")}
    return {"seq": event.seq, "time": event.time, "kind": event.kind, **own}


_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dumps(value: Json) -> str:
    """``value`` as strict JSON in UTF-8, non-finite numbers spelled; raises `BadEvent` for what is no JSON.

    A lone surrogate (from a file name that is no UTF-8) is written as its visible escape.
    """
    try:
        text = _JSON.encode(value)
        if not text.isascii():
            text.encode()
        return text
    except (ValueError, TypeError):  # a non-finite number or a surrogate: the usual case pays nothing for it
        try:
            return _JSON.encode(spelled(value))
        except (ValueError, TypeError, RecursionError) as problem:
            raise BadEvent(f"cannot be written as JSON: {problem}") from None


def encode_body(event: Event) -> str:
    """The event's JSON object without ``seq`` and ``time``, which the journal gives it."""
    if type(event) is Points:
        return dumps({"kind": "points", "step": event.step, "values": event.values})
    body = to_dict(event)
    del body["seq"], body["time"]
    return dumps(body)


def encode(event: Event) -> str:
    """One line of strict JSON, without the newline."""
    return dumps(to_dict(event))


_SHAPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "dict": (dict,),
    "list": (list,),
}


def _checked(cls: type[Event], name: str, kind: str, value: Json) -> Json:
    """``value`` if it fits the annotation ``kind``; numbers inside are read by `number`."""
    if kind.endswith(" | None"):
        if value is None:
            return None
        kind = kind.removesuffix(" | None")
    base = kind.split("[", 1)[0]
    if base == "float":
        return number(value)
    fits = isinstance(value, _SHAPES[base]) and not (base == "int" and isinstance(value, bool))
    if not fits:
        raise BadEvent(f"{cls.kind}.{name} must be {base}, not {value!r:.80}")
    if base == "int" and not -(2**53) <= value <= 2**53:
        raise BadEvent(f"{cls.kind}.{name} is out of range: {value!r:.40}")
    try:
        if kind == "dict[str, float]":
            return {str(k): number(v) for k, v in value.items()}
        if kind == "list[float]":
            return [number(v) for v in value]
    except BadEvent as problem:
        raise BadEvent(f"{cls.kind}.{name}: {problem}") from None
    if kind == "list[str]" and not all(isinstance(v, str) for v in value):
        raise BadEvent(f"{cls.kind}.{name} must hold only strings")
    if kind == "list[list[Json]]" and not all(isinstance(v, list) for v in value):
        raise BadEvent(f"{cls.kind}.{name} must hold only lists")
    return value


def from_dict(data: Json) -> Event:
    """The event in a JSON object; unknown fields are passed over, so that newer writers can be read.

    Raises:
        UnknownKind: for a kind that this version does not know.
        BadEvent: for anything else that is no event, naming field and value.
    """
    if not isinstance(data, dict):
        raise BadEvent(f"an event is a JSON object, not {type(data).__name__}")
    kind, seq = data.get("kind"), data.get("seq")
    if isinstance(seq, bool) or not isinstance(seq, int) or seq < 0:
        raise BadEvent(f"seq must be a whole number from 0, not {seq!r:.40}")
    if not isinstance(kind, str):
        raise BadEvent(f"kind must be a string, not {kind!r:.40}")
    if kind not in KINDS:
        raise UnknownKind(kind, seq)
    cls = KINDS[kind]
    values: dict[str, Json] = {}
    for f in fields(cls):
        if f.name in data:
            values[f.name] = _checked(cls, f.name, str(f.type), data[f.name])
        elif f.default is MISSING and f.default_factory is MISSING:
            raise BadEvent(f"{kind} lacks the field {f.name!r}")
    return cls(**values)


def decode(line: str | bytes) -> Event:
    """The event on a line. Raises `UnknownKind` or `BadEvent`, as `from_dict` does."""
    if len(line) > MAX_LINE:
        raise BadEvent(f"a line of {len(line)} characters; the limit is {MAX_LINE}")
    try:
        data = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        raise BadEvent(f"not JSON: {problem}") from None
    return from_dict(data)


def _no_constant(name: str) -> float:
    raise BadEvent(f'bare {name} is not JSON; write "{name}" in quotes')


def stamped(event: Event, seq: int, time: float) -> Event:
    """The event with its place in the journal."""
    return replace(event, seq=seq, time=time)
