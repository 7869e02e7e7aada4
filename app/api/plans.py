"""Plans over the API: make one, see how it goes, pause it, put its queue in another order, cancel."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from app import db, plans, plans_estimate, plans_feed, plans_results
from app.live import bell
from app.replies import documented
from app.tables_plans import Plan
from recipes import plan as papers

router = APIRouter(tags=["plans"])
PlanId = Annotated[str, Path(description="The plan's id.", max_length=100)]
Index = Annotated[int, Field(ge=0, le=100_000)]
SHEET = (
    "What a plan's file says, as an object or as a text of YAML or JSON: trainer, size, seeds, then preset or presets or "
    "items (each with preset, patch, title, factors), patch for all, grid of knobs with lists of values; or search with "
    "knobs, objective, direction, trials."
)


class NewPlan(BaseModel):
    """A plan, or the name of a shipped one; size, seeds and title replace its own."""

    model_config = ConfigDict(extra="forbid")
    plan: dict[str, Any] | Annotated[str, Field(max_length=papers.MOST_BYTES)] = Field({}, description=SHEET)
    shipped: str = Field(
        "", description="Such as cgan/phase-1; GET /api/plans/shipped lists them.", max_length=120
    )
    name: str = Field("", max_length=200)
    size: Literal["tiny", "small", "paper"] | None = None
    seeds: int | list[int] | None = Field(None, description="How many (0 to n − 1), or which.")
    patch: dict[str, Any] | None = Field(
        None, description="Knobs for every run of it, in the place of the plan's own."
    )
    project: str = Field("default", max_length=200)
    device: str = Field("auto", description="auto, cpu or cuda:N.", max_length=40)
    tags: list[Annotated[str, Field(max_length=80)]] = Field([], max_length=50)
    paused: bool = Field(False, description="Make it, and start nothing yet.")

    def sheet(self) -> papers.Sheet:
        return plans.drawn(self.plan, self.shipped, size=self.size, seeds=self.seeds, patch=self.patch)


class Some(BaseModel):
    """Items by their index, from 0."""

    model_config = ConfigDict(extra="forbid")
    items: list[Index] = Field(max_length=1000)


class Cancel(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: list[Index] | None = Field(None, description="None: the whole plan.", max_length=1000)
    stop: bool = Field(True, description="Also ask those that run to stop.")


class Pause(BaseModel):
    model_config = ConfigDict(extra="forbid")
    paused: bool = True


class Estimated(BaseModel):
    seconds: float | None = Field(description="None: no earlier run tells.")
    slots: int = Field(description="How many run at a time on the workers that are there.")
    runs: int = Field(description="Earlier runs that it goes by.")
    text: str


class Checked(BaseModel):
    """What a plan would be."""

    runs: int = Field(description="How many runs; of a search at most.")
    varied: list[str]
    doubles: int = Field(description="Items left out, as they are the same recipe as an earlier one.")
    estimate: Estimated


class PlanRow(BaseModel):
    id: str
    name: str
    kind: Literal["plan", "search"]
    trainer: str
    size: str
    device: str
    project: str
    tags: list[str]
    state: Literal["running", "paused", "finished", "cancelled"]
    reason: str = Field(description="Why nothing is started, where something hinders.")
    created: float
    ended: float | None
    counts: dict[str, int] = Field(description="Items by status.")
    done: int
    total: int
    url: str


class ItemShown(BaseModel):
    index: int
    title: str
    preset: str
    seed: int
    patch: dict[str, Any]
    at: dict[str, Any] = Field(description="Its value on each varied knob.")
    steps: int | None
    status: str = Field(
        description=f"One of {', '.join(plans.STATUSES)}; refused: its recipe could not be started."
    )
    reason: str
    run: str | None
    value: float | None = Field(description="The metric's value, of a finished run.")


class PlanShown(PlanRow):
    """A plan with its items in the order of its queue."""

    sheet: dict[str, Any]
    varied: list[str]
    metric: str | None = Field(description="The series that the values are of.")
    items: list[ItemShown]
    estimate: Estimated | None = Field(description="For what is left.")


class Plans(BaseModel):
    """Newest first."""

    plans: list[PlanRow]


class ShippedPlan(BaseModel):
    name: str
    trainer: str
    title: str
    text: str
    source: str
    runs: int
    yaml: str


class Shipped(BaseModel):
    shipped: list[ShippedPlan]


def _row(listed: plans.Listed) -> dict[str, Any]:
    p = listed.plan
    names = (
        "id", "name", "kind", "trainer", "size", "device", "project", "tags", "state", "reason", "created", "ended",
    )  # fmt: skip
    own = {n: getattr(p, n) for n in names}
    return {
        **own,
        "counts": listed.counts,
        "done": listed.done,
        "total": listed.total,
        "url": f"/plans/{p.id}",
    }


def _shown(plan_id: str, metric: str = "", of: str = "best") -> PlanShown:
    with db.reading() as session:
        found = plans.get(session, plan_id)
        (listed,) = plans.listing(session, only=Plan.id == found.id)
        entries = plans.entries(session, found.id)
        results = plans_results.of(session, found, entries, metric, of)
        left = plans_estimate.of_plan(session, found, entries)
    items = [
        ItemShown(
            index=e.item.index, title=e.item.title, preset=e.item.preset, seed=e.item.seed, patch=e.item.patch,
            at=e.item.at, steps=e.item.steps, status=e.status,
            reason=e.item.reason or e.item.pruned or (e.run.reason if e.run else ""),
            run=e.run.id if e.run else None, value=results.values.get(e.item.index),
        )
        for e in entries
    ]  # fmt: skip
    return PlanShown(
        **_row(listed), sheet=found.sheet, varied=found.varied, items=items,
        metric=results.metric.row.name if results.metric else None,
        estimate=Estimated(**vars(left)) if left else None,
    )  # fmt: skip


def _changed(plan_id: str) -> PlanShown:
    bell.ring()
    return _shown(plan_id)


@router.get("/api/plans", summary="Plans, the newest first")
def list_plans(limit: Annotated[int, Query(ge=1, le=plans.MOST_PLANS)] = 100) -> Plans:
    with db.reading() as session:
        return Plans(plans=[PlanRow(**_row(x)) for x in plans.listing(session, limit)])


@router.get("/api/plans/shipped", summary="The plans that come with the product")
def list_shipped(trainer: Annotated[str, Query(max_length=40)] = "") -> Shipped:
    found = [s for s in papers.shipped() if trainer in ("", s.sheet.trainer)]
    return Shipped(
        shipped=[
            ShippedPlan(
                name=s.name, trainer=s.sheet.trainer, title=s.sheet.title, text=s.sheet.text, source=s.sheet.source,
                runs=papers.size_of(s.sheet), yaml=s.text,
            )
            for s in found
        ]
    )  # fmt: skip


@router.post("/api/plans/check", summary="What a plan would be, without making it", responses=documented(503))
def check_plan(asked: NewPlan) -> Checked:
    """422 names every wrong item with its knob."""
    sheet = asked.sheet()
    made = plans.checked(sheet, asked.device)
    with db.reading() as session:
        found = plans_estimate.of_sheet(session, sheet, made, asked.device)
    count = sheet.search.trials if sheet.search is not None else len(made.items)
    return Checked(
        runs=count, varied=list(made.varied), doubles=made.doubles, estimate=Estimated(**vars(found))
    )


@router.post("/api/plans", status_code=201, summary="Make a plan and start it", responses=documented(503))
def create_plan(asked: NewPlan) -> PlanShown:
    """Validated whole: 422 names every wrong item with its knob, and nothing is made."""
    sheet = asked.sheet()
    with db.transaction() as session:
        made = plans.create(
            session, sheet, name=asked.name, project=asked.project, device=asked.device, tags=asked.tags,
            paused=asked.paused,
        )  # fmt: skip
        plans_feed.soon(session)
    return _changed(made.id)


@router.get("/api/plans/{plan_id}", summary="One plan with its items", responses=documented(404))
def get_plan(
    plan_id: PlanId,
    metric: Annotated[str, Query(max_length=200)] = "",
    of: Annotated[str, Query(max_length=10)] = "best",
) -> PlanShown:
    return _shown(plan_id, metric, of)


@router.post(
    "/api/plans/{plan_id}/pause", summary="Start nothing more, or go on", responses=documented(404, 409)
)
def pause_plan(plan_id: PlanId, asked: Pause) -> PlanShown:
    """What runs already goes on."""
    with db.transaction() as session:
        plans.pause(session, plan_id, asked.paused)
        plans_feed.soon(session)
    return _changed(plan_id)


@router.post(
    "/api/plans/{plan_id}/cancel", summary="Cancel items, or the whole plan", responses=documented(404)
)
def cancel_plan(plan_id: PlanId, asked: Cancel) -> PlanShown:
    """What waits never starts; what runs is asked to stop, unless `stop` is false."""
    with db.transaction() as session:
        plans.cancel(session, plan_id, asked.items, stop=asked.stop)
        plans_feed.soon(session)
    return _changed(plan_id)


@router.post(
    "/api/plans/{plan_id}/reorder", summary="Have these items start first", responses=documented(404, 409)
)
def reorder_plan(plan_id: PlanId, asked: Some) -> PlanShown:
    """In this order; the other waiting items follow in theirs. 409 for an item that waits no more."""
    with db.transaction() as session:
        plans.reorder(session, plan_id, asked.items)
    return _changed(plan_id)


@router.post(
    "/api/plans/{plan_id}/again",
    summary="Run items that did not finish again",
    responses=documented(404, 409),
)
def again_plan(plan_id: PlanId, asked: Some) -> PlanShown:
    """At the end of the queue, as new runs."""
    with db.transaction() as session:
        plans.again(session, plan_id, asked.items)
        plans_feed.soon(session)
    return _changed(plan_id)


@router.delete(
    "/api/plans/{plan_id}",
    status_code=204,
    summary="Forget a plan; its runs stay",
    responses=documented(404, 409),
)
def delete_plan(plan_id: PlanId) -> None:
    with db.transaction() as session:
        plans.remove(session, plan_id)
