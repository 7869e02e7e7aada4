"""Errands over HTTP: what may be asked of which run, and what is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import dispatch, errands, runs
from app.models import Checkpoint


@pytest.fixture
def database_kind() -> str:
    return "sqlite"


@pytest.fixture
def api(client: Any, launchable: Any) -> Any:
    return client


@pytest.fixture
def speaker(make_run: Callable[..., str], database: Any, settings: Any) -> str:
    """A finished run of tts on the host "box" with two checkpoints, the first of which was deleted."""
    folder = settings.runs_dir / "t1"
    run_id = make_run({"loss/gen": [1.0]}, status="finished", trainer="tts", host="box", run_dir=str(folder))
    with database.transaction() as session:
        for step, present in ((5, False), (9, True)):
            path = str(folder / "checkpoints" / f"step-{step}.pt")
            session.add(Checkpoint(run_id=run_id, step=step, time=1.0, path=path, size=3, present=present))
    return run_id


def queued(url: str) -> int:
    with dispatch.client(url) as connection:
        return int(connection.llen(dispatch.chores_queue("box")))


def test_a_sentence_is_queued_for_the_host_that_holds_the_checkpoint(
    api: Any, speaker: str, launchable: Any
) -> None:
    answer = api.post(f"/api/runs/{speaker}/say", json={"text": "  Hello \n world. "})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["kind"], made["state"], made["reason"]) == ("say", "queued", "")
    assert made["ask"]["text"] == "Hello world."
    assert made["ask"]["step"] == 9
    assert made["ask"]["checkpoint"].endswith("step-9.pt")
    assert queued(launchable.redis_url) == 1
    again = api.post(f"/api/runs/{speaker}/errands", json={"kind": "say", "ask": {"text": "Hello world."}})
    assert (again.status_code, again.json()["id"]) == (200, made["id"])
    assert queued(launchable.redis_url) == 1
    listed = api.get(f"/api/runs/{speaker}/errands").json()
    assert [e["id"] for e in listed["errands"]] == [made["id"]]
    assert "say" in listed["able"]
    assert "diagnose" not in listed["able"]
    assert api.get(f"/api/runs/{speaker}/errands/{made['id']}").json() == made
    assert api.delete(f"/api/runs/{speaker}/errands/{made['id']}").status_code == 204
    assert api.get(f"/api/runs/{speaker}/errands/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"text": ""}, 422, "text is empty"),
        ({"text": " \n "}, 422, "text is empty"),
        ({"text": "a" * 401}, 422, "401 characters; 400 at most"),
        ({"text": "a\u0000b"}, 422, "U+0000"),
        ({"text": 3}, 422, "text"),
        ({}, 422, "text"),
        ({"text": "Hi", "voice": "espeak"}, 422, "voice"),
        ({"text": "Hi", "checkpoint": 10**9}, 404, "no checkpoint 1000000000"),
        ({"text": "Hi", "checkpoint": -1}, 422, "-1"),
        ({"text": "Hi", "checkpoint": "best"}, 422, "checkpoint"),
    ],
)
def test_bad_sentences_are_one_line(
    api: Any, speaker: str, body: dict[str, Any], status: int, said: str
) -> None:
    answer = api.post(f"/api/runs/{speaker}/say", json=body)
    assert answer.status_code == status
    message = answer.json()["error"]["message"]
    assert said in message
    assert "\n" not in message
    assert api.get(f"/api/runs/{speaker}/errands").json()["errands"] == []


def test_a_deleted_checkpoint_does_not_speak(api: Any, speaker: str) -> None:
    gone = api.get(f"/api/runs/{speaker}/checkpoints").json()["checkpoints"][0]
    assert not gone["present"]
    answer = api.post(f"/api/runs/{speaker}/say", json={"text": "Hi", "checkpoint": gone["id"]})
    assert answer.status_code == 404
    assert "was deleted" in answer.json()["error"]["message"]


def test_who_cannot_be_asked(api: Any, speaker: str, make_run: Callable[..., str], tmp_path: Path) -> None:
    young = make_run(trainer="tts", host="box", run_dir=str(tmp_path))
    codec = make_run({"loss/gen": [1.0]}, trainer="codec", host="box", run_dir=str(tmp_path))
    for run_id, kind, status, said in (
        (young, "say", 409, "no checkpoint yet: the first comes with its first evaluation"),
        (codec, "say", 409, "say is for runs of tts"),
        (speaker, "diagnose", 409, "diagnose is for runs of enhancement"),
        (speaker, "rm -rf", 422, "is none of probe, say"),
        ("nobody", "say", 404, "no run 'nobody'"),
    ):
        answer = api.post(f"/api/runs/{run_id}/errands", json={"kind": kind, "ask": {"text": "Hi"}})
        assert (answer.status_code, said in answer.json()["error"]["message"]) == (status, True), answer.text


def test_a_run_from_elsewhere_says_what_to_do(api: Any, make_run: Callable[..., str], database: Any) -> None:
    run_id = make_run({"loss/gen": [1.0]}, status="finished", trainer="tts")
    with database.transaction() as session:
        session.add(Checkpoint(run_id=run_id, step=1, time=1.0, path="/somewhere/step-1.pt", size=3))
    answer = api.post(f"/api/runs/{run_id}/say", json={"text": "Hi"})
    assert answer.status_code == 409
    assert "python -m trainers say --help" in answer.json()["error"]["message"]


def test_only_so_many_wait(api: Any, speaker: str) -> None:
    for n in range(errands.MOST_WAITING):
        assert api.post(f"/api/runs/{speaker}/say", json={"text": f"Number {n}"}).status_code == 201
    answer = api.post(f"/api/runs/{speaker}/say", json={"text": "One more"})
    assert answer.status_code == 409
    assert "8 errands that wait" in answer.json()["error"]["message"]


def test_without_a_broker_nothing_is_made(client: Any, speaker: str) -> None:
    answer = client.post(f"/api/runs/{speaker}/say", json={"text": "Hi"})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "broker_down"
    assert client.get(f"/api/runs/{speaker}/errands").json()["errands"] == []


def test_a_host_without_a_worker_is_named(api: Any, speaker: str, database: Any, launchable: Any) -> None:
    api.post(f"/api/runs/{speaker}/say", json={"text": "Hi"})
    with database.reading() as session:
        run = runs.get(session, speaker)
        assert errands.nobody(session, run) == "", "it has not waited yet"
        later = errands.listed(session, speaker)[0].created + 6
        assert "no chores worker on box" in errands.nobody(session, run, later)
        dispatch.here(launchable.redis_url, "chores:box:1", {"host": "box"})
        assert errands.nobody(session, run, later) == ""
