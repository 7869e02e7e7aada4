"""Findings on charts: for each series of a finding's evidence the stretch that it is about, on the chart's axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy.orm import Session

from app import findings
from app.tables_diagnoses import StoredDiagnosis
from nashboard.vocabulary import canonical

MOST = 8
"""With more runs than this the lane would be full of brackets: none is drawn."""


class Placed(Protocol):
    """A run on a page: its key, the run, and where its steps lie on the axis."""

    @property
    def key(self) -> str: ...
    @property
    def run(self) -> Any: ...
    def place(self, steps: Any) -> Any: ...


def onto(session: Session, figures: Mapping[str, dict[str, Any]], tracks: Sequence[Placed]) -> None:
    """Put the brackets of each figure's series into its ``layout.meta.findings``; one query."""
    told = findings.stored(session, [t.run.id for t in tracks]) if len(tracks) <= MOST else {}
    for name, figure in figures.items():
        figure["layout"]["meta"]["findings"] = brackets(tracks, told, name)


def brackets(
    tracks: Sequence[Placed], told: Mapping[str, StoredDiagnosis], series: str
) -> list[dict[str, Any]]:
    """The brackets in the lane of a series' chart, in the order of runs and findings.

    Each has ``key`` and ``run``, ``label`` (F1: its place in the diagnosis), ``code``, ``severity``, ``title``,
    ``from`` and ``to`` on the axis, ``step`` (its first), ``open``: it lasts. Information is not marked.
    """
    name, found = canonical(series), []
    for track in tracks:
        row = told.get(track.run.id)
        for number, f in enumerate(row.body["findings"] if row else (), 1):
            if f["severity"] == "info" or not any(e["series"] == name for e in f["evidence"]):
                continue
            ends = track.place([f["step_from"], f["step_to"]]).tolist()
            if not all(math.isfinite(x) for x in ends):
                continue
            found.append(
                {"key": track.key, "run": track.run.id, "label": f"F{number}", "from": ends[0], "to": ends[1]}
                | {"code": f["code"], "severity": f["severity"], "title": f["title"]}
                | {"step": f["step_from"], "open": f["lasting"]}
            )
    return found
