"""Answers: strict JSON, and every failure in the one shape of `app.errors`, as JSON or as a page."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.errors import BadInput, Conflict, Problem, TooLarge, Unavailable
from app.pages import errors as pages
from app.settings import BadSettings
from nashboard.events import spelled
from recipes.base import BadRecipe

log = logging.getLogger("nashboard.server")


class KnobProblem(BaseModel):
    knob: str = Field(description="Dotted name of the knob or field.")
    value: Any = Field(None, description="What was given.")
    message: str


class ErrorBody(BaseModel):
    code: str = Field(description="A word for programs, such as unknown_run.")
    message: str = Field(description="A sentence for people: what is wrong, and the way out.")
    field: str = Field("", description="The field that it is about.")
    problems: list[KnobProblem] = Field([], description="One entry a knob or field, where several are wrong.")


class ErrorShape(BaseModel):
    """The shape of every error."""

    error: ErrorBody


WHEN = {
    400: "The request cannot be read",
    401: "A token is required, or the one given is wrong",
    403: "Not from this host or origin",
    404: "No such thing",
    409: "It does not go with the present state",
    413: "Too large; the message names the limit",
    415: "Another content type is needed",
    416: "No such range",
    422: "The input is wrong; the message names it",
    503: "Database or broker do not answer",
    507: "The disk is full",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's description of these failures."""
    return {s: {"model": ErrorShape, "description": WHEN[s]} for s in statuses}


class Json(Response):
    """Strict JSON: non-finite numbers as strings, any text as ASCII."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        try:
            return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
        except ValueError:
            return json.dumps(spelled(content), allow_nan=False, separators=(",", ":")).encode()


class NotEnoughSpace(Problem):
    status, code = 507, "disk_full"


def wants_page(path: str, accept: str) -> bool:
    """Whether a person with a browser asks, and not a program."""
    return (
        not path.startswith("/api/") and path not in ("/openapi.json", "/healthz") and "text/html" in accept
    )


def failure(request: Request, problem: Problem) -> Response:
    """The answer to a failure, as a page or as JSON."""
    headers = dict(problem.headers or {})
    if wants_page(request.url.path, request.headers.get("accept", "")):
        return pages.page(request, problem.status, problem.message, headers)
    return Json(problem.body(), problem.status, headers)


def install(app: FastAPI) -> None:
    """Every failure of the application ends in `failure`."""
    for kind, translate in _TRANSLATED:
        app.add_exception_handler(kind, _handler(translate))


def _handler(translate: Any) -> Any:
    async def handle(request: Request, problem: Exception) -> Response:
        return failure(request, translate(problem))

    return handle


UNREADABLE = "There was an error parsing the body"  # FastAPI's words for what its JSON reader gave up on


def _http(problem: HTTPException) -> Problem:
    texts = {
        404: "there is nothing at this address",
        405: "this address does not take that method",
    }
    said = problem.detail if problem.detail != HTTPStatus(problem.status_code).phrase else ""
    if said == UNREADABLE:
        said = "the body cannot be read as JSON: it nests too deep, or a number in it has too many digits"
    made = Problem(said or texts.get(problem.status_code, HTTPStatus(problem.status_code).phrase))
    made.status = problem.status_code
    made.code = {404: "not_found", 405: "bad_method", 413: TooLarge.code}.get(
        problem.status_code, "bad_request"
    )
    made.headers = dict(problem.headers or {})
    return made


WORDS = {
    "extra_forbidden": "there is no such field here",
    "missing": "this field is required",
}
"""What pydantic says in terms of itself, said to whoever sent the request."""


def _invalid(problem: RequestValidationError) -> Problem:
    broken = _broken_body(problem.errors()[0])
    if broken is not None:
        return broken
    rows = []
    for error in problem.errors()[:50]:
        where = [str(part) for part in error["loc"] if part not in ("body", "query", "path", "header")]
        message = WORDS.get(error["type"], str(error["msg"]).removeprefix("Value error, "))
        rows.append({"knob": ".".join(where)[:200], "value": _shown(error.get("input")), "message": message})
    first = rows[0]
    named = f"{first['knob']}: " if first["knob"] else ""
    given = f" (given: {first['value']!r:.80})" if first["value"] is not None else ""
    return BadInput(f"{named}{first['message']}{given}", field=str(first["knob"]), problems=rows)


def _broken_body(error: dict[str, Any]) -> Problem | None:
    """The failure of a body that is no JSON, or was not sent as JSON; None for a body that could be read."""
    if error["type"] == "json_invalid":
        why = (error.get("ctx") or {}).get("error", "it ends too early")
        at = error["loc"][-1] if error["loc"] else 0
        return BadInput(f"the body is not valid JSON: {why} (at character {at}); send one JSON object")
    if isinstance(error.get("input"), bytes) and tuple(error["loc"]) == ("body",):
        return BadInput("the body was not sent as JSON; set the header Content-Type: application/json")
    return None


def _shown(value: Any) -> Any:
    """What was given, short enough to be sent back."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**53) <= value <= 2**53 else f"{value.bit_length()} bits of a whole number"
    return (
        value[:200]
        if isinstance(value, str)
        else f"{type(value).__name__} of {len(value)}"
        if hasattr(value, "__len__")
        else repr(value)[:200]
    )


def _recipe(problem: BadRecipe) -> Problem:
    rows = [
        {"knob": p.knob[:200], "value": _shown(p.value), "message": _short(p.message)}
        for p in problem.problems
    ]
    field = problem.problems[0].knob if problem.problems else ""
    return BadInput(_short(str(problem), 2000), code="bad_recipe", field=field[:200], problems=rows)


def _short(text: str, limit: int = 500) -> str:
    """A message that repeats no more of a value than helps to find it."""
    return text if len(text) <= limit else f"{text[: limit - 2]} …"


def database_problem(problem: DBAPIError | PoolTimeout) -> Problem:
    """What a database's error means to the caller: a full disk, a database that is down, bad values."""
    said = " ".join(str(getattr(problem, "orig", None) or problem).split())
    full = ("disk is full", "disk full", "no space left", "could not extend file")
    if any(word in said.lower() for word in full):
        return NotEnoughSpace(
            "the disk of the database is full: nothing was stored; free some space and try again"
        )
    if isinstance(problem, DataError):
        return BadInput(f"the database does not take a value: {said:.200}")
    if isinstance(problem, IntegrityError):
        return Conflict("somebody changed the same thing at the same time; try again")
    if isinstance(problem, OperationalError | PoolTimeout):
        log.error("database: %s", said)
        retry = {"Retry-After": "2"}
        if "readonly" in said or "read-only" in said:
            return Unavailable(
                "the database cannot be written to; check the rights of its folder", headers=retry
            )
        return Unavailable(
            "the database does not answer or is busy; try again, and see the server's log", headers=retry
        )
    return _unexpected(problem)


def _unexpected(problem: Exception) -> Problem:
    log.error("unexpected", exc_info=problem)
    made = Problem("something went wrong in the server, and its log says what", code="internal")
    made.status = 500
    return made


_TRANSLATED: tuple[tuple[type[Exception], Any], ...] = (
    (Problem, lambda p: p),
    (HTTPException, _http),
    (RequestValidationError, _invalid),
    (BadRecipe, _recipe),
    (BadSettings, lambda p: Unavailable(str(p))),
    (DBAPIError, database_problem),
    (PoolTimeout, database_problem),
    (RecursionError, lambda p: BadInput("the input is nested too deep")),
    (Exception, _unexpected),
)
