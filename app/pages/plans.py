"""The Plans page: plans that there are, and a new one from a shipped sheet or one's own, with its size before it starts."""

from __future__ import annotations

import re
import time as clock
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from app import db, errors, plans, plans_estimate, plans_feed
from app.pages.common import Page, base, render
from recipes import TRAINERS
from recipes import plan as papers
from recipes.base import BadRecipe, Problem

router = APIRouter()
FIELDS = ("shipped", "text", "name", "size", "seeds", "device", "project", "tags")
SIZES = ("tiny", "small", "paper")
EXAMPLE = """trainer: codec
preset: fixed
size: tiny
seeds: 2
grid:
  disc.lr: [1e-4, 1e-3]
  feat_weight: [2, 10]
"""


@dataclass(frozen=True)
class Offer:
    """Shipped plans of one trainer: (name, title, runs) each."""

    trainer: str
    plans: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Verdict:
    """What a plan would be: ``runs`` in words, and what varies."""

    runs: int
    at_most: bool
    varied: tuple[str, ...]
    doubles: int
    estimate: str


@dataclass(frozen=True, kw_only=True)
class PlansPage(Page):
    """The list, and the form as it stands."""

    template: ClassVar[str] = "plans.html"
    nav: ClassVar[str] = "plans"
    now: float
    listed: tuple[plans.Listed, ...]
    offers: tuple[Offer, ...]
    given: dict[str, str]
    about: str
    source: str
    verdict: Verdict | None
    troubles: tuple[tuple[str, str], ...]
    failure: str
    sizes: tuple[str, ...] = SIZES


@router.get("/plans")
def plans_page(request: Request, shipped: str = "", size: str = "", seeds: str = "") -> Response:
    """The list and the form; ``?shipped=cgan/phase-1`` fills it."""
    given = dict.fromkeys(FIELDS, "") | {"shipped": shipped, "size": size, "seeds": seeds}
    if not shipped:
        return _respond(request, given | {"text": EXAMPLE}, check=False)
    try:
        return _respond(request, given | {"text": papers.shipped_one(shipped).text}, check=True)
    except BadRecipe as bad:
        return _respond(request, given | {"text": EXAMPLE, "shipped": ""}, more=bad.problems, status=404)


@router.post("/plans")
async def plans_submit(request: Request) -> Response:
    """Check it, or make it and go to its page; the form again with what is wrong and all that was typed."""
    async with request.form(max_files=0, max_fields=50) as form:
        told = {k: v for k, v in form.multi_items() if isinstance(v, str)}
    given = {k: told.get(k, "")[: papers.MOST_BYTES + 1].replace("\x00", "") for k in FIELDS}
    return await run_in_threadpool(_submit, request, given, told.get("do", ""))


def _submit(request: Request, given: dict[str, str], act: str) -> Response:
    if act != "start":
        return _respond(request, given, check=True)
    try:
        sheet = sheet_of(given)
        with db.transaction() as session:
            made = plans.create(
                session, sheet, name=given["name"].strip(), project=given["project"].strip() or "default",
                device=given["device"].strip() or "auto",
                tags=[t.strip() for t in given["tags"].split(",") if t.strip()],
            )  # fmt: skip
            plans_feed.soon(session)
        return RedirectResponse(f"/plans/{made.id}", 303)
    except BadRecipe as bad:
        return _respond(request, given, more=bad.problems, status=422)
    except errors.Problem as problem:
        return _respond(request, given, failure=problem.message, status=problem.status)


def sheet_of(given: Mapping[str, str]) -> papers.Sheet:
    """The sheet that a form asks for. Raises `BadRecipe`."""
    changes: dict[str, Any] = {}
    if given["size"]:
        changes["size"] = given["size"]
    seeds = given["seeds"].strip()
    if seeds:
        if not re.fullmatch(r"\d{1,10}(\s*,\s*\d{1,10})*,?", seeds):
            text = f"{seeds!r:.60} is no number of seeds; write 3, or the seeds themselves: 0, 7, 21"
            raise BadRecipe([Problem("seeds", seeds, text)])
        changes["seeds"] = [int(s) for s in seeds.split(",") if s.strip()] if "," in seeds else int(seeds)
    return plans.drawn(papers.read(given["text"]).model_dump(exclude_unset=True), **changes)


def _respond(
    request: Request,
    given: dict[str, str],
    *,
    check: bool = False,
    more: list[Problem] | None = None,
    failure: str = "",
    status: int = 200,
) -> Response:
    problems = list(more or ())
    verdict = None
    sheet = None
    if check:
        try:
            sheet = sheet_of(given)
            made = plans.checked(sheet, given["device"].strip() or "auto")
            with db.reading() as session:
                told = plans_estimate.of_sheet(session, sheet, made, given["device"].strip() or "auto")
            search = sheet.search
            count = search.trials if search is not None else len(made.items)
            verdict = Verdict(count, search is not None, made.varied, made.doubles, told.text)
        except BadRecipe as bad:
            problems, status = bad.problems, 422 if request.method == "POST" else status
        except errors.Problem as problem:
            failure, status = problem.message, problem.status if request.method == "POST" else status
    with db.reading() as session:
        page = PlansPage(
            **base(request, session, "Plans"),
            now=clock.time(),
            listed=tuple(plans.listing(session)),
            offers=_offers(),
            given=given,
            about=sheet.text if sheet else "",
            source=sheet.source if sheet else "",
            verdict=verdict,
            troubles=tuple((p.knob, p.message) for p in problems),
            failure=failure,
        )
    return render(page, status)


def _offers() -> tuple[Offer, ...]:
    return tuple(
        Offer(t, tuple((s.name, s.sheet.title, papers.size_of(s.sheet)) for s in papers.shipped(t)))
        for t in TRAINERS
    )
