"""Blind tests: making and closing them, and what a listener's link serves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Cookie, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from app import blind, blindcsv, blindresults, blindstats, blindtrials, db
from app.errors import Conflict
from app.replies import documented
from app.tables_blind import BlindListener, BlindTest

router = APIRouter(tags=["blind tests"])
TestId = Annotated[str, Path(description="The test's id.", max_length=100)]
Token = Annotated[str, Path(description="The secret of the listeners' link.", max_length=200)]
COOKIE = "nashboard_listener"
KEPT_S = 30 * 24 * 3600
Mine = Annotated[str, Cookie(alias=COOKIE, description="Who listens; set when they begin.")]
SECRET = {"Cache-Control": "no-store"}


class Source(BaseModel):
    """A run at a step, or its reference."""

    model_config = ConfigDict(extra="forbid")
    run: str = Field(max_length=200)
    step: int | None = Field(None, ge=-(2**62), le=2**62, description="None: its last step with sound.")
    reference: bool = Field(False, description="The run's reference in the place of its output.")


class NewTest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["abx", "preference", "mushra"]
    sources: list[Source] = Field(max_length=40)
    slots: list[str] = Field([], max_length=200, description="Empty: all that the sources share.")
    trials: int = Field(16, ge=-(2**31), le=2**31)
    level: Literal["same", "matched"] = "same"
    alone: bool = Field(True, description="For one person: it closes when they finish.")
    seed: int | None = Field(None, ge=-(2**62), le=2**62, description="None: drawn, which is best.")
    note: str = Field("", max_length=1000)


class TestShown(BaseModel):
    """A test as its maker sees it; ``result`` and ``seed`` are there once it is closed."""

    id: str
    kind: str
    level: str
    alone: bool
    trials: int
    slots: list[str]
    sources: list[dict[str, Any]]
    note: str
    created: float
    closed: float | None
    link: str = Field(description="Where listeners take the test.")
    listeners: list[dict[str, Any]]
    seed: int | None = None
    result: dict[str, Any] | None = None


class Power(BaseModel):
    """What a number of ABX trials can show."""

    trials: int
    needed: int | None
    powers: dict[str, float]
    words: str


class State(BaseModel):
    """Where a listener stands."""

    kind: str
    level: str
    alone: bool
    trials: int
    closed: bool
    begun: bool
    answered: int
    finished: bool


class Begin(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field("", max_length=1000)


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    trial: str = Field(max_length=200)
    choice: str | None = Field(None, max_length=20)
    ratings: dict[str, float] | None = None


def shown(session: Session, test: BlindTest) -> TestShown:
    """The test for its maker: progress while it is open, everything when it is closed."""
    found = blindresults.heard(session, test)
    listeners = [
        {"number": h.who.number, "name": h.name, "answered": len(h.trials),
         "finished": h.who.finished is not None}
        for h in found
    ]  # fmt: skip
    over = test.closed is not None
    return TestShown(
        **{
            n: getattr(test, n)
            for n in ("id", "kind", "level", "alone", "trials", "note", "created", "closed")
        },
        slots=[s["slot"] for s in test.slots],
        sources=[{k: s[k] for k in ("key", "run", "name", "step", "epoch")} for s in test.sources],
        link=f"/blind/{test.token}",
        listeners=listeners,
        seed=test.seed if over else None,
        result=blindresults.summary(session, test) if over else None,
    )


@router.get("/api/blind", summary="Blind tests, the newest first")
def listing() -> list[TestShown]:
    with db.reading() as session:
        return [shown(session, t) for t in blind.listing(session)]


@router.post("/api/blind", status_code=201, summary="Make a blind test", responses=documented(404))
def create(asked: NewTest) -> TestShown:
    """Open for listeners at `link` at once."""
    with db.transaction() as session:
        sources = [blind.Asked(s.run, s.step, s.reference) for s in asked.sources]
        more = asked.model_dump(exclude={"kind", "sources"})
        return shown(session, blind.create(session, asked.kind, sources, **more))


@router.get("/api/blind/power", summary="What a number of ABX trials can show")
def power(trials: Annotated[int, Query(ge=1, le=blind.MOST_TRIALS)] = 16) -> Power:
    """The least number of right answers for p <= 0.05, and the power for listeners who are right in 70 and 90 %."""
    return Power(
        trials=trials,
        needed=blindstats.needed(trials),
        powers=blindresults.powers(trials),
        words=blindresults.power_words(trials),
    )


@router.get("/api/blind/{test}", summary="A blind test", responses=documented(404))
def one(test: TestId) -> TestShown:
    """Its result is sealed until it is closed."""
    with db.reading() as session:
        return shown(session, blind.get(session, test))


@router.delete("/api/blind/{test}", status_code=204, summary="Delete a blind test", responses=documented(404))
def remove(test: TestId) -> None:
    """With all answers; points that it filed stay with their runs."""
    with db.transaction() as session:
        blind.remove(session, test)


@router.post("/api/blind/{test}/close", summary="Close a blind test", responses=documented(404, 409))
def close(test: TestId) -> TestShown:
    """Takes no more answers, opens the result, and files it with the runs."""
    with db.transaction() as session:
        found = blind.get(session, test)
        if not blindresults.close(session, found):
            raise Conflict("this test is closed already", code="closed")
        return shown(session, found)


@router.get(
    "/api/blind/{test}/answers.csv",
    summary="All answers of a closed test as CSV",
    response_class=Response,
    responses={200: {"description": "CSV", "content": {"text/csv": {}}}, **documented(404, 409)},
)
def answers(test: TestId) -> Response:
    """One row a trial; of ratings, one a stimulus."""
    with db.reading() as session:
        found = blind.get(session, test)
        text = blindcsv.as_csv(session, found)
    name = f'attachment; filename="blind-{found.id}.csv"'
    return Response(text, headers={"Content-Disposition": name}, media_type="text/csv; charset=utf-8")


@router.get("/api/blind/at/{token}", summary="Where a listener stands", responses=documented(404))
def state(token: Token, response: Response, mine: Mine = "") -> State:
    response.headers.update(SECRET)
    with db.reading() as session:
        test = blind.by_token(session, token)
        return State(**blindtrials.state(session, test, blindtrials.listener(session, test, mine)))


@router.post(
    "/api/blind/at/{token}/begin", status_code=201, summary="Begin as a listener",
    responses=documented(404, 409),
)  # fmt: skip
def begin(token: Token, asked: Begin, response: Response, mine: Mine = "") -> State:
    """Sets a cookie that goes on with the test; a browser that has begun goes on where it was."""
    with db.transaction() as session:
        test = blind.by_token(session, token)
        who = blindtrials.listener(session, test, mine)
        if who is None:
            who = blindtrials.begin(session, test, asked.name)
        found = State(**blindtrials.state(session, test, who))
    response.headers.update(SECRET)
    path = f"/api/blind/at/{test.token}"
    response.set_cookie(COOKIE, who.id, max_age=KEPT_S, path=path, httponly=True, samesite="strict")
    return found


@router.get(
    "/api/blind/at/{token}/trial",
    summary="The trial that waits for an answer",
    responses=documented(404, 409),
)
def trial(token: Token, response: Response, mine: Mine = "") -> dict[str, Any]:
    """Its labels and the addresses of their sounds; nothing that tells what they are."""
    response.headers.update(SECRET)
    with db.reading() as session:
        test = blind.by_token(session, token)
        return blindtrials.trial_json(session, test, _begun(session, test, mine))


@router.post("/api/blind/at/{token}/answers", summary="Answer a trial", responses=documented(404, 409))
def answer(token: Token, asked: Answer, response: Response, mine: Mine = "") -> State:
    """Once and for all; whether it was right is told at the end."""
    response.headers.update(SECRET)
    with db.transaction() as session:
        test = blind.by_token(session, token)
        who = _begun(session, test, mine)
        given = {"choice": asked.choice, "ratings": asked.ratings}
        return State(**blindtrials.answer(session, test, who, asked.trial, given))


@router.get("/api/blind/at/{token}/result", summary="A listener's own result", responses=documented(404, 409))
def result(token: Token, response: Response, mine: Mine = "") -> dict[str, Any]:
    """When all trials are answered; with names once the test is closed."""
    response.headers.update(SECRET)
    with db.reading() as session:
        test = blind.by_token(session, token)
        return blindresults.own(session, test, _begun(session, test, mine))


def _begun(session: Session, test: BlindTest, mine: str) -> BlindListener:
    who = blindtrials.listener(session, test, mine)
    if who is None:
        raise Conflict("this browser has not begun this test; load its page to begin", code="not_begun")
    return who
