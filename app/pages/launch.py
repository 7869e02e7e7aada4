"""The Launch page: choose trainer, presets, data and knobs; see what starts; launch one run or a pair.

The script posts to the API and asks `/launch/preview` for the form anew; without it the same form is posted
to `/launch`, and the server shows the same problems beside the same fields.
"""

from __future__ import annotations

import json
import re
import statistics
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import (
    datafolders,
    dataroots,
    db,
    drafts,
    errors,
    forms,
    launching,
    plans,
    plans_estimate,
    plans_feed,
    stopping,
    words,
)
from app.drafts import Checked, Draft
from app.models import Run
from app.pages.common import LETTERS, Page, base, render
from app.settings import get_settings
from doctor.findings import Finding
from doctor.lint import lint
from recipes import TRAINERS, compose
from recipes.base import BadRecipe, Problem, Recipe, diff, flat
from recipes.command import command

router = APIRouter()

TITLES = {"trainer": "Trainer", "preset": "Preset", "size": "Size", "seed": "Seed", "seeds": "Seeds", "data.root": "Folder",
          "name": "Name", "project": "Project", "tags": "Tags", "device": "Device",
          "stop_on": "Stop when the doctor says fail"}  # fmt: skip
OWN_ID = ("seed", "seeds", "name", "project", "tags", "device", "stop_on")


@dataclass(frozen=True)
class Choice:
    """One of several to choose from. ``letter`` is the key of the run that it makes, "" where not chosen.

    ``claims`` are (origin, sentence): what is claimed of it, and what was measured or published.
    """

    value: str
    title: str
    text: str = ""
    note: str = ""
    claims: tuple[tuple[str, str], ...] = ()
    chosen: bool = False
    letter: str = ""


@dataclass(frozen=True)
class Change:
    """A knob in which the chosen presets differ."""

    knob: str
    anchor: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Trouble:
    """A problem for the list on top: its field's label, the field's id, and what is wrong."""

    label: str
    anchor: str
    text: str


@dataclass(frozen=True)
class Start:
    """A run that would start."""

    letter: str
    name: str
    steps: str
    command: str


@dataclass(frozen=True, kw_only=True)
class LaunchPage(Page):
    """The form as it stands."""

    template: ClassVar[str] = "launch.html"
    nav: ClassVar[str] = "launch"
    draft: Draft
    trainers: tuple[Choice, ...]
    presets: tuple[Choice, ...]
    sizes: tuple[Choice, ...]
    devices: tuple[Choice, ...]
    stops: tuple[Choice, ...]
    shown: str
    demo: str
    roots: tuple[str, ...]
    folders: tuple[datafolders.Folder, ...]
    groups: tuple[forms.Group, ...]
    changed: int
    changes: tuple[Change, ...]
    starts: tuple[Start, ...]
    took: str
    troubles: tuple[Trouble, ...]
    errors: dict[str, str]
    lints: dict[str, tuple[Finding, ...]]
    failure: str
    note: str
    path: str
    body: str


@router.get("/launch")
def launch_page(request: Request) -> Response:
    """The form; a query such as ``?preset=fixed&size=tiny&knob:disc.lr=1e-3`` fills it.

    Without a word on data it begins with the first allowed folder, which is that of ``make run DATA=DIR``.
    """
    given, roots = request.query_params.multi_items(), get_settings().data_roots
    draft = drafts.read(given)
    reads = TRAINERS[draft.trainer].reads if draft.trainer in TRAINERS else "audio"
    if (
        roots
        and "knob:data.root" not in dict(given)
        and not dataroots.trouble_with(str(roots[0]), roots, reads)
    ):
        draft = replace(draft, root=str(roots[0]))
    return _respond(request, draft, LaunchPage.template)


@router.post("/launch/preview")
async def launch_preview(request: Request) -> Response:
    """The form alone, as it would be answered: for the script, which takes over what has changed."""
    draft = await _sent(request)
    return await run_in_threadpool(_respond, request, draft, "parts/launch_form.html")


@router.post("/launch")
async def launch_submit(request: Request) -> Response:
    """Launch and go to the runs; or the form again, with what is wrong and all that was typed."""
    draft = await _sent(request)
    return await run_in_threadpool(_submit, request, draft)


async def _sent(request: Request) -> Draft:
    async with request.form(max_files=0, max_fields=2000) as form:
        return drafts.read((name, value) for name, value in form.multi_items() if isinstance(value, str))


def _submit(request: Request, draft: Draft) -> Response:
    if not drafts.fresh(draft):
        return _respond(
            request, draft, LaunchPage.template, note="The knobs below are now those of your choice."
        )
    checked = drafts.check(draft, get_settings().data_roots)
    if checked.problems:
        return _respond(request, draft, LaunchPage.template, status=422)
    try:
        return RedirectResponse(_launch(_asked(checked)), 303)
    except BadRecipe as bad:
        return _respond(request, draft, LaunchPage.template, status=422, more=bad.problems)
    except errors.Problem as problem:
        return _respond(
            request, draft, LaunchPage.template, status=problem.status, failure=f"{problem.message}. "
        )


def _asked(checked: Checked) -> dict[str, Any]:
    """One run or one pair as itself; over several seeds as a plan."""
    return drafts.planned(checked) if checked.draft.repeats > 1 else drafts.asked(checked)


def _launch(asked: dict[str, Any]) -> str:
    """Queue what is asked; where to look at it."""
    if "plan" in asked:
        with db.transaction() as session:
            plan = plans.create(session, plans.drawn(asked.pop("plan")), **asked)
            plans_feed.soon(session)
        return f"/plans/{plan.id}"
    trainer = asked.pop("trainer")
    with db.transaction() as session:
        if "presets" in asked:
            made = launching.launch_pair(session, trainer, **asked)
            return f"/compare?runs={','.join(run.id for run in made)}"
        return f"/runs/{launching.launch(session, trainer, **asked).id}"


def _respond(
    request: Request,
    draft: Draft,
    template: str,
    *,
    status: int = 200,
    failure: str = "",
    note: str = "",
    more: list[Problem] | None = None,
) -> Response:
    """The form for a draft; ``more`` is what the launch itself refused."""
    settings = get_settings()
    checked = drafts.check(draft, settings.data_roots)
    problems = [*checked.problems, *(("", p) for p in more or ())]
    with db.reading() as session:
        page = _page(request, session, checked, problems, settings.data_roots, failure, note)
    return render(page, status, template=template)


def _page(
    request: Request,
    session: Session,
    checked: Checked,
    problems: list[tuple[str, Problem]],
    roots: list[Path],
    failure: str,
    note: str,
) -> LaunchPage:
    draft = checked.draft
    letters = dict(zip(draft.presets, LETTERS, strict=False))
    groups = forms.groups(checked.knobs, draft.typed, problems)
    asked = _asked(checked)
    return LaunchPage(
        **base(request, session, "Launch"),
        draft=draft,
        trainers=tuple(
            Choice(t, r.title or t, _about(t), chosen=t == draft.trainer) for t, r in TRAINERS.items()
        ),
        presets=tuple(_preset(p, letters.get(p.name, "")) for p in compose.presets(draft.trainer)),
        sizes=tuple(
            Choice(s, s, drafts.size_text(draft.trainer, s), chosen=s == draft.size)
            for s in compose.sizes(draft.trainer)
        ),
        devices=tuple(
            Choice(d, d, chosen=d == draft.device) for d in dict.fromkeys(("auto", "cpu", draft.device))
        ),
        stops=tuple(
            Choice(code, title, chosen=code in draft.stop_on)
            for code, title in stopping.choices(draft.trainer)
        ),
        shown=" ".join((draft.trainer, draft.size, *draft.presets)),
        demo=TRAINERS[draft.trainer].demo if draft.trainer in TRAINERS else "demo set",
        roots=tuple(str(root) for root in roots),
        folders=datafolders.suggested(roots),
        groups=groups,
        changed=sum(f.changed for g in groups for f in (*g.fields, *g.more)),
        changes=_changes(checked),
        starts=tuple(_start(letters[p], p, r, draft) for p, r in checked.recipes.items()),
        took=_took(session, checked),
        troubles=tuple(_troubles(problems, checked)),
        errors=dict.fromkeys(TITLES, "")
        | {p.knob: p.message for _, p in reversed(problems) if p.knob in TITLES},
        lints=_lints(checked),
        failure=failure,
        note=note,
        path="/api/plans" if "plan" in asked else "/api/launch/pair" if "presets" in asked else "/api/launch",
        body=json.dumps(asked),
    )


def _lints(checked: Checked) -> dict[str, tuple[Finding, ...]]:
    """What the doctor questions in the recipes that would start, by knob; each claim once."""
    found: dict[str, dict[str, Finding]] = {}
    for recipe in checked.recipes.values():
        for doubt in lint(flat(recipe), checked.draft.trainer):
            found.setdefault(doubt.knob, {})[doubt.finding.claim] = doubt.finding
    return {knob: tuple(each.values()) for knob, each in found.items()}


def _about(trainer: str) -> str:
    """What there is to choose from, in a line."""
    return (
        f"{words.plural(len(compose.presets(trainer)), 'preset')}; sizes {', '.join(compose.sizes(trainer))}"
    )


def _preset(p: compose.Preset, letter: str) -> Choice:
    return Choice(p.name, p.title, p.text, p.changes, claims(p.label), bool(letter), letter)


def claims(label: str) -> tuple[tuple[str, str], ...]:
    """A preset's label by origin: "Claimed: … Measured at tiny: …" as (("claimed", …), ("measured", …)).

    What stands under no such word is the document's own, and so a claim.
    """
    found = []
    for part in re.split(r"(?=\b(?:Claimed|Measured|Published)\b[^.:]*:)", label):
        if part.strip():
            origin = part.split(maxsplit=1)[0].rstrip(":").lower()
            found.append((origin if origin in ("measured", "published") else "claimed", part.strip()))
    return tuple(found)


def _changes(checked: Checked) -> tuple[Change, ...]:
    """Where the runs that would start differ, or where the presets do while something is wrong."""
    if len(checked.knobs) != 2:
        return ()
    a, b = ({k.name: k.value for k in own} for own in checked.knobs.values())
    if len(checked.recipes) == 2:
        a, b = (flat(r) for r in checked.recipes.values())
    return tuple(
        Change(knob, forms.anchor(knob), tuple(words.knob(v) or "none" for v in pair))
        for knob, pair in diff(a, b).items()
        if knob != "preset"
    )


def _start(letter: str, preset: str, recipe: Recipe, draft: Draft) -> Start:
    name = f"{draft.name} {preset}".strip() if len(draft.presets) > 1 and draft.name else draft.name
    name = name or f"{recipe.name} {preset}"
    folder = "runs/" + re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{name} s{recipe.seed}").strip("-.")
    argv = ["python", "-m", "trainers", *command(recipe, run_dir=folder, device=draft.device or "auto")]
    argv += [f"stop_on={','.join(draft.stop_on)}"] if draft.stop_on else []
    return Start(letter, name, words.count(total_steps(recipe)), words.shell(argv))


def total_steps(recipe: Recipe) -> int | None:
    """Generator updates that a recipe asks for."""
    values = flat(recipe)
    if values.get("trainer.max_steps") is not None:
        return int(values["trainer.max_steps"])
    epochs, steps = values.get("trainer.max_epochs"), values.get("trainer.steps_per_epoch")
    return None if epochs is None or steps is None else int(epochs) * int(steps)


def _took(session: Session, checked: Checked) -> str:
    """How long such a launch took here, from finished runs of the same presets and size; one query."""
    draft = checked.draft
    if draft.repeats > 1:
        jobs = [(p, total_steps(r)) for p, r in checked.recipes.items()] * draft.repeats
        found = plans_estimate.of_jobs(session, draft.trainer, draft.size, draft.device or "auto", jobs)
        return found.text if found.seconds is not None else ""
    rows = session.execute(
        select(Run.preset, Run.started, Run.ended, Run.last_step)
        .where(
            Run.status == "finished",
            Run.trainer == draft.trainer,
            Run.size == draft.size,
            Run.preset.in_(draft.presets),
            Run.last_step > 0,
        )
        .order_by(Run.ended.desc())
        .limit(40)
    ).all()
    pace: dict[str, list[float]] = {}
    for preset, started, ended, steps in rows:
        if started and ended and steps and ended > started:
            pace.setdefault(preset, []).append((ended - started) / steps)
    times = [
        statistics.median(pace[preset]) * (total_steps(recipe) or 0)
        for preset, recipe in checked.recipes.items()
        if preset in pace
    ]
    if not times or len(times) < len(checked.recipes):
        return ""
    return (
        f"about {words.duration(max(times))}, by {words.plural(sum(map(len, pace.values())), 'finished run')}"
    )


def _troubles(problems: list[tuple[str, Problem]], checked: Checked) -> list[Trouble]:
    titles = TITLES | {k.name: k.title for own in checked.knobs.values() for k in own if k.name not in TITLES}
    found = []
    for preset, problem in problems:
        side = preset if checked.draft.typed.sides.get((preset, problem.knob), "").strip() else ""
        where = f" ({side})" if side else ""
        anchor = problem.knob if problem.knob in OWN_ID else forms.anchor(problem.knob)
        anchor = f"{anchor}-{side}" if side else anchor if problem.knob in titles else "launch"
        found.append(
            Trouble(titles.get(problem.knob, problem.knob or "Recipe") + where, anchor, problem.message)
        )
    return found
