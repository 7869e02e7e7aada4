"""What all pages share: the template environment, filters, the typed page context, and rendering.

A page's context is a frozen dataclass that extends `Page`; each of its fields is a variable of the template,
and nothing else is (undefined names are errors). `tests/app/pages/test_common.py` checks both directions.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import markdown, words
from app.models import Run

TEMPLATES = Path(__file__).parents[2] / "templates"
LETTERS = "ABCDEFGH"
THEMES = ("light", "dark")


def environment() -> Environment:
    """Templates with autoescape, undefined names as errors, and the product's filters."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("count", "number", "fixed", "measured", "knob", "duration", "ago", "iso", "size", "plural"):
        env.filters[name] = getattr(words, name)
    env.filters["markdown"], env.filters["plain"] = markdown.rendered, markdown.plain
    env.globals["LETTERS"] = LETTERS
    return env


ENV = environment()


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the base template needs. ``live_count`` is the bar's "2 running, 1 queued"."""

    template: ClassVar[str] = ""
    nav: ClassVar[str] = ""
    title: str
    theme: str = ""
    live_count: str = ""


def theme(request: Request) -> str:
    """The theme chosen by cookie: light, dark, or "" to follow the system."""
    chosen = request.cookies.get("theme", "")
    return chosen if chosen in THEMES else ""


def live_count(session: Session) -> str:
    """ "2 running, 1 queued" in one query; "" where nothing runs or waits."""
    rows = session.execute(
        select(Run.status, func.count())
        .where(
            Run.status.in_(("running", "queued", "stopping")), Run.archived.is_(False), Run.deleted.is_(None)
        )
        .group_by(Run.status)
    )
    found = {row[0]: row[1] for row in rows}
    return ", ".join(f"{words.count(found[s])} {s}" for s in ("running", "stopping", "queued") if s in found)


def base(request: Request, session: Session | None, title: str) -> dict[str, Any]:
    """The fields of `Page`: ``RunPage(**base(request, session, title), …)``. One query."""
    return {
        "title": title,
        "theme": theme(request),
        "live_count": live_count(session) if session is not None else "",
    }


def context(page: Page) -> dict[str, Any]:
    """The page's fields by name, and its class's ``nav``."""
    return {f.name: getattr(page, f.name) for f in fields(page)} | {"nav": page.nav}


def render(page: Page, status: int = 200, template: str = "") -> HTMLResponse:
    """The page as HTML, or only the part of it in ``template``. Nothing keeps a page: its state moves."""
    html = ENV.get_template(template or page.template).render(context(page))
    return HTMLResponse(html, status, {"Cache-Control": "no-store"})
