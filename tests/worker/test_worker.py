"""A real worker, server and broker with a fake trainer: what happens when each of them dies."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app import db, dispatch, launching, runs
from app import settings as settings_module
from app.models import Lease, Line, Run
from worker import broker, console, owner, process

ROOT = Path(__file__).parents[2]
FAKE = [sys.executable, str(Path(__file__).with_name("fake_trainer.py"))]
QUICK = {
    "NASHBOARD_WORKER_HOST": "box",
    "NASHBOARD_WORKER_DEVICES": "cuda:0,cuda:1,cuda:2,cuda:3",
    "NASHBOARD_WORKER_TRAINER_COMMAND": json.dumps(FAKE),
    "NASHBOARD_WORKER_RECEIPT_S": "0.3",
    "NASHBOARD_WORKER_GRACE_S": "2",
    "NASHBOARD_WORKER_POLL_S": "0.1",
    "NASHBOARD_WORKER_WAIT_S": "0.2",
    "NASHBOARD_WORKER_SWEEP_S": "0.3",
}


def until(look: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """What ``look`` returns once it is true."""
    end = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return seen


class Place:
    """A home with its server, broker and worker, each of which can be killed."""

    def __init__(self, home: Path, without: Collection[str] = ()) -> None:
        """``without``: settings of the worker that stay as they are in the product."""
        self.home = home
        home.mkdir()
        command, self.broker_url = broker.prepare(home)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("NASHBOARD_")},
            **{k: v for k, v in QUICK.items() if k not in without},
            "NASHBOARD_HOME": str(home),
            "REDIS_URL": self.broker_url,
            "CUDA_VISIBLE_DEVICES": "",
        }
        self.broker = command
        self.start("broker", command)
        broker.wait(self.broker_url, lambda: True)
        settings_module.use(settings_module.load(home=home, redis_url=self.broker_url).prepared())
        db.dispose()
        db.migrate()
        self.start("server", [sys.executable, "-m", "app", "--port", "0"])
        line = until(
            lambda: re.search(r"http://127\.0\.0\.1:(\d+)/", self.said("server")), "the server's address"
        )
        self.env["NASHBOARD_WORKER_URL"] = f"http://127.0.0.1:{line[1]}"
        self.work()

    def start(self, name: str, command: list[str]) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = process.spawn(command, env=self.env, log=log, cwd=ROOT)

    def work(self) -> None:
        """Start a worker, and wait until it takes runs."""
        before = self.said("worker").count("ready.")
        self.start("worker", [sys.executable, "-m", "worker", "train"])
        until(lambda: self.said("worker").count("ready.") > before, "the worker")

    def end(self, name: str, number: int = signal.SIGTERM, seconds: float = 20.0) -> int:
        ending = self.processes.pop(name)
        ending.send_signal(number)
        return ending.wait(seconds)

    def said(self, name: str) -> str:
        path = self.home / f"{name}.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def launch(self, name: str, **asked: Any) -> str:
        with db.transaction() as session:
            return launching.launch(session, "codec", name=name, **asked).id

    def run(self, run_id: str) -> Run:
        with db.reading() as session:
            return runs.get(session, run_id)

    def ends(self, run_id: str, *statuses: str, seconds: float = 30.0) -> Run:
        """The run, once it has one of the statuses."""
        return until(
            lambda: run if (run := self.run(run_id)).status in statuses else None,
            f"{run_id} to be {statuses}, which is {self.run(run_id).status}\n{self.said('worker')[-3000:]}",
            seconds,
        )

    def trainer(self, run_id: str) -> int:
        """The process id of a run's trainer, from the worker's log."""
        found = until(
            lambda: re.findall(rf"run {run_id}: trainer (\d+) on", self.said("worker")), "a trainer"
        )
        return int(found[-1])

    def close(self) -> None:
        for name in ("worker", "server", "broker"):
            if name in self.processes:
                self.end(name)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("place") / "home")
    yield made
    made.close()
    db.dispose()
    settings_module.use(None)


def alive(pid: int) -> bool:
    return bool(owner._started(pid))


def test_a_run_goes_from_queued_to_finished(place: Place) -> None:
    run_id = place.launch("steps=3", patch={"seed": 4})
    run = place.ends(run_id, "finished")
    assert (run.last_step, run.host, run.total_steps) == (3, "box", 99)
    assert run.device in ("cuda:0", "cuda:1", "cuda:2", "cuda:3")
    with db.reading() as session:
        line = session.scalars(select(Line.text).where(Line.run_id == run_id)).first()
    seen, _, device = (line or "").removeprefix("sees ").rpartition(" ")
    assert device == "cuda:0", "the one that it sees"
    env = eval(seen)  # what the fake trainer printed of its environment
    assert env["CUDA_VISIBLE_DEVICES"] == run.device.removeprefix("cuda:")
    assert env["OMP_NUM_THREADS"] == "1"
    assert env["REDIS_URL"] is None
    assert env["DATABASE_URL"] is None
    console = Path(run.run_dir, "console.log").read_text()
    assert console.startswith("$ python -m trainers codec preset=fixed size=tiny seed=4 run_dir=")
    assert "the last words of the trainer" in console
    until(lambda: not leases_held(), "the lease to go back")


def leases_held() -> dict[str, str]:
    with db.reading() as session:
        return {x.slot: x.run_id for x in session.scalars(select(Lease))}


def test_four_devices_run_four_at_a_time(place: Place) -> None:
    ids = [place.launch("hold") for _ in range(6)]
    until(lambda: len(leases_held()) == 4, "four leases")
    until(lambda: sum(place.run(i).status == "running" for i in ids) == 4, "four that run")
    held = leases_held()
    assert sorted(held) == [f"box/cuda:{i}" for i in range(4)]
    assert len({place.run(i).device for i in held.values()}) == 4
    waiting = [i for i in ids if i not in held.values()]
    assert [place.run(i).status for i in waiting] == ["queued", "queued"]
    with db.transaction() as session:
        launching.stop(session, waiting[0])
    for run_id in [i for i in ids if i != waiting[0]]:
        with db.transaction() as session:
            launching.stop(session, run_id)
        assert place.ends(run_id, "stopped").status == "stopped"
    assert place.run(waiting[0]).started is None
    until(lambda: not leases_held(), "all leases to go back")


def test_a_killed_trainer_has_failed_at_once_and_leaves_nothing(place: Place) -> None:
    run_id = place.launch("hold child")
    place.ends(run_id, "running")
    until(lambda: (place.run(run_id).last_step or 0) > 2, "some steps")
    child = int(Path(place.run(run_id).run_dir, "child").read_text())
    os.kill(place.trainer(run_id), signal.SIGKILL)
    began = time.monotonic()
    run = place.ends(run_id, "failed")
    assert time.monotonic() - began < 5
    assert "killed by SIGKILL (by hand, or because memory ran out)" in run.reason
    assert "the last words of the trainer" in run.reason
    last = Path(run.run_dir, "events.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["kind"] == "run_ended"
    assert json.loads(last)["reason"] == run.reason
    until(
        lambda: place.run(run_id).next_seq == json.loads(last)["seq"] + 1, "the whole journal on the server"
    )
    until(lambda: not alive(child), "its child to be gone")


@pytest.mark.parametrize(
    ("name", "reason", "journal"),
    [
        ("refuse", "nothing is right with seed=0", False),
        ("early", "killed by SIGKILL", False),
        (
            "mute steps=2",
            "exited with status 3 without ending its run\nlast lines:\nfake trainer starts",
            True,
        ),
    ],
)
def test_every_other_bad_end_says_why(place: Place, name: str, reason: str, journal: bool) -> None:
    run = place.ends(place.launch(name), "failed")
    assert reason in run.reason
    assert Path(run.run_dir, "events.jsonl").exists() == journal
    if name == "refuse":
        assert run.reason == reason, "one line, the trainer's own"


def test_a_stopped_run_is_saved_and_goes_on(place: Place) -> None:
    run_id = place.launch("hold", device="cuda:3")
    place.ends(run_id, "running")
    until(lambda: (place.run(run_id).last_step or 0) > 1, "some steps")
    with db.transaction() as session:
        assert launching.stop(session, run_id).status == "stopping"
    first = place.ends(run_id, "stopped")
    assert first.reason.startswith("it was asked to")
    with db.transaction() as session:
        launching.resume(session, run_id)
    place.ends(run_id, "running")
    until(lambda: (place.run(run_id).last_step or 0) > first.last_step + 1, "more steps")
    with db.transaction() as session:
        launching.stop(session, run_id)
    place.ends(run_id, "stopped")
    kinds = [json.loads(x)["kind"] for x in Path(first.run_dir, "events.jsonl").read_text().splitlines()]
    assert kinds.count("run_started") == kinds.count("run_ended") == 2
    assert f"resume={first.run_dir}" in Path(first.run_dir, "console.log").read_text()


def test_one_that_does_not_listen_is_killed_after_the_grace(place: Place) -> None:
    run_id = place.launch("deaf hold")
    place.ends(run_id, "running")
    with db.transaction() as session:
        launching.stop(session, run_id)
    run = place.ends(run_id, "stopped")
    assert (
        run.reason == "killed: it was asked to stop, and 2 s later it was still there; unsaved steps are lost"
    )


def test_a_message_that_comes_again_starts_nothing(place: Place) -> None:
    run_id = place.launch("hold")
    for _ in range(3):
        dispatch.send(
            place.broker_url, dispatch.TRAIN, [run_id], dispatch.queue_for("auto"), place.run(run_id).task
        )
    place.ends(run_id, "running")
    refused = f"run {run_id}: not started: run {run_id} is running"
    until(lambda: place.said("worker").count(refused) == 3, "three refusals")
    assert place.said("worker").count(f"run {run_id}: trainer") == 1
    with db.transaction() as session:
        launching.stop(session, run_id)
    place.ends(run_id, "stopped")


def test_the_server_may_be_away_when_a_run_ends(place: Place) -> None:
    run_id = place.launch("hold")
    place.ends(run_id, "running")
    server = place.processes["server"]
    server.send_signal(signal.SIGSTOP)
    try:
        os.kill(place.trainer(run_id), signal.SIGKILL)
        run = place.ends(run_id, "failed", seconds=40)
        lines = len(Path(run.run_dir, "events.jsonl").read_text().splitlines())
        assert run.next_seq < lines
    finally:
        server.send_signal(signal.SIGCONT)
    os.environ["NASHBOARD_WORKER_URL"], os.environ["NASHBOARD_WORKER_HOST"] = (
        place.env["NASHBOARD_WORKER_URL"],
        "box",
    )
    from worker import chores
    from worker.settings import worker_settings

    worker_settings.cache_clear()
    try:
        until(
            lambda: run_id in chores.catch_up() or place.run(run_id).next_seq == lines, "the rest to be sent"
        )
    finally:
        del os.environ["NASHBOARD_WORKER_URL"], os.environ["NASHBOARD_WORKER_HOST"]
        worker_settings.cache_clear()
    assert place.run(run_id).next_seq == lines
    assert place.run(run_id).status == "failed"


def test_the_broker_may_die_while_a_run_goes_on(place: Place) -> None:
    run_id = place.launch("hold")
    place.ends(run_id, "running")
    place.end("broker", signal.SIGKILL)
    broker.socket_path(place.home).unlink(missing_ok=True)
    place.start("broker", place.broker)
    broker.wait(place.broker_url, lambda: True)
    step = place.run(run_id).last_step or 0
    until(lambda: (place.run(run_id).last_step or 0) > step, "it to go on")
    after = place.launch("steps=2")
    place.ends(after, "finished", seconds=40)
    assert place.said("worker").count(f"run {run_id}: trainer") == 1
    with db.transaction() as session:
        launching.stop(session, run_id)
    place.ends(run_id, "stopped")


def test_a_worker_that_is_told_to_end_has_its_trainers_save(place: Place) -> None:
    ids = [place.launch("hold") for _ in range(5)]
    until(lambda: sum(place.run(i).status == "running" for i in ids) == 4, "four that run")
    pids = [int(p) for i in ids for p in re.findall(rf"run {i}: trainer (\d+) on", place.said("worker"))]
    began = time.monotonic()
    assert place.end("worker") == 0
    assert time.monotonic() - began < 10
    assert not [p for p in pids if alive(p)]
    assert sorted(place.run(i).status for i in ids) == ["queued", *["stopped"] * 4]
    assert sum(place.run(i).reason == "the worker was shut down (it was asked to)" for i in ids) == 4
    assert not leases_held()
    waiting = next(i for i in ids if place.run(i).status == "queued")
    place.work()
    place.ends(waiting, "running")
    assert [place.run(i).status for i in ids if i != waiting] == ["stopped"] * 4
    with db.transaction() as session:
        launching.stop(session, waiting)
    place.ends(waiting, "stopped")


def test_a_killed_worker_takes_its_trainers_along_and_its_runs_are_lost(place: Place) -> None:
    ids = [place.launch("hold") for _ in range(5)]
    until(lambda: sum(place.run(i).status == "running" for i in ids) == 4, "four that run")
    waiting = next(i for i in ids if place.run(i).status == "queued")
    pids = [place.trainer(i) for i in ids if i != waiting]
    place.end("worker", signal.SIGKILL)
    began = time.monotonic()
    until(lambda: not [p for p in pids if alive(p)], "the trainers to be gone", 5)
    chores_log = place.home / "chores.log"
    place.start("chores", [sys.executable, "-m", "worker", "chores"])
    try:
        for run_id in ids:
            if run_id != waiting:
                assert "its worker is gone" in place.ends(run_id, "lost").reason
        assert time.monotonic() - began < 20
        place.work()
        place.ends(waiting, "running")
        for run_id in ids:
            lines = console.ending(Path(place.run(run_id).run_dir)).lines
            if run_id != waiting:
                until(lambda i=run_id, n=lines: place.run(i).next_seq == n, "what the trainer could not send")
        assert [place.run(i).status for i in ids if i != waiting] == ["lost"] * 4, chores_log.read_text()
        assert place.said("worker").count(f"run {ids[0]}: trainer") == 1
    finally:
        assert place.end("chores") == 0
    with db.transaction() as session:
        launching.stop(session, waiting)
    place.ends(waiting, "stopped")
