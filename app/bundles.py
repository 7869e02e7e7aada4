"""Bundles that this server makes: runs put together from the tables into one file, and what of a place they tell.

See `nashboard.bundle` for the format. The file is made on this server's disk before it is sent: one snapshot of the
database, and an error is an answer and no torn file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import blobs, findings, journals, records
from app.models import BlobPart, Run, Sample
from app.settings import get_settings
from app.tables_bundles import Imported
from nashboard import __version__
from nashboard.bundle import Writer
from nashboard.content import Content
from nashboard.events import dumps, from_dict
from nashboard.packing import SAMPLE
from nashboard.scrub import Scrubber


@dataclass(frozen=True)
class Part:
    """What a bundle would hold of a run."""

    run: Run
    points: int
    samples: int
    bytes: int
    missing: int


@dataclass
class Survey:
    """What a bundle of these runs would hold, and what it would tell of the places where they ran."""

    parts: list[Part] = field(default_factory=list)
    found: list[dict[str, Any]] = field(default_factory=list)


def scratch() -> IO[bytes]:
    """A file in the server's home that is gone when it is closed."""
    folder = get_settings().home / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.NamedTemporaryFile(dir=folder, suffix=".nashboard.zip")


def file_name(runs: Sequence[Run]) -> str:
    """What the bundle is called: by its run, or by their number."""
    if len(runs) > 1:
        return f"{len(runs)}-runs.nashboard.zip"
    plain = "".join(c if (c.isalnum() and c.isascii()) or c in "-_." else "_" for c in runs[0].name).strip(
        "._"
    )
    return f"{plain[:60]}-{runs[0].id}.nashboard.zip" if plain else f"{runs[0].id}.nashboard.zip"


def survey(session: Session, runs: Sequence[Run]) -> Survey:
    """Counts, and everything in the runs' events that tells a host, a user or a path; nothing is written."""
    scrubber, found = Scrubber(), Survey()
    for run in runs:
        points = 0
        for body in journals.bodies(session, run, points=False):
            scrubber.event(body)
        points = sum(row.count for row in journals.series(session, run.id))
        held = {s.sha256: s for s in records.samples(session, run.id)}
        here = [s for s in held.values() if not s.missing]
        found.parts.append(Part(run, points, len(here), sum(s.size for s in here), len(held) - len(here)))
    found.found = scrubber.told()
    return found


def pack(session: Session, runs: Sequence[Run], file: IO[bytes], strip: bool = True) -> None:
    """Writes a bundle of the runs to ``file``. ``strip``: without host names, user names and absolute paths."""
    scrubber = Scrubber()
    with Writer(file) as writer:
        rows = [_run(session, writer, run, scrubber if strip else None) for run in runs]
        writer.close(rows, by=f"nashboard {__version__} server", stripped=strip)


def _run(session: Session, writer: Writer, run: Run, scrubber: Scrubber | None) -> dict[str, Any]:
    content, base = Content(), f"runs/{run.id}"
    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for body in journals.bodies(session, run):
            points = body["kind"] == "points"
            told = body if points or scrubber is None else scrubber.event(body)
            line = {"seq": count, **told}
            if points or body["kind"] == "sample_made":
                content.take(from_dict(line))
            count += 1
            yield dumps(line).encode() + b"\n"

    writer.add(f"{base}/events.jsonl", _blocks(lines()))
    about = journals.started(run)
    for name in ("time", "kind", "run"):
        del about[name]
    about |= {"id": run.id, "status": run.status, "reason": run.reason, "notes": run.notes}
    about |= {"started": run.started, "ended": run.ended}
    if scrubber is not None:
        about = scrubber.event(about)
    writer.add(f"{base}/run.json", [dumps(about).encode()])
    if said := findings.stored(session, [run.id]).get(run.id):
        body = said.body if scrubber is None else scrubber.value(said.body)
        writer.add(f"{base}/findings.json", [dumps(body).encode()])
    _samples(session, writer, run)
    row = {name: about[name] for name in ("id", "name", "trainer", "preset", "size", "seed", "status")}
    return row | {"events": count, "points": content.points, "content": content.digest()}


def _blocks(lines: Iterator[bytes], size: int = 256 * 1024) -> Iterator[bytes]:
    """Lines in larger blocks: a call to the compressor each is slow."""
    held, length = [], 0
    for line in lines:
        held.append(line)
        length += len(line)
        if length >= size:
            yield b"".join(held)
            held, length = [], 0
    if held:
        yield b"".join(held)


def _samples(session: Session, writer: Writer, run: Run) -> None:
    wanted = select(Sample.sha256, Sample.ext).where(Sample.run_id == run.id, Sample.missing.is_(False))
    for sha256, ext in list(session.execute(wanted.distinct().order_by(Sample.sha256))):
        name = SAMPLE.format(sha256=sha256, ext=ext)
        if name not in writer.members:
            writer.add(name, _bytes(session, sha256), packed=ext == "wav")


def _bytes(session: Session, sha256: str) -> Iterator[bytes]:
    size = blobs.find(session, sha256).size
    for number in range((size + blobs.PART - 1) // blobs.PART):
        wanted = select(BlobPart.data).where(BlobPart.sha256 == sha256, BlobPart.part == number)
        yield bytes(session.scalar(wanted) or b"")


def origin(session: Session, run_id: str) -> Imported | None:
    """Where a run came from that a bundle brought; None for one that reported here."""
    return session.get(Imported, run_id)
