"""Launching: what is made, what is refused, and that nothing is ever half made."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app import db, dispatch, errors, launching, runs
from app import settings as settings_module
from app.models import Checkpoint, Lease, Run
from recipes.base import BadRecipe, flat
from recipes.registry import load


@pytest.fixture(params=["sqlite"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def many() -> int:
    with db.reading() as session:
        return session.scalar(select(func.count()).select_from(Run)) or 0


def get(run_id: str) -> Run:
    with db.reading() as session:
        return runs.get(session, run_id)


def with_checkpoint(run_id: str, step: int = 40, **fields: Any) -> int:
    """Give a run what a worker and a trainer leave: a host, a folder, a checkpoint."""
    with db.transaction() as session:
        run = runs.get(session, run_id)
        run.host, run.run_dir, run.next_seq = "box", f"/runs/{run_id}", 5
        for name, value in fields.items():
            setattr(run, name, value)
        saved = Checkpoint(
            run_id=run_id,
            step=step,
            time=time.time(),
            path=f"/runs/{run_id}/checkpoints/{step}.pt",
            size=1,
            best={},
        )
        session.add(saved)
        session.flush()
        return saved.id


def test_a_launch_is_queued_and_its_message_leaves_after_the_commit(launchable: Any) -> None:
    with db.transaction() as session:
        run = launching.launch(
            session, "codec", preset="old", patch={"seed": 7, "disc.lr": "1e-3"}, tags=["x"]
        )
        assert dispatch.waiting(launchable.redis_url) == set()
    assert dispatch.waiting(launchable.redis_url) == {run.task}
    kept = get(run.id)
    assert (kept.status, kept.trainer, kept.preset, kept.size, kept.seed) == (
        "queued",
        "codec",
        "old",
        "tiny",
        7,
    )
    assert (kept.name, kept.device, kept.tags) == ("codec old", "auto", ["x"])
    assert flat(load("codec", kept.recipe))["disc.lr"] == 1e-3


def test_a_pair_shares_seed_data_and_group(launchable: Any, tmp_path: Path) -> None:
    (tmp_path / "data/a.wav").write_bytes(b"x")
    patch = {"data.root": str(tmp_path / "data"), "seed": 3, "data.batch": 4}
    with db.transaction() as session:
        made = launching.launch_pair(
            session, "codec", patch=patch, sides={"fixed": {"disc.lr": 2e-4}}, name="try", device="cpu"
        )
    old, fixed = (flat(load("codec", get(run.id).recipe)) for run in made)
    shared = {k: v for k, v in old.items() if k == "seed" or k.startswith("data.")}
    assert shared == {k: v for k, v in fixed.items() if k in shared}
    assert (shared["seed"], shared["data.batch"]) == (3, 4)
    assert (fixed["disc.lr"], old["disc.lr"]) != (2e-4, 2e-4)
    assert fixed["disc.lr"] == 2e-4
    assert len({run.group for run in made}) == 1
    assert made[0].group
    assert [run.name for run in made] == ["try old", "try fixed"]


@pytest.mark.parametrize(
    ("asked", "knob", "text"),
    [
        ({"patch": {"disc.lrr": 1}}, "disc.lrr", "disc.lr"),
        ({"patch": {"disc.lr": "fast"}}, "disc.lr", "'fast'"),
        ({"patch": {"disc.lr": -1}}, "disc.lr", "-1"),
        ({"patch": {"trainer.max_epochs": 0}}, "trainer.max_epochs", "0"),
        ({"preset": "brandnew"}, "preset", "brandnew"),
        ({"size": "huge"}, "size", "huge"),
        ({"device": "tpu"}, "device", "'tpu' is none of auto, cpu, cuda:N"),
        ({"patch": {"data.root": "/"}}, "data.root", "outside the allowed data folders"),
    ],
)
def test_bad_input_names_the_knob_and_makes_nothing(
    launchable: Any, asked: Any, knob: str, text: str
) -> None:
    with pytest.raises(BadRecipe) as caught, db.transaction() as session:
        launching.launch(session, "codec", **asked)
    assert knob in [p.knob for p in caught.value.problems]
    assert text in str(caught.value)
    assert many() == 0
    assert dispatch.waiting(launchable.redis_url) == set()


@pytest.mark.parametrize(
    ("presets", "sides", "text"),
    [
        (["old"], {}, "a pair needs two presets"),
        (["old", "old"], {}, "twice"),
        (["old", "nosuch"], {}, "nosuch"),
        (["old", "fixed"], {"dac-plain": {"disc.lr": 1}}, "none of the presets old, fixed"),
        (["old", "fixed"], {"fixed": {"seed": 2}}, "share seed and data"),
        (["old", "fixed"], {"fixed": {"disc.lr": 99}}, "99"),
    ],
)
def test_a_pair_is_made_whole_or_not_at_all(launchable: Any, presets: Any, sides: Any, text: str) -> None:
    with pytest.raises(BadRecipe, match=text), db.transaction() as session:
        launching.launch_pair(session, "codec", presets, sides=sides)
    assert many() == 0


def test_a_gpu_that_no_worker_has_is_refused(launchable: Any, queued: Callable[..., str]) -> None:
    dispatch.here(launchable.redis_url, "train:box:1", {"host": "box", "slots": ["cpu:0"]})
    with pytest.raises(BadRecipe, match="no worker has a GPU; take auto or cpu"):
        queued(device="cuda:0")
    dispatch.here(launchable.redis_url, "train:gpu:1", {"host": "gpu", "slots": ["cuda:0"]})
    with pytest.raises(BadRecipe, match="no worker has cuda:1: there are cuda:0"):
        queued(device="cuda:1")
    assert get(queued(device="cuda:0")).device == "cuda:0"


def test_a_broker_that_is_down_leaves_no_run(launchable: Any, queued: Callable[..., str]) -> None:
    settings_module.use(launchable.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    with pytest.raises(errors.BrokerDown, match="does not answer"):
        queued()
    assert many() == 0


def test_a_broker_that_dies_before_the_message_fails_the_run(
    launchable: Any, queued: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> None:
        raise dispatch.BrokerDown("the broker at x does not answer")

    monkeypatch.setattr(dispatch, "send", down)
    with pytest.raises(errors.BrokerDown):
        queued()
    with db.reading() as session:
        run = session.scalars(select(Run)).one()
    assert run.status == "failed"
    assert run.reason == "it could not be queued: the broker at x does not answer"


def test_stopping(launchable: Any, queued: Callable[..., str], make_run: Callable[..., str]) -> None:
    waiting, starting, running, ended, lost = (
        queued(), queued(), make_run(), make_run(status="finished"), make_run(status="lost"),
    )  # fmt: skip
    with db.transaction() as session:
        session.add(Lease(slot="box/cpu:0", run_id=starting, worker="box:1", renewed=time.time()))
    for run_id in (waiting, starting, running, ended, lost):
        with db.transaction() as session:
            launching.stop(session, run_id)
    assert [get(i).status for i in (waiting, starting, running, ended, lost)] == [
        "stopped", "stopping", "stopping", "finished", "lost",
    ]  # fmt: skip
    assert get(starting).stop
    assert get(lost).stop, "should it come back, it shall stop"
    with pytest.raises(errors.NotFound), db.transaction() as session:
        launching.stop(session, "0123456789ab")


def test_a_resumed_run_is_the_same_run_on_the_host_of_its_checkpoint(
    launchable: Any, queued: Callable[..., str]
) -> None:
    run_id = queued()
    with_checkpoint(run_id, status="stopped", ended=1.0, device="cpu")
    with dispatch.client(launchable.redis_url) as connection:
        connection.flushall()
    with db.transaction() as session:
        run = launching.resume(session, run_id)
    assert run.id == run_id
    kept = get(run_id)
    assert (kept.status, kept.resume, kept.ended) == ("queued", f"/runs/{run_id}", None)
    assert kept.reason == "resumes from step 40; waits for a worker on box, which holds its checkpoint"
    with dispatch.client(launchable.redis_url) as connection:
        assert connection.llen("nashboard.train.cpu@box") == 1


def test_what_cannot_be_resumed_says_why(
    launchable: Any, queued: Callable[..., str], make_run: Callable[..., str]
) -> None:
    active, by_hand, bare, held, done = queued(), make_run(status="stopped"), queued(), queued(), queued()
    with_checkpoint(held, status="lost")
    with_checkpoint(done, status="finished")
    with db.transaction() as session:
        runs.get(session, bare).status = "failed"
        runs.get(session, bare).next_seq = 9
        session.add(Lease(slot="box/cpu:0", run_id=held, worker="box:1", renewed=time.time()))
    told = {
        active: "is queued; only a run that ended",
        by_hand: "not started by Nashboard",
        bare: "left no checkpoint to go on from; fork it",
        held: "still has a trainer on box/cpu:0",
        done: "has finished its steps; fork it",
    }
    for run_id, text in told.items():
        with pytest.raises(errors.Conflict, match=text), db.transaction() as session:
            launching.resume(session, run_id)


def test_one_that_never_began_begins_again(launchable: Any, queued: Callable[..., str]) -> None:
    run_id = queued()
    with db.transaction() as session:
        runs.set_status(session, runs.get(session, run_id), "failed", "no room")
        launching.resume(session, run_id)
    assert (get(run_id).status, get(run_id).resume) == ("queued", "")


def test_a_fork_has_the_recipe_with_the_patch(launchable: Any, queued: Callable[..., str]) -> None:
    parent = queued({"disc.lr": 3e-4, "seed": 5}, name="first", tags=["kept"])
    with db.transaction() as session:
        made = launching.fork(session, parent, {"disc.lr": 5e-4}, treats="D1")
    child = get(made.id)
    recipe = flat(load("codec", child.recipe))
    assert (recipe["disc.lr"], recipe["seed"]) == (5e-4, 5)
    assert (child.parent, child.treats, child.name, child.tags) == (parent, "D1", "first fork", ["kept"])
    assert child.resume == ""
    with pytest.raises(BadRecipe, match=r"disc\.lr"), db.transaction() as session:
        launching.fork(session, parent, {"disc.lr": "x"})
    assert many() == 2


def test_a_fork_from_a_checkpoint_runs_where_it_lies_and_keeps_it(
    launchable: Any, queued: Callable[..., str]
) -> None:
    parent = queued()
    checkpoint = with_checkpoint(parent)
    with db.transaction() as session:
        child = launching.fork(session, parent, from_checkpoint=checkpoint)
    assert child.resume == f"/runs/{parent}/checkpoints/40.pt"
    with dispatch.client(launchable.redis_url) as connection:
        assert connection.llen("nashboard.train.auto@box") == 1
        assert connection.llen("nashboard.chores@box") == 1
    with (
        pytest.raises(BadRecipe, match=r"at step 40 .* end at step 30; set trainer\.max_steps above 40"),
        db.transaction() as session,
    ):
        launching.fork(session, parent, {"trainer.max_steps": 30}, checkpoint)
    with pytest.raises(errors.NotFound, match="no checkpoint 999"), db.transaction() as session:
        launching.fork(session, parent, from_checkpoint=999)


def test_the_demo_is_queued_once_and_only_where_there_is_nothing(launchable: Any) -> None:
    with db.transaction() as session:
        made = launching.demo(session)
    assert [run.preset for run in made] == ["old", "fixed"]
    with db.transaction() as session:
        assert launching.demo(session) == []
    assert many() == 2
