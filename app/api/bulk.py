"""Several runs at once: tag, archive, delete and bring back; and the names that a search may use."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app import bins, db, markdown, query, querysql
from app.live import bell
from doctor.rulebook import RULES
from nashboard import vocabulary
from nashboard.events import STATUSES

router = APIRouter(tags=["runs"])


class Change(BaseModel):
    """What to do with which runs."""

    model_config = {"extra": "forbid"}
    act: Literal["tag", "untag", "archive", "unarchive", "delete", "restore", "purge"] = Field(
        description="delete hides a run, restore brings it back within ten minutes, purge removes it for good at once."
    )
    ids: list[str] = Field(max_length=bins.MOST)
    tags: list[str] = Field([], description="For tag and untag.")


class Refused(BaseModel):
    id: str
    name: str
    why: str


class Changed(BaseModel):
    """Which runs it was done to, and why not to the others."""

    done: list[str]
    refused: list[Refused]


class Known(BaseModel):
    """What a search may name."""

    fields: list[str]
    statuses: list[str]
    verdicts: list[str]
    findings: list[str]
    knobs: list[str]
    series: list[str]
    lower_is_better: list[str]
    tags: list[str]


class Text(BaseModel):
    text: str = Field(max_length=100_000)


class Html(BaseModel):
    html: str


@router.post("/api/runs/bulk", summary="Tag, archive, delete or bring back several runs")
def bulk(asked: Change) -> Changed:
    """What cannot be done to one run (it is active, it is not there) is said and hinders no other."""
    with db.transaction() as session:
        found = bins.change(session, asked.ids, asked.act, asked.tags)
    for run_id in found.done:
        bell.ring(run_id)
    refused = [Refused(id=run, name=name, why=why) for run, name, why in found.refused]
    return Changed(done=found.done, refused=refused)


@router.get("/api/names", summary="What a search of runs may name")
def names() -> Known:
    """Fields, knobs, series and tags, for suggestions while somebody types; up to 20 s old."""
    with db.reading() as session:
        found = querysql.names(session)
    return Known(
        fields=list(query.FIELDS),
        statuses=[*STATUSES, "active", "ended"],
        verdicts=list(querysql.VERDICTS),
        findings=[r.code for r in RULES],
        knobs=list(found.knobs),
        series=list(found.series),
        lower_is_better=[s for s in found.series if vocabulary.describe(s).better == "down"],
        tags=list(found.tags),
    )


@router.post("/api/markdown", summary="Notes in Markdown as the HTML that the run's page shows")
def rendered(asked: Text) -> Html:
    """Without raw HTML, without pictures, links with rel=noopener."""
    return Html(html=str(markdown.rendered(asked.text)))
