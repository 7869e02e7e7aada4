"""Changing runs by plain forms, for browsers without script: name, tags, notes, archive, delete, bring back.

The scripts of the pages do the same by the API. Each form leads back to the page that it came from.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from app import bins, db, runs
from app.errors import BadInput, Conflict
from app.live import bell
from app.login import local

router = APIRouter()
MOST_FIELDS = bins.MOST + 20


@router.post("/runs/bulk")
async def several(request: Request) -> Response:
    """What the form of the list asks to do with the runs that are ticked; what was refused is said on a page."""
    form = await _form(request)
    act, back = _one(form, "act"), local(_one(form, "back") or "/")
    outcome = await run_in_threadpool(_change, form.get("run", []), act, _tags(_one(form, "tags")))
    if outcome.refused:
        said = "; ".join(f"{name}: {why}" for _, name, why in outcome.refused[:20])
        others = f" It was done to {len(outcome.done)} others." if outcome.done else ""
        raise Conflict(f"not done to {len(outcome.refused)} of the runs: {said}.{others}")
    return RedirectResponse(back, 303)


@router.post("/runs/{run_id}/annotate")
async def one(request: Request, run_id: str) -> Response:
    """What the form of the run's page asks: save, archive, unarchive or delete."""
    form = await _form(request)
    act = _one(form, "act") or "save"
    if act in ("archive", "unarchive", "delete"):
        outcome = await run_in_threadpool(_change, [run_id], act, [])
        if outcome.refused:
            raise Conflict(f"not done: {outcome.refused[0][2]}")
        return RedirectResponse("/" if act == "delete" else f"/runs/{run_id}", 303)
    if act != "save":
        raise BadInput(f"{act!r:.40} is nothing to do with a run", field="act")
    await run_in_threadpool(_save, run_id, form)
    return RedirectResponse(f"/runs/{run_id}#notes", 303)


def _change(ids: list[str], act: str, tags: list[str]) -> bins.Outcome:
    with db.transaction() as session:
        outcome = bins.change(session, ids, act, tags)
    for run_id in outcome.done:
        bell.ring(run_id)
    return outcome


def _save(run_id: str, form: dict[str, list[str]]) -> None:
    name = _one(form, "name") if "name" in form else None
    notes = _one(form, "notes") if "notes" in form else None
    tags = _tags(_one(form, "tags")) if "tags" in form else None
    with db.transaction() as session:
        runs.annotate(session, run_id, tags=tags, name=name, notes=notes)
    bell.ring(run_id)


async def _form(request: Request) -> dict[str, list[str]]:
    text = (await request.body()).decode("utf-8", "replace")
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadInput(
            f"more than {MOST_FIELDS} fields; the limit is {bins.MOST} runs at once", field="run"
        ) from None


def _one(form: dict[str, list[str]], name: str) -> str:
    return form.get(name, [""])[0].replace("\r\n", "\n")


def _tags(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]
