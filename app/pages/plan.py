"""A plan's page: how far it is, its queue, the ranking of its settings with their spread, the effect of each knob."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from app import db, plans, plans_estimate, plans_plots, plans_results, words
from app.pages.common import Page, base, render
from app.plans_results import Results
from app.tables_plans import Plan
from app.traces import MOST

router = APIRouter()
LOOKS = {
    "refused": "failed",
    "cancelled": "stopped",
    "pruned": "stopped",
    "deleted": "lost",
    "waiting": "queued",
}


@dataclass(frozen=True)
class Row:
    """An item of the queue. ``look`` is the run's status whose glyph it wears; ``value`` the metric in words."""

    index: int
    title: str
    words: str
    at: tuple[tuple[str, str], ...]
    seed: int
    status: str
    look: str
    reason: str
    run: str
    progress: str
    share: float
    value: str


@dataclass(frozen=True)
class Drawn:
    """An effect with its drawing: a strip of dots a level, or a scatter of a search's trials."""

    effect: plans_results.Effect
    strips: tuple[Markup, ...]
    scatter: Markup | None


@dataclass(frozen=True, kw_only=True)
class PlanPart(Page):
    """What moves while a plan goes on."""

    template: ClassVar[str] = "parts/plan_state.html"
    plan: Plan
    counts: dict[str, int]
    done: int
    total: int
    over: bool
    left: str
    rows: tuple[Row, ...]
    waiting: int
    live: int
    results: Results
    strips: tuple[Markup, ...]
    briefs: tuple[str, ...]
    effects: tuple[Drawn, ...]
    compare: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class PlanPage(PlanPart):
    template: ClassVar[str] = "plan.html"
    nav: ClassVar[str] = "plans"
    now: float
    about: str


@router.get("/plans/{plan_id}")
def plan_page(request: Request, plan_id: str, metric: str = "", of: str = "best") -> Response:
    """The page; ``?metric=eval/mel&of=last`` says what is ranked by."""
    with db.reading() as session:
        found = plans.get(session, plan_id)
        page = PlanPage(
            **base(request, session, found.name),
            **_state(session, found, metric, of),
            now=clock.time(),
            about=str(found.sheet.get("text") or ""),
        )
    return render(page)


@router.get("/plans/{plan_id}/state")
def plan_state(plan_id: str, metric: str = "", of: str = "best") -> Response:
    """The moving part alone, for the page's script."""
    with db.reading() as session:
        page = PlanPart(title="", **_state(session, plans.get(session, plan_id), metric, of))
    return render(page)


def _state(session: Session, found: Plan, metric: str, of: str) -> dict[str, Any]:
    entries = plans.entries(session, found.id)
    (listed,) = plans.listing(session, only=Plan.id == found.id)
    results = plans_results.of(session, found, entries, metric, of)
    left = plans_estimate.of_plan(session, found, entries)
    unit = results.metric.row.unit if results.metric else ""
    values = list(results.values.values())
    reach = (min(values), max(values)) if values else (0.0, 1.0)
    better = results.metric.better if results.metric else "down"
    ordered = [e for s in results.settings for e in s.entries]
    ids = [e.run.id for e in ordered if e.run is not None and e.run.last_step][:MOST]
    by = _group(found)
    return {
        "plan": found,
        "counts": listed.counts,
        "done": listed.done,
        "total": listed.total,
        "over": found.state in ("finished", "cancelled"),
        "left": left.text if left else "",
        "rows": tuple(_row(e, results, unit) for e in entries),
        "waiting": sum(e.status == "waiting" for e in entries),
        "live": sum(e.status in plans.ACTIVE_RUN for e in entries),
        "results": results,
        "strips": tuple(plans_plots.strip(s.summary, *reach, unit) for s in results.settings),
        "briefs": tuple(_words(s.entries[0]) if found.kind == "search" else "" for s in results.settings),
        "effects": tuple(_drawn(e, reach, unit, better, found.kind == "search") for e in results.effects),
        "compare": f"/compare?runs={','.join(ids)}{by}" if len(ids) > 1 else "",
        "unit": unit,
    }


def _group(found: Plan) -> str:
    """Compare groups by the one varied knob, or by all but the seed."""
    varied = [v for v in found.varied if v == "preset" or "." in v or "_" in v or v == "loss"]
    own = varied[0] if len(found.varied) == 1 and varied else "seedless"
    return f"&group={quote(own)}"


def _row(entry: plans.Entry, results: Results, unit: str) -> Row:
    item, run = entry.item, entry.run
    steps = (run.last_step or 0) if run is not None else 0
    total = item.steps or 0
    value = results.values.get(item.index)
    return Row(
        index=item.index,
        title=item.title,
        words=_words(entry) or item.preset,
        at=tuple((k, brief(v)) for k, v in item.at.items()),
        seed=item.seed,
        status=entry.status,
        look=LOOKS.get(entry.status, entry.status),
        reason=item.reason or item.pruned or (run.reason if run is not None else ""),
        run=run.id if run is not None else "",
        progress=f"{words.count(steps)} of {words.count(item.steps)}" if run is not None and total else "",
        share=min(1.0, steps / total) if total else 0.0,
        value="" if value is None else words.measured(value, unit),
    )


def brief(value: Any) -> str:
    """A knob's value in words, of a number the first four digits: a search draws them with sixteen."""
    return plans_results.shown(float(f"{value:.4g}") if isinstance(value, float) else value)


def _words(entry: plans.Entry) -> str:
    return plans_results.words_of([(k, brief(v)) for k, v in entry.item.at.items()])


def _drawn(
    effect: plans_results.Effect, reach: tuple[float, float], unit: str, better: str, search: bool
) -> Drawn:
    numeric = search and all(v.number is not None for v in effect.levels)
    if numeric:
        points = [(v.number or 0.0, y) for v in effect.levels for y in v.summary.values]
        return Drawn(effect, (), plans_plots.scatter(points, *reach, effect.names[0], unit, better))
    return Drawn(effect, tuple(plans_plots.strip(v.summary, *reach, unit) for v in effect.levels), None)
