"""One finding of a run as the page opens it: its charts, its values, the samples nearest to it, what was tried."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import findings, listening, probing, reading, records, words
from app.errors import NotFound
from app.models import Run, Sample
from app.treatments import Treatment, of_children
from doctor.findings import Diagnosis, Finding
from nashboard.vocabulary import Series, canonical, describe

CHARTS = 4
SHOTS = 6
ROOM = 0.15


@dataclass(frozen=True)
class Values:
    """A series of the evidence in numbers, as text: first, last, lowest and highest over the stretch."""

    series: str
    title: str
    unit: str
    first: str
    last: str
    low: str
    high: str
    points: int


@dataclass(frozen=True)
class Shot:
    """A sample near the finding; ``url`` is None while its bytes are on their way."""

    slot: str
    step: int
    media: str
    url: str | None
    caption: str


@dataclass(frozen=True)
class Opened:
    """A finding and what belongs to it. ``label`` is F1 to Fn, ``zoom`` the steps that its charts show."""

    label: str
    finding: Finding
    charts: tuple[Series, ...]
    zoom: tuple[int, int]
    values: tuple[Values, ...]
    shots: tuple[Shot, ...]
    tried: tuple[Treatment, ...]


def opened(session: Session, run: Run, code: str, step: int | None = None) -> Opened:
    """The finding of a rule in what was last said of a run; of several that which begins nearest to ``step``.

    Raises:
        NotFound: the rule finds nothing there now.
    """
    told = said(session, run)
    mine = [(n, f) for n, f in enumerate(told.findings, 1) if f.code == code]
    if not mine:
        raise NotFound(f"{code!r:.40} is not found in run {run.id} now; it may have ended", code="no_finding")
    number, finding = min(mine, key=lambda nf: abs(nf[1].step_from - step) if step is not None else 0)
    names = {canonical(i.name): i.name for i in reading.series(session, run.id)}
    shown = [names[e.series] for e in finding.evidence if e.series in names][:CHARTS]
    return Opened(
        f"F{number}",
        finding,
        tuple(describe(n) for n in shown),
        zoom(finding, run.last_step or finding.step_to),
        tuple(_values(finding)),
        tuple(shots(session, run, finding)),
        tuple(t for t in of_children(session, run, told) if t.code == code),
    )


def said(session: Session, run: Run) -> Diagnosis:
    """What was last said of a run; nothing, and no rule looked, before the first time."""
    row = findings.stored(session, [run.id]).get(run.id)
    return probing.ranked(session, run.id, findings.restored(row.body)) if row else findings.NOTHING


def zoom(finding: Finding, last: int) -> tuple[int, int]:
    """The steps of a finding with some room on both sides, so that one sees what was before."""
    span = max(finding.step_to - finding.step_from, last // 20, 10)
    room = math.ceil(ROOM * span)
    return max(0, finding.step_from - room), finding.step_to + room


def _values(finding: Finding) -> list[Values]:
    found = []
    for e in finding.evidence:
        if not e.values:
            continue
        row = describe(e.series)
        finite = [v for v in e.values if math.isfinite(v)]
        low, high = (words.number(v, 4) for v in (min(finite), max(finite))) if finite else ("none", "none")
        first, last = words.number(e.values[0], 4), words.number(e.values[-1], 4)
        unit = "" if row.unit == "share" else row.unit
        found.append(Values(e.series, row.title, unit, first, last, low, high, len(e.values)))
    return found


def shots(session: Session, run: Run, finding: Finding) -> list[Shot]:
    """The samples made nearest to where the rule first said it, one a slot, references left out."""
    at = finding.seen_at
    away = func.abs(Sample.step - at)
    nearest = session.scalar(
        select(Sample.step).where(Sample.run_id == run.id).order_by(away, Sample.step).limit(1)
    )
    if nearest is None:
        return []
    some = [
        s
        for s in records.samples(session, run.id, step=nearest, limit=60)
        if not listening.is_reference(s.series)
    ]
    return [_shot(s) for s in _one_a_slot(some)[:SHOTS]]


def _one_a_slot(samples: Sequence[Sample]) -> list[Sample]:
    found: dict[tuple[str, str], Sample] = {(s.series, s.slot): s for s in samples}
    return sorted(found.values(), key=lambda s: (s.series, listening.natural(s.slot)))


def _shot(sample: Sample) -> Shot:
    url = records.sample_json(sample)["url"]
    return Shot(sample.slot, sample.step, sample.media, url, sample.caption)
