"""Probes of a run: asked for over HTTP, and what they found ranks the suspects of its findings."""

from __future__ import annotations

from typing import Any

import pytest

from app import errands, findings, ingest, probing, runs
from app.models import Checkpoint, Run
from app.tables_errands import Errand
from nashboard.events import Points


@pytest.fixture
def database_kind() -> str:
    return "sqlite"


@pytest.fixture
def api(client: Any, launchable: Any) -> Any:
    return client


@pytest.fixture
def stuck(database: Any, settings: Any) -> str:
    """A codec run at the dead value of its hinge, with a checkpoint on the host "box"."""
    findings._known.clear()
    folder = settings.runs_dir / "c1"
    with database.transaction() as session:
        made = runs.create(session, trainer="codec", recipe={"loss": "hinge"}, total_steps=2000)
        run_id, made.host, made.run_dir = made.id, "box", str(folder)
        lines = [Points(seq=i, time=1e9 + i, step=10 * i, values={"loss/disc": 2.0}) for i in range(200)]
        ingest.apply(session, run_id, lines)
        path = str(folder / "checkpoints" / "step-9.pt")
        session.add(Checkpoint(run_id=run_id, step=9, time=1.0, path=path, size=3, present=True))
    return run_id


def store(database: Any, run_id: str, state: str, cause: str, created: float) -> None:
    outcome = {"step": 9, "cause": cause, "probes": [{"code": "ratio", "text": "one step moves D by 0"}]}
    with database.transaction() as session:
        session.add(
            Errand(id=f"{int(created):012x}", run_id=run_id, kind="probe", ask={}, state=state, reason="",
                   outcome=outcome if state == "done" else {}, owner="", created=created)
        )  # fmt: skip


def first(database: Any, run_id: str) -> str:
    with database.reading() as session:
        said = findings.findings(session, session.get(Run, run_id))
        told = probing.ranked(session, run_id, said)
    return next(f for f in told.findings if f.code == "disc-stuck").suspects[0].text


def test_a_probe_is_asked_for_and_refused_in_one_line(api: Any, stuck: str) -> None:
    answer = api.post(f"/api/runs/{stuck}/errands", json={"kind": "probe", "ask": {}})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["kind"], made["state"], made["ask"]["step"]) == ("probe", "queued", 9)
    assert api.post(f"/api/runs/{stuck}/errands", json={"kind": "probe", "ask": {}}).status_code == 200
    wrong = api.post(f"/api/runs/{stuck}/errands", json={"kind": "probe", "ask": {"deep": 1}})
    assert wrong.status_code == 422
    assert "deep" in wrong.text


def test_the_words_of_its_command_line() -> None:
    words = errands.VERBS["probe"].words(Run(), {"checkpoint": "/runs/a/checkpoints/step-9.pt"})
    assert words == ["probe", "run_dir=/runs/a/checkpoints/step-9.pt", "json=true"]


def test_the_newest_probe_that_is_done_ranks_the_suspects(database: Any, stuck: str) -> None:
    assert first(database, stuck).startswith("initialisation")
    store(database, stuck, "failed", "", 1.0)
    assert first(database, stuck).startswith("initialisation")
    store(database, stuck, "done", "architecture", 2.0)
    store(database, stuck, "done", "wiring", 3.0)
    store(database, stuck, "running", "", 4.0)
    assert first(database, stuck).startswith("wiring")
