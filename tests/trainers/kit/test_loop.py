"""When a loop reports, evaluates, saves and stops."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from nashboard import journal
from nashboard.reporter import Reporter
from trainers.kit.checkpoints import Checkpoint, Keeper, listed, load
from trainers.kit.errors import Diverged
from trainers.kit.loop import EndedAtOnce, Loop, Schedule, Signals


@pytest.fixture
def weight() -> torch.Tensor:
    return torch.zeros(1)


@pytest.fixture
def make(tmp_path: Path, weight: torch.Tensor) -> Any:
    def loop(total: int, start: int = 0, signals: Signals | None = None, **schedule: int) -> Loop:
        reporter = Reporter(tmp_path / "run", resume=True)
        plan = Schedule(total, **{"per_epoch": 4, "log_every": 3, "eval_every": 4, **schedule})
        keeper = Keeper(tmp_path / "run", keep_last=9, best_by="eval/mel")
        who = Checkpoint(reporter.id, "codec", 0, {}, {})
        return Loop(
            reporter,
            plan,
            keeper,
            signals or Signals(),
            identity=who,
            state=lambda: {"weight": weight},
            start=start,
        )

    return loop


def test_schedule_from_a_recipe() -> None:
    trainer = SimpleNamespace(total_steps=7, steps_per_epoch=60, log_every=5, eval_every=2)
    assert Schedule.of(trainer) == Schedule(7, 60, 5, 120)


def test_reports_and_evaluates_when_due(make: Any) -> None:
    loop = make(10)
    reports, evaluates = [], []
    for step in loop.steps():
        reports += [step] * loop.reports
        evaluates += [step] * loop.evaluates
    assert evaluates == [4, 8, 10]
    assert reports == [1, 3, 4, 6, 8, 9, 10]
    assert (loop.step, loop.epoch, loop.stopped) == (10, 2.5, "")
    loop.reporter.finish()
    later = make(10, start=6)
    assert [s for s in later.steps() if later.reports] == [7, 8, 9, 10]
    later.reporter.finish()


def test_a_report_has_means_speeds_and_waiting(make: Any, tmp_path: Path) -> None:
    loop = make(3)
    for step in loop.steps():
        with loop.waiting():
            pass
        loop.took({"loss/gen": torch.tensor(float(step))}, items=2, seconds=0.5)
        if step == 3:
            found = loop.report({"gen/lr": 0.1})
    assert (found["loss/gen"], found["gen/lr"], found["progress/epoch"]) == (2.0, 0.1, 0.75)
    assert found["speed/items_per_s"] == pytest.approx(2 * found["speed/steps_per_s"])
    assert found["speed/audio_s_per_s"] == pytest.approx(0.5 * found["speed/steps_per_s"])
    assert 0 <= found["speed/data_wait"] < 1
    (points,) = [e for e in journal.events(tmp_path / "run") if e.kind == "points"]
    assert points.values == found
    loop.reporter.finish()


def test_a_save_tells_path_best_and_kept(make: Any, tmp_path: Path) -> None:
    loop = make(8)
    for step in loop.steps():
        if loop.evaluates:
            loop.save({"eval/mel": 1.0 / step})
            loop.save({"eval/mel": 0.0})
    saved = [e for e in journal.events(tmp_path / "run") if e.kind == "checkpoint_saved"]
    assert [(e.step, e.best, len(e.kept)) for e in saved] == [
        (4, {"eval/mel": 0.25}, 1),
        (8, {"eval/mel": 0.125}, 2),
    ]
    assert all(e.size == Path(e.path).stat().st_size > 0 for e in saved)
    loop.reporter.finish()


def test_a_nan_saves_the_last_good_state(make: Any, weight: torch.Tensor, tmp_path: Path) -> None:
    loop = make(9)

    def train() -> None:
        for step in loop.steps():
            weight.fill_(step)
            value = float("nan") if step == 5 else 1.0
            loop.took({"loss/adv": torch.tensor(value)}, items=1)
            if loop.reports:
                loop.report({})

    with pytest.raises(Diverged, match="loss/adv became nan at step 5") as caught:
        train()
    assert (caught.value.step, caught.value.term) == (5, "loss/adv")
    (path,) = listed(tmp_path / "run")
    kept = load(path)
    assert kept.step <= 4
    assert kept.state["weight"].item() == kept.step, "a copy of that step, not the live weight"
    loop.reporter.finish("failed")


def test_a_signal_ends_the_step_and_a_second_one_all(make: Any, capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Signals() as signals:
        loop = make(100, signals=signals)
        for step in loop.steps():
            if step == 3:
                os.kill(os.getpid(), signal.SIGTERM)
        assert (loop.step, loop.stopped) == (3, "SIGTERM received")
        with pytest.raises(EndedAtOnce, match="SIGINT"):
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is before
    assert "ending this step" in capfd.readouterr().err
    loop.reporter.finish()


def test_the_server_stops_it_between_two_steps(make: Any) -> None:
    loop = make(100)
    for step in loop.steps():
        if step == 2:
            loop.reporter.request_stop()
    assert (loop.step, bool(loop.stopped)) == (2, True)
    loop.reporter.finish()
