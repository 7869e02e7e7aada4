"""Enhancement in two processes: one process's parameters, one clean journal, stops, kills and resumes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from nashboard import journal
from recipes.compose import build
from tests.trainers.enhancement.conftest import TINY
from tests.trainers.kit.two import ROOT, in_two, marked, resumed_in_two
from trainers.enhancement.model import magnitude
from trainers.enhancement.train import Training
from trainers.kit.checkpoints import Checkpoint
from trainers.kit.loop import Loop, Schedule
from trainers.kit.processes import Team
from trainers.kit.signals import Signals
from trainers.kit.together import Mute

HERE = "tests.trainers.enhancement.test_processes"
NO_CHANCE = {"gen.dropout": "0", "disc.dropout": "0", "disc.replay": "0.5", "disc.noisy_anchor": "true"}


class Kept:
    """A keeper that keeps nothing."""

    def save(self, *args: Any) -> Any:
        return SimpleNamespace(path=Path(), best={}, kept=())


def trained(root: str, reduced: bool = True, steps: int = 5) -> dict[str, Any]:
    """Parameters and answers of both players after some steps without dropout; ``idle``: names without effect."""
    patch = {**TINY, "data.root": root, "data.batch": "4", "pesq.workers": "0", "pesq.lag": "1", **NO_CHANCE}
    training = Training(build("enhancement", "fixed", "tiny", patch), "cpu")
    mute: Any = Mute()
    keeper: Any = Kept()
    if not reduced:
        Team.average = lambda self, tensors: None  # type: ignore[method-assign]
    identity = Checkpoint("", "enhancement", 0, {}, {})
    plan = Schedule(steps, 100, 2, 100)
    loop = Loop(mute, plan, keeper, Signals(), identity=identity, state=training.state)
    training._evaluate = lambda reporter, loop: {}  # type: ignore[method-assign]
    training.train(mute, loop)
    noisy = torch.randn(1, 2, 40, 33, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        estimate = training.net.eval()(noisy)
        judged = training.game.bare.eval()(magnitude(noisy), magnitude(estimate))
    return {
        "gen": {n: p.detach() for n, p in training.net.named_parameters()},
        "disc": {n: p.detach() for n, p in training.game.bare.named_parameters()},
        "answers": {"gen": estimate, "disc": judged},
        "history": {"targets": training.state()["game"]["history"]["targets"]},
        "steps": training.game.steps,
        "idle": idle(training.net),
    }


def idle(net: nn.Module) -> set[str]:
    """Biases that an instance norm subtracts again: their gradient is rounding alone, which Adam makes steps of."""
    return {
        f"{name}.{place}.bias"
        for name, part in net.named_modules()
        if isinstance(part, nn.Sequential)
        for (place, layer), (_, after) in pairwise(part.named_children())
        if isinstance(after, nn.InstanceNorm2d) and isinstance(layer, nn.Conv2d)
    }


def apart(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor], without: Collection[str] = ()) -> float:
    assert a.keys() == b.keys()
    return max(float((a[n] - b[n]).abs().max()) for n in a if n not in without)


def both_ways(root: str) -> dict[bool, dict[str, Any]]:
    """`trained` with gradients averaged over the processes, then without."""
    return {reduced: trained(root, reduced) for reduced in (True, False)}


def test_two_processes_train_what_one_does(clean: Path, tmp_path: Path) -> None:
    alone = trained(str(clean))
    assert 0 < len(alone["idle"]) < len(alone["gen"]) / 10
    first, second = in_two(f"{HERE}:both_ways", tmp_path, root=str(clean))
    assert apart(alone["history"], first[True]["history"]) < 1e-5, "one history, whoever holds its rows"
    for told in (first, second):
        for reduced, other in told.items():
            assert other["steps"] == alone["steps"] == 4
            far = {
                "gen": apart(alone["gen"], other["gen"], alone["idle"]),
                "disc": apart(alone["disc"], other["disc"]),
                "answers": apart(alone["answers"], other["answers"]),
            }
            assert {name: value < 1e-5 for name, value in far.items()} == dict.fromkeys(far, reduced), far


def test_three_and_three_steps_of_two_processes_are_six(clean: Path, tmp_path: Path) -> None:
    patch = {**TINY, "data.root": str(clean), "data.batch": "4", "data.eval_items": "1"}
    patch |= {"pesq.lag": "1", "pesq.cache": "16", "disc.replay": "1.0", "disc.noisy_anchor": "true"}
    assert resumed_in_two("enhancement", patch, tmp_path) == []


def words(clean: Path, run_dir: Path, **more: str) -> list[str]:
    given = {
        **TINY,
        "data.root": str(clean),
        "run_dir": str(run_dir),
        "device": "cpu",
        "size": "tiny",
        **more,
    }
    return [sys.executable, "-m", "trainers", "enhancement", *(f"{k}={v}" for k, v in given.items())]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=400, check=False
    )


def spawned(launcher: int) -> list[int]:
    """Process ids of the ranks that a launcher spawned, in their order."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent, *_, begun = (place / "stat").read_text().rsplit(")", 1)[1].split()[1:20]
            line = (place / "cmdline").read_bytes()
        except OSError:
            continue
        if int(parent) == launcher and b"spawn_main" in line:
            found.append((int(begun), int(place.name)))
    return [pid for _, pid in sorted(found)]


def test_a_run_and_its_resume(clean: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    few = {"trainer.processes": "2", "data.eval_items": "1"}
    done = run(words(clean, run_dir, **few, **{"trainer.max_steps": "4", "trainer.start": "spawn"}))
    assert (done.returncode, done.stderr) == (0, "")
    more = words(clean, run_dir, **few, **{"trainer.max_steps": "6", "trainer.start": "torchrun"})
    again = run([*more, f"resume={run_dir}"])
    assert (again.returncode, again.stderr) == (0, "")
    lines = list(journal.read(run_dir))
    assert [seq for seq, _ in lines] == list(range(len(lines)))
    told = list(journal.events(run_dir))
    starts = [e for e in told if e.kind == "run_started"]
    assert [(s.resumed_from, s.environment["processes"]) for s in starts] == [(None, 2), (4, 2)]
    ends = [(e.status, e.step) for e in told if e.kind == "run_ended"]
    assert ends == [("finished", 4), ("finished", 6)]
    points = [e for e in told if e.kind == "points"]
    for part in (range(1, 5), range(5, 7)):  # started either way
        ranks = {n for e in points if e.step in part for n in e.values if n.startswith("ranks/")}
        for name in ("loss_gen", "loss_disc", "grad_norm_gen", "step_seconds", "items", "pesq_missing"):
            assert {f"ranks/{name}.0", f"ranks/{name}.1"} <= ranks, name
    last = next(e.values for e in reversed(points) if "ranks/loss_gen.0" in e.values)
    assert last["loss/gen"] == pytest.approx((last["ranks/loss_gen.0"] + last["ranks/loss_gen.1"]) / 2)
    assert sum("eval/loss" in e.values and e.step == 4 for e in points) == 1, (
        "the first process alone evaluates"
    )


@pytest.mark.parametrize(
    ("start", "what", "status", "says"),
    [
        ("spawn", "stop", 0, "SIGTERM received"),
        ("torchrun", "stop", 0, "SIGTERM received"),
        ("torchrun", "kill launcher", -signal.SIGKILL, ""),
        ("spawn", "kill second", 1, "process 2 of 2"),
        ("spawn", "kill first", 1, "process 1 of 2 was killed by SIGKILL"),
    ],
)
def test_signals_end_all(
    start: str, what: str, status: int, says: str, clean: Path, tmp_path: Path, ended: Callable[..., Any]
) -> None:
    run_dir = tmp_path / "run"
    more = {"trainer.processes": "2", "trainer.start": start, "trainer.max_steps": "1000000"}
    process = subprocess.Popen(
        words(clean, run_dir, **more),
        cwd=ROOT,
        env={**ENVIRONMENT, "MARK": str(run_dir)},
        stderr=subprocess.PIPE,
    )
    try:
        book, until = run_dir / "events.jsonl", time.monotonic() + 200
        while not (book.exists() and '"ranks/loss_gen.1"' in book.read_text()) and time.monotonic() < until:
            time.sleep(0.1)
        if what == "stop":
            process.send_signal(signal.SIGTERM)
        elif what == "kill launcher":
            assert len(marked(run_dir)) >= 4, "launcher, agent, two ranks"
            process.kill()
        else:
            os.kill(spawned(process.pid)[int(what == "kill second")], signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode == status
        if says:
            ended(run_dir, {0: "stopped", 1: "failed"}[status], says)
        until = time.monotonic() + 20
        while marked(run_dir) and time.monotonic() < until:
            time.sleep(0.1)
        assert marked(run_dir) == []
    finally:
        process.kill()


@pytest.fixture
def ended() -> Callable[..., None]:
    """ended(run_dir, "stopped", "SIGTERM"): what the journal's last line must say."""

    def check(run_dir: Path, status: str, says: str) -> None:
        last = list(journal.events(run_dir))[-1]
        assert (last.kind, last.status) == ("run_ended", status)
        assert says in last.reason

    return check


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            {"trainer.processes": "3"},
            "data.batch 2 cannot be split evenly between 3 processes; take data.batch=3",
        ),
        ({"trainer.processes": "0"}, "0 is too small; the least is 1"),
        ({"trainer.start": "fork"}, "'fork' is none of spawn, torchrun"),
        ({"trainer.processes": "2", "data.root": "nowhere"}, "data.root 'nowhere'"),
    ],
)
def test_bad_input_is_one_line(more: dict[str, str], says: str, clean: Path, tmp_path: Path) -> None:
    done = run(words(clean, tmp_path / "run", **more))
    assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (2, 1, "")
    assert says in done.stderr
    assert not (tmp_path / "run").exists()
