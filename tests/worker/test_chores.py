"""The chores: what is lost, what is sent again, what may be deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import db, dispatch, runs
from app.models import Lease
from worker import chores, leases, owner
from worker.settings import worker_settings


@pytest.fixture(autouse=True)
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker whose host is called box."""
    monkeypatch.setenv("NASHBOARD_WORKER_HOST", "box")
    worker_settings.cache_clear()
    yield
    worker_settings.cache_clear()


def forget_messages(url: str) -> None:
    with dispatch.client(url) as connection:
        connection.flushall()


def test_a_queued_run_without_a_message_gets_another(launchable: Any, queued: Callable[..., str]) -> None:
    run_id, held = queued(), queued()
    with db.transaction() as session:
        session.add(Lease(slot="box/cpu:0", run_id=held, worker=owner.me("box"), renewed=time.time()))
    later = time.time() + 60
    assert chores.send_again(later) == [], "its message is there"
    forget_messages(launchable.redis_url)
    assert chores.send_again() == [], "it was queued a moment ago"
    assert chores.send_again(later) == [run_id]
    assert chores.send_again(later) == []
    with db.reading() as session:
        assert dispatch.waiting(launchable.redis_url) == {runs.get(session, run_id).task}


def test_what_is_resumed_goes_to_its_host_again(launchable: Any, queued: Callable[..., str]) -> None:
    run_id = queued()
    with db.transaction() as session:
        run = runs.get(session, run_id)
        run.resume, run.host = "/runs/x", "other"
    forget_messages(launchable.redis_url)
    assert chores.send_again(time.time() + 60) == [run_id]
    with dispatch.client(launchable.redis_url) as connection:
        assert connection.llen("nashboard.train.auto@other") == 1


def test_silence_and_dead_workers_are_swept(launchable: Any, make_run: Callable[..., str]) -> None:
    silent, fresh = make_run(now=time.time() - 100), make_run(now=time.time())
    assert chores.sweep() == [silent]
    with db.reading() as session:
        assert (runs.get(session, silent).status, runs.get(session, fresh).status) == ("lost", "running")
        assert "no sign of life" in runs.get(session, silent).reason
    again = make_run(now=time.time() - 100)
    assert chores.sweep(since=time.time()) == [], "we have just begun to listen"
    assert chores.sweep() == [again]


def test_only_files_of_runs_are_deleted(launchable: Any, tmp_path: Path) -> None:
    root = launchable.runs_dir
    run = root / "abc"
    (run / "checkpoints").mkdir(parents=True)
    saved = run / "checkpoints" / "step-1.pt"
    saved.write_text("x")
    (run / "events.jsonl").write_text("x")
    outside = tmp_path / "precious"
    outside.write_text("x")
    (run / "link").symlink_to(outside)
    for path in (outside, run / ".." / ".." / ".." / "precious", run / "link", root, tmp_path):
        assert chores.delete(str(path)) == 0
    assert outside.exists()
    assert chores.delete(str(saved)) == 1
    assert chores.delete(str(saved)) == 0
    assert chores.delete(str(run)) == 2
    assert not run.exists()
    assert outside.exists()


def test_a_pin_is_the_one_that_trainers_know(launchable: Any, tmp_path: Path) -> None:
    saved = launchable.runs_dir / "abc" / "checkpoints" / "step-1.pt"
    saved.parent.mkdir(parents=True)
    assert chores.pin(str(saved), "child") is False
    saved.write_text("x")
    assert chores.pin(str(saved), "child") is True
    assert chores.pin(str(tmp_path / "data"), "child") is False
    mark = saved.with_name("step-1.pt.pin")
    assert mark.read_text() == "child\n"
    source = (Path(__file__).parents[2] / "trainers/kit/checkpoints.py").read_text()
    assert f'PIN = "{chores.PIN}"' in source


def test_the_sweeper_goes_on_when_a_chore_fails(
    launchable: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NASHBOARD_WORKER_SWEEP_S", "0.01")
    worker_settings.cache_clear()
    seen: list[str] = []

    def fails() -> list[str]:
        seen.append("looked")
        raise OSError("no room")

    monkeypatch.setattr(chores, "send_again", fails)
    monkeypatch.setattr(leases, "clear_dead", lambda lease_s: seen.append("swept") or [])
    sweeper = chores.Sweeper()
    sweeper.start()
    until = time.monotonic() + 10
    while seen.count("looked") < 3 and time.monotonic() < until:
        time.sleep(0.01)
    sweeper.close()
    assert not sweeper.is_alive()
    assert seen.count("looked") >= 3
    assert seen.count("swept") > 3
    assert "a chore could not be done: no room" in caplog.text
