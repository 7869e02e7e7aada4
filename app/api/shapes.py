"""The shapes that several endpoints answer with."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from app.errors import BadInput
from nashboard.events import spelled

LIMIT = 2**53
Number = Annotated[float, PlainSerializer(spelled, return_type=float | str)]
"""A number that may be "NaN", "Infinity" or "-Infinity", as strings."""
RunId = Annotated[str, Path(description="The run's id.", max_length=100)]
Step = Annotated[int, Field(ge=-LIMIT, le=LIMIT)]


def listed(text: str, name: str, most: int) -> list[str]:
    """The parts of "a,b,c", each once; raises `BadInput` for none or too many."""
    found = list(dict.fromkeys(p.strip() for p in text.split(",") if p.strip()))
    if not found:
        raise BadInput(f"{name} names nothing; give {name}=a,b", field=name)
    if len(found) > most:
        raise BadInput(f"{name} names {len(found)}; the limit is {most}", field=name)
    return found


class RunRow(BaseModel):
    """A run in a list."""

    model_config = ConfigDict(from_attributes=True)
    id: str
    project: str
    name: str
    trainer: str
    preset: str
    size: str
    seed: int | None
    status: str = Field(description="queued, running, stopping, finished, stopped, failed or lost.")
    reason: str = Field(description="Why it ended so.")
    tags: list[str]
    notes: str
    group: str = Field(description="The launch that it belongs to, such as a pair.")
    parent: str | None = Field(description="The run that it was forked from.")
    treats: str | None = Field(description="The finding that it treats.")
    archived: bool
    host: str
    device: str
    created: float = Field(description="Unix seconds, as all times.")
    started: float | None
    ended: float | None
    heartbeat: float | None = Field(description="The last sign of life.")
    next_seq: int = Field(description="The first line of its journal that is not here.")
    last_step: int | None
    total_steps: int | None


class RunShown(RunRow):
    """A run with all that is known of it."""

    recipe: dict[str, Any]
    environment: dict[str, Any]
    command: list[str]
    resume: str
    run_dir: str
    stop_on: list[str] = Field([], description="Rules at whose fail it is stopped.")
    counts: dict[str, Any] = Field(description="Events by kind; those of an unknown kind under unknown.")


class SeriesShown(BaseModel):
    """A series' summary; low and high are of its finite values."""

    model_config = ConfigDict(from_attributes=True)
    name: str
    title: str
    unit: str
    better: str
    count: int
    nonfinite: int
    low: float | None
    high: float | None
    first_step: int
    last_step: int
    last_value: Number
    last_time: float
