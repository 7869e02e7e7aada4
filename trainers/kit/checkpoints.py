"""Checkpoints: tensors and plain values only, written whole or not at all, kept by the last k and the best.

A checkpoint is a file ``run_dir/checkpoints/step-00000120.pt`` that ``torch.load(weights_only=True)`` reads.
Beside the state of networks, optimisers, schedulers, generators of random numbers and data position it says
which run, trainer and recipe it belongs to.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nashboard.vocabulary import describe
from trainers.kit.errors import BadInput

FORMAT, VERSION = "nashboard checkpoint", 1
FOLDER, PATTERN = "checkpoints", "step-*.pt"
PIN = ".pin"
NEARLY_FULL = 1 << 20


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds. ``recipe`` is flat: {dotted knob: value}."""

    run: str
    trainer: str
    step: int
    recipe: dict[str, Any]
    state: dict[str, Any]
    best: dict[str, Any] = field(default_factory=dict)
    path: Path = Path()


def plain(value: Any, where: str = "state") -> Any:
    """``value`` if it is tensors and plain values all through; else TypeError, naming the place.

    A scalar of numpy becomes Python's and a path its text: safe loading refuses both.
    """
    if isinstance(value, np.generic):
        return plain(value.item(), where)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return {k if isinstance(k, int) else str(k): plain(v, f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v, f"{where}[{i}]") for i, v in enumerate(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        return value.detach()
    raise TypeError(f"{where} is a {type(value).__name__}; a checkpoint holds tensors and plain values only")


def copied(value: Any) -> Any:
    """A copy of a state that later steps do not change; tensors stay on their device."""
    if isinstance(value, Mapping):
        return {k: copied(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [copied(v) for v in value]
    return value.detach().clone() if isinstance(value, Tensor) else value


class Unwritable(OSError):
    """A checkpoint that could not be written; the message names the file, the reason and the way out."""


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the file whole: under another name first, then renamed. Raises `Unwritable`, disk full included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_name(f".{path.name}.part")
    content = {
        "format": FORMAT,
        "version": VERSION,
        "torch": str(torch.__version__),
        "run": checkpoint.run,
        "trainer": checkpoint.trainer,
        "step": checkpoint.step,
        "recipe": plain(checkpoint.recipe, "recipe"),
        "best": plain(checkpoint.best, "best"),
        "state": plain(checkpoint.state),
    }
    try:
        with open(making, "wb") as out:
            torch.save(content, out)
            out.flush()
            os.fsync(out.fileno())
        making.replace(path)
    except (OSError, RuntimeError) as problem:  # torch's zip writer turns a full disk into a RuntimeError
        free = shutil.disk_usage(path.parent).free
        full = getattr(problem, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or free < NEARLY_FULL
        why = (
            f"its disk is full ({free:,} bytes free)"
            if full
            else getattr(problem, "strerror", None) or problem
        )
        making.unlink(missing_ok=True)
        raise Unwritable(
            f"the checkpoint {str(path)!r} cannot be written: {why}; make room there, or choose another run_dir"
        ) from None


def load(path: Path, trainer: str = "") -> Checkpoint:
    """Reads a checkpoint onto the CPU.

    Raises:
        BadInput: for a file that is corrupt, foreign, of a newer version, or of another trainer.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as problem:
        raise BadInput(f"checkpoint {str(path)!r} cannot be read: {problem.strerror or problem}") from problem
    except Exception as problem:  # a foreign pickle can fail in any way at all
        text = str(problem).strip().split("\n")[0].split(". ")[0]
        raise BadInput(
            f"{str(path)!r} is no checkpoint of ours, or a damaged one "
            f"({type(problem).__name__}: {text:.80}); name a run folder or one of its checkpoints/step-*.pt"
        ) from problem
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise BadInput(f"{str(path)!r} is no checkpoint of ours: name a run folder or checkpoints/step-*.pt")
    if content["version"] > VERSION:
        raise BadInput(
            f"{str(path)!r} was written by a newer version ({content['version']}): update this one"
        )
    if trainer and content["trainer"] != trainer:
        raise BadInput(f"{str(path)!r} belongs to the trainer {content['trainer']!r}, not to {trainer!r}")
    names = ("run", "trainer", "step", "recipe", "state", "best")
    return Checkpoint(**{name: content[name] for name in names}, path=path.absolute())


def restore(parts: Mapping[str, Any], checkpoint: Checkpoint, recipe: Mapping[str, Any]) -> None:
    """Puts each of ``parts`` (by its name in the state) where the checkpoint says; ``recipe`` is flat.

    Raises:
        BadInput: where a part does not fit, naming what differs: shapes and knobs.
    """
    for name, part in parts.items():
        try:
            part.load_state_dict(checkpoint.state[name])
        except (RuntimeError, ValueError, KeyError, TypeError) as problem:
            shapes = _misfit(part, checkpoint.state.get(name)) or str(problem).strip().split("\n")[0]
            changed = [
                f"{knob} {checkpoint.recipe.get(knob)} → {value}"
                for knob, value in recipe.items()
                if checkpoint.recipe.get(knob) != value and knob.split(".")[0] not in ("trainer", "data")
            ]
            told = f"; what differs: {', '.join(changed[:6])}" if changed else ""
            raise BadInput(
                f"the checkpoint {str(checkpoint.path)!r} does not fit this recipe in {name}: "
                f"{shapes}{told}; keep the architecture of the run that it comes from"
            ) from problem


def _misfit(part: Any, saved: Any) -> str:
    """The first tensor whose shape differs, in words; empty where that is not the trouble."""
    ours = part.state_dict()
    ours, saved = (x.get("discriminator", x) if isinstance(x, Mapping) else {} for x in (ours, saved))
    for name in [*saved, *(n for n in ours if n not in saved)]:
        there, here = (
            "x".join(map(str, x.shape)) or "one number" if isinstance(x, Tensor) else "missing"
            for x in (saved.get(name), ours.get(name))
        )
        if there != here:
            return f"{name} is {there} there and {here} here"
    return ""


def listed(run_dir: Path) -> list[Path]:
    """The checkpoints in a run folder (or in its folder of checkpoints), in the order they were written."""
    folder = run_dir if run_dir.name == FOLDER else run_dir / FOLDER
    return sorted(folder.glob(PATTERN), key=lambda p: (p.stat().st_mtime_ns, p.name))


def find(resume: str) -> Path:
    """The checkpoint that ``resume`` means: a file, or the one written last in a run folder.

    Raises:
        BadInput: when there is none.
    """
    path = Path(resume)
    if path.is_file():
        return path.absolute()
    if not path.is_dir():
        raise BadInput(f"resume {resume!r}: there is no such run folder or checkpoint")
    found = listed(path.absolute())
    if not found:
        raise BadInput(f"resume {resume!r}: the folder holds no checkpoint ({FOLDER}/{PATTERN})")
    return found[-1]


def run_folder(checkpoint: Path) -> Path | None:
    """The run folder that a checkpoint lies in, None where it lies elsewhere."""
    return checkpoint.parent.parent if checkpoint.parent.name == FOLDER else None


def pin(checkpoint: Path, by: str) -> None:
    """Marks a checkpoint as one that a fork stands on: retention leaves it alone."""
    mark = checkpoint.with_name(checkpoint.name + PIN)
    try:
        with open(mark, "a", encoding="utf-8") as out:
            out.write(f"{by}\n")
    except OSError:
        return  # a folder that cannot be written has no retention either


@dataclass(frozen=True)
class Saved:
    """What `Keeper.save` did: ``best`` is {series: value} if this one is the best, ``kept`` what is left."""

    path: Path
    best: dict[str, float]
    kept: tuple[Path, ...]


class Keeper:
    """Writes a run's checkpoints; removes those neither among the last k, nor best, nor pinned."""

    def __init__(self, run_dir: Path, *, keep_last: int, best_by: str, best: Mapping[str, Any] | None = None):
        self.run_dir, self.keep_last, self.best_by = run_dir, keep_last, best_by
        self.sign = 1.0 if describe(best_by).better == "up" else -1.0
        self.best: dict[str, Any] = dict(best or {})
        self._written = listed(run_dir)

    def path_of(self, step: int) -> Path:
        return self.run_dir / FOLDER / f"step-{step:08d}.pt"

    def save(self, checkpoint: Checkpoint, metrics: Mapping[str, float]) -> Saved:
        """Writes a checkpoint, then tidies up. A metric that is NaN is never the best."""
        path = self.path_of(checkpoint.step)
        value = metrics.get(self.best_by)
        known = self.best.get("value")
        won = value is not None and value == value and (known is None or self.sign * (value - known) > 0)
        if won:
            self.best = {"series": self.best_by, "value": value, "step": checkpoint.step}
        save(path, Checkpoint(**{**vars(checkpoint), "best": self.best}))
        self._written = [p for p in self._written if p != path] + [path]
        self._tidy()
        return Saved(path, {self.best_by: value} if won and value is not None else {}, tuple(self._written))

    def _tidy(self) -> None:
        keep: Iterable[Path] = {*self._written[-self.keep_last :], self.path_of(self.best.get("step", -1))}
        for path in self._written:
            if path not in keep and not path.with_name(path.name + PIN).exists():
                path.unlink(missing_ok=True)
        self._written = [p for p in self._written if p.exists()]
