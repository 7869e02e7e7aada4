"""Runs: making, finding, changing them, and the one place that changes a status."""

from __future__ import annotations

import re
import secrets
import time as clock
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from app import querysql, runsorts, unshown, webhooks
from app.db import clean
from app.errors import BadInput, Conflict, NotFound
from app.models import Run, Sample
from nashboard.events import ENDED, STATUSES

ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
ACTIVE = ("queued", "running", "stopping")
AFTER: dict[str, tuple[str, ...]] = {
    "queued": ("running", "stopping", "finished", "stopped", "failed"),
    "running": ("queued", "stopping", "finished", "stopped", "failed", "lost"),
    "stopping": ("finished", "stopped", "failed", "lost"),
    "lost": ("queued", "running", "stopping", "finished", "stopped", "failed"),
    "finished": ("queued", "running", "stopped", "failed"),
    "stopped": ("queued", "running", "finished", "failed"),
    "failed": ("queued", "running", "finished", "stopped"),
}
"""Which status may follow which. An ended run goes on when it is resumed; its journal may correct its end."""

_TEXT = {
    "project": 200, "name": 200, "trainer": 40, "preset": 80, "size": 20, "group": 32, "treats": 80,
    "host": 200, "device": 40, "task": 64, "reason": 0, "notes": 0, "resume": 0, "run_dir": 0,
}  # fmt: skip
MAX_NOTES, MAX_TAGS, MAX_TAG = 100_000, 50, 80


@dataclass(frozen=True)
class Listing:
    """A page of runs, newest first, and how many there are in all."""

    runs: list[Run]
    total: int

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)


def new_id() -> str:
    """12 hex digits."""
    return secrets.token_hex(6)


def check_id(run_id: str) -> str:
    """``run_id`` if it can be a run's id; raises `BadInput`."""
    if not ID.fullmatch(run_id):
        raise BadInput(
            f"{run_id!r:.80} cannot be a run's id: letters, digits, '_' and '-', at most 32", field="id"
        )
    return run_id


def create(session: Session, **fields: Any) -> Run:
    """A new run, queued. ``id`` may be given; every other field is one of `Run`'s columns.

    Raises:
        Conflict: there is a run with this id.
    """
    run_id = check_id(fields.pop("id", None) or new_id())
    if session.get(Run, run_id) is not None:
        raise Conflict(f"there is a run {run_id!r} already; leave the id out, or give another", field="id")
    if fields.get("tags"):
        fields["tags"] = check_tags(fields["tags"])
    if fields.get("name"):
        check_name(fields["name"])
    for name, limit in _TEXT.items():
        if isinstance(fields.get(name), str):
            fields[name] = clean(fields[name], limit)
    fields.setdefault("status", "queued")
    fields.setdefault("created", clock.time())
    run = Run(id=run_id, **fields)
    session.add(run)
    session.flush()
    return run


def register(session: Session, **fields: Any) -> tuple[Run, bool]:
    """The run that an uplink or a script announces, and whether it is new; the same id twice is one run.

    One that was deleted a moment ago and is announced again, as it still reports, is there again.

    Raises:
        Conflict: the id is taken by a run of another trainer.
    """
    run_id = fields.get("id")
    found = session.get(Run, check_id(run_id)) if run_id else None
    if found is None:
        return create(session, **fields), True
    trainer = fields.get("trainer") or ""
    if found.trainer and trainer and found.trainer != trainer:
        raise Conflict(
            f"run {run_id!r} is of trainer {found.trainer!r}, not {trainer!r}; give another id", field="id"
        )
    found.deleted = None
    return found, False


def get(session: Session, run_id: str, *, lock: bool = False) -> Run:
    """The run; ``lock``: until the transaction ends. Raises `NotFound`, also for one that was deleted a moment ago."""
    run = session.get(Run, run_id, with_for_update=lock or None) if ID.fullmatch(run_id) else None
    if run is None:
        raise NotFound(f"there is no run {run_id!r:.80} here", code="unknown_run")
    if run.deleted is not None:
        raise NotFound(
            f"run {run_id!r} was deleted; for some minutes it can be brought back on the Runs page",
            code="unknown_run",
        )
    return run


def listing(
    session: Session,
    text: str = "",
    status: str = "",
    project: str = "",
    trainer: str = "",
    tag: str = "",
    group: str = "",
    archived: bool = False,
    limit: int = 100,
    offset: int = 0,
    q: str = "",
    sort: str = "",
) -> Listing:
    """Runs that fit all that is given: one query for them and one for their number.

    ``text``: each of its words is looked for in name, id, project, trainer, preset, tags and notes, whatever the case.
    ``q`` is a search in the language of `app.query`; ``sort`` an order of `app.runsorts`, without one newest first.

    Raises:
        BadQuery: a search or an order that cannot be read.
    """
    asked: list[ColumnElement[bool]] = [Run.archived.is_(archived), Run.deleted.is_(None)]
    for column, value in (
        (Run.status, status),
        (Run.project, project),
        (Run.trainer, trainer),
        (Run.group, group),
    ):
        if value:
            asked.append(column == clean(value))
    if tag:
        asked.append(querysql.tagged(tag))
    asked += [querysql.worded(word) for word in text.split()[:8]]
    asked += querysql.conditions(session, q)
    total = session.scalar(select(func.count()).select_from(Run).where(and_(*asked))) or 0
    wanted = runsorts.ordered(session, select(Run).where(and_(*asked)), sort)
    found = session.scalars(wanted.limit(limit).offset(offset))
    return Listing(list(found), total)


def set_status(session: Session, run: Run, status: str, reason: str = "", now: float | None = None) -> bool:
    """Change a run's status: the one place that does. Whether it has changed.

    The same status again is no change, but a reason is taken over where there was none.

    Raises:
        Conflict: this status cannot follow the present one.
    """
    if status not in STATUSES:
        raise BadInput(f"{status!r:.80} is no status: {', '.join(STATUSES)}", field="status")
    now = clock.time() if now is None else now
    if status == run.status:
        run.reason = run.reason or clean(reason)
        return False
    if status not in AFTER[run.status]:
        raise Conflict(f"run {run.id} is {run.status} and cannot become {status}", code="status")
    before, run.status, run.reason = run.status, status, clean(reason)
    if status == "queued":
        run.ended, run.heartbeat, run.stop = None, None, False
    elif status in ("running", "stopping"):
        run.ended = None
        run.started = run.started or now
        run.heartbeat = max(run.heartbeat or 0.0, now)
        if status == "stopping":
            run.stop = True
        elif before not in ("queued", "lost"):
            run.stop = False  # a resumed run has served its old wish to stop
    else:
        run.ended = now
        if status != "lost":
            run.stop = False  # a lost run that comes back still has to stop
        webhooks.ended(session, run, now)
    session.flush()
    return True


def request_stop(session: Session, run_id: str) -> Run:
    """Ask a run to stop: queued → stopped; running → stopping, and its next receipt says so.

    Raises:
        Conflict: the run has ended.
    """
    run = get(session, run_id, lock=True)
    if run.status == "queued":
        set_status(session, run, "stopped", "stopped before it began")
    elif run.status == "running":
        set_status(session, run, "stopping")
    elif run.status == "lost":
        run.stop = True
    elif run.status != "stopping":
        raise Conflict(f"run {run.id} is {run.status} already", code="ended")
    return run


def revive(session: Session, run: Run, now: float) -> None:
    """A sign of life came: a lost run goes on."""
    if run.status == "lost":
        set_status(session, run, "stopping" if run.stop else "running", now=now)
    run.heartbeat = now


def silent(session: Session, now: float, after_s: float = 45.0, since: float = 0.0) -> Sequence[str]:
    """Ids of runs that should report and have not for ``after_s``; none until we are up that long."""
    if now - since < after_s:
        return []
    seen = func.coalesce(Run.heartbeat, Run.started, Run.created)
    wanted = (Run.status.in_(("running", "stopping")), seen < now - after_s)
    return session.scalars(select(Run.id).where(*wanted)).all()


def sweep_lost(
    session: Session, now: float | None = None, after_s: float = 45.0, since: float = 0.0
) -> list[Run]:
    """Mark silent runs lost, with the reason; a queued run is not lost, it waits."""
    now = clock.time() if now is None else now
    lost = []
    for run_id in silent(session, now, after_s, since):
        run = get(session, run_id, lock=True)
        session.refresh(run)
        seen = run.heartbeat or run.started or run.created
        if run.status in ("running", "stopping") and seen < now - after_s:
            when = datetime.fromtimestamp(seen, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            set_status(session, run, "lost", f"no sign of life since {when} ({now - seen:.0f} s)", now)
            lost.append(run)
    return lost


def check_name(name: str) -> str:
    """``name`` if it can be a run's; raises `BadInput`."""
    if len(name) > _TEXT["name"]:
        raise BadInput(f"a name of {len(name)} characters; the limit is {_TEXT['name']}", field="name")
    if bad := _unseen(name):
        raise BadInput(
            f"the name {name!r:.60} holds {bad}, which no name can hold; leave it out", field="name"
        )
    return name


def _unseen(text: str) -> str:
    """The first character of a text that no database keeps, as "U+0000"; "" where there is none."""
    return next((f"U+{ord(c):04X}" for c in text if c == "\0" or "\ud800" <= c <= "\udfff"), "")


def check_tags(tags: Sequence[str]) -> list[str]:
    """Tags without blanks and doubles; raises `BadInput`."""
    found = list(dict.fromkeys(t for t in (tag.strip() for tag in tags) if t))
    for tag in found:
        if bad := _unseen(tag):
            raise BadInput(
                f"the tag {tag!r:.60} holds {bad}, which no tag can hold; leave it out", field="tags"
            )
    long = next((t for t in found if len(t) > MAX_TAG), None)
    if long is not None:
        raise BadInput(
            f"the tag {long:.40}… has {len(long)} characters; the limit is {MAX_TAG}", field="tags"
        )
    if len(found) > MAX_TAGS:
        raise BadInput(f"{len(found)} tags; the limit is {MAX_TAGS}", field="tags")
    return found


def annotate(
    session: Session,
    run_id: str,
    *,
    tags: Sequence[str] | None = None,
    notes: str | None = None,
    name: str | None = None,
    archived: bool | None = None,
) -> Run:
    """Change what people write on a run; None leaves a field as it is."""
    run = get(session, run_id, lock=True)
    if notes is not None and len(notes) > MAX_NOTES:
        raise BadInput(f"notes of {len(notes)} characters; the limit is {MAX_NOTES}", field="notes")
    if name is not None:
        check_name(name.strip())
    if tags is not None:
        run.tags = check_tags(tags)
    if notes is not None:
        run.notes = clean(notes)
    if name is not None:
        run.name = clean(name).strip()
    if archived is not None:
        run.archived = archived
    session.flush()
    return run


def remove(session: Session, run_id: str) -> None:
    """Delete a run with all that the server holds of it; blobs that nothing else shows go too.

    Raises:
        Conflict: the run is active.
    """
    run = get(session, run_id, lock=True)
    if run.status in ACTIVE:
        raise Conflict(f"run {run.id} is {run.status}; stop it first", code="active")
    mine = set(session.scalars(select(Sample.sha256).where(Sample.run_id == run.id).distinct()))
    session.delete(run)
    unshown.drop(session, mine)


def ended(run: Run) -> bool:
    """Whether the run has ended, by its status."""
    return run.status in ENDED
