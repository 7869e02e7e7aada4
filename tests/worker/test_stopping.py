"""A doomed run through a real server and worker: the doctor fails it, it stops saved, it goes on and is let be."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from app import db, launching
from app import settings as settings_module
from app.models import Checkpoint, Run
from tests.worker.test_worker import QUICK, Place, until

SMALL = {
    "gen.channels": 16, "gen.latent": 8, "quantizer.codebooks": 1, "quantizer.size": 32,
    "data.crop": 1024, "data.batch": 2, "data.eval_items": 1, "data.eval_seconds": 0.5, "data.slots": 1,
    "trainer.max_epochs": 30, "trainer.threads": 1,
}  # fmt: skip


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("place") / "home")
    yield made
    made.close()
    db.dispose()
    settings_module.use(None)


def test_a_run_that_the_doctor_fails_is_saved_stopped_and_can_go_on(place: Place) -> None:
    run_id = place.launch("hold", stop_on=["disc-stuck"], patch={"loss": "hinge"})
    first = place.ends(run_id, "stopped", seconds=90)
    assert first.reason.startswith("stopped: the doctor says fail: disc-stuck at step ")
    assert int(first.reason.rsplit(" ", 1)[1]) <= (first.last_step or 0)
    with db.transaction() as session:
        launching.resume(session, run_id)
    place.ends(run_id, "running")
    until(lambda: (place.run(run_id).last_step or 0) > (first.last_step or 0) + 60, "more steps")
    time.sleep(4)  # the doctor has looked again by now
    assert place.run(run_id).status == "running"
    with db.transaction() as session:
        launching.stop(session, run_id)
    again = place.ends(run_id, "stopped")
    assert again.reason.startswith("it was asked to"), "a person stopped it, not the doctor"


@pytest.fixture
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place whose worker is that of the product: it starts the real trainers, and gives them their time."""
    made = Place(tmp_path_factory.mktemp("trained") / "home", without=QUICK)
    yield made
    made.close()
    db.dispose()
    settings_module.use(None)


@pytest.mark.timeout(900)
def test_a_real_old_codec_is_stopped_saved_and_goes_on(trained: Place) -> None:
    run_id = trained.launch(
        "doomed", preset="old", size="tiny", patch=SMALL, stop_on=["disc-stuck"], device="cpu"
    )
    first = trained.ends(run_id, "stopped", "failed", "finished", seconds=400)
    assert first.status == "stopped", first.reason
    assert first.reason.startswith("stopped: the doctor says fail: disc-stuck at step ")
    failed_at, stopped_at = int(first.reason.rsplit(" ", 1)[1]), first.last_step or 0
    assert failed_at <= stopped_at < (first.total_steps or 0)

    # it is saved where it stopped, and its journal says how it ended
    assert saved(first) == stopped_at
    last = json.loads(Path(first.run_dir, "events.jsonl").read_text("utf-8").splitlines()[-1])
    assert (last["kind"], last["status"]) == ("run_ended", "stopped")

    # it goes on from there, and the doctor lets it be
    with db.transaction() as session:
        launching.resume(session, run_id)
    until(
        lambda: trained.run(run_id).status == "running" and (trained.run(run_id).last_step or 0) > stopped_at + 60,
        "more steps", 200,
    )  # fmt: skip
    time.sleep(4)  # the doctor has looked again by now
    assert trained.run(run_id).status == "running"
    with db.transaction() as session:
        launching.stop(session, run_id)
    again = trained.ends(run_id, "stopped", seconds=60)
    assert "the doctor" not in again.reason, "a person stopped it"
    assert saved(again) == again.last_step


def saved(run: Run) -> int:
    """The step of the newest checkpoint of a run, whose file is there."""
    with db.reading() as session:
        wanted = (
            select(Checkpoint).where(Checkpoint.run_id == run.id).order_by(Checkpoint.step.desc()).limit(1)
        )
        found = session.scalars(wanted).one()
        assert Path(found.path).stat().st_size == found.size
        return found.step
