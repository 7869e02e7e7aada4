"""What happened in runs besides their phases, on the axis of a page: checkpoints, findings, notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import findings, records, words
from app.models import Checkpoint, Run
from app.tracks import View, load

KINDS = ("checkpoints", "findings", "notes")
MOST = 400
LONG = 28


def of(session: Session, runs: Sequence[Run], kinds: Sequence[str], view: View) -> list[dict[str, Any]]:
    """``{key, x, words, kind, severity, about}`` by x, on the view's axis; what lies nowhere on it is left out.

    ``words`` are short enough for a chart, ``about`` says all. Of each kind the `MOST` latest by step.
    """
    tracks = {t.run.id: t for t in load(session, runs, [], view)}
    ids = list(tracks)
    found: list[tuple[str, int, str, str, str, str]] = []
    if "checkpoints" in kinds:
        wanted = select(Checkpoint).where(Checkpoint.run_id.in_(ids), Checkpoint.present)
        for saved in session.scalars(wanted.order_by(Checkpoint.step.desc()).limit(MOST)):
            best = ", best" if saved.best else ""
            found.append((saved.run_id, saved.step, "checkpoint", f"checkpoint{best}", "checkpoints", ""))
    if "findings" in kinds:
        for run_id, row in findings.stored(session, ids).items():
            for n, one in enumerate(findings.restored(row.body).findings, 1):
                label = f"{tracks[run_id].key}·F{n}"
                found.append((run_id, one.step_from, label, one.title, "findings", one.severity))
    if "notes" in kinds:
        for note in records.notes(session, ids)[-MOST:]:
            text = str(note.body.get("text", ""))
            found.append((note.run_id, note.step or 0, _short(text), text, "notes", ""))
    made = []
    for run_id, step, label, about, kind, severity in found:
        track = tracks[run_id]
        x = float(track.place([step])[0])
        if np.isfinite(x):
            told = f"{track.key}, step {words.count(step)}: {about}"
            made.append(
                {"key": track.key, "x": x, "words": label, "kind": kind, "severity": severity, "about": told}
            )
    return sorted(made, key=lambda mark: (mark["x"], mark["key"], mark["words"]))


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 1].rstrip()}…"
