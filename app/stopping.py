"""Stopping a doomed run: the doctor says *fail* by a rule that was named at launch, and the run is asked to stop.

It stops as by the button: it ends its step, saves a checkpoint, and can go on. A rule whose failure lies at or before
the step that a run is resumed from does not stop it again: whoever resumes it has seen that.
"""

from __future__ import annotations

import time as clock
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import runs
from app.models import Run
from app.tables_stopping import StopOn
from doctor.findings import Diagnosis
from doctor.rulebook import RULES
from nashboard import rulecodes
from nashboard.events import RunStarted
from recipes.base import BadRecipe, Problem

FIELD = "stop_on"
LEAD = "stopped: "


def check(codes: Sequence[str]) -> list[str]:
    """The codes without doubles. Raises `BadRecipe` for one that is no rule, or none that can fail."""
    if trouble := rulecodes.trouble(codes):
        raise BadRecipe([Problem(FIELD, list(codes), trouble)])
    return rulecodes.once(codes)


def choices(trainer: str) -> tuple[tuple[str, str], ...]:
    """(code, title) of the rules that can fail in runs of a trainer, in the order of the rule book."""
    titles = {rule.code: rule.title for rule in RULES}
    return tuple((code, titles[code]) for code in rulecodes.codes(trainer))


def keep(session: Session, run_id: str, codes: Sequence[str], since: int | None = None) -> None:
    """Stop a run at the *fail* of these rules; none of them: of no rule."""
    row = session.get(StopOn, run_id)
    if row is None:
        if not codes:
            return
        row = StopOn(run_id=run_id, codes=[], since=since, code="", step=None, reason="", at=None)
        session.add(row)
    row.codes = list(codes)
    session.flush()


def of_run(session: Session, run_id: str) -> StopOn | None:
    """What a run is to be stopped for; None where nothing was asked."""
    row = session.get(StopOn, run_id)
    return row if row is not None and row.codes else None


def codes_of(session: Session, ids: Sequence[str]) -> dict[str, list[str]]:
    """{run: codes} of runs that have some, in one query."""
    rows = session.execute(select(StopOn.run_id, StopOn.codes).where(StopOn.run_id.in_(ids)))
    return {run: list(codes) for run, codes in rows if codes}


def started(session: Session, run: Run, event: RunStarted) -> None:
    """A trainer has started: take over what its command line names, and begin anew after a resume.

    Codes that this version does not know are passed over; the sender's own version has accepted them.
    """
    told = event.environment.get(FIELD)
    if isinstance(told, list):
        known = [c for c in told if isinstance(c, str) and c in rulecodes.CAN_FAIL]
        if known:
            keep(session, run.id, rulecodes.once(known))
    row = session.get(StopOn, run.id)
    if row is not None and event.resumed_from is not None:
        row.since, row.code, row.step, row.reason, row.at = event.resumed_from, "", None, "", None
        session.flush()


def consider(session: Session, run_id: str, diagnosis: Diagnosis) -> bool:
    """Ask the run to stop if a rule that was named for it fails; whether it was asked now."""
    row = of_run(session, run_id)
    if row is None or row.code:
        return False
    since = -1 if row.since is None else row.since
    for finding in diagnosis.findings:
        at = finding.seen_at if finding.failed_at is None else finding.failed_at
        if finding.code in row.codes and finding.severity == "fail" and finding.lasting and at > since:
            break
    else:
        return False
    run = runs.get(session, run_id, lock=True)
    if run.status != "running":
        return False
    runs.request_stop(session, run_id)
    row.code, row.step, row.at = finding.code, at, clock.time()
    row.reason = f"{LEAD}the doctor says fail: {finding.code} at step {at}"
    run.reason = row.reason
    session.flush()
    return True


def reason(session: Session, run: Run, status: str, told: str) -> str:
    """Why a run ended: the doctor's word where it was stopped by it, whatever the trainer knows of that.

    That its trainer had to be killed is said too: then unsaved steps are lost.
    """
    if status != "stopped":
        return told
    row = session.get(StopOn, run.id)
    if row is None or not row.reason:
        return told
    return f"{row.reason}; {told}" if told.startswith("killed") else row.reason
