"""What the Run page shows beside charts: how the run is and what can be done about it, its recipe, its samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import checkpoints, differs, listening, reading, records, stopping, words
from app.expected import knob, recipe_of
from app.models import Checkpoint, Line, Run, Sample
from app.pictures import ASKED
from app.progress import Progress, progress
from recipes import TRAINERS, compose
from recipes.base import BadRecipe, Knob, flat, flattened, knobs
from recipes.command import command

LAST_LINES = 12
COLUMNS = 5


@dataclass(frozen=True)
class State:
    """A run's state in words: ``title`` and ``text`` of its panel ("" for none), facts, last console lines."""

    status: str
    title: str
    text: str
    facts: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]
    stop: str
    again: str


@dataclass(frozen=True)
class Saved:
    """A checkpoint; ``best`` says by which series it is the best, ``kept`` why it cannot be deleted."""

    id: int
    step: int
    epoch: str
    time: float
    path: str
    size: int
    best: str
    present: bool
    kept: str


@dataclass(frozen=True)
class Shot:
    """A sample in the grid of slots and steps."""

    step: int
    epoch: float | None
    when: str
    media: str
    url: str | None
    caption: str
    rate_hz: int


@dataclass(frozen=True)
class SlotRow:
    """A slot with its reference and the shots of the shown steps, None where there is none."""

    slot: str
    caption: str
    series: str
    shots: tuple[Shot | None, ...]


@dataclass(frozen=True)
class Config:
    """The recipe: what departs from its preset, all knobs, the command that makes it again."""

    changed: tuple[tuple[str, str, str], ...]
    knobs: tuple[Knob, ...]
    loose: tuple[tuple[str, str], ...]
    command: str
    preset_gone: bool
    environment: tuple[tuple[str, str], ...]
    stops: tuple[str, ...] = ()


def state(session: Session, run: Run, saved: Sequence[Saved], now: float) -> State:
    """How the run is, why, and what a person can do."""
    kept = [c for c in saved if c.present]
    last = kept[-1] if kept else None
    ours = run.trainer in TRAINERS and bool(run.recipe)
    again = ""
    if run.status in ("stopped", "failed", "lost") and ours and (last is not None or run.next_seq == 0):
        again = f"Start again from step {words.count(last.step)}" if last else "Start again"
    stop = {"queued": "Take off the queue", "running": "Stop and save"}.get(run.status, "")
    title, text = _words(session, run, last, now)
    facts: list[tuple[str, str]] = []
    if run.status in ("failed", "lost"):
        facts.append(("last step", _of(run.last_step, run.total_steps)))
        facts.append(("last checkpoint", f"step {words.count(last.step)}" if last else "none"))
        where = ", ".join(p for p in (run.host, run.device) if p)
        if where:
            facts.append(("ran on", where))
    lines = records.last_lines(session, run.id, LAST_LINES) if run.status in ("failed", "lost") else []
    return State(run.status, title, text, tuple(facts), tuple(lines), stop, again)


def _of(step: int | None, total: int | None) -> str:
    done = "none" if step is None else words.count(step)
    return f"{done} of {words.count(total)}" if total else done


def _words(session: Session, run: Run, last: Saved | None, now: float) -> tuple[str, str]:
    """(title, text) of the panel under the head; ("", "") for a run that is as it should be."""
    go_on = "It can start again from there." if last else "It left no checkpoint to start again from."
    match run.status:
        case "queued":
            ahead = _ahead(session, run)
            first = (
                "Next in the queue." if not ahead else f"{words.plural(ahead, 'run')} before it in the queue."
            )
            return "Queued", f"{first} It starts when a worker is free. {run.reason}".strip()
        case "running" if run.last_step is None:
            return "Started", "The trainer runs and has reported no point yet. Charts fill by themselves."
        case "stopping":
            ends = "The trainer ends its step, evaluates and saves. It is killed if that takes too long."
            return "Stopping", f"{_why(run.reason)} {ends}".strip()
        case "failed":
            return "Failed", f"{_sentence(run.reason or 'the trainer gave no reason')} {go_on}"
        case "lost":
            seen = run.heartbeat or run.started or run.created
            silent = run.reason or f"no sign of life for {words.duration(now - seen)}"
            text = (
                f"{_sentence(silent)} If the trainer still lives, its journal catches up and the run returns "
            )
            return "Lost", f"{text}to running by itself. {go_on}"
        case "stopped":
            return "Stopped", f"{_why(run.reason or 'it was asked to stop')} {go_on}"
    return "", ""


def _why(reason: str) -> str:
    """A reason as a sentence after the word that the panel begins with."""
    return _sentence(reason.removeprefix(stopping.LEAD)) if reason else ""


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?', ':')) else '.'}"


def _ahead(session: Session, run: Run) -> int:
    waiting = select(func.count()).select_from(Run).where(Run.status == "queued", Run.created < run.created)
    return session.scalar(waiting) or 0


def facts(session: Session, run: Run, now: float) -> tuple[Progress, tuple[tuple[str, str, str], ...]]:
    """(progress, [(name, value, unit or rest)]) of the head: step, epoch, pace, time, seed, recipe, data."""
    infos = {i.name: i for i in reading.series_of(session, [run.id], ["progress/epoch", "speed/steps_per_s"])
             .get(run.id, [])}  # fmt: skip
    epoch, pace = infos.get("progress/epoch"), infos.get("speed/steps_per_s")
    done = progress(
        run,
        (epoch.last_value, epoch.last_step) if epoch else None,
        now,
        (pace.last_value, pace.last_step) if pace else None,
    )
    epochs = None if knob(run, "trainer.max_steps") else knob(run, "trainer.max_epochs")
    found = [("step", words.count(run.last_step), f"/ {words.count(done.total)}" if done.total else "")]
    if epoch is not None:
        found.append(("epoch", words.fixed(epoch.last_value, 1), f"/ {epochs}" if epochs else ""))
    if run.status in ("running", "queued", "stopping") and done.note:
        found.append(("left" if done.note.endswith(" left") else "now", done.note.removesuffix(" left"), ""))
    if pace is not None and run.status == "running":
        found.append(("rate", words.number(pace.last_value), "steps/s"))
    if run.started is not None:
        found.append(("elapsed", words.duration((run.ended or now) - run.started), ""))
    if run.seed is not None:
        found.append(("seed", str(run.seed), ""))
    recipe = " · ".join(p for p in (run.trainer, run.preset, run.size) if p)
    if recipe:
        found.append(("recipe", recipe, ""))
    stops = stopping.of_run(session, run.id)
    if stops is not None:
        found.append(("stops at", ", ".join(stops.codes), ""))
    root = knob(run, "data.root")
    if root is not None:
        digest = str(run.environment.get("eval_hash", ""))[:6]
        demo = f"built-in {TRAINERS[run.trainer].demo}" if run.trainer in TRAINERS else ""
        found.append(("data", str(root) or demo, digest))
    return done, tuple(found)


def saved(session: Session, run: Run) -> tuple[Saved, ...]:
    """The run's checkpoints, by step."""
    rows: list[Checkpoint] = records.checkpoints(session, run.id)
    forks = checkpoints.forks(session, run)
    places = reading.on_axis(session, run.id, [c.step for c in rows], "epoch").tolist() if rows else []
    out = []
    for row, epoch in zip(rows, places, strict=True):
        users = forks.get(row.path, [])
        best = ", ".join(
            f"{name} {words.number(value)}" for name, value in row.best.items() if value is not None
        )
        shown = words.fixed(epoch, 1) if epoch == epoch else ""
        kept = f"kept for {', '.join(users)}" if users else ""
        out.append(Saved(row.id, row.step, shown, row.time, row.path, row.size, best, row.present, kept))
    return tuple(out)


def config(run: Run, stops: Sequence[str] = ()) -> Config:
    """The recipe of a run, whether or not a trainer here knows it; ``stops``: rules at whose fail it is stopped."""
    recipe = recipe_of(run)
    environment = tuple((k, differs.shown(v)) for k, v in flattened(run.environment or {}).items())
    if recipe is None:
        loose = tuple((k, differs.shown(v)) for k, v in flattened(run.recipe or {}).items())
        told = words.shell(run.command) if run.command else ""
        return Config((), (), loose, told, False, environment, tuple(stops))
    try:
        base = compose.build(run.trainer, recipe.preset, recipe.size)
    except BadRecipe:
        all_knobs = knobs(recipe)
        return Config((), all_knobs, (), words.shell(run.command), True, environment, tuple(stops))
    line = ["python", "-m", "trainers", *command(recipe, run_dir=f"runs/{run.id}")]
    line += [f"stop_on={','.join(stops)}"] if stops else []
    changed = tuple(c for c in differs.changed(run, flat(base)) if c[0] not in ("preset", "size"))
    return Config(changed, knobs(recipe, base), (), words.shell(line), False, environment, tuple(stops))


def grid(session: Session, run: Run) -> tuple[tuple[tuple[int, str], ...], tuple[SlotRow, ...]]:
    """(columns as (step, words), rows): slots by steps, the first, the last and some between."""
    every = [s for s in records.samples(session, run.id) if not s.series.startswith(ASKED)]
    found = [s for s in every if not listening.is_reference(s.series)]
    references = {(s.slot, s.media): s for s in every if listening.is_reference(s.series)}
    steps = sorted({s.step for s in found})
    if len(steps) > COLUMNS:
        last = len(steps) - 1
        steps = [steps[round(i * last / (COLUMNS - 1))] for i in range(COLUMNS)]
    places = reading.on_axis(session, run.id, steps, "epoch").tolist() if steps else []
    epochs: dict[int, float | None] = {s: e if e == e else None for s, e in zip(steps, places, strict=True)}
    rows = []
    names = {(s.slot, s.series): s for s in found} | {
        (s, ""): r for (s, _), r in references.items() if not found
    }
    for slot, series in sorted(names, key=lambda n: (n[1], listening.natural(n[0]))):
        mine = {s.step: s for s in found if s.slot == slot and s.series == series}
        shots = [_shot(references.get((slot, names[slot, series].media)), None)]
        shots += [_shot(mine.get(step), epochs[step]) for step in steps]
        rows.append(SlotRow(slot, names[slot, series].caption, series, tuple(shots)))
    return tuple((s, _when(s, epochs[s])) for s in steps), tuple(rows)


def _when(step: int, epoch: float | None) -> str:
    if epoch is None:
        return f"step {words.count(step)}"
    return f"epoch {words.fixed(epoch, 0 if abs(epoch - round(epoch)) < 0.05 else 1)}"


def _shot(sample: Sample | None, epoch: float | None) -> Shot | None:
    if sample is None:
        return None
    rate: Any = sample.facts.get("rate_hz")
    url = records.sample_json(sample)["url"]
    parts = (sample.media, url, sample.caption, rate if isinstance(rate, int) else 44100)
    return Shot(sample.step, epoch, _when(sample.step, epoch), *parts)
