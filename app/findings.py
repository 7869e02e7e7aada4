"""Findings: what the doctor says of a run here, kept up with what it reports, at most every few seconds a run.

Looking is incremental (`app.tapes`) and what was said is stored, so that pages read it and wait for nothing:
`stored` is for them, `look` is what `app.rounds` does after a batch, `findings` is for who asks about one run.
"""

from __future__ import annotations

import threading
import time as clock
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db, stopping, webhooks
from app.models import Record, Run
from app.tables_diagnoses import StoredDiagnosis
from app.tapes import Tapes
from doctor.engine import diagnose
from doctor.findings import Diagnosis, Evidence, Finding, Remedy, Suspect
from doctor.reading import flatten, recipe_facts, sizes_of
from doctor.view import Facts, RunView

EVERY_S = 3.0
KEPT = 64


@dataclass
class _Known:
    tapes: Tapes = field(default_factory=Tapes)
    next_seq: int = -1
    at: float = 0.0
    diagnosis: Diagnosis | None = None


_known: OrderedDict[tuple[str, float], _Known] = OrderedDict()
_lock = threading.RLock()


def findings(session: Session, run: Run) -> Diagnosis:
    """The diagnosis of a run as it stands; that of up to 3 s ago while it is busy.

    A run that has reported nothing since is not looked at again. The cost is that of the points that have come
    since the last look and of rules over at most some thousand points a series: it does not grow with the run.
    """
    with _lock:
        key = (run.id, run.created)
        known = _known.get(key)
        if known and known.diagnosis is not None:
            if known.next_seq == run.next_seq or clock.monotonic() - known.at < EVERY_S:
                return known.diagnosis
        elif kept := stored(session, [run.id], run.next_seq).get(run.id):
            return restored(kept.body)
        known = known or _Known()
        known.diagnosis = diagnose(view(session, run, known.tapes))
        known.next_seq, known.at = run.next_seq, clock.monotonic()
        _known[key] = known
        _known.move_to_end(key)
        while len(_known) > KEPT:
            _known.popitem(last=False)
        return known.diagnosis


def look(run_id: str) -> bool:
    """Diagnose a run and store what was said; False where that is there already or the run is gone."""
    with db.reading() as session:
        run = session.get(Run, run_id)
        if run is None or stored(session, [run_id], run.next_seq):
            return False
        diagnosis, seq, step = findings(session, run), run.next_seq, run.last_step
    with db.transaction() as session:
        if session.get(Run, run_id) is None:
            return False
        store(session, run_id, diagnosis, seq, step)
        stopping.consider(session, run_id, diagnosis)
    return True


def store(session: Session, run_id: str, diagnosis: Diagnosis, next_seq: int, last_step: int | None) -> None:
    """Keep what was said of a run that had come to ``next_seq``."""
    grave = [f for f in diagnosis.findings if f.severity != "info"]
    row = session.get(StoredDiagnosis, run_id) or StoredDiagnosis(run_id=run_id)
    before = row.verdict or ""
    row.next_seq, row.last_step, row.made = next_seq, last_step, clock.time()
    row.verdict, row.grave = diagnosis.verdict, len(grave)
    row.worst = grave[0].title[:200] if grave else ""
    row.body = shown(diagnosis) | {"looked": list(diagnosis.looked)}
    session.add(row)
    webhooks.diagnosed(session, run_id, before, diagnosis.verdict, row.worst)


def stored(session: Session, ids: Sequence[str], next_seq: int | None = None) -> dict[str, StoredDiagnosis]:
    """What was last said of runs, by id, in one query; only where it is of ``next_seq`` if that is given."""
    wanted = select(StoredDiagnosis).where(StoredDiagnosis.run_id.in_(ids))
    if next_seq is not None:
        wanted = wanted.where(StoredDiagnosis.next_seq == next_seq)
    return {row.run_id: row for row in session.scalars(wanted)}


def verdicts(session: Session, ids: Sequence[str]) -> dict[str, tuple[str, int, str]]:
    """{run: (verdict, findings that warn or fail, title of the worst)} in one query, without reading them."""
    columns = (StoredDiagnosis.verdict, StoredDiagnosis.grave, StoredDiagnosis.worst)
    rows = session.execute(select(StoredDiagnosis.run_id, *columns).where(StoredDiagnosis.run_id.in_(ids)))
    return {run: (verdict, grave, worst) for run, verdict, grave, worst in rows}


def behind(session: Session, limit: int = 20) -> list[str]:
    """Runs that have reported since they were looked at, or never were; those heard last come first."""
    wanted = (
        select(Run.id)
        .outerjoin(StoredDiagnosis, StoredDiagnosis.run_id == Run.id)
        .where(Run.next_seq > 0)
        .where((StoredDiagnosis.run_id.is_(None)) | (StoredDiagnosis.next_seq != Run.next_seq))
    )
    return list(session.scalars(wanted.order_by(Run.heartbeat.desc()).limit(limit)))


NOTHING = Diagnosis((), {}, ())


def restored(body: dict[str, Any]) -> Diagnosis:
    """The diagnosis that `shown` spelled."""
    told = tuple(
        Finding(
            **{k: f[k] for k in ("code", "severity", "title", "claim", "step_from", "step_to", "seen_at")},
            evidence=tuple(
                Evidence(e["series"], tuple(e["steps"]), tuple(float(v) for v in e["values"]))
                for e in f["evidence"]
            ),
            suspects=tuple(Suspect(s["text"], s["test"]) for s in f["suspects"]),
            remedies=tuple(Remedy(r["text"], r["patch"]) for r in f["remedies"]),
            lasting=f["lasting"],
            failed_at=f["failed_at"],
        )
        for f in body["findings"]
    )
    return Diagnosis(told, body["could_not_look"], tuple(body["looked"]))


def view(session: Session, run: Run, tapes: Tapes | None = None) -> RunView:
    """The run as rules see it; ``tapes`` hold what was read of it before."""
    tapes = tapes or Tapes()
    tapes.catch_up(session, run.id)
    marks = session.execute(
        select(Record.step, Record.name)
        .where(Record.run_id == run.id, Record.kind == "mark")
        .order_by(Record.seq)
    )
    told = tuple((step, name) for step, name in marks if step is not None)
    return RunView(tapes.tracks(), facts(run), told)


def facts(run: Run) -> Facts:
    """What the run's recipe and environment say of it."""
    return recipe_facts(
        flatten(run.recipe),
        trainer=run.trainer,
        preset=run.preset,
        size=run.size,
        total_steps=run.total_steps,
        params=sizes_of(run.environment or {}),
    )


def shown(diagnosis: Diagnosis) -> dict[str, Any]:
    """The JSON of the API: that of ``python -m doctor``, and for each finding when it was seen and if it lasts."""
    told = diagnosis.to_dict()
    for spelled, finding in zip(told["findings"], diagnosis.findings, strict=True):
        spelled |= {"seen_at": finding.seen_at, "lasting": finding.lasting, "failed_at": finding.failed_at}
    return told
