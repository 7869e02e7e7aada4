"""What the doctor says of the two sides of a report: each rule's finding once a side, with the runs that have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app import findingview
from app.models import Run
from doctor.findings import Finding

GRAVITY = ("fail", "warn", "info")


@dataclass(frozen=True)
class Said:
    """What the doctor says of a side: each rule's finding once, with the runs that have it.

    ``verdicts`` are (run, verdict); ``found`` are (finding, runs), the gravest first; ``looked``: any rule could.
    """

    key: str
    verdicts: tuple[tuple[Run, str], ...]
    found: tuple[tuple[Finding, tuple[Run, ...]], ...]
    looked: int


def said(session: Session, key: str, runs: Sequence[Run]) -> Said:
    """What was last said of a side's runs."""
    told = [(run, findingview.said(session, run)) for run in runs]
    first: dict[str, Finding] = {}
    having: dict[str, list[Run]] = {}
    for run, diagnosis in told:
        for f in diagnosis.findings:
            if f.code not in first or GRAVITY.index(f.severity) < GRAVITY.index(first[f.code].severity):
                first[f.code] = f
            if run not in having.setdefault(f.code, []):
                having[f.code].append(run)
    ordered = sorted(first, key=lambda code: (GRAVITY.index(first[code].severity), first[code].step_from))
    return Said(
        key,
        tuple((run, diagnosis.verdict if diagnosis.looked else "unknown") for run, diagnosis in told),
        tuple((first[code], tuple(having[code])) for code in ordered),
        max(len(diagnosis.looked) for _, diagnosis in told),
    )
