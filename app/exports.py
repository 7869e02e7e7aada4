"""What a view shows, to take away: points as CSV or Parquet, clips as a zip; made while they are sent.

Without groups and baseline every point of the runs is there, none thinned. Groups and differences are as drawn, at
the finest width that charts have.
"""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from app import blobs, db, groups, listening, metrics, parquet, plots, reading, records, runs
from app.errors import BadInput, NotFound
from app.models import Run, Sample
from app.tracks import Track, View, load
from nashboard.events import spelled

MOST_POINTS = 50_000_000
FINE = 4000
POINTS = {"run": "text", "name": "text", "key": "text", "series": "text", "step": "int", "time": "float",
          "x": "float", "value": "float"}  # fmt: skip
DRAWN = {"key": "text", "name": "text", "series": "text", "x": "float", "value": "float", "low": "float",
         "high": "float", "runs": "int"}  # fmt: skip
Part = list[Any]


def columns(view: View) -> dict[str, str]:
    """The columns of the view's table: name → "text", "int" or "float"."""
    return DRAWN if view.group or view.diff else POINTS


def checked(session: Session, found: Sequence[Run], names: Sequence[str], view: View) -> None:
    """Raises `BadInput` for more points than can be sent, or for a view that cannot be drawn."""
    if view.group or view.diff:
        plots.plot(session, found, names[:1], replace(view, width=60))
        return
    infos = reading.series_of(session, [r.id for r in found], names)
    total = sum(i.count for rows in infos.values() for i in rows)
    if total > MOST_POINTS:
        raise BadInput(
            f"these are {total:,} points; the limit is {MOST_POINTS:,}: take fewer series or fewer runs",
            field="series",
        )


def parts(ids: Sequence[str], names: Sequence[str], view: View) -> Iterator[Part]:
    """The rows, a part a run and series, read one after another in sessions of their own."""
    for name in names:
        if view.group or view.diff:
            with db.reading() as session:
                made = list(_drawn(session, [runs.get(session, i) for i in ids], name, view))
            yield from made
            continue
        for run_id in ids:
            with db.reading() as session:
                found = [runs.get(session, i) for i in ids]
                track = next(t for t in load(session, found, [], view) if t.run.id == run_id)
                part = _points(session, track, name, view)
            if part is not None:
                yield part


def _points(session: Session, track: Track, name: str, view: View) -> Part | None:
    if name not in track.infos:
        return None
    points = reading.whole(session, track.run.id, name)
    x = track.place(points.step) / (1000.0 if view.axis == "time" else 1.0)
    keep = np.ones(len(x), bool)
    if view.zoom is not None:
        ends = [end / (1000.0 if view.axis == "time" else 1.0) for end in view.zoom]
        keep = (x >= ends[0]) & (x <= ends[1])
    many = int(keep.sum())
    texts = [[text] * many for text in (track.run.id, track.run.name, track.key, name)]
    return [*texts, points.step[keep], points.time[keep], x[keep], points.value[keep]]


def _drawn(session: Session, found: Sequence[Run], name: str, view: View) -> Iterator[Part]:
    for key, label, line in plots.lines(session, found, name, replace(view, width=FINE)):
        inside = np.ones(len(line.x), bool)
        if view.zoom is not None:
            inside = (line.x >= view.zoom[0]) & (line.x <= view.zoom[1])
        many = int(inside.sum())
        if isinstance(line, groups.Spread):
            numbers = [line.mean, line.low, line.high, line.count.astype(int)]
        else:
            none = np.full(len(line.x), np.nan)
            numbers = [line.y, none, none, np.ones(len(line.x), int)]
        yield [[key] * many, [label] * many, [name] * many, line.x[inside], *(n[inside] for n in numbers)]


def as_csv(names: Sequence[str], rows: Iterator[Part]) -> Iterator[bytes]:
    """The table as CSV, every digit of a number; NaN, Infinity and -Infinity by their names."""

    def text(value: Any) -> Any:
        return spelled(value) if isinstance(value, float) and not math.isfinite(value) else value

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for part in rows:
        lists = [c.tolist() if isinstance(c, np.ndarray) else c for c in part]
        writer.writerows([text(v) for v in row] for row in zip(*lists, strict=True))
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


def as_parquet(kinds: dict[str, str], rows: Iterator[Part]) -> Iterator[bytes]:
    """The table as a Parquet file."""
    return parquet.written(kinds, rows)


@dataclass(frozen=True)
class Clip:
    """A clip of a view and its place in the zip."""

    path: str
    sha256: str
    row: tuple[Any, ...]


ABOUT = (
    "file",
    "run",
    "name",
    "key",
    "slot",
    "series",
    "step",
    "seconds",
    "rate_hz",
    "peak_dbfs",
    "lufs",
    "sha256",
)


def clips(session: Session, found: Sequence[Run], at: str, slots: Sequence[str] = ()) -> list[Clip]:
    """The audio of the runs at a moment (see `app.metrics.moment_of`), or "all" there is, references included.

    At a moment a run's clip is the last one made up to it. Raises `NotFound` where there is none.
    """
    picked: list[tuple[str, Run, Sample]] = []
    for key, run in plots.keyed(found).items():
        audio = [s for s in records.samples(session, run.id) if s.media == "audio" and not s.missing]
        audio = [s for s in audio if not slots or s.slot in slots]
        if at != "all":
            step = metrics.step_at(session, run, at)
            latest: dict[tuple[str, str], Sample] = {}
            for sample in audio:
                if listening.is_reference(sample.series) or (step is not None and sample.step <= step):
                    latest[(sample.slot, sample.series)] = sample
            audio = list(latest.values())
        picked += [(key, run, sample) for sample in audio]
    if not picked:
        raise NotFound("these runs have no clips there; take another epoch or at=all", code="no_clips")
    made: list[Clip] = []
    taken: set[str] = set()
    for key, run, s in picked:
        reference = listening.is_reference(s.series)
        who = "reference" if reference else f"{key}-{plain(run.name or run.id)}-step-{s.step}"
        path = f"{plain(s.slot)}/{who}-{plain(s.series)}.{plain(s.ext) or 'bin'}"
        if path in taken and reference and any(c.path == path and c.sha256 == s.sha256 for c in made):
            continue  # the same reference of another run
        while path in taken:
            path = re.sub(r"(\.[^.]*)$", r"_\1", path)
        taken.add(path)
        facts = [s.facts.get(n) for n in ("seconds", "rate_hz", "peak_dbfs", "lufs")]
        made.append(
            Clip(path, s.sha256, (path, run.id, run.name, key, s.slot, s.series, s.step, *facts, s.sha256))
        )
    return made


def plain(text: str) -> str:
    """A text as part of a file's name: letters, digits, dot, dash, underscore; never a path."""
    return re.sub(r"[^\w.-]+", "_", text).strip("._")[:80]


class _Pipe(io.RawIOBase):
    """Takes what a zip writes until it is sent on."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        data = b"".join(self.parts)
        self.parts.clear()
        return data


def as_zip(found: Sequence[Clip]) -> Iterator[bytes]:
    """The clips as they were stored, and clips.csv that says what they are; sent while it is made."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as made:
        rows = [[str(v) if v is not None else "" for v in clip.row] for clip in found]
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([ABOUT, *rows])
        made.writestr("clips.csv", out.getvalue())
        for clip in found:
            with db.reading() as session:
                size = blobs.find(session, clip.sha256).size
            info = zipfile.ZipInfo(clip.path, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            with made.open(info, "w") as file:
                for data in blobs.stream(clip.sha256, 0, size):
                    file.write(data)
                    yield pipe.taken()
    yield pipe.taken()
