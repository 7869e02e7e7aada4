"""The error page: what went wrong in words, what did not happen, and the way out. It asks no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.pages.common import Page, base, render


@dataclass(frozen=True)
class Way:
    """A link out."""

    label: str
    url: str


RUNS = Way("All runs", "/")
HEADINGS = {
    401: "This server asks for its token",
    403: "Not allowed from here",
    404: "Nothing here",
    405: "Not in this way",
    409: "Not as things stand",
    413: "Too large",
    422: "That cannot be",
    500: "Something went wrong in the server",
    503: "Not at the moment",
    507: "The disk is full",
}
NOTES = {
    401: "Log in with the token that the server was started with; programs send it as Authorization: Bearer.",
    403: "A page changes things only from the address that the server was started for.",
    404: "It may have been deleted, or the address may be mistyped.",
    500: "Nothing was changed by this request. The server's log has the details.",
    503: "Nothing was changed. Runs in progress go on and keep their journals; what is missing comes later.",
    507: "Nothing was stored. Free some space; runs catch up from their journals by themselves.",
}


@dataclass(frozen=True, kw_only=True)
class ErrorPage(Page):
    """One failure."""

    template: ClassVar[str] = "error.html"
    status: int
    heading: str
    message: str
    note: str
    ways: tuple[Way, ...]


def sentence(text: str) -> str:
    """The message as a sentence: a capital letter, a full stop."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")


def _here(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def page(
    request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """The page for a failure; ``message`` is for people and never holds a traceback."""
    ways = [RUNS]
    if status == 401:
        ways = [Way("Log in", f"/login?next={quote(_here(request), safe='')}"), RUNS]
    elif status in (500, 503) and request.method == "GET":
        ways = [Way("Try again", _here(request)), RUNS]
    elif request.url.path.startswith("/compare"):
        ways = [Way("Choose runs", "/")]
    run = status == 404 and request.url.path.startswith("/runs/")
    answer = render(
        ErrorPage(
            **base(request, None, HEADINGS.get(status, f"Error {status}")),
            status=status,
            heading="There is no such run" if run else HEADINGS.get(status, f"Error {status}"),
            message=sentence(message),
            note=NOTES.get(status, ""),
            ways=tuple(ways),
        ),
        status,
    )
    answer.headers.update(dict(headers or {}))
    return answer
