"""Where the runs of a report ran and where they come from, without what names a host, a user or a path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app import bundles, words
from app.models import Run
from nashboard.scrub import Scrubber


@dataclass(frozen=True)
class Fact:
    """A fact: a text a run, all of A's before all of B's; ``differs`` where they are not all the same."""

    name: str
    values: tuple[str, ...]
    differs: bool


def facts(session: Session, a: Sequence[Run], b: Sequence[Run]) -> list[Fact]:
    """Identity, length, software, hardware, data and origin of each run; facts that no run has are left out."""
    found = []
    for name, tell in _FACTS:
        values = tuple(tell(run) for run in (*a, *b))
        if any(values):
            found.append(Fact(name, tuple(v or "not told" for v in values), len(set(values)) > 1))
    origins = tuple(_origin(session, run) for run in (*a, *b))
    found.append(Fact("comes from", origins, len(set(origins)) > 1))
    found.append(Fact("command", tuple(_command(run) for run in (*a, *b)), False))
    return found


def _env(name: str) -> Callable[[Run], str]:
    def tell(run: Run) -> str:
        value: Any = (run.environment or {}).get(name)
        if isinstance(value, list):
            value = ", ".join(map(str, value))
        return _clean(run, str(value)) if value not in (None, "") else ""

    return tell


def _clean(run: Run, text: str) -> str:
    scrubber = Scrubber()
    scrubber.event({"kind": "run_started", "recipe": run.recipe, "environment": run.environment})
    return scrubber.text(text, whole=True)


def _command(run: Run) -> str:
    scrubber = Scrubber()
    told = scrubber.event(
        {"kind": "run_started", "recipe": run.recipe, "environment": run.environment, "command": run.command}
    )
    return words.shell(told["command"]) if told["command"] else "not told"


def _git(run: Run) -> str:
    told = run.environment or {}
    commit = str(told.get("git_commit") or "")[:10]
    return f"{commit}, with changes that are not in it" if commit and told.get("git_dirty") else commit


def _short(name: str) -> Callable[[Run], str]:
    return lambda run: str((run.environment or {}).get(name) or "")[:12]


def _origin(session: Session, run: Run) -> str:
    row = bundles.origin(session, run.id)
    if row is None:
        return "reported here"
    packed = f", packed {words.iso(row.packed)[:10]}" if row.packed else ""
    return f"bundle {row.file}{packed}, run {row.source} there"


def _length(run: Run) -> str:
    return words.duration(run.ended - run.started) if run.ended and run.started else ""


_FACTS: tuple[tuple[str, Callable[[Run], str]], ...] = (
    ("run", lambda run: run.id),
    ("name", lambda run: run.name),
    ("recipe", lambda run: " ".join(p for p in (run.trainer, run.preset, run.size) if p)),
    ("seed", lambda run: "" if run.seed is None else str(run.seed)),
    ("status", lambda run: run.status),
    ("generator steps", lambda run: "" if run.last_step is None else words.count(run.last_step)),
    ("began", lambda run: words.iso(run.started)[:16].replace("T", " ") + " UTC" if run.started else ""),
    ("took", _length),
    ("device", lambda run: run.device or _env("device")(run)),
    ("GPUs", _env("gpus")),
    ("platform", _env("platform")),
    ("Python", _env("python")),
    ("torch", _env("torch")),
    ("commit", _git),
    ("data", _env("data")),
    ("evaluated on", _short("eval_hash")),
)
