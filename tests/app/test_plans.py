"""Plans: what is made, the order in which it starts, and how it is paused, cancelled, reordered and begun again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app import db, dispatch, errors, launching, plans, plans_feed, runs
from app.models import Lease, Run
from app.tables_plans import Plan, PlanItem
from recipes.base import BadRecipe, flat
from recipes.registry import load

SIX = {"trainer": "codec", "presets": ["old", "fixed"], "seeds": 3}


def make(sheet: dict[str, Any] | None = None, **more: Any) -> str:
    with db.transaction() as session:
        return plans.create(session, plans.drawn(sheet or SIX), **more).id


def shown(plan_id: str) -> list[tuple[int, str]]:
    """(index, status) in the order of the queue."""
    with db.reading() as session:
        return [(e.item.index, e.status) for e in plans.entries(session, plan_id)]


def plan_of(plan_id: str) -> Plan:
    with db.reading() as session:
        return plans.get(session, plan_id)


def run_of(plan_id: str, index: int) -> str:
    with db.reading() as session:
        return str(session.get(PlanItem, (plan_id, index)).run_id)  # type: ignore[union-attr]


def end(run_id: str, status: str = "finished") -> None:
    with db.transaction() as session:
        run = runs.get(session, run_id)
        if run.status == "queued" and status != "stopped":
            runs.set_status(session, run, "running")
        if run.status != status:
            runs.set_status(session, run, status)


def change(act: Callable[..., Any], *words: Any, **more: Any) -> None:
    with db.transaction() as session:
        act(session, *words, **more)


@pytest.fixture
def workers(launchable: Any) -> Callable[..., None]:
    """``workers(2)``: a training worker with so many CPU slots says that it is there."""

    def there(cpus: int, gpus: int = 0, auto: bool = True) -> None:
        slots = [f"cuda:{i}" for i in range(gpus)] or [f"cpu:{i}" for i in range(cpus)]
        dispatch.here(launchable.redis_url, "train:box:1", {"host": "box", "slots": slots, "auto": auto})

    return there


def test_a_plan_starts_as_many_as_there_are_slots_in_its_order(workers: Any, launchable: Any) -> None:
    workers(2)
    made = make()
    assert [s for _, s in shown(made)] == ["waiting"] * 6
    first = plans_feed.feed()
    assert len(first) == 2
    assert [s for _, s in shown(made)][:3] == ["queued", "queued", "waiting"]
    assert plans_feed.feed() == []  # both slots are spoken for
    with db.reading() as session:
        one, two = (runs.get(session, r) for r in first)
        assert {one.task, two.task} == dispatch.waiting(launchable.redis_url)
    assert (one.preset, two.preset, one.seed, one.group, one.name) == ("old", "fixed", 0, made, "old s0")
    end(first[0])
    (third,) = plans_feed.feed()
    assert run_of(made, 2) == third
    with db.reading() as session:
        assert flat(load("codec", runs.get(session, third).recipe))["seed"] == 1


def test_without_a_worker_it_waits_and_says_why(launchable: Any) -> None:
    made = make()
    assert plans_feed.feed() == []
    assert plan_of(made).reason == "no training worker for auto has been heard"


def test_a_broker_that_is_down_is_said_and_costs_nothing(
    workers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers(1)
    made = make()

    def down(_url: object) -> None:
        raise dispatch.BrokerDown("the broker does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(dispatch, "check", down)
        assert plans_feed.try_feed() == []
        assert plan_of(made).reason == "the broker does not answer"
    assert len(plans_feed.try_feed()) == 1
    assert plan_of(made).reason == ""


def test_a_plan_behind_another_says_so(workers: Any) -> None:
    workers(1)
    first, second = make(), make({"trainer": "codec", "seeds": 2})
    (run,) = plans_feed.feed()
    assert plan_of(second).reason == plans_feed.FULL
    assert plan_of(first).reason == ""
    change(plans.pause, first)
    end(run)
    assert plans_feed.feed() == [run_of(second, 0)]
    assert plan_of(second).reason == ""


def test_runs_launched_by_themselves_and_leases_leave_less_room(workers: Any, queued: Any) -> None:
    workers(3)
    other = queued(device="cpu")
    held = queued()
    with db.transaction() as session:
        session.add(Lease(slot="box/cpu:1", run_id=held, worker="w", renewed=0.0))
    made = make()
    assert len(plans_feed.feed()) == 1
    change(launching.stop, other)
    assert len(plans_feed.feed()) == 1
    assert [s for _, s in shown(made)].count("queued") == 2


def test_a_device_has_its_own_slots() -> None:
    gpu = {"host": "box", "slots": ["cuda:0", "cuda:1"]}
    cpu = {"host": "box", "slots": ["cpu:0"], "auto": False}
    both = [gpu, cpu]
    assert plans_feed.slots_for(both, "auto") == {"box/cuda:0", "box/cuda:1"}
    assert plans_feed.slots_for(both, "cpu") == {"box/cpu:0"}
    assert plans_feed.slots_for(both, "cuda:1") == {"box/cuda:1"}


def test_the_order_can_be_changed_and_is_followed(workers: Any) -> None:
    workers(1)
    made = make()
    plans_feed.feed()
    change(plans.reorder, made, [5, 3])
    assert [i for i, _ in shown(made)] == [0, 5, 3, 1, 2, 4]
    for expected in (5, 3, 1):
        end(run_of(made, shown(made)[[s for _, s in shown(made)].index("queued")][0]))
        assert plans_feed.feed() == [run_of(made, expected)]
    with pytest.raises(errors.Conflict, match="item 1 is finished; only waiting items"):
        change(plans.reorder, made, [2, 0])
    with pytest.raises(errors.BadInput, match="no item 77"):
        change(plans.reorder, made, [77])
    with pytest.raises(errors.BadInput, match="twice"):
        change(plans.reorder, made, [2, 2])


def test_paused_nothing_starts_and_what_runs_goes_on(workers: Any) -> None:
    workers(1)
    made = make()
    (first,) = plans_feed.feed()
    change(plans.pause, made)
    end(first)
    assert plans_feed.feed() == []
    change(plans.pause, made, False)
    assert len(plans_feed.feed()) == 1


def test_items_are_cancelled_one_by_one_and_the_whole_at_once(workers: Any) -> None:
    workers(1)
    made = make()
    (first,) = plans_feed.feed()
    change(plans.cancel, made, [1, 2])
    assert [s for _, s in shown(made)] == [
        "queued",
        "cancelled",
        "cancelled",
        "waiting",
        "waiting",
        "waiting",
    ]
    end(first)
    (second,) = plans_feed.feed()
    assert second == run_of(made, 3)
    change(plans.cancel, made)
    assert [s for _, s in shown(made)] == [
        "finished",
        "cancelled",
        "cancelled",
        "stopped",
        "cancelled",
        "cancelled",
    ]
    assert plan_of(made).state == "cancelled"
    assert plans_feed.feed() == []
    with pytest.raises(errors.Conflict, match="is cancelled"):
        change(plans.pause, made)


def test_cancelling_what_waits_leaves_what_runs(workers: Any) -> None:
    workers(1)
    made = make()
    (first,) = plans_feed.feed()
    change(plans.cancel, made, None, stop=False)
    assert shown(made)[0] == (0, "queued")
    with db.reading() as session:
        assert runs.get(session, first).status == "queued"


def test_a_plan_is_over_when_all_its_runs_are_and_failures_do_not_stop_it(workers: Any) -> None:
    workers(1)
    made = make({"trainer": "codec", "seeds": 3})
    for status in ("failed", "lost", "finished"):
        (run,) = plans_feed.feed()
        end(run, status)
    assert plans_feed.feed() == []
    assert plan_of(made).state == "finished"
    assert [s for _, s in shown(made)] == ["failed", "lost", "finished"]
    change(plans.again, made, [0])
    assert plan_of(made).state == "running"
    (retried,) = plans_feed.feed()
    assert run_of(made, 0) == retried
    with pytest.raises(errors.Conflict, match="item 3 is finished"):
        change(plans.again, made, [2])


def test_a_deleted_run_leaves_its_item(workers: Any) -> None:
    workers(1)
    made = make({"trainer": "codec", "seeds": 2})
    (first,) = plans_feed.feed()
    end(first)
    change(runs.remove, first)
    assert shown(made)[0] == (0, "deleted")
    assert len(plans_feed.feed()) == 1  # and the next has its turn


def test_a_preset_that_changed_meanwhile_changes_nothing_and_a_folder_that_went_is_said(
    workers: Any, tmp_path: Any
) -> None:
    workers(2)
    folder = tmp_path / "data" / "clips"
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"x")
    made = make({"trainer": "codec", "items": [{"patch": {"data.root": str(folder)}}, {}]})
    (folder / "a.wav").unlink()
    folder.rmdir()
    assert len(plans_feed.feed()) == 1
    with db.reading() as session:
        first = plans.entries(session, made)[0]
    assert first.status == "refused"
    assert "does not exist" in first.item.reason


def test_nothing_is_made_of_a_plan_with_a_wrong_item(launchable: Any, tmp_path: Any) -> None:
    for sheet, more, says in (
        ({"trainer": "codec", "grid": {"disc.lr": [1e-4, 7]}}, {}, "item 2"),
        ({"trainer": "codec", "patch": {"data.root": "/etc"}}, {}, "outside the allowed"),
        ({"trainer": "codec"}, {"device": "tpu"}, "none of auto"),
        (
            {"trainer": "codec", "search": {"objective": "eval/mel", "knobs": {"disc.lr": {"low": 2}}}},
            {},
            "low must",
        ),
    ):
        with pytest.raises(BadRecipe, match=says):
            make(sheet, **more)
    with db.reading() as session:
        assert session.scalars(select(Plan.id)).all() == []


def test_a_shipped_plan_with_lines_of_ones_own() -> None:
    sheet = plans.drawn(shipped="codec/old-against-fixed", seeds=2, size="small", title=None)
    assert (sheet.seed_list, sheet.size, sheet.title) == ([0, 1], "small", "Old against fixed, three seeds")
    with pytest.raises(BadRecipe, match="not both"):
        plans.drawn({"trainer": "codec"}, shipped="codec/two-by-two")
    with pytest.raises(BadRecipe, match="not both"):
        plans.drawn()


def test_a_list_of_plans_counts_their_items(workers: Any) -> None:
    workers(2)
    one = make()
    plans_feed.feed()
    change(plans.cancel, one, [5])
    two = make({"trainer": "codec"}, paused=True)
    with db.reading() as session:
        found = {x.plan.id: x for x in plans.listing(session)}
    assert found[one].counts == {"queued": 2, "waiting": 3, "cancelled": 1}
    assert (found[one].total, found[one].done) == (6, 1)
    assert (found[two].counts, found[two].plan.state) == ({"waiting": 1}, "paused")
    with pytest.raises(errors.Conflict, match="cancel it first"):
        change(plans.remove, two)
    change(plans.cancel, two)
    change(plans.remove, two)
    with pytest.raises(errors.NotFound):
        plan_of(two)


def test_a_plan_goes_on_after_everything_was_restarted(workers: Any) -> None:
    workers(1)
    made = make({"trainer": "codec", "seeds": 2})
    (first,) = plans_feed.feed()
    db.dispose()  # nothing but the tables is left
    end(first)
    (second,) = plans_feed.feed()
    assert run_of(made, 1) == second
    with db.reading() as session:
        assert session.scalars(select(Run.id).where(Run.group == made)).all().__len__() == 2
