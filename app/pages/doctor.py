"""The Doctor page: a log from anywhere and what the doctor says of it, and the rule book."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.datastructures import UploadFile

from app import db, logplots, uploads
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


def _answer(request: Request, name: str, body: bytes, adv_loss: str) -> Response:
    try:
        if not name:
            raise BadInput("no file was chosen; choose a CSV or a journal", field="log")
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
        limit=limit,
    )  # fmt: skip
    return render(page, status)
