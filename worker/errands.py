"""One errand, from its message to its end: claim it, spawn the verb, keep what it made, say what came of it.

A message that comes twice does nothing while the first is being carried out; one whose worker died has failed, and
is not tried again by itself: somebody may wait for it, and can ask again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import blobs, db, errands, records
from app.errors import Problem
from app.models import Run, Sample
from app.settings import get_settings
from app.tables_errands import Errand
from worker import owner, verbs
from worker.settings import worker_settings

log = logging.getLogger("nashboard.worker")


@dataclass(frozen=True)
class Job:
    """An errand that this process carries out, with its run as it was then."""

    errand: Errand
    run: Run
    verb: errands.Verb


def claim(errand_id: str, host: str) -> Job | str:
    """The errand, now running and ours; or why it is left alone."""
    with db.transaction() as session:
        found = session.get(Errand, errand_id, with_for_update=True)
        if found is None:
            return "deleted"
        if found.state == "running" and owner.alive(found.owner) is False:
            errands.end(session, errand_id, reason=verbs.GONE)
        if found.state != "queued":
            return found.state
        run, verb = session.get(Run, found.run_id), errands.VERBS.get(found.kind)
        if run is None or verb is None:
            errands.end(session, errand_id, reason=f"this worker does not know {found.kind!r:.40}; update it")
            return "failed"
        found.state, found.owner, found.started = "running", owner.me(host), time.time()
        return Job(found, run, verb)


def carry_out(errand_id: str, ending: Callable[[], bool]) -> str:
    """Do an errand to its end; the state that it has then. ``ending``: whether this worker shuts down."""
    job = claim(errand_id, worker_settings().host)
    if isinstance(job, str):
        return job
    try:
        with tempfile.TemporaryDirectory(prefix="nashboard-errand-") as folder:
            reason, outcome = _attempt(job, Path(folder), ending)
            with db.transaction() as session:
                if outcome is not None:
                    outcome = keep(session, job.run.id, outcome, Path(folder))
                errands.end(session, errand_id, reason=reason, outcome=outcome)
    except (OSError, ValueError, TypeError, KeyError, Problem) as problem:
        reason, outcome = f"it could not be carried out: {problem}", None
        with db.transaction() as session:
            errands.end(session, errand_id, reason=reason)
    log.info("errand %s (%s of run %s): %s", errand_id, job.errand.kind, job.run.id, reason or "done")
    return "failed" if outcome is None else "done"


def _attempt(job: Job, folder: Path, ending: Callable[[], bool]) -> tuple[str, dict[str, Any] | None]:
    """(why it failed, None), or ("", what the verb printed)."""
    root = get_settings().runs_dir
    for name in job.verb.paths:
        path = str(job.errand.ask.get(name) or "")
        if path and not errands.below(path, root):
            return f"{name} {path!r} is not among this host's runs, or was deleted", None
    words = [w.replace(errands.OUT, str(folder)) for w in job.verb.words(job.run, job.errand.ask)]

    def wanted() -> bool:
        with db.reading() as session:
            return session.scalar(select(Errand.id).where(Errand.id == job.errand.id)) is not None

    env = verbs.environment(os.environ)
    return verbs.run(words, folder, env, timeout_s=job.verb.timeout_s, wanted=wanted, ending=ending)


def keep(session: Session, run_id: str, outcome: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Keep the files that an outcome names as samples of the run; the outcome with their digests and addresses.

    Raises:
        ValueError: for an entry that names no file of the folder, or a kind of file that is no sample.
    """
    entries = []
    for entry in outcome.get("samples", []):
        data, media, ext = verbs.left(entry, folder), str(entry["media"]), str(entry["ext"])
        digest = hashlib.sha256(data).hexdigest()
        blobs.put(session, digest, data)
        sample = Sample(
            run_id=run_id, seq=-1, step=int(entry["step"]), time=time.time(), series=db.clean(str(entry["series"]), 200),
            slot=db.clean(str(entry["slot"]), 200), media=media, sha256=digest, ext=ext, size=len(data),
            facts=entry.get("facts") or {}, caption=db.clean(str(entry.get("caption", "")), 1000), missing=False,
        )  # fmt: skip
        session.add(sample)
        shown = {k: v for k, v in entry.items() if k != "file"}
        entries.append({**shown, "sha256": digest, "url": records.sample_json(sample)["url"]})
    return {**outcome, "samples": entries} if "samples" in outcome else outcome


def tells(errand_id: str) -> bool:
    """Whether an errand's verb has written into the run's journal."""
    with db.reading() as session:
        found = session.get(Errand, errand_id)
    return found is not None and found.kind in errands.VERBS and errands.VERBS[found.kind].tells


def tidy(now: float | None = None) -> list[str]:
    """Fail what no worker carries out any more: its process is gone, or its time is long over; their ids."""
    now = time.time() if now is None else now
    with db.reading() as session:
        running = session.scalars(select(Errand).where(Errand.state == "running")).all()
    late = {kind: verb.timeout_s + 120 for kind, verb in errands.VERBS.items()}
    found = []
    for errand in running:
        over = (errand.started or errand.created) + late.get(errand.kind, 3600.0) < now
        if over or owner.alive(errand.owner) is False:
            with db.transaction() as session:
                errands.end(session, errand.id, reason=verbs.GONE)
            found.append(errand.id)
    return found
