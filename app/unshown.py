"""Blobs that nothing shows any more: who may show one, and how the rest go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from app.models import Blob, Sample
from app.tables_blind import BlindTest
from app.tables_preflights import Preflight

AT_ONCE = 500


def of_outcome(outcome: Mapping[str, Any]) -> set[str]:
    """The blobs of a preflight's clips and pictures."""
    return {str(s["sha256"]) for s in outcome.get("samples", []) if "sha256" in s}


def drop(session: Session, digests: Iterable[str]) -> None:
    """Delete those of these blobs that no run's sample, no preflight and no open blind test shows.

    A closed test keeps its answers, not its sounds.
    """
    session.flush()
    left = set(digests)
    if not left:
        return
    for outcome in session.scalars(select(Preflight.outcome)):
        left -= of_outcome(outcome)
    for slots in session.scalars(select(BlindTest.slots).where(BlindTest.closed.is_(None))):
        left -= {str(d) for slot in slots for d in slot["clips"].values()}
    ordered = sorted(left)
    for start in range(0, len(ordered), AT_ONCE):
        some = ordered[start : start + AT_ONCE]
        unused = ~exists().where(Sample.sha256 == Blob.sha256)
        session.execute(delete(Blob).where(Blob.sha256.in_(some), unused))
