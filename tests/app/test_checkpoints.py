"""Checkpoints: which may be deleted, and who is told."""

from __future__ import annotations

import pytest

from app import checkpoints, db, dispatch, ingest, records, runs
from app.errors import BrokerDown, Conflict, NotFound
from nashboard.events import CheckpointSaved

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])


@pytest.fixture
def told(monkeypatch) -> list[tuple]:
    """The messages that left, instead of a broker."""
    left: list[tuple] = []
    monkeypatch.setattr(dispatch, "check", lambda url: None)
    monkeypatch.setattr(
        dispatch, "send", lambda url, task, args, queue, task_id=None: left.append((task, args, queue))
    )
    return left


def saved(make_run, status: str = "finished", **fields) -> tuple[str, int]:
    run_id = make_run(status="running", **{"host": "box", "run_dir": "/runs/r", **fields})
    made = [CheckpointSaved(seq=1 + n, time=1.7e9, step=n, path=f"/runs/r/{n}.pt", size=10) for n in range(2)]
    with db.transaction() as session:
        ingest.apply(session, run_id, made)
        if status != "running":
            runs.set_status(session, runs.get(session, run_id), status)
        first = records.checkpoints(session, run_id)[0]
    return run_id, first.id


def present(run_id: str) -> list[bool]:
    with db.reading() as session:
        return [c.present for c in records.checkpoints(session, run_id)]


def remove(run_id: str, checkpoint_id: int) -> None:
    with db.transaction() as session:
        checkpoints.remove(session, run_id, checkpoint_id)


def test_the_host_that_wrote_it_is_told_to_delete_it(make_run, told) -> None:
    run_id, first = saved(make_run)
    remove(run_id, first)
    assert present(run_id) == [False, True]
    assert told == [(dispatch.DELETE_FILES, [["/runs/r/0.pt"]], dispatch.chores_queue("box"))]
    with pytest.raises(NotFound, match="no checkpoint"):
        remove(run_id, first)


def test_one_that_a_fork_stands_on_is_kept(make_run, told) -> None:
    run_id, first = saved(make_run)
    fork = make_run(parent=run_id, resume="/runs/r/0.pt", status="finished")
    with pytest.raises(Conflict, match=f"run {fork} was forked from this checkpoint"):
        remove(run_id, first)
    with db.reading() as session:
        assert checkpoints.forks(session, runs.get(session, run_id)) == {"/runs/r/0.pt": [fork]}
    assert (present(run_id), told) == ([True, True], [])


@pytest.mark.parametrize(
    ("fields", "said"), [({"status": "running"}, "stop it first"), ({"host": ""}, "not started from here")]
)
def test_one_that_is_not_ours_to_delete_is_kept(make_run, told, fields, said: str) -> None:
    run_id, first = saved(make_run, **fields)
    with pytest.raises(Conflict, match=said):
        remove(run_id, first)
    assert (present(run_id), told) == ([True, True], [])


@pytest.mark.parametrize("number", [-1, 10**6, 2**80])
def test_an_unknown_one_is_named(make_run, told, number: int) -> None:
    run_id, _ = saved(make_run)
    with pytest.raises(NotFound, match=str(number)):
        remove(run_id, number)


def test_without_a_broker_nothing_changes(make_run) -> None:
    run_id, first = saved(make_run)
    with pytest.raises(BrokerDown):
        remove(run_id, first)
    assert present(run_id) == [True, True]


def test_deleting_a_run_has_its_folder_deleted_too(client, make_run, told) -> None:
    run_id, _ = saved(make_run)
    assert client.delete(f"/api/runs/{run_id}").status_code == 204
    assert told == [(dispatch.DELETE_FILES, [["/runs/r"]], dispatch.chores_queue("box"))]


def test_a_run_that_an_active_fork_needs_is_kept(client, make_run, told) -> None:
    run_id, _ = saved(make_run)
    fork = make_run(parent=run_id, resume="/runs/r/0.pt", status="queued")
    answer = client.delete(f"/api/runs/{run_id}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "in_use")
    assert fork in answer.json()["error"]["message"]


def test_a_folder_that_stays_is_no_reason_to_keep_the_run(client, make_run) -> None:
    run_id, _ = saved(make_run)
    assert client.delete(f"/api/runs/{run_id}").status_code == 204
    assert client.get(f"/api/runs/{run_id}").status_code == 404


def test_the_list_says_what_forks_stand_on(client, make_run) -> None:
    run_id, _ = saved(make_run)
    fork = make_run(parent=run_id, resume="/runs/r/1.pt")
    listed = client.get(f"/api/runs/{run_id}/checkpoints").json()
    assert [c["forks"] for c in listed["checkpoints"]] == [[], [fork]]
    assert listed["size"] == 20
