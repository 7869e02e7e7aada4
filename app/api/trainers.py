"""Trainers, their presets, sizes, knobs and bands."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from app.errors import NotFound
from app.replies import documented
from nashboard.events import spelled

router = APIRouter(tags=["trainers"])
Trainer = Annotated[str, Path(description="Name of the trainer, such as codec.", max_length=40)]


class PresetShown(BaseModel):
    name: str
    title: str
    text: str
    side: str = Field(description="old, fixed or empty.")
    base: str = Field(description="The preset that it stands on.")
    changes: str = Field(description="What it changes there, in words.")


class TrainerShown(BaseModel):
    name: str
    title: str
    presets: list[PresetShown]
    sizes: list[str]


class Trainers(BaseModel):
    trainers: list[TrainerShown]


class RecipeShown(BaseModel):
    """A recipe with all its knobs and the command that runs it."""

    trainer: str
    preset: str
    size: str
    recipe: dict[str, Any] = Field(description="Values by the knob's dotted name.")
    knobs: list[dict[str, Any]] = Field(description="Name, type, help, unit and range of each knob.")


class Bands(BaseModel):
    bands: list[dict[str, Any]]


@router.get("/api/trainers", summary="Trainers with their presets and sizes")
def list_trainers() -> Trainers:
    from recipes import TRAINERS, compose

    fields = PresetShown.model_fields
    return Trainers(
        trainers=[
            TrainerShown(
                name=name,
                title=kind.title,
                presets=[PresetShown(**{f: getattr(p, f) for f in fields}) for p in compose.presets(name)],
                sizes=list(compose.sizes(name)),
            )
            for name, kind in TRAINERS.items()
        ]
    )


def _known(trainer: str) -> str:
    from recipes import TRAINERS

    if trainer not in TRAINERS:
        raise NotFound(f"there is no trainer {trainer!r:.80}; there are: {', '.join(TRAINERS)}")
    return trainer


@router.get(
    "/api/trainers/{trainer}/recipe",
    summary="A preset's recipe with all its knobs",
    responses=documented(404),
)
def recipe(
    trainer: Trainer,
    preset: Annotated[str, Query(max_length=80)] = "fixed",
    size: Annotated[str, Query(max_length=20)] = "tiny",
) -> RecipeShown:
    from recipes import compose
    from recipes.base import flat, knobs

    made = compose.build(_known(trainer), preset, size)
    rows = [spelled(asdict(k)) for k in knobs(made)]
    return RecipeShown(trainer=trainer, preset=preset, size=size, recipe=spelled(flat(made)), knobs=rows)


@router.get("/api/bands", summary="Where series are expected, by origin", responses=documented(404))
def list_bands(
    trainer: Annotated[str, Query(max_length=40)],
    preset: Annotated[str | None, Query(max_length=80)] = None,
    size: Annotated[str | None, Query(max_length=20)] = None,
) -> Bands:
    """Claimed (somebody said so), published (a paper or a public log), measured (our reference runs)."""
    from recipes import bands

    return Bands(bands=[spelled(asdict(b)) for b in bands.library(_known(trainer), preset, size)])
