"""Reads a run folder, a journal or anyone's CSV, gzipped or not, into a `RunView`."""

from __future__ import annotations

import csv
import gzip
import json
import math
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from doctor.view import Facts, RunView, Track
from nashboard import events
from nashboard.vocabulary import canonical

STEP_NAMES = ("step", "steps", "global_step", "iteration", "iter", "it")
MAX_BYTES = 512 * 1024 * 1024


class Unusable(ValueError):
    """Input that no diagnosis can be made of; the message names the file, the line and the way out."""


def read(path: Path | str) -> RunView:
    """The run at ``path``: a folder with ``events.jsonl``, a journal, or a CSV with a ``step`` column.

    A file whose name ends in ``.gz`` is unpacked, up to the same size.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / "events.jsonl").is_file():
            raise Unusable(f"{path}: the folder holds no events.jsonl; give a run folder, a journal or a CSV")
        path = path / "events.jsonl"
    if not path.exists():
        raise Unusable(f"{path}: there is no such file or folder")
    if not path.is_file():
        raise Unusable(f"{path}: not a file; give a run folder, a journal or a CSV")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise Unusable(f"{path}: {size:,} bytes; the limit is {MAX_BYTES:,}")
        text = (_unpacked(path) if path.suffix == ".gz" else path.read_bytes()).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise Unusable(f"{path}: not text (byte {problem.start} is not UTF-8)") from None
    except OSError as problem:
        raise Unusable(f"{path}: cannot be read: {problem.strerror}") from None
    return parse(text, str(path))


def _unpacked(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            data = file.read(MAX_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise Unusable(f"{path}: ends in .gz and cannot be unpacked: {problem}") from None
    if len(data) > MAX_BYTES:
        raise Unusable(f"{path}: unpacks to more than the limit of {MAX_BYTES:,} bytes")
    return data


def parse(text: str, name: str) -> RunView:
    """The run in the text of a journal or a CSV; ``name`` stands in errors."""
    if not text.strip():
        raise Unusable(f"{name}: the file is empty")
    return from_journal(text, name) if text.lstrip().startswith("{") else from_csv(text, name)


def from_csv(text: str, name: str) -> RunView:
    """One row a step, a column a series; an empty cell is no point, ``nan`` and ``inf`` are facts."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    delimiter = max(",;\t", key=lines[0].count) if lines else ","
    rows = list(csv.reader(lines, delimiter=delimiter))
    head = [cell.strip() for cell in rows[0]]
    lower = [cell.lower() for cell in head]
    column = next((lower.index(s) for s in STEP_NAMES if s in lower), None)
    if column is None:
        raise Unusable(f"{name}: no column is called step; the columns are {', '.join(head)[:200]}")
    doubled = sorted({h for h in lower if h and lower.count(h) > 1})
    if doubled:
        raise Unusable(f"{name}: the column {doubled[0]!r} stands there twice")
    if len(rows) == 1:
        raise Unusable(f"{name}: a head and no row")
    points: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    names = [canonical(h) if i != column else "" for i, h in enumerate(head)]
    text_columns: dict[int, tuple[int, str]] = {}
    for number, row in enumerate(rows[1:], 2):
        if len(row) > len(head):
            raise Unusable(f"{name}, line {number}: {len(row)} cells under {len(head)} columns")
        step = _step(row[column] if column < len(row) else "", name, number)
        for index, cell in enumerate(row):
            if index == column or not cell or cell.isspace():
                continue
            try:
                value = float(cell)
            except ValueError:
                text_columns.setdefault(index, (number, cell))
                continue
            steps, values = points[names[index]]
            steps.append(step)
            values.append(value)
    for index, (number, cell) in text_columns.items():
        if names[index] in points:
            raise Unusable(
                f"{name}, line {number}: {cell!r:.40} in the column {head[index]!r} is not a number"
            )
    if not points:
        raise Unusable(f"{name}: no column beside {head[column]!r} holds a number")
    return RunView({n: _track(n, s, v) for n, (s, v) in points.items() if n})


def _step(cell: str, name: str, number: int) -> int:
    try:
        value = float(cell)
        if math.isfinite(value) and value == int(value) and abs(value) < 2**53:
            return int(value)
    except ValueError:
        pass
    raise Unusable(f"{name}, line {number}: the step {cell!r:.40} is not a whole number")


def _track(name: str, steps: list[int], values: list[float]) -> Track:
    return Track(name, np.array(steps, dtype=np.int64), np.array(values, dtype=float))


def from_journal(text: str, name: str) -> RunView:
    """The run in a journal. A torn last line is passed over; any other bad line is an error."""
    points: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    facts = Facts()
    marks: list[tuple[int, str]] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = events.decode(line)
        except events.UnknownKind:
            continue
        except events.BadEvent as problem:
            if number == len(lines):
                continue
            raise Unusable(f"{name}, line {number}: {problem}") from None
        if isinstance(event, events.Points):
            for key, value in event.values.items():
                steps, values = points[key]
                steps.append(event.step)
                values.append(value)
        elif isinstance(event, events.RunStarted):
            facts = facts_of(event)
        elif isinstance(event, events.Mark):
            marks.append((event.step, event.name))
    if not points:
        raise Unusable(f"{name}: the journal holds no points yet")
    return RunView({n: _track(n, s, v) for n, (s, v) in points.items()}, facts, tuple(marks))


LOSS_NAMES = {
    "hinge": "hinge",
    "least_squares": "least_square",
    "least_square": "least_square",
    "lsgan": "least_square",
    "bce": "vanilla",
    "vanilla": "vanilla",
    "non_saturating": "logistic",
    "logistic": "logistic",
    "wasserstein": "wasserstein",
    "wgan": "wasserstein",
    "wgan_gp": "wasserstein",
    "ls": "least_square",
    "non_saturate": "logistic",
    "softplus": "logistic",
}


def loss_named(name: Any) -> str | None:
    """The doctor's word for an adversarial loss that somebody names; None where it is not known."""
    return LOSS_NAMES.get(str(name).lower().replace("-", "_"))


def facts_of(start: events.RunStarted) -> Facts:
    """What a run says of itself when it starts; our trainers report ``loss/disc`` per sub-discriminator."""
    flat = flatten(start.recipe)
    return recipe_facts(
        flat,
        trainer=start.trainer,
        preset=start.preset,
        size=start.size,
        total_steps=start.total_steps,
        params=sizes_of(start.environment),
    )


def sizes_of(environment: dict[str, Any]) -> dict[str, float]:
    """Parameters of each player, as trainers write them: ``environment["parameters"]``, {"gen": n, "disc": n}.

    ``params`` is read too: scripts of other people may have it. A 0 says that there is no such player.
    """
    for name in ("parameters", "params"):
        found = environment.get(name)
        if isinstance(found, dict):
            return {str(k): float(v) for k, v in found.items() if _is_number(v) and v > 0}
    return {}


def recipe_facts(
    flat: dict[str, Any],
    *,
    trainer: str = "",
    preset: str = "",
    size: str = "",
    total_steps: int | None = None,
    params: dict[str, float] | None = None,
) -> Facts:
    """Facts from a flat recipe {dotted knob: value}."""
    loss = next(
        (loss_named(flat[k]) for k in ("loss", "adv_loss", "loss.kind", "disc.loss") if k in flat),
        None,
    )
    per_epoch = flat.get("trainer.steps_per_epoch")
    epochs = flat.get("trainer.max_epochs")
    if total_steps is None:
        total_steps = flat.get("trainer.max_steps")
    if total_steps is None and isinstance(per_epoch, int | float) and isinstance(epochs, int | float):
        total_steps = int(per_epoch * epochs)
    starts = [flat.get(k) for k in ("disc.start", "warmup_steps", "adv.warmup_steps")]
    warmup = next((int(s) for s in starts if isinstance(s, int | float)), 0)
    return Facts(
        adv_loss=loss,
        total_steps=total_steps,
        steps_per_epoch=int(per_epoch) if isinstance(per_epoch, int | float) else None,
        warmup_steps=warmup,
        trainer=trainer,
        preset=preset,
        size=size,
        recipe=flat,
        params=params or {},
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def flatten(recipe: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested recipe as {dotted knob: value}."""
    flat: dict[str, Any] = {}
    for key, value in recipe.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def index_facts(path: Path) -> dict[str, dict[str, Any]]:
    """``index.json`` of a folder of CSVs."""
    try:
        index = json.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise Unusable(f"{path}: cannot be read: {problem.strerror}") from None
    except ValueError as problem:
        raise Unusable(f"{path}: not JSON: {problem}") from None
    if not isinstance(index, dict) or not all(isinstance(v, dict) for v in index.values()):
        raise Unusable(f"{path}: not an object of runs")
    return index
