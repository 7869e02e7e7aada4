"""One preflight, from its message to its end: claim it, spawn the verb, keep clips and pictures as blobs.

A dry run computes where its launch would: on a GPU that no run holds, else on the CPU; a card needs no GPU.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import blobs, db, preflights
from app.errors import Problem
from app.models import Lease
from app.tables_preflights import Preflight
from worker import devices, owner, verbs
from worker.settings import worker_settings

log = logging.getLogger("nashboard.worker")
KILLED = "out of memory, or killed by hand: take a smaller size or data.batch"


def claim(preflight_id: str, host: str) -> Preflight | str:
    """The preflight, now running and ours; or why it is left alone."""
    with db.transaction() as session:
        found = session.get(Preflight, preflight_id, with_for_update=True)
        if found is None:
            return "deleted"
        if found.state == "running" and owner.alive(found.owner) is False:
            preflights.end(session, preflight_id, reason=verbs.GONE)
        if found.state != "queued":
            return found.state
        found.state, found.owner, found.started = "running", owner.me(host), time.time()
        return found


def carry_out(preflight_id: str, ending: Callable[[], bool]) -> str:
    """Do a preflight to its end; the state that it has then. ``ending``: whether this worker shuts down."""
    host = worker_settings().host
    job = claim(preflight_id, host)
    if isinstance(job, str):
        return job
    reason, outcome = "", None
    try:
        with tempfile.TemporaryDirectory(prefix="nashboard-preflight-") as folder:
            reason, outcome = _attempt(job, Path(folder), host, ending)
            with db.transaction() as session:
                if outcome is not None:
                    outcome = keep(session, outcome, Path(folder))
                preflights.end(session, preflight_id, reason=reason, outcome=outcome)
    except (OSError, ValueError, TypeError, KeyError, Problem) as problem:
        reason, outcome = f"it could not be carried out: {problem}", None
        with db.transaction() as session:
            preflights.end(session, preflight_id, reason=reason)
    log.info("preflight %s (%s): %s", preflight_id, job.kind, reason or "done")
    return "failed" if outcome is None else "done"


def _attempt(
    job: Preflight, folder: Path, host: str, ending: Callable[[], bool]
) -> tuple[str, dict[str, Any] | None]:
    """(why it failed, None), or ("", what the verb printed)."""
    words, env = [job.kind, *job.ask["words"], "json=true"], verbs.environment(os.environ)
    if job.kind == "card":
        words.append(f"out={folder}")
    else:
        device, why = place(str(job.ask.get("device") or "auto"), host)
        if why:
            return why, None
        words.append(f"device={'cpu' if device == 'cpu' else 'cuda:0'}")
        env["CUDA_VISIBLE_DEVICES"] = devices.visible_name(device)
        env["OMP_NUM_THREADS"] = str(devices.cores())
    env["TMPDIR"] = str(folder)  # what it leaves behind, even killed, goes with the folder

    def wanted() -> bool:
        with db.reading() as session:
            return session.scalar(select(Preflight.id).where(Preflight.id == job.id)) is not None

    limit = preflights.TIMEOUT_S[job.kind]
    return verbs.run(words, folder, env, timeout_s=limit, wanted=wanted, ending=ending, killed=KILLED)


def place(wish: str, host: str) -> tuple[str, str]:
    """(device, "") for a dry run, or ("", why there is none). A GPU that a run holds is left alone."""
    there = devices.gpus()
    with db.reading() as session:
        held = {slot.partition("/")[2]: run for slot, run in session.execute(
            select(Lease.slot, Lease.run_id).where(Lease.slot.startswith(f"{host}/", autoescape=True))
        )}  # fmt: skip
    if wish == "cpu":
        return "cpu", ""
    if wish == "auto":
        return next((g for g in there if g not in held), "cpu"), ""
    if wish not in there:
        return "", f"this machine has no {wish}; {', '.join(there) or 'it has no GPU'}: choose auto or cpu"
    if wish in held:
        return "", f"{wish} trains run {held[wish]} now; ask again when it is free, or choose another device"
    return wish, ""


def keep(session: Session, outcome: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Keep the files that an outcome names as blobs; the outcome with their digests and addresses.

    Raises:
        ValueError: for an entry that names no file of the folder, or a kind of file that is no sample.
    """
    entries = []
    for entry in outcome.get("samples", []):
        data = verbs.left(entry, folder)
        digest = hashlib.sha256(data).hexdigest()
        blobs.put(session, digest, data)
        shown = {k: v for k, v in entry.items() if k != "file"}
        entries.append({**shown, "sha256": digest, "url": f"/api/blobs/{digest}"})
    return {**outcome, "samples": entries} if "samples" in outcome else outcome


def tidy(now: float | None = None) -> list[str]:
    """Fail what no worker carries out any more; their ids."""
    now = time.time() if now is None else now
    with db.reading() as session:
        running = session.scalars(select(Preflight).where(Preflight.state == "running")).all()
    found = []
    for job in running:
        over = (job.started or job.created) + preflights.TIMEOUT_S.get(job.kind, 900.0) + 120 < now
        if over or owner.alive(job.owner) is False:
            with db.transaction() as session:
                preflights.end(session, job.id, reason=verbs.GONE)
            found.append(job.id)
    return found
