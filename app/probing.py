"""What a run's probes say of its findings: the suspects in their new order, with the evidence."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from app import errands
from doctor.findings import Diagnosis
from doctor.probes import reranked


def ranked(session: Session, run_id: str, diagnosis: Diagnosis) -> Diagnosis:
    """``diagnosis`` with its suspects ranked by the newest probe of the run that is done; as it is without one."""
    if not any(f.suspects for f in diagnosis.findings):
        return diagnosis
    done = [e for e in errands.listed(session, run_id, "probe", 20) if e.state == "done"]
    if not done:
        return diagnosis
    return replace(diagnosis, findings=tuple(reranked(f, done[0].outcome) for f in diagnosis.findings))
