"""Saved views: the options of a page under a name, to be opened, renamed, replaced and deleted."""

from __future__ import annotations

import time as clock
import uuid
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import BadInput, Conflict, NotFound
from app.tables_views import SavedView

PAGES = {"compare": "/compare", "runs": "/"}
MOST_NAME, MOST_QUERY, MOST_VIEWS = 120, 8000, 500


def listing(session: Session, page: str = "") -> list[SavedView]:
    """The views by name; only those of a page where it is given."""
    wanted = select(SavedView).order_by(SavedView.name)
    return list(session.scalars(wanted.where(SavedView.page == page) if page else wanted))


def get(session: Session, view_id: str) -> SavedView:
    """The view. Raises `NotFound`."""
    found = session.get(SavedView, view_id)
    if found is None:
        raise NotFound(
            f"there is no saved view {view_id!r:.40}; it may have been deleted", code="unknown_view"
        )
    return found


def save(session: Session, name: str, page: str, query: str, *, replace: bool = False) -> SavedView:
    """A new view; with ``replace`` the one of this name gets the new options.

    Raises:
        BadInput: a name or options that are none.
        Conflict: the name is taken.
    """
    name, query = checked_name(name), checked_query(page, query)
    now = clock.time()
    known = session.scalar(select(SavedView).where(SavedView.name == name))
    if known is not None:
        if not replace:
            raise Conflict(
                f"there is a view {name!r} already; take another name, or replace it", code="name_taken"
            )
        known.page, known.query, known.updated = page, query, now
        return known
    if len(listing(session)) >= MOST_VIEWS:
        raise BadInput(f"there are {MOST_VIEWS} saved views; delete some first", field="name")
    view = SavedView(id=uuid.uuid4().hex[:12], name=name, page=page, query=query, created=now, updated=now)
    session.add(view)
    session.flush()
    return view


def rename(session: Session, view_id: str, name: str) -> SavedView:
    """The view under another name. Raises `NotFound`, `BadInput`, `Conflict`."""
    view, name = get(session, view_id), checked_name(name)
    other = session.scalar(select(SavedView).where(SavedView.name == name))
    if other is not None and other.id != view.id:
        raise Conflict(f"there is a view {name!r} already; take another name", code="name_taken")
    view.name, view.updated = name, clock.time()
    return view


def remove(session: Session, view_id: str) -> None:
    """Deletes the view. Raises `NotFound`."""
    session.delete(get(session, view_id))


def address(view: SavedView) -> str:
    """The page's address with the view's options."""
    return f"{PAGES.get(view.page, '/compare')}?{view.query}"


def checked_name(name: str) -> str:
    """The name without blanks around it. Raises `BadInput` for none, a long one, or one with control signs."""
    name = " ".join(name.split())
    if not name or not name.isprintable():
        raise BadInput("a view needs a name that can be read", field="name")
    if len(name) > MOST_NAME:
        raise BadInput(f"the name has {len(name)} characters; the limit is {MOST_NAME}", field="name")
    return name


def checked_query(page: str, query: str) -> str:
    """The options spelled anew from their pairs, so that nothing but options is kept. Raises `BadInput`."""
    if page not in PAGES:
        raise BadInput(
            f"{page!r:.40} is no page that views are kept of; there are {', '.join(PAGES)}", field="page"
        )
    query = query.removeprefix("?")
    if len(query) > MOST_QUERY:
        raise BadInput(f"the options have {len(query)} characters; the limit is {MOST_QUERY}", field="query")
    try:
        pairs = parse_qsl(query, max_num_fields=100)
    except ValueError:
        raise BadInput(
            "the options are no query of an address: name=value with & between", field="query"
        ) from None
    if not pairs or (page == "compare" and not any(k == "runs" and v.strip(" ,") for k, v in pairs)):
        raise BadInput("the options name no runs: give runs=a,b", field="query")
    return urlencode(pairs, safe=",/:")
