"""Errands: what a person asks of a run's checkpoint, carried out by ``python -m trainers VERB`` on its host.

A new verb is one entry of `VERBS`: what may be asked (`Verb.check`), and the words of its command line
(`Verb.words`). The verb prints one JSON object, which becomes the errand's ``outcome``. Its list ``samples``, if it
has one, names files that it wrote into its folder: ``{file, media, ext, series, slot, step, caption, facts}``;
they are kept with the run as samples, and each entry gains ``sha256`` and ``url``.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import db, dispatch, records, runs
from app.errors import BadInput, BrokerDown, Conflict, NotFound
from app.models import Checkpoint, Run, Sample
from app.settings import get_settings
from app.tables_errands import Errand
from recipes.registry import TRAINERS

ACTIVE = ("queued", "running")
MOST_WAITING = 8
LONGEST_TEXT = 400
OUT = "{out}"
"""Stands in `Verb.words` for the errand's empty folder on the worker."""

Check = Callable[[Session, Run, dict[str, Any]], dict[str, Any]]
Words = Callable[[Run, Mapping[str, Any]], list[str]]


@dataclass(frozen=True)
class Verb:
    """A verb of the trainers' command line that may be run on a run from a page.

    ``check`` turns what was asked into what is stored, or raises `BadInput` or `Conflict`; unknown fields of
    the ask are its to refuse (`only`). ``words`` are the words after ``python -m trainers``. ``trainers``: whose runs it
    understands; () for all. ``paths``: fields of the ask that are paths and must lie below the folder of runs.
    ``tells``: whether it writes into the run's journal, which is then sent to the server at once.
    """

    title: str
    check: Check
    words: Words
    trainers: tuple[str, ...] = ()
    timeout_s: float = 300.0
    paths: tuple[str, ...] = ("checkpoint",)
    tells: bool = False


def only(ask: Mapping[str, Any], *names: str) -> None:
    """Raise `BadInput` for a field of the ask that is none of ``names``."""
    for name in ask:
        if name not in names:
            raise BadInput(
                f"there is no field {name!r:.60} here; it takes {', '.join(names)}", field=f"{name:.60}"
            )


def checkpoint(session: Session, run: Run, wanted: Any = None) -> dict[str, Any]:
    """``{"checkpoint": path, "step"}`` of a run's checkpoint by its id; without one, the last that is there.

    Raises:
        Conflict: the run has none (yet).
        NotFound: no such checkpoint, or it is gone.
    """
    there = records.checkpoints(session, run.id, present=True)
    if not there:
        yet = " yet: the first comes with its first evaluation" if run.status in runs.ACTIVE else ""
        raise Conflict(f"run {run.id} has no checkpoint{yet}", code="no_checkpoint")
    found: Checkpoint | None = there[-1]
    if wanted not in (None, ""):
        if isinstance(wanted, bool) or not str(wanted).isdecimal():
            raise BadInput(f"checkpoint {wanted!r:.60} is no checkpoint's number", field="checkpoint")
        found = next((c for c in there if str(c.id) == str(wanted)), None)
    if found is None:
        raise NotFound(
            f"run {run.id} has no checkpoint {wanted!s:.60}, or it was deleted", field="checkpoint"
        )
    return {"checkpoint": found.path, "step": found.step}


def text(ask: Mapping[str, Any], name: str = "text", most: int = LONGEST_TEXT) -> str:
    """A line of text in the ask, its white space evened out. Raises `BadInput`, naming what is wrong."""
    given = ask.get(name)
    if not isinstance(given, str) or not given.strip():
        raise BadInput(f"{name} is empty: write a sentence", field=name)
    line = " ".join(given.split())
    strange = next((c for c in line if not c.isprintable()), "")
    if strange:
        raise BadInput(f"{name} holds the sign U+{ord(strange):04X}, which cannot be read", field=name)
    if len(line) > most:
        raise BadInput(f"{name} has {len(line)} characters; {most} at most", field=name)
    return line


def _say(session: Session, run: Run, ask: dict[str, Any]) -> dict[str, Any]:
    only(ask, "text", "checkpoint")
    return {"text": text(ask), **checkpoint(session, run, ask.get("checkpoint"))}


def _diagnose(session: Session, run: Run, ask: dict[str, Any]) -> dict[str, Any]:
    only(ask)
    checkpoint(session, run)
    return {"run_dir": run.run_dir}


def _nearest(session: Session, run: Run, ask: dict[str, Any]) -> dict[str, Any]:
    only(ask, "picture", "cell")
    picture, cell = ask.get("picture"), ask.get("cell")
    if isinstance(cell, bool) or not isinstance(cell, int) or not 0 <= cell < 10_000:
        raise BadInput(f"cell {cell!r:.40} is no whole number from 0", field="cell")
    known = select(Sample.id).where(
        Sample.run_id == run.id, Sample.media == "image", Sample.sha256 == str(picture)
    )
    if session.scalar(known.limit(1)) is None:
        raise BadInput(f"picture {picture!r:.80} is none of the pictures of run {run.id}", field="picture")
    checkpoint(session, run)
    return {"run_dir": run.run_dir, "picture": str(picture), "cell": cell}


def _probe(session: Session, run: Run, ask: dict[str, Any]) -> dict[str, Any]:
    only(ask, "checkpoint")
    return checkpoint(session, run, ask.get("checkpoint"))


VERBS: dict[str, Verb] = {
    "probe": Verb(
        title="Probe",
        check=_probe,
        words=lambda run, ask: ["probe", f"run_dir={ask['checkpoint']}", "json=true"],
        trainers=tuple(TRAINERS),
        timeout_s=900.0,
    ),
    "say": Verb(
        title="Say",
        check=_say,
        words=lambda run, ask: [
            "say", f"run_dir={ask['checkpoint']}", f"text={ask['text']}", f"out={OUT}/said.wav", "json=true",
        ],
        trainers=("tts",),
        timeout_s=180.0,
    ),
    "diagnose": Verb(
        title="Diagnose",
        check=_diagnose,
        words=lambda run, ask: ["diagnose", run.trainer, f"run_dir={ask['run_dir']}", "json=true"],
        trainers=("enhancement",),
        timeout_s=3600.0,
        paths=("run_dir",),
        tells=True,
    ),
    "nearest": Verb(
        title="Find the nearest real images",
        check=_nearest,
        words=lambda run, ask: [
            "nearest", f"run_dir={ask['run_dir']}", f"picture={ask['picture']}", f"cell={ask['cell']}", f"out={OUT}",
            "json=true",
        ],
        trainers=("cgan",),
        timeout_s=600.0,
        paths=("run_dir",),
    ),
}  # fmt: skip


def able(run: Run) -> tuple[str, ...]:
    """The kinds of errands that this run's trainer understands."""
    return tuple(k for k, verb in VERBS.items() if not verb.trainers or run.trainer in verb.trainers)


def ask(
    session: Session, run_id: str, kind: str, wish: Mapping[str, Any] | None = None
) -> tuple[Errand, bool]:
    """Queue an errand; its message leaves after the commit. (errand, whether it is new): what is asked twice
    while the first waits or runs is one errand.

    Raises:
        BadInput: no such kind, or the wish cannot be.
        Conflict: the run's trainer lacks the verb, it has no checkpoint, was not started from here, or too many wait.
        BrokerDown: nobody can be told; nothing was made.
    """
    run = runs.get(session, run_id, lock=True)
    verb = VERBS.get(kind)
    if verb is None:
        raise BadInput(f"{kind!r:.60} is none of {', '.join(VERBS)}", field="kind")
    if verb.trainers and run.trainer not in verb.trainers:
        mine = run.trainer or "a script of one's own"
        raise Conflict(f"{kind} is for runs of {' and '.join(verb.trainers)}; run {run.id} is of {mine}")
    wanted = verb.check(session, run, dict(wish or {}))
    if not run.host or not run.run_dir:
        raise Conflict(
            f"run {run.id} was not started from here, so its files cannot be reached; on its machine: "
            f"python -m trainers {verb.words(run, wanted)[0]} --help"
        )
    waiting = [e for e in listed(session, run.id) if e.state in ACTIVE]
    twin = next((e for e in waiting if e.kind == kind and e.ask == wanted), None)
    if twin is not None:
        return twin, False
    if len(waiting) >= MOST_WAITING:
        raise Conflict(f"run {run.id} has {len(waiting)} errands that wait; try again when some are done")
    try:
        dispatch.check(get_settings().redis_url)
    except dispatch.BrokerDown as problem:
        raise BrokerDown(str(problem)) from None
    made = Errand(id=secrets.token_hex(6), run_id=run.id, kind=kind, ask=wanted, state="queued",
                  reason="", outcome={}, owner="", created=time.time())  # fmt: skip
    session.add(made)
    session.flush()
    db.after_commit(session, partial(_send, made.id, run.host))
    return made, True


def _send(errand_id: str, host: str) -> None:
    """The message leaves; a broker that died since it was asked fails the errand."""
    try:
        dispatch.send(
            get_settings().redis_url, dispatch.ERRAND, [errand_id], dispatch.chores_queue(host), errand_id
        )
    except dispatch.BrokerDown as problem:
        with db.transaction() as session:
            end(session, errand_id, reason=f"it could not be queued: {problem}")
        raise BrokerDown(str(problem)) from None


def end(
    session: Session, errand_id: str, *, reason: str = "", outcome: Mapping[str, Any] | None = None
) -> None:
    """Done with this outcome, or failed for this reason; an errand that was deleted or has ended stays so."""
    found = session.get(Errand, errand_id, with_for_update=True)
    if found is None or found.state not in ACTIVE:
        return
    found.state = "done" if outcome is not None else "failed"
    found.reason, found.outcome = db.clean(reason, 4000), dict(outcome or {})
    found.ended = time.time()


def get(session: Session, run_id: str, errand_id: str) -> Errand:
    """An errand of a run. Raises `NotFound`."""
    found = session.get(Errand, errand_id) if runs.ID.fullmatch(errand_id) else None
    if found is None or found.run_id != run_id:
        raise NotFound(f"run {run_id!r:.80} has no errand {errand_id!r:.60}", code="unknown_errand")
    return found


def listed(session: Session, run_id: str | Sequence[str], kind: str = "", limit: int = 100) -> list[Errand]:
    """Errands of a run, or of several, the newest first."""
    ids = [run_id] if isinstance(run_id, str) else list(run_id)
    wanted = select(Errand).where(Errand.run_id.in_(ids))
    if kind:
        wanted = wanted.where(Errand.kind == kind)
    return list(session.scalars(wanted.order_by(Errand.created.desc(), Errand.id).limit(limit)))


def last(session: Session, run_id: str, kind: str) -> Errand | None:
    """The newest errand of a kind, whatever its state."""
    return next(iter(listed(session, run_id, kind, 1)), None)


def remove(session: Session, run_id: str, errand_id: str) -> None:
    """Forget an errand; its worker ends one that still runs. What was kept as samples stays with the run."""
    session.delete(get(session, run_id, errand_id))


def nobody(session: Session, run: Run, now: float | None = None) -> str:
    """Why errands of this run wait, in words: no worker of its host is there; "" where one is, or none waits.

    The broker is asked only where something has waited for a few seconds.
    """
    before = (time.time() if now is None else now) - 5
    queued = select(func.count()).where(
        Errand.run_id == run.id, Errand.state == "queued", Errand.created < before
    )
    if not session.scalar(queued):
        return ""
    try:
        there = dispatch.present(get_settings().redis_url, f"chores:{run.host}:")
    except dispatch.BrokerDown as problem:
        return str(problem)
    return "" if there else f"no chores worker on {run.host}, which holds the run's files, has been heard"


def as_json(errand: Errand) -> dict[str, Any]:
    """An errand as the API and pages give it."""
    names = ("id", "kind", "ask", "state", "reason", "outcome", "created", "started", "ended")
    return {"run": errand.run_id, **{name: getattr(errand, name) for name in names}}


def below(path: str, root: Path) -> bool:
    """Whether a path, links followed, lies below the folder of runs and is there."""
    real = Path(path).resolve()
    return real.is_relative_to(root.resolve()) and real != root.resolve() and real.exists()
