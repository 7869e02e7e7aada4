"""Progress in words, for every state."""

from __future__ import annotations

from typing import Any

import pytest

from app.models import Run
from app.progress import planned, progress


def run(**fields: Any) -> Run:
    given = {
        "status": "running",
        "recipe": {},
        "resume": "",
        "last_step": None,
        "total_steps": None,
        "started": None,
        "ended": None,
    }
    return Run(id="r", **(given | fields))


def test_a_running_run_says_how_far_and_how_long() -> None:
    found = progress(run(last_step=2100, total_steps=3000, started=1000.0), None, 1147.0)
    assert (found.share, found.done, found.note, found.look) == (
        0.7,
        "2,100 / 3,000",
        "about 1 min 03 s left",
        "live",
    )


def test_the_time_left_goes_by_the_speed_that_was_measured_last() -> None:
    given = run(last_step=2000, total_steps=3000, started=1000.0)
    assert progress(given, None, 3000.0).note == "about 16 min 40 s left"
    assert progress(given, None, 3000.0, (10.0, 2000)).note == "about 1 min 40 s left"
    for strange in (float("nan"), float("inf"), 0.0, -1.0):
        assert progress(given, None, 3000.0, (strange, 2000)).note == "about 16 min 40 s left"


@pytest.mark.parametrize(
    ("fields", "note", "look"),
    [
        ({"status": "queued"}, "waits for a worker", ""),
        ({"status": "queued", "resume": "/runs/x"}, "waits to go on", ""),
        ({"status": "stopping", "last_step": 5}, "ends its step and saves", "live"),
        ({"status": "finished", "started": 10.0, "ended": 73.0}, "took 1 min 03 s", ""),
        ({"status": "stopped", "started": 10.0, "ended": 14.0}, "after 4 s", ""),
        ({"status": "failed", "started": 10.0, "ended": 14.0}, "after 4 s", "bad"),
        ({"status": "failed"}, "never began", "bad"),
        ({"status": "lost", "started": 10.0}, "", "bad"),
        ({"last_step": 0, "total_steps": 10, "started": 1.0}, "", "live"),
        ({"last_step": 10, "total_steps": 10, "started": 1.0}, "", "live"),
    ],
)
def test_each_state_has_its_note(fields: dict[str, Any], note: str, look: str) -> None:
    found = progress(run(**fields), None, 100.0)
    assert (found.note, found.look) == (note, look)


def test_a_run_without_an_end_in_sight_says_its_step_or_epoch() -> None:
    assert progress(run(), None, 9.0).done == "no step yet"
    assert progress(run(status="finished", last_step=1234), None, 9.0).done == "1,234"
    assert progress(run(status="finished"), None, 9.0).share == 1.0
    assert progress(run(last_step=5), (2.5, 5), 9.0).note == "epoch 2.50"


@pytest.mark.parametrize(
    ("recipe", "steps"),
    [
        ({"trainer": {"max_steps": 20, "max_epochs": 2, "steps_per_epoch": 5}}, 20),
        ({"trainer": {"max_steps": None, "max_epochs": 2, "steps_per_epoch": 5}}, 10),
        ({"trainer": {"max_epochs": 2}}, None),
        ({"trainer": "words"}, None),
        ({}, None),
    ],
)
def test_the_steps_that_a_recipe_asks_for(recipe: dict[str, Any], steps: int | None) -> None:
    assert planned(recipe) == steps
