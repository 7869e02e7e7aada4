"""A doomed run through a real server and worker: the doctor fails it, it stops saved, it goes on and is let be."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from app import db, launching
from app import settings as settings_module
from tests.worker.test_worker import Place, until


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
