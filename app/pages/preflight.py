"""What stands beside the launch button: the data card and the dry run, as HTML for the form's script."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app import db, preflights
from app.pages.common import Page, render
from app.tables_preflights import Preflight

router = APIRouter()
WIDTH, HEIGHT = 240, 44


@dataclass(frozen=True)
class Bar:
    """A bar of the histogram, in its own units: training below, evaluation on top."""

    x: float
    width: float
    train: float
    held: float
    title: str


@dataclass(frozen=True, kw_only=True)
class PreflightPart(Page):
    """Preflights of one kind; ``active``: some are not over yet."""

    template: ClassVar[str] = "preflight.html"
    kind: str
    found: tuple[Preflight, ...]
    bars: tuple[Bar, ...]
    active: bool
    waits: str
    now: float


@router.get("/launch/preflight")
def preflight(ids: Annotated[str, Query(max_length=300)]) -> Response:
    """Preflights by id, split by commas, as one part of the page; 404 for one that is not there."""
    with db.reading() as session:
        found = preflights.several(session, [i for i in ids.split(",") if i][:8] or [""])
        return render(
            PreflightPart(
                title="",
                kind=found[0].kind,
                found=tuple(found),
                bars=bars(found[0].outcome.get("durations") or {}),
                active=any(p.state in preflights.ACTIVE for p in found),
                waits=preflights.waits(session, found),
                now=clock.time(),
            )
        )


def bars(durations: dict[str, list[float]]) -> tuple[Bar, ...]:
    """A histogram's bars within `WIDTH` by `HEIGHT`."""
    edges = durations.get("edges") or []
    train, held = (durations.get(side) or [] for side in ("train", "eval"))
    most = max((a + b for a, b in zip(train, held, strict=False)), default=0)
    if not most or len(edges) != len(train) + 1:
        return ()
    scale, each = HEIGHT / most, WIDTH / len(train)
    return tuple(
        Bar(i * each, each - 1, a * scale, b * scale, f"{edges[i]:g}–{edges[i + 1]:g} s: {a:g} train, {b:g} evaluate")
        for i, (a, b) in enumerate(zip(train, held, strict=True))
    )  # fmt: skip
