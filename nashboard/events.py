"""The events of a run: one frozen dataclass a kind, one JSON object a line.

An event is one fact about a run. The journal gives it its ``seq`` (line number, from 0) and ``time``
(Unix seconds). JSON is strict: the non-finite numbers are the strings ``"NaN"``, ``"Infinity"`` and
``"-Infinity"``, in `Points.values` and everywhere else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import ClassVar

from nashboard.strict import NON_FINITE, BadEvent, Json, brief, dumps, loads, number, spelled, storable
from nashboard.vocabulary import is_name

__all__ = [
    "NON_FINITE",
    "BadEvent",
    "CheckpointSaved",
    "Distribution",
    "Event",
    "Json",
    "LogLine",
    "Mark",
    "NoteWritten",
    "Points",
    "RunEnded",
    "RunStarted",
    "SampleMade",
    "Table",
    "UnknownKind",
    "check",
    "decode",
    "dumps",
    "encode",
    "encode_body",
    "from_dict",
    "loads",
    "number",
    "spelled",
    "stamped",
    "storable",
    "to_dict",
]
MAX_LINE = 4 * 1024 * 1024


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
ENDINGS = ("finished", "stopped", "failed")


def to_dict(event: Event) -> dict[str, Json]:
    """The event as a plain dict, in the order seq, time, kind, then its own fields."""
    own = {f.name: getattr(event, f.name) for f in fields(event) if f.name not in ("seq", "time")}
    return {"seq": event.seq, "time": event.time, "kind": event.kind, **own}


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
_LIMITS = {  # characters; what is not named here may fill its line
    "run": 32,
    "name": 200,
    "project": 200,
    "trainer": 40,
    "preset": 80,
    "size": 20,
    "parent": 32,
    "treats": 80,
    "series": 200,
    "slot": 200,
    "media": 20,
    "path": 500,
    "stream": 10,
    "level": 10,
}
_PATTERNS = {
    "run": (re.compile(r"[A-Za-z0-9_-]+"), "letters, digits, _ and -"),
    "sha256": (re.compile(r"([0-9a-f]{64})?"), "64 hex digits"),
    "ext": (re.compile(r"[a-z0-9]{1,10}"), "at most 10 small letters and digits"),
}


def _plan(cls: type[Event]) -> tuple[tuple[str, str, str, bool, bool], ...]:
    """(field, annotation, its outer type, may be None, must be there) of an event's fields."""
    rows = []
    for f in fields(cls):
        kind = str(f.type)
        bare = kind.removesuffix(" | None")
        must = f.default is MISSING and f.default_factory is MISSING
        rows.append((f.name, bare, bare.split("[", 1)[0], bare != kind, must))
    return tuple(rows)


_PLANS = {cls: _plan(cls) for cls in KINDS.values()}
_TEXTS = {cls: tuple(row[0] for row in plan if row[2] == "str") for cls, plan in _PLANS.items()}


def _checked(name: str, kind: str, base: str, value: Json) -> Json:
    """``value`` if it fits the annotation ``kind``; numbers inside are read by `number`."""
    if base == "float":
        return number(value)
    fits = isinstance(value, _SHAPES[base]) and not (base == "int" and isinstance(value, bool))
    if not fits:
        raise BadEvent(f"{name} must be {base}, not {value!r:.80}")
    if base == "int":
        if not -(2**53) <= value <= 2**53:
            raise BadEvent(f"{name} is out of range: {brief(value)}")
        return value
    if kind == "dict[str, float]":
        return {k: v if type(v) is float else number(v) for k, v in value.items()}
    if kind == "list[float]":
        return [number(v) for v in value]
    if kind == "list[str]" and not all(isinstance(v, str) for v in value):
        raise BadEvent(f"{name} must hold only strings")
    if kind == "list[list[Json]]" and not all(isinstance(v, list) for v in value):
        raise BadEvent(f"{name} must hold only lists")
    return storable(value)


def check(event: Event) -> None:
    """Raises `BadEvent` where a field breaks what its event promises: names, lengths, shapes."""
    for name in _TEXTS[type(event)]:
        value = getattr(event, name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise BadEvent(f"{event.kind}.{name} must be text, not {value!r:.80}")
        limit = _LIMITS.get(name, MAX_LINE)
        if len(value) > limit:
            raise BadEvent(
                f"{event.kind}.{name} of {len(value)} characters, the limit is {limit}: {value!r:.40}"
            )
        if name in _PATTERNS and not _PATTERNS[name][0].fullmatch(value):
            raise BadEvent(f"{event.kind}.{name} is {_PATTERNS[name][1]}, not {value!r:.80}")
    if isinstance(event, Points):
        return _check_names(event.values, "points.values")
    if isinstance(event, SampleMade | Distribution):
        _check_names((event.series,), f"{event.kind}.series")
    match event:
        case SampleMade() if not event.sha256:
            raise BadEvent("sample_made.sha256 is 64 hex digits, not empty")
        case CheckpointSaved():
            _check_names(event.best, "checkpoint_saved.best")
        case Distribution() if len(event.edges) != len(event.counts) + 1:
            raise BadEvent(
                f"distribution {event.series!r} has {len(event.edges)} edges and {len(event.counts)} counts; "
                "there is one edge more than counts"
            )
        case Table() if any(len(row) != len(event.columns) for row in event.rows):
            raise BadEvent(f"table {event.name!r:.80} has rows that are not as long as its columns")
        case RunEnded() if event.status not in ENDINGS:
            raise BadEvent(f"run_ended.status is one of {', '.join(ENDINGS)}, not {event.status!r:.40}")
    return None


def _check_names(names: Iterable[str], where: str) -> None:
    for name in names:
        if not is_name(name):
            raise BadEvent(f"{where}: {name!r:.80} cannot name a series")


def from_dict(data: Json) -> Event:
    """The event in a JSON object; unknown fields are passed over, so that newer writers can be read.

    Its text is such that every database takes it (no NUL, no lone surrogate) and it keeps what `check` asks.

    Raises:
        UnknownKind: for a kind that this version does not know.
        BadEvent: for anything else that is no event, naming field and value.
    """
    if not isinstance(data, dict):
        raise BadEvent(f"an event is a JSON object, not {type(data).__name__}")
    kind, seq = data.get("kind"), data.get("seq")
    if isinstance(seq, bool) or not isinstance(seq, int) or not 0 <= seq <= 2**53:
        raise BadEvent(f"seq must be a whole number from 0, not {brief(seq)}")
    if not isinstance(kind, str):
        raise BadEvent(f"kind must be a string, not {kind!r:.40}")
    if kind not in KINDS:
        raise UnknownKind(kind, seq)
    cls = KINDS[kind]
    values: dict[str, Json] = {}
    for name, annotation, base, nullable, must in _PLANS[cls]:
        if name in data:
            value = data[name]
            if value is None and nullable:
                values[name] = None
                continue
            try:
                values[name] = _checked(f"{kind}.{name}", annotation, base, value)
            except BadEvent as problem:
                text = str(problem)
                raise BadEvent(text if text.startswith(kind) else f"{kind}.{name}: {text}") from None
        elif must:
            raise BadEvent(f"{kind} lacks the field {name!r}")
    if not math.isfinite(values.get("time", 0.0)):
        raise BadEvent(f"{kind}.time must be finite, not {values['time']!r}")
    event = cls(**values)
    check(event)
    return event


def decode(line: str | bytes) -> Event:
    """The event on a line. Raises `UnknownKind` or `BadEvent`, as `from_dict` does."""
    if len(line) > MAX_LINE:
        raise BadEvent(f"a line of {len(line)} characters; the limit is {MAX_LINE}")
    data = loads(line)
    try:
        return from_dict(data)
    except RecursionError:
        raise BadEvent("nested too deeply") from None


def stamped(event: Event, seq: int, time: float) -> Event:
    """The event with its place in the journal."""
    return replace(event, seq=seq, time=time)
