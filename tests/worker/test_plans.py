"""A search: the study that the tables hold, its pruning, its restart; and a whole one with a real worker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from app import db, dispatch, plans, plans_feed, runs
from app.tables_plans import Plan, PlanItem
from tests.worker.test_worker import Place, until
from worker import plans as work

SEARCH = {
    "trainer": "codec",
    "search": {
        "objective": "eval/mel",
        "trials": 12,
        "startup": 3,
        "seed": 5,
        "knobs": {
            "feat_weight": {"low": 0.5, "high": 20},
            "loss": None,
            "disc.periods": {"choices": ["[2,3]", "[2,3,5]"]},
        },
    },
}


@pytest.fixture
def search(launchable: Any) -> Callable[..., str]:
    """``search(**changes)`` → the id of a new search, with a worker of one slot there."""

    def made(**changes: Any) -> str:
        dispatch.here(launchable.redis_url, "train:box:1", {"host": "box", "slots": ["cpu:0"]})
        asked = {**SEARCH, "search": {**SEARCH["search"], **changes}}  # type: ignore[dict-item]
        with db.transaction() as session:
            return plans.create(session, plans.drawn(asked)).id

    return made


def entries(plan_id: str) -> list[plans.Entry]:
    with db.reading() as session:
        return sorted(plans.entries(session, plan_id), key=lambda e: e.item.index)


def train(run_id: str, values: list[float], status: str = "finished") -> None:
    """What a trainer would leave: evaluations, and an end."""
    from app import ingest
    from nashboard import events

    with db.transaction() as session:
        run = runs.get(session, run_id)
        said: list[events.Event] = [events.RunStarted(run=run_id, seq=run.next_seq, time=1.7e9)]
        for n, value in enumerate(values):
            said.append(
                events.Points(seq=said[0].seq + n + 1, time=1.7e9 + n, step=n, values={"eval/mel": value})
            )
        if status != "running":
            said.append(
                events.RunEnded(seq=said[-1].seq + 1, time=1.8e9, status=status, reason="it was asked to")
            )
        ingest.apply(session, run_id, said, None)


def score(item: PlanItem) -> float:
    return abs(float(item.at["feat_weight"]) - 3)


def one_by_one(plan_id: str, count: int, between: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
    """Let so many trials run to their end; the values of their knobs."""
    for _ in range(count):
        (run_id,) = work.tick()
        last = entries(plan_id)[-1]
        assert last.run is not None
        assert last.run.id == run_id
        train(run_id, [score(last.item) + 1, score(last.item)])
        between()
    return [e.item.at for e in entries(plan_id)]


def test_trials_are_valid_recipes_within_their_space_and_come_closer(search: Any) -> None:
    made = search(trials=24)
    seen = one_by_one(made, 24)
    assert work.tick() == []
    with db.reading() as session:
        assert plans.get(session, made).state == "finished"
        assert {e.status for e in plans.entries(session, made)} == {"finished"}
    weights = np.array([s["feat_weight"] for s in seen])
    assert ((weights >= 0.5) & (weights <= 20)).all()
    assert {s["loss"] for s in seen} == {"hinge", "least_squares"}
    assert np.median(np.abs(weights[12:] - 3)) < np.median(np.abs(weights[:12] - 3))


def test_a_restart_changes_nothing(search: Any) -> None:
    first = search()
    straight = one_by_one(first, 7)
    with db.transaction() as session:
        plans.cancel(session, first)

    def restart() -> None:
        """Nothing is left but the tables: connections and Optuna's modules go."""
        db.dispose()
        if len(entries(second)) == 4:
            for name in [n for n in sys.modules if n == "optuna" or n.startswith("optuna.")]:
                del sys.modules[name]

    second = search()
    assert one_by_one(second, 7, restart) == straight
    assert len({repr(s) for s in straight}) == 7


def test_a_trial_behind_the_median_is_stopped_and_says_why(search: Any) -> None:
    made = search(startup=3, warmup=1)
    for value in (1.0, 2.0, 3.0):
        (run_id,) = work.tick()
        train(run_id, [value + 1, value, value])
    (run_id,) = work.tick()
    train(run_id, [99.0], "running")
    assert work.prune() == []  # within the warm-up
    with db.transaction() as session:
        from app import ingest
        from nashboard import events

        at = runs.get(session, run_id).next_seq
        ingest.apply(
            session, run_id, [events.Points(seq=at, time=1.8e9, step=9, values={"eval/mel": 2.5})], None
        )
    assert work.prune() == [run_id]
    assert work.prune() == []
    last = entries(made)[-1]
    assert last.run is not None
    assert (last.run.status, last.run.stop) == ("stopping", True)
    why = "2.50 by evaluation 2 is behind 2.00, the median of 3 finished trials there"
    assert last.item.pruned.startswith("pruned: ")
    assert last.item.pruned.endswith(why)
    with db.transaction() as session:
        runs.set_status(session, runs.get(session, run_id), "stopped", "it was asked to")
    work.tick()
    four = entries(made)[3]
    assert four.run is not None
    assert (four.status, four.run.reason) == ("pruned", four.item.pruned)
    with db.reading() as session:
        sheet = plans.sheet_of(session.get(Plan, made))  # type: ignore[arg-type]
        study = work.study_of(session, sheet.search, plans.base_of(sheet), entries(made))  # type: ignore[arg-type]
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 3 + ["PRUNED", "RUNNING"]
    assert [t.value for t in study.trials[:3]] == [1.0, 2.0, 3.0]
    assert study.trials[3].intermediate_values == {1: 99.0, 2: 2.5}


def test_a_trial_ahead_of_the_median_goes_on_and_pruning_can_be_off(search: Any) -> None:
    for more, value in (({}, 0.5), ({"prune": False}, 77.0)):
        search(**more)
        for level in (1.0, 2.0, 3.0):
            (run_id,) = work.tick()
            train(run_id, [level, level])
        (run_id,) = work.tick()
        train(run_id, [value, value], "running")
        assert work.prune() == []
        train_end = runs.get
        with db.transaction() as session:
            runs.set_status(session, train_end(session, run_id), "failed")
        with db.transaction() as session:
            for row in plans.listing(session):
                plans.cancel(session, row.plan.id)


def test_what_failed_or_diverged_tells_nothing_and_what_cannot_be_is_refused(search: Any) -> None:
    odd = {"data.batch": {"choices": [3, 5, 4]}, "trainer.processes": {"low": 1, "high": 2}}
    made = search(trials=8, knobs=odd, seed=2)
    while ids := work.tick():
        train(ids[0], [float("nan"), float("inf")])
    found = entries(made)
    assert len(found) == 8
    refused = sum(e.status == "refused" for e in found)
    assert 0 < refused < 8
    assert all("cannot be split evenly" in e.item.reason for e in found if e.status == "refused")
    with db.reading() as session:
        sheet = plans.sheet_of(session.get(Plan, made))  # type: ignore[arg-type]
        study = work.study_of(session, sheet.search, plans.base_of(sheet), found)  # type: ignore[arg-type]
        assert plans.get(session, made).state == "finished"
    assert {t.state.name for t in study.trials} == {"FAIL"}


def test_without_optuna_the_plan_says_what_is_missing(search: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = search()
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert work.tick() == []
    with db.reading() as session:
        assert plans.get(session, made).reason == plans_feed.LACKING


def test_what_was_made_later_does_not_overtake_a_search_that_has_to_think(
    search: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = search()
    with db.transaction() as session:
        later = plans.create(session, plans.drawn({"trainer": "codec"})).id
    assert plans_feed.feed() == []  # as a trainer's end or the server would: neither can ask Optuna
    assert len(work.tick()) == 1
    assert (len(entries(first)), entries(later)[0].status) == (1, "waiting")
    with db.transaction() as session:
        plans.pause(session, first)
        runs.set_status(session, runs.get(session, str(entries(first)[0].item.run_id)), "stopped")
    assert len(plans_feed.feed()) == 1
    assert entries(later)[0].status == "queued"


def test_server_and_worker_load_no_optuna() -> None:
    import subprocess

    code = "import app.main, worker.chores, worker.tasks, sys; print('optuna' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )


@pytest.fixture
def place(tmp_path: Any) -> Iterator[Place]:
    from app import settings as settings_module

    made = Place(tmp_path / "home")
    yield made
    made.close()
    db.dispose()
    settings_module.use(None)


def test_a_search_and_a_plan_with_a_real_worker(place: Place) -> None:
    place.start("worker chores", [sys.executable, "-m", "worker", "chores"])
    try:
        with db.transaction() as session:
            items = [{"title": f"steps={n}", "patch": {"feat_weight": n}} for n in (2, 3, 4, 5, 6, 7)]
            grid = plans.create(
                session, plans.drawn({"trainer": "codec", "items": items}), device="cuda:0"
            ).id
            plans.reorder(session, grid, [5, 4])
            plans_feed.soon(session)
        until(lambda: len([e for e in entries(grid) if e.status == "finished"]) == 6, "the plan", 90)
        began = sorted(entries(grid), key=lambda e: e.run.started)  # type: ignore[union-attr, arg-type, return-value]
        assert [e.item.index for e in began] == [5, 4, 0, 1, 2, 3]
        with db.transaction() as session:
            space = {
                "objective": "eval/mel",
                "trials": 7,
                "startup": 2,
                "knobs": {"feat_weight": {"low": 0.5, "high": 20}},
            }
            asked = plans.drawn({"trainer": "codec", "search": space})
            found = plans.create(session, asked, device="cuda:1").id
        until(lambda: len([e for e in entries(found) if e.ended]) == 7, "the search", 150)
        over = entries(found)
        assert {e.status for e in over} <= {"finished", "pruned"}
        pruned = [e for e in over if e.status == "pruned"]
        assert pruned, [(e.status, e.item.at) for e in over]
        for entry in pruned:
            assert entry.run is not None
            until(lambda e=entry: place.run(e.run.id).reason == e.item.pruned, "the reason")  # type: ignore[misc]
            assert score(entry.item) > 4
    finally:
        place.end("worker chores")
