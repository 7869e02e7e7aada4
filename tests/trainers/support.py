"""What the trainers' tests share: whether two runs are one and the same, to the last bit and in what they log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from trainers.kit import checkpoints

# measured by the clock; everything else that a run logs follows from its recipe
CLOCK = ("speed/", "pesq/wait", "ranks/data_wait", "ranks/step_seconds")
KEPT = {
    "points": ("values",),
    "sample_made": ("series", "slot", "sha256"),
    "distribution": ("series", "edges", "counts"),
    "table": ("name", "columns", "rows"),
}


def equal(a: Any, b: Any) -> bool:
    """Whether two states are equal bit for bit: tensors by their bytes and type, so that a NaN equals itself."""
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, torch.Tensor):
        return (
            isinstance(b, torch.Tensor)
            and (a.dtype, a.shape) == (b.dtype, b.shape)
            and a.contiguous().numpy().tobytes() == b.contiguous().numpy().tobytes()
        )
    return type(a) is type(b) and bool(a == b)


def state(run_dir: Path) -> dict[str, Any]:
    """What the checkpoint written last holds."""
    return checkpoints.load(checkpoints.listed(run_dir)[-1]).state


def logged(run_dir: Path, after: int) -> list[tuple[int, str, Any]]:
    """(step, kind, content) of everything measured or made after a step, in the order of the journal."""
    found: list[tuple[int, str, Any]] = []
    for line in (run_dir / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["kind"] not in KEPT or event["step"] <= after:
            continue
        content = {name: event[name] for name in KEPT[event["kind"]] if name in event}
        if "values" in content:
            content["values"] = {k: v for k, v in content["values"].items() if not k.startswith(CLOCK)}
        found.append((event["step"], event["kind"], content))
    return found


def differences(whole: Path, resumed: Path, half: int) -> list[str]:
    """Where a run that was gone on with at step ``half`` differs from the one made in one go; empty if nowhere."""
    one, two = state(whole), state(resumed)
    found = [f"state: {name}" for name in sorted({*one, *two}) if not equal(one.get(name), two.get(name))]
    ours, theirs = logged(whole, half), logged(resumed, half)
    if not ours:
        found.append(f"nothing is logged after step {half}")
    if len(ours) != len(theirs):
        found.append(f"{len(ours)} things are logged in one go and {len(theirs)} after the resume")
    for (step, kind, a), (at, other, b) in zip(ours, theirs, strict=False):
        if (step, kind, a) == (at, other, b):
            continue
        if "values" in a and "values" in b:
            a, b = a["values"], b["values"]
        keys = sorted(k for k in {*a, *b} if a.get(k) != b.get(k))
        found.append(f"logged: {kind} at step {step} ({at}): {', '.join(keys) or f'another kind, {other}'}")
    return found


def forgets(monkeypatch: pytest.MonkeyPatch, module: Any, lost: str) -> None:
    """Breaks a trainer on purpose: a resume leaves a part of the state as a fresh run has it.

    ``lost`` is a part's name, ``part.key`` for one thing of a part, or ``rng``; empty breaks nothing, which is
    the control.
    """
    if not lost:
        return
    if lost == "rng":
        monkeypatch.setattr(module, "set_rng_state", lambda state: None)
        return
    name, _, key = lost.partition(".")
    whole: Callable[..., None] = checkpoints.restore

    def restore(parts: Mapping[str, Any], checkpoint: checkpoints.Checkpoint, recipe: Any) -> None:
        assert name in parts, f"{name} is no part of the state: {', '.join(parts)}"
        if not key:
            whole({n: part for n, part in parts.items() if n != name}, checkpoint, recipe)
            return
        fresh = parts[name].state_dict()[key]
        kept = {**checkpoint.state, name: {**checkpoint.state[name], key: checkpoints.copied(fresh)}}
        whole(parts, checkpoints.Checkpoint(**{**vars(checkpoint), "state": kept}), recipe)

    monkeypatch.setattr(module, "restore", restore)


def noticed(
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    parts: Iterable[str],
    whole: Path,
    half: Any,
    go_on: Callable[..., Any],
) -> dict[str, bool]:
    """For each part that a resume forgets (see `forgets`): whether the run differs from ``whole`` then.

    ``half`` is a run that was stopped half-way; ``go_on(name, run_dir)`` goes on with it, in a copy of its folder.
    """
    end, found = half.of("run_ended")[-1], {}
    step = int(end["step"] if isinstance(end, Mapping) else end.step)
    for lost in parts:
        folder = half.run_dir.with_name(f"half-{lost or 'control'}")
        shutil.copytree(half.run_dir, folder)
        with monkeypatch.context() as patch:
            forgets(patch, module, lost)
            rest = go_on(folder.name, folder)
        assert rest.status == 0, f"{lost}: {rest.err}"
        found[lost] = bool(differences(whole, folder, step))
    return found
