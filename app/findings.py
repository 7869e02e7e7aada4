"""Findings: what the doctor says of a run here, from thinned reads, at most every few seconds a run."""

from __future__ import annotations

import threading
import time as clock
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import reading
from app.models import Record, Run
from doctor.engine import diagnose
from doctor.findings import Diagnosis
from doctor.reading import flatten, recipe_facts, sizes_of
from doctor.view import Facts, RunView, Track
from nashboard.vocabulary import canonical

WIDTH = 2000
EVERY_S = 3.0
KEPT = 256
MAX_SERIES = 400
NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


@dataclass(frozen=True)
class _Known:
    next_seq: int
    at: float
    diagnosis: Diagnosis


_known: OrderedDict[tuple[str, float], _Known] = OrderedDict()
_lock = threading.Lock()


def findings(session: Session, run: Run) -> Diagnosis:
    """The diagnosis of a run as it stands; that of up to 3 s ago while it is busy.

    A run that has reported nothing since is not looked at again. The cost is bounded by the width of the reads
    and does not grow with the length of the run.
    """
    key = (run.id, run.created)
    with _lock:
        known = _known.get(key)
    now = clock.monotonic()
    if known and (known.next_seq == run.next_seq or now - known.at < EVERY_S):
        return known.diagnosis
    diagnosis = diagnose(view(session, run))
    with _lock:
        _known[key] = _Known(run.next_seq, now, diagnosis)
        _known.move_to_end(key)
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return diagnosis


def view(session: Session, run: Run) -> RunView:
    """The run as rules see it: its series thinned to 2,000 pixels, non-finite values included."""
    tracks = {}
    for info in reading.series(session, run.id)[:MAX_SERIES]:
        name = canonical(info.name)
        if name not in tracks:
            tracks[name] = _track(session, run.id, info.name, name)
    marks = session.execute(
        select(Record.step, Record.name)
        .where(Record.run_id == run.id, Record.kind == "mark")
        .order_by(Record.seq)
    )
    return RunView(tracks, facts(run), tuple((step, name) for step, name in marks if step is not None))


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


def _track(session: Session, run_id: str, stored: str, name: str) -> Track:
    found = reading.read(session, run_id, stored, width=WIDTH)
    step, value = found.step, found.value
    if found.nonfinite:
        steps = [s for s, _, count in found.nonfinite for _ in range(min(count, 4))]
        values = [NUMBERS[kind] for _, kind, count in found.nonfinite for _ in range(min(count, 4))]
        step = np.concatenate([step, np.array(steps, np.int64)])
        value = np.concatenate([value, np.array(values, np.float64)])
        order = np.argsort(step, kind="stable")
        step, value = step[order], value[order]
    return Track(name, step, value)


def shown(diagnosis: Diagnosis) -> dict[str, Any]:
    """The JSON of the API: that of ``python -m doctor``, and for each finding when it was seen and if it lasts."""
    told = diagnosis.to_dict()
    for spelled, finding in zip(told["findings"], diagnosis.findings, strict=True):
        spelled |= {"seen_at": finding.seen_at, "lasting": finding.lasting}
    return told
