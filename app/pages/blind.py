"""Blind tests: making one, the page that listeners get by link, its sounds, and the result."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from app import blind, blindresults, blindtrials, db, errors, listening, runs
from app.models import Run
from app.pages.common import Page, base, render
from app.plots import keyed
from app.tables_blind import BlindTest

router = APIRouter()
Asked = Annotated[list[str], Query(alias="runs")]
TRIALS = {"abx": 16, "preference": 16, "mushra": 6}
NO_STORE = {"Cache-Control": "no-store", "Content-Encoding": "identity"}
"""Packed, two sounds of one length would differ in the length of their answers."""


@dataclass(frozen=True)
class Choice:
    """A run that can be tested: the steps at which it can be heard, in words, and the one that is chosen."""

    key: str
    id: str
    name: str
    steps: tuple[tuple[int, str], ...]
    step: int
    reference: bool


@dataclass(frozen=True)
class Row:
    """A test in the list."""

    id: str
    link: str
    kind: str
    names: tuple[str, ...]
    trials: int
    created: float
    open: bool
    alone: bool
    finished: int
    begun: int
    words: str


@dataclass(frozen=True, kw_only=True)
class BlindPage(Page):
    """Tests that there are, and the form for one of the runs that were asked for."""

    template: ClassVar[str] = "blind.html"
    nav: ClassVar[str] = "listen"
    now: float
    rows: tuple[Row, ...]
    choices: tuple[Choice, ...]
    slots: tuple[str, ...]
    slot: str
    matched: bool
    trials: dict[str, int]
    power: str
    told: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BlindHearPage(Page):
    """What a listener gets: a frame that says nothing of what is heard. The script asks for the trials."""

    template: ClassVar[str] = "blind_hear.html"
    nav: ClassVar[str] = "listen"
    api: str
    kind: str
    title_words: str
    matched: bool
    alone: bool
    trials: int
    power: str


@dataclass(frozen=True, kw_only=True)
class BlindResultPage(Page):
    """A test for its maker: the link and the progress while it is open, the result once it is closed."""

    template: ClassVar[str] = "blind_result.html"
    nav: ClassVar[str] = "listen"
    test: BlindTest
    kind: str
    link: str
    sources: tuple[dict[str, Any], ...]
    listeners: tuple[dict[str, Any], ...]
    result: dict[str, Any] | None
    labels: dict[str, str]
    power: str


@router.get("/blind")
def blind_page(
    request: Request, asked: Asked = [], epoch: str = "", slot: str = "", level: str = "",  # noqa: B006
) -> Response:  # fmt: skip
    """The list; with ``runs=`` the form, with the epoch, slot and level that Listen has."""
    wanted = list(dict.fromkeys(i for part in asked for i in part.split(",") if i))[: len(blind.KEYS)]
    with db.reading() as session:
        found: list[Run] = []
        told: list[str] = []
        for run_id in wanted:
            try:
                found.append(runs.get(session, run_id))
            except errors.NotFound:
                told.append(f"There is no run {run_id[:80]!r} here: it is left out.")
        choices, slots = _choices(session, found, epoch)
        if found and not choices:
            told.append("These runs have no sound to test.")
        page = BlindPage(
            **base(request, session, "Blind tests"),
            now=clock.time(),
            rows=tuple(_row(session, test) for test in blind.listing(session)),
            choices=choices,
            slots=slots,
            slot=slot if slot in slots else "",
            matched=level == "matched",
            trials=TRIALS,
            power=blindresults.power_words(TRIALS["abx"]),
            told=tuple(told),
        )
        return render(page)


def _choices(session: Session, found: list[Run], epoch: str) -> tuple[tuple[Choice, ...], tuple[str, ...]]:
    heard = listening.heard(session, found)["slots"] if found else []
    try:
        near = float(epoch) if epoch else None
    except ValueError:
        near = None
    choices = []
    for key, run in keyed(found).items():
        takes = {t["step"]: t for s in heard for t in s["sources"].get(key, ())}
        if not takes:
            continue
        steps = tuple((step, _when(takes[step])) for step in sorted(takes))
        place = {s: t["step"] if t["epoch"] is None else t["epoch"] for s, t in takes.items()}
        step = max(takes) if near is None else min(sorted(takes), key=lambda s: abs(place[s] - near))
        reference = any(blind.REFERENCE in s["sources"] and s["same"] for s in heard)
        choices.append(Choice(key, run.id, run.name or run.id, steps, step, reference))
    return tuple(choices), tuple(s["slot"] for s in heard)


def _when(take: dict[str, Any]) -> str:
    return (
        f"step {take['step']}" if take["epoch"] is None else f"epoch {take['epoch']:g}, step {take['step']}"
    )


def _row(session: Session, test: BlindTest) -> Row:
    heard = blindresults.heard(session, test)
    over = test.closed is not None
    pooled = blindresults.summary(session, test)["pooled"] if over else {}
    return Row(
        id=test.id,
        link=f"/blind/{test.token}",
        kind=blind.KINDS[test.kind],
        names=tuple(_named(s) for s in test.sources),
        trials=test.trials,
        created=test.created,
        open=not over,
        alone=test.alone,
        finished=sum(h.who.finished is not None for h in heard),
        begun=len(heard),
        words=pooled.get("brief", pooled.get("words", "")),
    )


def _named(source: dict[str, Any]) -> str:
    return source["name"] if source["step"] is None else f"{source['name']}, {_when(source)}"


@router.get("/blind/results/{test_id}")
def result_page(request: Request, test_id: str) -> Response:
    """The maker's page of a test; 404 for one that is not here."""
    with db.reading() as session:
        test = blind.get(session, test_id)
        over = test.closed is not None
        sources = [*test.sources]
        labels = {s["key"]: _named(s) for s in sources} | blindresults.added(test)
        page = BlindResultPage(
            **base(request, session, "Blind test"),
            test=test,
            kind=blind.KINDS[test.kind],
            link=f"/blind/{test.token}",
            sources=tuple(sources),
            listeners=tuple(
                {"name": h.name, "answered": len(h.trials), "finished": h.who.finished is not None}
                for h in blindresults.heard(session, test)
            ),
            result=blindresults.summary(session, test) if over else None,
            labels=labels,
            power=blindresults.power_words(test.trials) if test.kind == "abx" else "",
        )
        return render(page)


@router.get("/blind/{token}")
def hear_page(request: Request, token: str) -> Response:
    """The listener's page; 404 for a link that is none."""
    with db.reading() as session:
        test = blind.by_token(session, token)
        page = BlindHearPage(
            **base(request, None, "Blind test"),
            api=f"/api/blind/at/{test.token}",
            kind=test.kind,
            title_words=blindtrials.QUESTIONS[test.kind],
            matched=test.level == "matched",
            alone=test.alone,
            trials=test.trials,
            power=blindresults.power_words(test.trials) if test.kind == "abx" else "",
        )
    return render(page)


@router.get("/blind/{token}/audio/{opaque}")
def audio(token: str, opaque: str) -> Response:
    """A sound of a trial: a WAV file made anew, kept by no cache, as long as all others of its trial."""
    with db.reading() as session:
        test = blind.by_token(session, token)
        data = blindtrials.audio(session, test, opaque)
    return Response(data, headers=NO_STORE, media_type="audio/wav")
