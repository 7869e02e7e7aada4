"""Preflights: what a launch's data hold and what it would take, asked before it by ``python -m trainers card|dry``.

Both belong to a recipe, not to a run. What was found is kept by all that it depends on: a card by trainer, folder and
the knobs of the data, a dry run by the whole recipe and its device. Clips and pictures are kept as blobs.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import db, dispatch, launching, unshown
from app.errors import BadInput, BrokerDown, Conflict, NotFound
from app.runs import ID
from app.settings import get_settings
from app.tables_preflights import Preflight
from recipes import compose
from recipes.base import BadRecipe, Problem, Recipe, flat
from recipes.command import command

KINDS = ("card", "dry")
ACTIVE = ("queued", "running")
TIMEOUT_S = {"card": 300.0, "dry": 900.0}
MOST_WAITING = 6
KEPT = 40
OUT = "{out}"
LEFT_OUT = ("data.batch", "data.eval_items", "data.eval_seconds")
ALSO = ("model.in_channels",)


def recipes_of(
    trainer: str,
    presets: Sequence[str],
    size: str,
    patch: Mapping[str, Any],
    sides: Mapping[str, Mapping[str, Any]],
) -> list[Recipe]:
    """The recipes that such a launch would start. Raises `BadRecipe`."""
    if not 1 <= len(presets) <= 8:
        raise BadRecipe(
            [Problem("preset", ", ".join(presets), "no preset is chosen; choose one, or two for a pair")]
        )
    return [compose.build(trainer, p, size, {**patch, **sides.get(p, {})}) for p in dict.fromkeys(presets)]


def ask(
    session: Session, kind: str, recipe: Recipe, device: str = "auto", again: bool = False
) -> tuple[Preflight, bool]:
    """The newest preflight of this kind for the recipe, or a new one, queued: (preflight, whether it is new).

    One that failed is not an answer; ``again``: nor is one that is done.

    Raises:
        BadInput: no such kind.
        BadRecipe: a path outside the allowed folders, a device that no worker has.
        Conflict: too many wait.
        BrokerDown: nobody can be told; nothing was made.
    """
    if kind not in KINDS:
        raise BadInput(f"{kind!r:.60} is none of {', '.join(KINDS)}", field="kind")
    launching.check(recipe, device)
    key = key_of(kind, recipe, device)
    last = session.scalars(
        select(Preflight).where(Preflight.key == key).order_by(Preflight.created.desc()).limit(1)
    ).first()
    if last is not None and (last.state in ACTIVE or (last.state == "done" and not again)):
        return last, False
    waiting = (
        session.scalar(select(func.count()).select_from(Preflight).where(Preflight.state.in_(ACTIVE))) or 0
    )
    if waiting >= MOST_WAITING:
        raise Conflict(f"{waiting} preflights wait already; try again when some are done")
    words = [w for w in command(recipe, run_dir=OUT) if not w.startswith("run_dir=")]
    made = Preflight(
        id=secrets.token_hex(6), kind=kind, key=key, ask={"words": words, "device": device, "preset": recipe.preset},
        state="queued", reason="", outcome={}, owner="", created=time.time(),
    )  # fmt: skip
    session.add(made)
    session.flush()
    forget(session)
    db.after_commit(session, partial(_send, made.id))
    return made, True


def key_of(kind: str, recipe: Recipe, device: str) -> str:
    """Names all that the outcome depends on, as far as it can be told without reading the data."""
    knobs = flat(recipe)
    if kind == "card":
        root = str(knobs.get("data.root") or "")
        kept = {k: v for k, v in knobs.items() if (k.startswith("data.") and k not in LEFT_OUT) or k in ALSO}
        what: list[Any] = [kind, recipe.name, kept, os.stat(root).st_mtime_ns if root else 0]
    else:
        what = [kind, recipe.name, {k: v for k, v in knobs.items() if k != "seed"}, device]
    return hashlib.sha256(db.dumps(what).encode()).hexdigest()


def _send(preflight_id: str) -> None:
    try:
        dispatch.send(
            get_settings().redis_url,
            dispatch.PREFLIGHT,
            [preflight_id],
            dispatch.chores_queue(),
            preflight_id,
        )
    except dispatch.BrokerDown as problem:
        with db.transaction() as session:
            end(session, preflight_id, reason=f"it could not be queued: {problem}")
        raise BrokerDown(str(problem)) from None


def end(
    session: Session, preflight_id: str, *, reason: str = "", outcome: Mapping[str, Any] | None = None
) -> None:
    """Done with this outcome, or failed for this reason; one that has ended stays so."""
    found = session.get(Preflight, preflight_id, with_for_update=True)
    if found is None or found.state not in ACTIVE:
        return
    found.state = "done" if outcome is not None else "failed"
    found.reason, found.outcome = db.clean(reason, 2000), dict(outcome or {})
    found.ended = time.time()


def get(session: Session, preflight_id: str) -> Preflight:
    """A preflight. Raises `NotFound`."""
    found = session.get(Preflight, preflight_id) if ID.fullmatch(preflight_id) else None
    if found is None:
        raise NotFound(f"there is no preflight {preflight_id!r:.60}", code="unknown_preflight")
    return found


def several(session: Session, ids: Sequence[str]) -> list[Preflight]:
    """Preflights in the order of their ids. Raises `NotFound` for one that is not there."""
    return [get(session, i) for i in ids]


def forget(session: Session, kept: int = KEPT) -> None:
    """Drop the oldest preflights that have ended beyond ``kept``, with blobs that nothing else shows."""
    ended = select(Preflight).where(Preflight.state.not_in(ACTIVE)).order_by(Preflight.created.desc())
    gone = list(session.scalars(ended))[kept:]
    for row in gone:
        session.delete(row)
    unshown.drop(session, {d for row in gone for d in unshown.of_outcome(row.outcome)})


def waits(session: Session, found: Sequence[Preflight], now: float | None = None) -> str:
    """Why queued ones have waited for some seconds, in words: no chores worker is there; "" where one is."""
    before = (time.time() if now is None else now) - 5
    if not any(p.state == "queued" and p.created < before for p in found):
        return ""
    try:
        there = dispatch.present(get_settings().redis_url, "chores:")
    except dispatch.BrokerDown as problem:
        return str(problem)
    return "" if there else "no chores worker has been heard; `python -m worker chores` is one"


def as_json(preflight: Preflight) -> dict[str, Any]:
    """A preflight as the API gives it."""
    names = ("id", "kind", "state", "reason", "outcome", "created", "started", "ended")
    preset, device = (preflight.ask.get(k, "") for k in ("preset", "device"))
    return {"preset": preset, "device": device, **{name: getattr(preflight, name) for name in names}}
