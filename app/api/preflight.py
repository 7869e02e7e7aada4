"""Preflights over the API: a data card and a dry run of what a launch would start."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from app import db, preflights
from app.api.launch import Patch
from app.replies import documented

router = APIRouter(tags=["launch"])


class Ask(BaseModel):
    """What a launch would take, and the kind of preflight; other fields of a launch are passed over."""

    model_config = ConfigDict(extra="ignore")
    kind: Literal["card", "dry"] = Field(description="card: the data; dry: two steps on the device.")
    trainer: str = Field(max_length=40)
    preset: str = Field("fixed", max_length=80)
    presets: list[Annotated[str, Field(max_length=80)]] = Field([], max_length=8)
    size: str = Field("tiny", max_length=20)
    patch: Patch = {}
    sides: dict[str, Patch] = Field({}, max_length=8)
    device: str = Field("auto", max_length=40)
    again: bool = Field(False, description="Look again, even where the answer is known.")


class PreflightShown(BaseModel):
    """A preflight: queued, running, done with its outcome, or failed with its reason."""

    id: str
    kind: str
    preset: str
    device: str
    state: Literal["queued", "running", "done", "failed"]
    reason: str
    outcome: dict[str, Any]
    created: float
    started: float | None
    ended: float | None


class Preflights(BaseModel):
    """One for each recipe: a card is the same for both of a pair, a dry run is not."""

    preflights: list[PreflightShown]


@router.post(
    "/api/preflights", status_code=201, summary="Look at a launch's data, or try two steps of it",
    responses={200: {"model": Preflights, "description": "It is known or being made"}, **documented(409, 503)},
)  # fmt: skip
def ask(asked: Ask, response: Response) -> Preflights:
    """Validated as a launch is, paths included; nothing of it becomes a run."""
    presets = asked.presets or [asked.preset]
    made = preflights.recipes_of(asked.trainer, presets, asked.size, asked.patch, asked.sides)
    with db.transaction() as session:
        found = [
            preflights.ask(session, asked.kind, recipe, asked.device, asked.again)
            for recipe in (made[:1] if asked.kind == "card" else made)
        ]
        told = [PreflightShown(**preflights.as_json(p)) for p, _ in found]
    response.status_code = 201 if any(new for _, new in found) else 200
    return Preflights(preflights=told)


@router.get("/api/preflights/{preflight_id}", summary="How a preflight fares", responses=documented(404))
def get(preflight_id: str) -> PreflightShown:
    with db.reading() as session:
        return PreflightShown(**preflights.as_json(preflights.get(session, preflight_id)))
