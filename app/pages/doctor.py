"""The Doctor page: a log or a bundle from anywhere and what the doctor says of it, and the rule book."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.datastructures import UploadFile

from app import bundles, db, logplots, uploads
from app.api.bundles import label_of
from app.errors import BadInput
from app.pages.common import Page, base, render
from app.settings import get_settings
from app.uploads import Diagnosed
from doctor.rule import Rule
from doctor.rulebook import RULES
from doctor.view import LOSSES

router = APIRouter()
FORM_BYTES = 64 * 1024  # what a form adds around its file, and more


@dataclass(frozen=True, kw_only=True)
class DoctorPage(Page):
    """The form, the result or the error of what was sent, and every rule."""

    template: ClassVar[str] = "doctor.html"
    nav: ClassVar[str] = "doctor"
    rules: tuple[Rule, ...] = RULES
    losses: tuple[str, ...] = LOSSES
    limit: int
    bundle_limit: int
    chosen: str = ""
    problem: str = ""
    result: Diagnosed | None = None
    plots: tuple[logplots.Plot, ...] = ()
    figures: str = ""


@router.get("/doctor")
def doctor_page(request: Request) -> Response:
    """The page before a log was given."""
    return _respond(request)


@router.post("/doctor")
async def doctor_log(request: Request) -> Response:
    """The page with the diagnosis of the log in the form, or with what is wrong with it. Nothing is stored."""
    async with request.form(max_files=1, max_fields=4) as form:
        log, adv_loss = form.get("log"), str(form.get("adv_loss") or "")
        name, body = (
            (log.filename or "", await log.read())
            if isinstance(log, UploadFile) and log.filename
            else ("", b"")
        )
    return await run_in_threadpool(_answer, request, name[:200], body, adv_loss)


@router.post("/doctor/bundle")
async def doctor_bundle(request: Request, name: str = "", adv_loss: str = "") -> Response:
    """The page with the diagnosis of the bundle that is the body; nothing of it becomes a run."""
    label = label_of(name)
    with bundles.scratch() as file:
        async for part in request.stream():
            await run_in_threadpool(file.write, part)
        file.flush()
        return await run_in_threadpool(_bundle, request, Path(file.name), label, adv_loss)


def _bundle(request: Request, path: Path, label: str, adv_loss: str) -> Response:
    try:
        return _respond(request, uploads.bundle_diagnosed(path, label, adv_loss), chosen=adv_loss)
    except BadInput as wrong:
        return _respond(request, chosen=adv_loss, problem=wrong.message, status=422)


def _answer(request: Request, name: str, body: bytes, adv_loss: str) -> Response:
    try:
        if not name:
            raise BadInput("no file was chosen; choose a CSV or a journal", field="log")
        if body[:4] == b"PK\x03\x04":  # without scripts a bundle comes as a log does
            with bundles.scratch() as file:
                file.write(body)
                file.flush()
                return _bundle(request, Path(file.name), label_of(name), adv_loss)
        return _respond(request, uploads.diagnosed(body, name, adv_loss), chosen=adv_loss)
    except BadInput as wrong:
        return _respond(request, chosen=adv_loss, problem=wrong.message, status=422)


def _respond(
    request: Request,
    result: Diagnosed | None = None,
    *,
    chosen: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    with db.reading() as session:
        common = base(request, session, "Doctor")
    limit = get_settings().max_batch_bytes - FORM_BYTES
    drawn = logplots.plots(result.view, result.diagnosis) if result else ()
    page = DoctorPage(
        **common, result=result, plots=drawn, figures=logplots.template(), chosen=chosen, problem=problem,
        limit=limit, bundle_limit=get_settings().max_bundle_bytes,
    )  # fmt: skip
    return render(page, status)
