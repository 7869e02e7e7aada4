"""Opening a bundle: its runs become runs here, marked as imported, by the same ingest as a run that reports.

A bundle is read twice. The first time everything in it is checked and nothing is written, so that one that is wrong
anywhere leaves nothing behind. A run that is here already is left alone; where its id is taken by another run, the
imported one gets a new id.
"""

from __future__ import annotations

import threading
import time as clock
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import batches, blobs, db, findings, ingest, journals, runs
from app.errors import BadInput, Problem
from app.live import bell
from app.models import Run
from app.settings import get_settings
from app.tables_bundles import Imported
from app.tables_notices import Notice
from nashboard.bundle import BadBundle, Bundle
from nashboard.content import Content
from nashboard.events import Event, RunEnded, RunStarted, SampleMade
from nashboard.packing import SAMPLE

LINES, BYTES = 2000, 4 * 1024 * 1024
TAG = "imported"
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Row:
    """What became of a run of the bundle. ``state``: "imported", "renamed" (its id was taken) or "already" here."""

    source: str
    id: str
    name: str
    state: str
    words: str


@dataclass
class Opened:
    """What became of a bundle's runs, and what else is to be said."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class _Looked:
    """What the first reading of a run's journal has found."""

    content: str
    samples: dict[str, str]
    events: int
    ended: bool


def open_bundle(path: Path, label: str) -> Opened:
    """Import the runs of a bundle that lies at ``path``; ``label`` is what it is called.

    Raises:
        BadInput: it is no bundle, or anything in it is not what it should be; nothing was imported.
    """
    try:
        with Bundle(path, label) as bundle, _one_at_a_time:
            bundle.verify()
            looked = {run: _look(bundle, run) for run in bundle.runs}
            opened = Opened()
            for run, found in looked.items():
                opened.rows.append(_import(bundle, run, found, opened.notes))
            if many := sum("/checkpoints/" in name for name in bundle.names("runs/")):
                opened.notes.append(
                    f"{many} checkpoints stay in the bundle: `nashboard open FILE --into DIR` unpacks them"
                )
            return opened
    except BadBundle as problem:
        raise BadInput(str(problem), code="bad_bundle", field="bundle") from None


def _look(bundle: Bundle, run: str) -> _Looked:
    """Every line of a run's journal, read and forgotten. Raises `BadInput` naming the line."""
    content, samples = Content(), dict[str, str]()
    count, ended = 0, False
    for event in _events(bundle, run):
        if event.seq != count:
            raise _bad(bundle, run, f"line {count + 1} has seq {event.seq}")
        if count == 0 and not isinstance(event, RunStarted):
            raise _bad(bundle, run, "does not begin with run_started")
        match event:
            case RunStarted():
                ended = False
                if event.run != run:
                    raise _bad(bundle, run, f"line {count + 1} is of run {event.run!r:.40}")
            case SampleMade():
                samples[event.sha256] = event.ext
            case RunEnded():
                ended = True
            case _:
                pass
        content.take(event)
        count += 1
    if count == 0:
        raise _bad(bundle, run, "is empty")
    for name in bundle.names("samples/"):
        if bundle.manifest["members"][name]["sha256"] != name[8:72]:
            raise BadBundle(f"{bundle.label!r:.120} is damaged: {name} holds other bytes than its name says")
    return _Looked(content.digest(), samples, count, ended)


def _bad(bundle: Bundle, run: str, what: str) -> BadBundle:
    return BadBundle(f"{bundle.label!r:.120}: the journal of run {run} {what}")


def _events(bundle: Bundle, run: str) -> Iterator[Event]:
    """The events of a run's journal, a batch of lines at a time."""
    for first, body in _bodies(bundle, run):
        try:
            yield from batches.read_lines(body)
        except BadInput as problem:
            line = first + int(problem.more.get("line", 1))
            told = problem.message.split(": ", 1)[-1].split(". Nothing of this batch", 1)[0]
            raise _bad(bundle, run, f"cannot be read in line {line}: {told}") from None


def _bodies(bundle: Bundle, run: str) -> Iterator[tuple[int, bytes]]:
    """(lines before it, some lines) of a run's journal."""
    held: list[bytes] = []
    first = size = 0
    for line in bundle.lines(run):
        held.append(line)
        size += len(line)
        if len(held) >= LINES or size >= BYTES:
            yield first, b"\n".join(held) + b"\n"
            first, held, size = first + len(held), [], 0
    if held:
        yield first, b"\n".join(held) + b"\n"


def _import(bundle: Bundle, source: str, looked: _Looked, notes: list[str]) -> Row:
    with db.reading() as session:
        here = _already(session, source, looked.content)
        taken = session.get(Run, source) is not None
    if here is not None:
        name = here.name or here.id
        return Row(
            source,
            here.id,
            name,
            "already",
            f"run {source} is here already, with the same points and samples:",
        )
    run_id = runs.new_id() if taken else source
    try:
        name = _file(bundle, source, run_id, looked, notes)
    except BaseException:
        _undo(run_id)
        raise
    bell.ring(run_id)
    if taken:
        words = f"run {source} was imported as {run_id}, as another run has that id here:"
        return Row(source, run_id, name, "renamed", words)
    return Row(source, run_id, name, "imported", f"run {source} was imported:")


def _already(session: Session, source: str, content: str) -> Run | None:
    """The run of the same id there and the same contents that is here, native or imported before."""
    wanted = select(Imported.run_id).where(Imported.source == source, Imported.content == content)
    for run_id in session.scalars(wanted):
        run = session.get(Run, run_id)
        if run is not None and run.deleted is None:
            return run
    run = session.get(Run, source)
    if run is not None and run.deleted is None and journals.content(session, run).digest() == content:
        return run
    return None


def _file(bundle: Bundle, source: str, run_id: str, looked: _Looked, notes: list[str]) -> str:
    """Writes the run; its name."""
    about, now = bundle.about(source), clock.time()
    with db.transaction() as session:
        run = runs.create(session, id=run_id, **_fields(bundle, about))
        packed = bundle.manifest.get("made")
        session.add(
            Imported(
                run_id=run_id,
                source=source,
                content=looked.content,
                file=db.clean(bundle.label, 200),
                maker=db.clean(str(bundle.manifest.get("by", "")), 80),
                packed=float(packed) if isinstance(packed, int | float) and 0 < packed < 1e11 else None,
                opened=now,
            )
        )
        name = run.name
    _blobs(bundle, looked.samples, notes)
    some: list[Event] = []
    for event in _events(bundle, source):
        some.append(replace(event, run=run_id) if isinstance(event, RunStarted) else event)
        if len(some) >= LINES:
            _apply(run_id, some)
            some = []
    _apply(run_id, some)
    with db.transaction() as session:
        run = runs.get(session, run_id, lock=True)
        _end(session, run, about, looked.ended)
        # what the doctor says is known when the page opens, and nobody is notified of what happened elsewhere
        findings.store(session, run_id, findings.findings(session, run), run.next_seq, run.last_step)
        session.flush()
        session.execute(delete(Notice).where(Notice.run_id == run_id))
        return run.name or name or run_id


def _fields(bundle: Bundle, about: dict[str, Any]) -> dict[str, Any]:
    """What a bundle says of a run, as far as it can be a run's here."""

    def text(name: str, limit: int = 0) -> str:
        value = about.get(name)
        return db.clean(value, limit) if isinstance(value, str) else ""

    told = about.get("tags")
    tags = [db.clean(t, runs.MAX_TAG) for t in told if isinstance(t, str)] if isinstance(told, list) else []
    tags = list(dict.fromkeys([TAG, *(t.strip() for t in tags if t.strip())]))[: runs.MAX_TAGS]
    notes = text("notes", runs.MAX_NOTES)
    return {
        "name": text("name", 200),
        "project": text("project", 200) or "default",
        "tags": tags,
        "notes": notes,
    }


def _blobs(bundle: Bundle, samples: dict[str, str], notes: list[str]) -> None:
    have, limit = set(bundle.names("samples/")), get_settings().max_blob_bytes
    lost = large = 0
    for digest, ext in samples.items():
        name = SAMPLE.format(sha256=digest, ext=ext)
        if name not in have:
            lost += 1
        elif bundle.size(name) > limit:
            large += 1
        else:
            with db.transaction() as session:
                blobs.put(session, digest, b"".join(bundle.parts(name)))
    if lost:
        notes.append(f"{lost} samples are not in the bundle: their bytes were missing where it was packed")
    if large:
        notes.append(
            f"{large} samples are larger than this server keeps ({limit} bytes): NASHBOARD_MAX_BLOB_BYTES"
        )


def _apply(run_id: str, some: list[Event]) -> None:
    if not some:
        return
    with db.transaction() as session:
        ingest.apply(session, run_id, some)
        session.flush()
        session.execute(delete(Notice).where(Notice.run_id == run_id))


def _end(session: Session, run: Run, about: dict[str, Any], ended: bool) -> None:
    """A run that had not ended where it was packed goes on there, not here."""
    run.tags = list(dict.fromkeys([TAG, *run.tags]))[: runs.MAX_TAGS]
    if not ended and run.status in runs.ACTIVE:
        was = "was lost" if about.get("status") == "lost" else "had not ended"
        runs.set_status(session, run, "lost", f"it {was} when it was packed")


def _undo(run_id: str) -> None:
    """Takes back a run that could not be written whole."""
    try:
        with db.transaction() as session:
            run = session.get(Run, run_id)
            if run is not None and session.get(Imported, run_id) is not None:
                run.status = "failed"
                runs.remove(session, run_id)
    except Problem:
        return
