"""All of a run that is no point: samples, checkpoints, marks, notes, tables, distributions, its console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Checkpoint, Line, Record, Sample

KINDS = ("mark", "distribution", "table", "note_written")


def samples(
    session: Session,
    run_id: str | Sequence[str],
    series: str | None = None,
    slot: str | None = None,
    step: int | None = None,
    limit: int | None = None,
) -> list[Sample]:
    """Samples of a run, or of several, by series, slot and step; of one step, as they came."""
    ids = [run_id] if isinstance(run_id, str) else list(run_id)
    wanted = select(Sample).where(Sample.run_id.in_(ids))
    for column, value in ((Sample.series, series), (Sample.slot, slot), (Sample.step, step)):
        if value is not None:
            wanted = wanted.where(column == value)
    order = (Sample.run_id, Sample.series, Sample.slot, Sample.step, Sample.seq)
    return list(session.scalars(wanted.order_by(*order).limit(limit)))


def checkpoints(session: Session, run_id: str, present: bool | None = None) -> list[Checkpoint]:
    """Checkpoints of a run by step; only those that are still there, or gone, where ``present`` is given."""
    wanted = select(Checkpoint).where(Checkpoint.run_id == run_id)
    if present is not None:
        wanted = wanted.where(Checkpoint.present.is_(present))
    return list(session.scalars(wanted.order_by(Checkpoint.step, Checkpoint.id)))


def records(
    session: Session,
    run_id: str | Sequence[str],
    kind: str | None = None,
    name: str | None = None,
    limit: int | None = None,
) -> list[Record]:
    """Marks, distributions, tables and notes in the order of their coming."""
    ids = [run_id] if isinstance(run_id, str) else list(run_id)
    wanted = select(Record).where(Record.run_id.in_(ids))
    if kind is not None:
        wanted = wanted.where(Record.kind == kind)
    if name is not None:
        wanted = wanted.where(Record.name == name)
    return list(session.scalars(wanted.order_by(Record.run_id, Record.seq).limit(limit)))


def marks(session: Session, run_id: str | Sequence[str]) -> list[Record]:
    """Phases and other happenings; ``body`` has ``name`` and ``label``."""
    return records(session, run_id, "mark")


def notes(session: Session, run_id: str | Sequence[str]) -> list[Record]:
    """Notes that the trainer wrote; ``body`` has ``text``."""
    return records(session, run_id, "note_written")


def tables(session: Session, run_id: str | Sequence[str], name: str | None = None) -> list[Record]:
    """Tables; ``body`` has ``columns`` and ``rows``."""
    return records(session, run_id, "table", name)


def distributions(session: Session, run_id: str | Sequence[str], name: str | None = None) -> list[Record]:
    """Histograms; ``body`` has ``edges`` and ``counts``."""
    return records(session, run_id, "distribution", name)


def lines(session: Session, run_id: str, after_seq: int = -1, limit: int = 1000) -> list[Line]:
    """Lines of the console past ``after_seq``, the oldest ``limit`` of them."""
    wanted = select(Line).where(Line.run_id == run_id, Line.seq > after_seq)
    return list(session.scalars(wanted.order_by(Line.seq).limit(limit)))


def last_lines(session: Session, run_id: str, limit: int = 20) -> list[Line]:
    """The newest lines of the console, oldest first."""
    wanted = select(Line).where(Line.run_id == run_id).order_by(Line.seq.desc()).limit(limit)
    return list(session.scalars(wanted))[::-1]


def sample_json(sample: Sample) -> dict[str, Any]:
    """A sample as the API gives it; ``url`` is None while its bytes have not come."""
    return {
        "step": sample.step,
        "time": sample.time,
        "series": sample.series,
        "slot": sample.slot,
        "media": sample.media,
        "sha256": sample.sha256,
        "ext": sample.ext,
        "size": sample.size,
        "facts": sample.facts,
        "caption": sample.caption,
        "url": None if sample.missing else f"/api/blobs/{sample.sha256}",
    }
