"""The Plans page: the list, the form with its verdict, what is wrong beside it, and what a press makes."""

from __future__ import annotations

from typing import Any

import pytest

from app import db, dispatch, plans

GOOD = "trainer: codec\nseeds: 2\ngrid: {disc.lr: [1e-4, 1e-3]}\n"


@pytest.fixture
def page(launchable: Any, client: Any, parse: Any) -> Any:
    """``page("/plans")`` → the parsed page; ``page("/plans", text=…)`` posts."""
    from app import settings as module

    module.use(launchable)

    def got(path: str, status: int = 200, **form: str) -> Any:
        answer = client.post(path, data=form, follow_redirects=False) if form else client.get(path)
        assert answer.status_code == status, answer.text[:500]
        return parse(answer.text) if status != 303 else answer.headers["location"]

    return got


def test_an_empty_page_offers_the_shipped_plans(page: Any) -> None:
    root = page("/plans")
    words = root.words()
    assert "No plan yet" in words
    assert "Phase 2: hyperparameters" in words
    links = [a.attrs["href"] for a in root.all("a") if "shipped=" in a.attrs.get("href", "")]
    assert "/plans?shipped=cgan/phase-1#new" in links
    assert "trainer: codec" in root.one("textarea").words()


def test_a_shipped_plan_says_its_size_and_estimate_before_the_press(page: Any) -> None:
    root = page("/plans?shipped=cgan/phase-2")
    verdict = root.one(id="verdict").words()
    assert "7 runs" in verdict
    assert "gen.base, gen.lr, loss" in verdict
    assert "no earlier run of cgan at tiny" in verdict
    assert "preset: run-b" in root.one("textarea").words()
    assert "none of the shipped plans" in page("/plans?shipped=cgan/nope", 404).words()


def test_a_check_keeps_what_was_typed_and_names_what_is_wrong(page: Any) -> None:
    root = page("/plans", 422, text="trainer: codec\ngrid: {disc.lr: [1e-4, 7]}", name="mine", do="check")
    words = root.words()
    assert "1 thing to change" in words
    assert "item 2 (fixed, disc.lr=7): 7 is too large; the most is 1" in words
    assert root.one("input", name="name").attrs["value"] == "mine"
    for fields, says in (
        ({"text": GOOD, "seeds": "few"}, "is no number of seeds"),
        ({"text": GOOD, "device": "tpu"}, "none of auto, cpu"),
        ({"text": "<script>: [1", "name": "<b>"}, "broken YAML"),
        ({"text": ""}, "is empty"),
        ({"text": GOOD, "size": "huge"}, "none of"),
    ):
        for act in ("check", "start"):
            assert says in page("/plans", 422, **fields, do=act).words()
    with db.reading() as session:
        assert plans.listing(session) == []


def test_start_makes_it_and_goes_to_its_page(page: Any, launchable: Any) -> None:
    dispatch.here(launchable.redis_url, "train:box:1", {"host": "box", "slots": ["cpu:0"]})
    where = page("/plans", 303, text=GOOD, name="rates", seeds="0, 7", tags="a, b", project="p", do="start")
    with db.reading() as session:
        (made,) = plans.listing(session)
        items = plans.entries(session, made.plan.id)
    assert where == f"/plans/{made.plan.id}"
    assert (made.plan.name, made.plan.tags, made.plan.project) == ("rates", ["a", "b"], "p")
    assert [(e.item.seed, e.status) for e in items] == [
        (0, "queued"),
        (0, "waiting"),
        (7, "waiting"),
        (7, "waiting"),
    ]
    row = page("/plans").one("table").words()
    assert "rates" in row
    assert "0 of 4" in row


def test_a_broker_that_is_down_is_said(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(_url: object) -> None:
        raise dispatch.BrokerDown("the broker does not answer")

    monkeypatch.setattr(dispatch, "check", down)
    assert "the broker does not answer" in page("/plans", 503, text=GOOD, do="start").words()


def test_several_seeds_on_launch_make_a_plan(page: Any) -> None:
    form = {"trainer": "codec", "size": "tiny", "preset": "old", "shown": "codec tiny old", "seeds": "3"}
    root = page("/launch/preview", **form)
    assert root.one("form").attrs["data-path"] == "/api/plans"
    assert "Launch 3 runs" in root.words()
    where = page("/launch", 303, **form)
    with db.reading() as session:
        (made,) = plans.listing(session)
    assert where == f"/plans/{made.plan.id}"
    assert made.total == 3
