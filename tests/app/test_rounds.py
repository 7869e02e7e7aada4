"""The doctor's rounds: a batch is looked at soon, a busy run not too often, a stumble ends nothing."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from app import findings, rounds
from nashboard.events import Points, to_dict
from nashboard.events import RunStarted as Started

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def nothing_due() -> Any:
    rounds._due.clear()
    findings._known.clear()
    yield
    rounds._due.clear()


def test_a_batch_that_is_posted_is_looked_at_by_itself(client: Any, make_run: Any) -> None:
    run_id = make_run(status="queued", recipe={"loss": "hinge"})
    found = [Started(run=run_id, seq=0, time=1.7e9, recipe={"loss": "hinge"})]
    found += [Points(seq=i, time=1.7e9, step=10 * i, values={"loss/disc": 2.0}) for i in range(1, 400)]
    body = "".join(json.dumps(to_dict(e)) + "\n" for e in found)
    client.post(f"/api/runs/{run_id}/events", content=body, headers={"content-type": "application/x-ndjson"})
    until = time.monotonic() + 20
    while not (looked := 'data-verdict="fail"' in client.get("/rows").text) and time.monotonic() < until:
        time.sleep(0.1)
    assert looked, "the run was not looked at within 20 s"


def test_a_busy_run_waits_for_its_turn(make_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr(findings, "look", lambda run_id: bool(looked.append(run_id)))
    thread = rounds.Rounds()
    rounds.due("a")
    assert thread.once() == 0
    rounds.due("a")
    assert 0 < thread.once() <= findings.EVERY_S
    assert looked == ["a"]


def test_a_run_that_a_rule_trips_over_ends_no_rounds(
    make_run: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(run_id: str) -> bool:
        raise ValueError(run_id)

    monkeypatch.setattr(findings, "look", stumble)
    rounds.due("a")
    assert rounds.Rounds().once() == 0
    assert "the doctor stumbled" in caplog.text
