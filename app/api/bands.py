"""Bands: list, make from runs, import, edit, export, delete."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict, Field

from app import bandmaking, bandsets, db, runs
from app.api.shapes import listed
from app.replies import documented
from recipes.band import AXES

router = APIRouter(tags=["bands"])
SetId = Annotated[str, Path(description="The set's id.", max_length=100)]


class SetShown(BaseModel):
    """A set of bands without its numbers. ``kept``: versions that there are, 0 for the library's."""

    id: str
    name: str
    trainer: str
    origins: list[str]
    series: list[str]
    version: int
    kept: int
    always: bool
    url: str


class SetWhole(SetShown):
    """A set with its bands, each with the fields of a band as it is exported."""

    note: str
    bands: list[dict[str, Any]]


class NewSet(BaseModel):
    """What to make out of which runs."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=1000)
    runs: list[str] = Field(max_length=bandmaking.MOST_RUNS)
    x: str = Field("epoch", description=f"The unit: {', '.join(AXES)}.")
    low: float = Field(0.0, description="Quantile over the runs that is the lower edge.")
    high: float = Field(1.0, description="Quantile over the runs that is the upper edge.")
    least: int = Field(3, description="Fewest runs that make a band.")
    by_phase: bool = Field(False, description="Each phase by itself, from its mark on.")
    series: list[str] = Field(
        [], max_length=200, description="Series; empty: all that training is judged by."
    )
    note: str = ""
    always: bool = Field(False, description="Draw it wherever it fits, without its being chosen.")


class Changes(BaseModel):
    """What is to be different; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = None
    note: str | None = None
    always: bool | None = None
    bands: list[dict[str, Any]] | None = None


def shown(one: bandsets.Set) -> dict[str, Any]:
    """The set's fields as the API gives them."""
    return {
        "id": one.id, "name": one.name, "trainer": one.trainer, "origins": list(one.origins),
        "series": list(one.series), "version": one.version, "kept": one.kept, "always": one.always,
        "url": f"/bands/{one.id}",
    }  # fmt: skip


def whole(one: bandsets.Set) -> SetWhole:
    """The set with its bands."""
    return SetWhole(**shown(one), note=one.note, bands=one.json()["bands"])


@router.get("/api/bandsets", summary="Sets of bands")
def listing() -> list[SetShown]:
    """Those that somebody made by name, then the library's."""
    with db.reading() as session:
        return [SetShown(**shown(s)) for s in bandsets.listing(session)]


@router.post("/api/bandsets", status_code=201, summary="Make bands from runs", responses=documented(404, 409))
def make(asked: NewSet) -> SetWhole:
    """The envelope of the runs' curves, resampled on the unit."""
    wish = bandmaking.Wish(asked.x, asked.low, asked.high, asked.least, asked.by_phase, tuple(asked.series))
    with db.transaction() as session:
        ids = listed(",".join(asked.runs), "runs", bandmaking.MOST_RUNS)
        found = [runs.get(session, i) for i in ids]
        bands = bandmaking.make(bandmaking.of_runs(session, found, wish), wish)
        return whole(bandsets.add(session, asked.name, bands, asked.note, asked.always))


@router.post(
    "/api/bandsets/import", status_code=201, summary="Import an exported set", responses=documented(409)
)
def bring(exported: Annotated[dict[str, Any], Body()]) -> SetWhole:
    """The JSON of an export: format, name, note and bands."""
    name, note, bands = bandsets.read(db.dumps(exported))
    with db.transaction() as session:
        return whole(bandsets.add(session, name, bands, note))


@router.get("/api/bandsets/{set_id}", summary="A set with its bands", responses=documented(404))
def one(set_id: SetId, version: int = 0) -> SetWhole:
    """At its newest version, or at the one asked for."""
    with db.reading() as session:
        return whole(bandsets.get(session, set_id, version))


@router.patch("/api/bandsets/{set_id}", summary="Edit a set", responses=documented(404, 409))
def edit(set_id: SetId, asked: Changes) -> SetWhole:
    """A change of name, note or bands is a new version; the old ones stay."""
    rows = asked.bands
    bands = None if rows is None else [bandsets.parsed(r, f"band {n}") for n, r in enumerate(rows, 1)]
    with db.transaction() as session:
        return whole(
            bandsets.edit(session, set_id, name=asked.name, note=asked.note, bands=bands, always=asked.always)
        )


@router.delete(
    "/api/bandsets/{set_id}", status_code=204, summary="Delete a set", responses=documented(404, 409)
)
def remove(set_id: SetId) -> None:
    """With all its versions; the library's stay."""
    with db.transaction() as session:
        bandsets.remove(session, set_id)
