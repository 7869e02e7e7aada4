"""Reading what a sender posts: lines of the journal, or a columnar batch of points.

Both give events in the order of their coming. A batch is read whole before anything of it is stored: a line
that cannot be read is answered by a `BadInput` that names it, and nothing of the batch is kept. The sender
goes on by sending the batch again with that line replaced: by a ``log_line`` of its seq that says what was.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from app.errors import BadInput, Problem
from nashboard import events, vocabulary
from nashboard.events import BadEvent, Event, Points, UnknownKind

LINES = "application/x-ndjson"
COLUMNS = "application/vnd.nashboard.points+json"
LIMIT = 2**53
FAR = 1e11


class BadType(Problem):
    status, code = 415, "unsupported_type"


@dataclass(frozen=True, kw_only=True)
class Unknown(Event):
    """An event of a kind that this version does not know; counted and passed over."""

    name: str


def read(body: bytes, content_type: str) -> list[Event]:
    """The events in a request's body. Raises `BadInput` naming line and value, `BadType` for another type."""
    kind = content_type.split(";", 1)[0].strip().lower()
    if kind == COLUMNS:
        return read_columns(body)
    if kind.startswith(("multipart/", "audio/", "image/")):
        raise BadType(f"a batch is {LINES} or {COLUMNS}, not {kind!r:.80}")
    return read_lines(body)  # whatever a simple client calls its lines


def read_lines(body: bytes) -> list[Event]:
    """Events of JSON lines; blank lines are passed over."""
    lines = body.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    try:
        whole = json.loads(b"[" + b",".join(line or b"null" for line in lines) + b"]", parse_constant=_refuse)
    except (ValueError, RecursionError):
        whole = []
    if len(whole) != len(lines):  # something is wrong somewhere: line by line finds where
        return [event for n, line in enumerate(lines, 1) if (event := _line(n, line)) is not None]
    return [
        _fast(data) or _event(n, data)
        for n, data in enumerate(whole, 1)
        if data is not None or lines[n - 1].strip()
    ]


def _refuse(name: str) -> float:
    raise ValueError(name)


def _line(number: int, line: bytes) -> Event | None:
    if not line.strip():
        return None
    try:
        if len(line) > events.MAX_LINE:
            raise BadEvent(f"it has {len(line)} bytes; the limit is {events.MAX_LINE}")
        try:
            data = json.loads(line, parse_constant=_refuse)
        except RecursionError:
            raise BadEvent("it is nested too deep") from None
        except ValueError as problem:
            shown = line[:80].decode("utf-8", "replace")
            raise BadEvent(f"not JSON ({problem}): {shown}") from None
    except BadEvent as problem:
        raise bad_line(number, None, str(problem)) from None
    return _event(number, data)


def _fast(data: Any) -> Points | None:
    """The points in a regular line; None for everything that needs a closer look."""
    if type(data) is not dict or data.get("kind") != "points":
        return None
    seq, time, step, values = data.get("seq"), data.get("time"), data.get("step"), data.get("values")
    if (
        type(seq) is int
        and 0 <= seq <= LIMIT
        and type(time) is float
        and -FAR < time < FAR
        and type(step) is int
        and -LIMIT <= step <= LIMIT
        and type(values) is dict
        and _FLOAT.issuperset(map(type, values.values()))
        and (_GOOD.issuperset(values) or all(map(_good, values)))
    ):
        return Points(seq=seq, time=time, step=step, values=values)
    return None


_FLOAT = frozenset({float})
_GOOD: set[str] = set()


def _good(name: str) -> bool:
    """Whether a series can be named so; good names are remembered, as they come again and again."""
    if not vocabulary.is_name(name):
        return False
    if len(_GOOD) < 100_000:
        _GOOD.add(name)
    return True


def _event(number: int, data: Any) -> Event:
    seq = data.get("seq") if isinstance(data, dict) and type(data.get("seq")) is int else None
    try:
        try:
            event = events.from_dict(data)
        except UnknownKind as unknown:
            event = Unknown(seq=unknown.seq, name=unknown.kind)
        except OverflowError:
            raise BadEvent("it holds a number too large for a float") from None
        except RecursionError:
            raise BadEvent("it is nested too deep") from None
        _check(event)
    except BadEvent as problem:
        raise bad_line(number, seq, str(problem)) from None
    return event


def _check(event: Event) -> None:
    """What `events.from_dict` leaves open and our tables do not."""
    if not -FAR < event.time < FAR:
        raise BadEvent(f"time must be Unix seconds, not {event.time!r}")
    if event.seq > LIMIT:
        raise BadEvent(f"seq is out of range: {event.seq}")
    if isinstance(event, Points):
        for name in event.values:
            if name not in _GOOD and not _good(name):
                raise BadEvent(
                    f"{name!r:.100} cannot name a series: letters, digits and _.:+@%()- , parts split by /, "
                    f"at most {vocabulary.MAX_NAME}"
                )
    for field in ("series", "name", "slot", "path"):
        value = getattr(event, field, "")
        if isinstance(value, str) and len(value) > 500:
            raise BadEvent(f"{field} has {len(value)} characters; the limit is 500")


def bad_line(number: int, seq: int | None, message: str) -> BadInput:
    """The error for a line: its number in the batch from 1, and its seq where it could be read."""
    where = f"line {number}" + (f" (seq {seq})" if seq is not None else "")
    return BadInput(
        f"{where}: {message}. Nothing of this batch was stored; send it again with that line replaced.",
        code="bad_line",
        field=f"line {number}",
        line=number,
        seq=seq,
    )


def read_columns(body: bytes) -> list[Event]:
    """Points of a columnar batch: ``{"seq": [..], "time": [..], "step": [..], "series": {name: [..]}}``.

    All lists have the same length, one place an event; null in a series: the event has no such value.
    """
    try:
        data = json.loads(body or b"{}", parse_constant=_refuse)
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"the batch is not JSON: {problem}", code="bad_batch") from None
    if not isinstance(data, dict):
        raise BadInput(f"a columnar batch is an object, not {type(data).__name__}", code="bad_batch")
    seqs, times, steps = (_list(data.get(name, []), name) for name in ("seq", "time", "step"))
    series = data.get("series", {})
    if not isinstance(series, dict):
        raise BadInput(
            f"series must be an object of lists, not {series!r:.80}", code="bad_batch", field="series"
        )
    named = {name: _list(values, f"series.{name}") for name, values in series.items()}
    for name, values in (("time", times), ("step", steps), *named.items()):
        if len(values) != len(seqs):
            raise BadInput(
                f"{name:.100} has {len(values)} values, seq has {len(seqs)}; all need the same length",
                code="bad_batch",
                field=name[:100],
            )
    rows: list[dict[str, Any]] = [{} for _ in seqs]
    for name, values in named.items():
        for row, value in zip(rows, values, strict=True):
            if value is not None:
                row[name] = value
    found: list[Event] = []
    for number, (seq, time, step, row) in enumerate(zip(seqs, times, steps, rows, strict=True), 1):
        line = {"kind": "points", "seq": seq, "time": time, "step": step, "values": row}
        found.append(_fast(line) or _event(number, line))
    return found


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadInput(f"{name:.100} must be a list, not {value!r:.80}", code="bad_batch", field=name[:100])
    return value
