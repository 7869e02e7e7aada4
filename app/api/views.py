"""Saved views: list, save, rename, delete."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from app import db, views
from app.replies import documented
from app.tables_views import SavedView

router = APIRouter(tags=["views"])
ViewId = Annotated[str, Path(description="The view's id.", max_length=100)]


class NewView(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=1000)
    page: str = "compare"
    query: str = Field(
        max_length=20_000, description="The part of the page's address behind the question mark."
    )
    replace: bool = Field(False, description="Put these options in the place of the view of this name.")


class NewName(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=1000)


class ViewShown(BaseModel):
    """A saved view; ``url`` opens it."""

    id: str
    name: str
    page: str
    query: str
    url: str
    created: float
    updated: float


def shown(view: SavedView) -> ViewShown:
    """The view as the API gives it."""
    fields = {name: getattr(view, name) for name in ("id", "name", "page", "query", "created", "updated")}
    return ViewShown(**fields, url=views.address(view))


@router.get("/api/views", summary="Views saved by name")
def listing(page: str = "") -> list[ViewShown]:
    """By name; only those of a page where it is given."""
    with db.reading() as session:
        return [shown(v) for v in views.listing(session, page)]


@router.post("/api/views", status_code=201, summary="Save a view", responses=documented(409))
def save(asked: NewView) -> ViewShown:
    """A name that is taken is refused, but with `replace`."""
    with db.transaction() as session:
        return shown(views.save(session, asked.name, asked.page, asked.query, replace=asked.replace))


@router.patch("/api/views/{view}", summary="Rename a view", responses=documented(404, 409))
def rename(view: ViewId, asked: NewName) -> ViewShown:
    with db.transaction() as session:
        return shown(views.rename(session, view, asked.name))


@router.delete("/api/views/{view}", status_code=204, summary="Delete a view", responses=documented(404))
def remove(view: ViewId) -> None:
    with db.transaction() as session:
        views.remove(session, view)
