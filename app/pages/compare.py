"""The Compare page: any number of runs on the same charts, at the same epoch, in the same ear."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from app import (
    axes,
    db,
    differs,
    errors,
    expected,
    findings,
    groups,
    metrics,
    paired,
    racks,
    reading,
    runs,
    runverdicts,
    scores,
    together,
    views,
    words,
)
from app.models import Run
from app.pages.common import ENV, Page, base, render
from app.plotlyjs import injected_styles
from app.plots import keyed
from app.tables_views import SavedView
from app.traces import KEYS, MOST
from doctor.findings import Diagnosis
from nashboard.vocabulary import Series
from recipes import TRAINERS

router = APIRouter()
ENV.globals["injected_styles"] = injected_styles
ENV.globals["AXES"] = axes.ALL
ENV.globals["view_address"] = views.address
KINDS = {
    "msd_grouped": "MSD, grouped",
    "msd_grouped_mpd": "MSD, grouped, and MPD",
    "mpd_stft": "MPD and STFT",
    "mpd": "MPD",
    "stft": "STFT",
}
RECENT = 40
FEW = len(KEYS)
"""With more runs than this the table at an epoch, a column a run, gives way to that of scores, a row a run."""
Asked = Annotated[list[str], Query(alias="runs")]


@dataclass(frozen=True)
class Line:
    """A run in the legend."""

    key: str
    id: str
    name: str
    status: str
    about: str
    reason: str
    without: str


@dataclass(frozen=True, kw_only=True)
class LegendPart(Page):
    """The runs with their keys, and those that could be added."""

    template: ClassVar[str] = "parts/compare_legend.html"
    ids: tuple[str, ...]
    lines: tuple[Line, ...]
    more: tuple[tuple[str, str], ...]
    seq: str
    verdicts: dict[str, tuple[str, int, str]]
    banded: dict[str, runverdicts.RunVerdict]


@dataclass(frozen=True, kw_only=True)
class RacksPart(Page):
    """The charts that there are."""

    template: ClassVar[str] = "parts/compare_racks.html"
    main: tuple[Series, ...]
    subs: tuple[racks.Subs, ...]
    groups: tuple[racks.Rack, ...]


@dataclass(frozen=True, kw_only=True)
class TablePart(Page):
    """The document's table at a moment."""

    template: ClassVar[str] = "parts/compare_table.html"
    table: metrics.Table | None
    severity: Callable[[str, str, str], str] = metrics.severity


@dataclass(frozen=True, kw_only=True)
class ScoresPart(Page):
    """The runs as rows: last, best and at-epoch values of each metric."""

    template: ClassVar[str] = "parts/compare_scores.html"
    ids: tuple[str, ...]
    at: str
    scores: scores.Scores


@dataclass(frozen=True, kw_only=True)
class DiffersPart(Page):
    """The knobs and facts in which the runs differ."""

    template: ClassVar[str] = "parts/compare_differs.html"
    lines: tuple[Line, ...]
    differences: differs.Differences


@dataclass(frozen=True, kw_only=True)
class FoundPart(Page):
    """What the doctor says of each run, by its id; a run that was not looked at yet is not there."""

    template: ClassVar[str] = "parts/compare_findings.html"
    lines: tuple[Line, ...]
    said: dict[str, Diagnosis]


@dataclass(frozen=True, kw_only=True)
class PairedPart(Page):
    """Groups of runs against each other, seed by seed."""

    template: ClassVar[str] = "parts/compare_paired.html"
    paired: tuple[paired.Paired, ...]


@dataclass(frozen=True, kw_only=True)
class ComparePage(LegendPart, RacksPart, TablePart, ScoresPart, DiffersPart, FoundPart, PairedPart):
    """The page for these runs; ``told`` are words about what was asked for and is not shown."""

    template: ClassVar[str] = "compare.html"
    nav: ClassVar[str] = "compare"
    project: str
    about: str
    told: tuple[str, ...]
    axis: str
    has_bands: bool
    group_by: tuple[tuple[str, str], ...]
    moments: tuple[str, ...] = metrics.MOMENTS


@dataclass(frozen=True, kw_only=True)
class ChoosePage(Page):
    """What to compare, where nothing was chosen: pairs that were launched together, and recent runs."""

    template: ClassVar[str] = "compare_choose.html"
    nav: ClassVar[str] = "compare"
    groups: tuple[tuple[str, str, str], ...]
    views: tuple[SavedView, ...]
    recent: tuple[tuple[str, str, str, str], ...]


@router.get("/compare")
def compare_page(
    request: Request,
    asked: Asked = [],  # noqa: B006
    at: str = "last",
    sort: str = "",
    to: Annotated[str, Query(alias="base")] = "",
    group: Annotated[str, Query(max_length=200)] = "",
    bands: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """The whole page, or a choice of runs where none is named."""
    ids = parsed(asked)
    with db.reading() as session:
        page = (
            _choose(request, session) if not ids else _page(request, session, ids, at, sort, to, group, bands)
        )
    return render(page)


@router.get("/compare/{part}")
def compare_part(
    part: str,
    asked: Asked = [],  # noqa: B006
    at: str = "last",
    sort: str = "",
    to: Annotated[str, Query(alias="base")] = "",
    group: Annotated[str, Query(max_length=200)] = "",
    bands: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """A part of the page, for its script: legend, racks, table, scores, paired, differs, findings; or table.csv,
    scores.csv.
    """
    with db.reading() as session:
        found, _ = _found(session, parsed(asked))
        if part == "table.csv":
            text = metrics.as_csv(metrics.at(session, found, at, together.sides(found)))
            return Response(text, media_type="text/csv; charset=utf-8")
        if part == "scores.csv":
            text = scores.as_csv(scores.table(session, found, at, sort, to))
            return Response(text, media_type="text/csv; charset=utf-8")
        if part == "legend":
            return render(LegendPart(title="", **_legend(session, found, bands, [])))
        if part == "paired":
            return render(PairedPart(title="", paired=_pairs(session, found, at, group, to)))
        return render(_part(session, part, found, at, sort, to))


def _part(session: Session, part: str, found: Sequence[Run], at: str, sort: str = "", to: str = "") -> Page:
    match part:
        case "racks":
            return RacksPart(title="", **charts(_names(session, found), found))
        case "table":
            return TablePart(title="", table=_table(session, found, at))
        case "scores":
            return ScoresPart(title="", **_scores(session, found, at, sort, to))
        case "findings":
            return FoundPart(title="", lines=legend(found), said=_said(session, found))
        case "differs":
            return DiffersPart(title="", lines=legend(found), differences=differs.between(found))
    raise errors.NotFound(f"Compare has no part {part!r:.40}")


def _table(session: Session, found: Sequence[Run], at: str) -> metrics.Table | None:
    return metrics.at(session, found, at, together.sides(found)) if len(found) <= FEW else None


def _pairs(session: Session, found: Sequence[Run], at: str, group: str, to: str) -> tuple[paired.Paired, ...]:
    return tuple(paired.between(session, found, at, group, to)) if len(found) > 1 else ()


def _scores(session: Session, found: Sequence[Run], at: str, sort: str, to: str) -> dict[str, Any]:
    table = scores.table(session, found, at, sort, to)
    return {"ids": tuple(r.id for r in found), "at": metrics.moment_of(at), "scores": table}


def parsed(asked: Sequence[str]) -> list[str]:
    """The ids in ``runs=a,b`` or ``runs=a&runs=b``, in their order, doubles kept."""
    return [part.strip() for some in asked for part in some.split(",") if part.strip()]


def _page(
    request: Request,
    session: Session,
    ids: Sequence[str],
    at: str,
    sort: str,
    to: str,
    group: str,
    bands: str,
) -> ComparePage:
    found, told = _found(session, ids)
    sides = together.sides(found)
    pair = set(sides) == {"Old", "New"} and len(found) == 2
    title = "Old against fixed" if pair else words.plural(len(found), "run") + " compared"
    have = _names(session, found)
    known = any(r.trainer in TRAINERS for r in found)
    counted = all("progress/epoch" in names for names in have.values() if names)
    differences = differs.between(found)
    table = _scores(session, found, at, sort, to)
    return ComparePage(
        **base(request, session, title),
        **_legend(session, found, bands, told),
        **charts(have, found),
        table=_table(session, found, at),
        at=table["at"],
        scores=table["scores"],
        group_by=tuple(groups.choices(found)) if len(found) > 1 else (),
        differences=differences,
        said=_said(session, found),
        paired=_pairs(session, found, at, group, to),
        project=found[0].project,
        about=together.about(found, differences),
        told=tuple(told),
        axis="epoch" if known or (counted and any(have.values())) else "step",
        has_bands=known,
    )


def _names(session: Session, found: Sequence[Run]) -> dict[str, list[str]]:
    """The names of each run's series, by its key."""
    infos = reading.series_of(session, [r.id for r in found])
    return {key: [i.name for i in infos.get(run.id, ())] for key, run in keyed(found).items()}


def _legend(session: Session, found: Sequence[Run], bands: str, told: list[str]) -> dict[str, Any]:
    """The fields of `LegendPart`; bands that are gone are said in ``told``, and the usual ones count."""
    try:
        chosen = expected.choice(session, bands)
    except errors.BadInput as problem:
        told.append(f"{problem.message[:1].upper()}{problem.message[1:]}.")
        chosen = expected.USUAL
    shown = tuple(r.id for r in found)
    recent = [r for r in runs.listing(session, limit=RECENT) if r.id not in shown]
    more = tuple((r.id, r.name or r.id) for r in recent) if len(shown) < MOST else ()
    return {
        "ids": shown,
        "lines": legend(found),
        "more": more,
        "seq": ",".join(str(r.next_seq) for r in found),
        "verdicts": findings.verdicts(session, shown),
        "banded": runverdicts.of(session, found, chosen),
    }


def _said(session: Session, found: Sequence[Run]) -> dict[str, Diagnosis]:
    told = findings.stored(session, [r.id for r in found])
    return {run: findings.restored(row.body) for run, row in told.items()}


def legend(found: Sequence[Run]) -> tuple[Line, ...]:
    """The runs as the legend shows them, with their keys."""
    return tuple(_line(key, run, [r.id for r in found]) for key, run in keyed(found).items())


def charts(have: Mapping[str, Sequence[str]], found: Sequence[Run]) -> dict[str, Any]:
    """The fields of `RacksPart` for runs with these series, by key."""
    every = {name for names in have.values() for name in names}
    main = racks.main(every, {r.trainer for r in found if r.trainer in TRAINERS})
    kinds = {key: disc_kind(run) for key, run in keyed(found).items()}
    return {"main": main, "subs": racks.subs(have, kinds), "groups": racks.others(every, main)}


def _found(session: Session, ids: Sequence[str]) -> tuple[list[Run], list[str]]:
    """The runs that there are, and what to say of the others. Raises `NotFound` where there is none."""
    found: dict[str, Run] = {}
    told, missing = [], []
    for run_id in dict.fromkeys(ids):
        try:
            found[run_id] = runs.get(session, run_id)
        except errors.NotFound:
            missing.append(run_id)
    if not found:
        names = ", ".join(f"{i!r:.40}" for i in missing[:8]) or "none was named"
        raise errors.NotFound(
            f"none of these runs is here: {names}. Choose runs on the Runs page", code="unknown_run"
        )
    for run_id in missing:
        told.append(f"There is no run {run_id!r:.40} here; it may have been deleted. The others are shown.")
    twice = [i for i in found if list(ids).count(i) > 1]
    if twice:
        told.append(f"{', '.join(twice)} was named twice and is shown once.")
    if len(found) > MOST:
        told.append(f"{len(found)} runs were named. The first {MOST} are shown.")
    return list(found.values())[:MOST], told


def disc_kind(run: Run) -> str:
    """The run's discriminator in words; "" where its recipe names none."""
    kind = expected.knob(run, "disc.kind") or ""
    return KINDS.get(kind, str(kind))


def _line(key: str, run: Run, shown: Sequence[str]) -> Line:
    parts = ["no step yet"] if run.last_step is None else [words.plural(run.last_step, "step")]
    if run.started is not None:
        parts.append(words.duration((run.ended or clock.time()) - run.started))
    without = ",".join(i for i in shown if i != run.id)
    return Line(key, run.id, run.name or run.id, run.status, ", ".join(parts), run.reason, without)


def _choose(request: Request, session: Session) -> ChoosePage:
    found = list(runs.listing(session, limit=RECENT))
    groups: dict[str, list[Run]] = {}
    for run in found:
        if run.group:
            groups.setdefault(run.group, []).append(run)
    pairs = [
        sorted(g, key=lambda r: (r.created, r.preset != "old")) for g in groups.values() if 1 < len(g) <= 8
    ]
    return ChoosePage(
        **base(request, session, "Compare"),
        groups=tuple(
            (",".join(r.id for r in g), " against ".join(r.name or r.preset or r.id for r in g), g[0].status)
            for g in pairs
        ),
        views=tuple(views.listing(session, "compare")),
        recent=tuple(
            (r.id, r.name or r.id, f"{r.trainer} {r.preset} {r.size}".strip(), r.status) for r in found
        ),
    )
