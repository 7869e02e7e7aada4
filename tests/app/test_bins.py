"""Deleting with undo, and several runs at once: what is hidden, what comes back, what is refused and named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app import bins, checkpoints, runs
from app.errors import BadInput, NotFound
from app.models import Blob, Run


def here(database: Any) -> list[str]:
    with database.reading() as session:
        return [r.id for r in runs.listing(session)]


def test_a_deleted_run_is_hidden_and_comes_back_as_it_was(
    database: Any, make_run: Callable[..., str]
) -> None:
    run = make_run({"loss/disc": [1.0, 2.0]}, "finished", name="one", tags=["t"])
    with database.transaction() as session:
        bins.put(session, run, now=100.0)
    assert here(database) == []
    with database.reading() as session:
        assert bins.waiting(session) == [(run, "one", 100.0)]
        with pytest.raises(NotFound, match="can be brought back"):
            runs.get(session, run)
    with database.transaction() as session:
        restored = bins.restore(session, run)
        assert (restored.tags, restored.last_step) == (["t"], 1)
    assert here(database) == [run]


def test_it_goes_for_good_after_its_time_and_not_before(database: Any, make_run: Callable[..., str]) -> None:
    run, kept = make_run(status="finished"), make_run(status="finished")
    with database.transaction() as session:
        bins.put(session, run, now=100.0)
    assert bins.sweep(now=100.0 + bins.KEPT_S - 1) == []
    assert bins.sweep(now=100.0 + bins.KEPT_S + 1) == [run]
    with database.reading() as session:
        assert session.get(Run, run) is None
        assert session.get(Run, kept) is not None
        assert session.query(Blob).count() == 0
    with database.transaction() as session, pytest.raises(NotFound, match="gone for good"):
        bins.restore(session, run)


def test_removing_for_good_has_its_folder_deleted_on_its_host(
    database: Any, make_run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(
        checkpoints.dispatch, "send", lambda url, task, args, queue: sent.append((task, args, queue))
    )
    run = make_run(status="finished", host="box", run_dir="/data/runs/one")
    with database.transaction() as session:
        bins.put(session, run)
    assert sent == []
    with database.transaction() as session:
        bins.purge(session, run)
    assert sent == [("worker.tasks.delete_files", [["/data/runs/one"]], "nashboard.chores@box")]


def test_a_run_that_is_announced_again_is_there_again(database: Any, make_run: Callable[..., str]) -> None:
    run = make_run(status="lost")
    with database.transaction() as session:
        bins.put(session, run)
    with database.transaction() as session:
        found, new = runs.register(session, id=run)
        assert (found.deleted, new) == (None, False)


def test_active_runs_are_refused_and_named_and_hinder_no_other(
    database: Any, make_run: Callable[..., str]
) -> None:
    busy, done = make_run(name="busy"), make_run(status="finished", name="done")
    with database.transaction() as session:
        outcome = bins.change(session, [busy, done, "nobody", "../x"], "delete")
    assert outcome.done == [done]
    assert [(i, n) for i, n, _ in outcome.refused] == [(busy, "busy"), ("nobody", "nobody"), ("../x", "../x")]
    assert "it is running; stop it first" in outcome.refused[0][2]
    assert here(database) == [busy]


def test_tags_are_added_and_taken_from_many(database: Any, make_run: Callable[..., str]) -> None:
    a, b = make_run(tags=["x"]), make_run(tags=["y", "z"])

    def tags() -> list[list[str]]:
        with database.reading() as session:
            return [runs.get(session, i).tags for i in (a, b)]

    with database.transaction() as session:
        bins.change(session, [a, b, a], "tag", ["y", " w "])
    assert tags() == [["x", "y", "w"], ["y", "z", "w"]]
    with database.transaction() as session:
        bins.change(session, [a, b], "untag", ["y", "nowhere"])
    assert tags() == [["x", "w"], ["z", "w"]]


@pytest.mark.parametrize(
    ("ids", "act", "tags", "said"),
    [
        ([], "archive", [], "no run is named"),
        (["a"], "explode", [], "nothing to do with runs"),
        (["a"], "tag", [" "], "no tag is named"),
        ([str(i) for i in range(501)], "archive", [], "limit is 500"),
        (["a"], "tag", ["a\0b"], r"U\+0000"),
    ],
)
def test_what_cannot_be_done_to_any_is_refused_whole(
    database: Any, ids: list[str], act: str, tags: list[str], said: str
) -> None:
    with database.transaction() as session, pytest.raises(BadInput, match=said):
        bins.change(session, ids, act, tags)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_a_name_that_no_database_keeps_is_refused(
    database: Any, make_run: Callable[..., str], name: str
) -> None:
    run = make_run(name="one")
    with database.transaction() as session, pytest.raises(BadInput, match=r"holds U\+(0000|D800)"):
        runs.annotate(session, run, name=name)
    with database.transaction() as session, pytest.raises(BadInput, match="no name can hold"):
        runs.create(session, name=name)
    with database.reading() as session:
        assert runs.get(session, run).name == "one"
