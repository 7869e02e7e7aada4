"""A plan's page: progress, ranking with its direction, effects, the queue, the link to Compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app import db, plans
from app.tables_plans import PlanItem


@pytest.fixture
def made(launchable: Any, client: Any, make_run: Callable[..., str]) -> str:
    """A plan of two rates and two seeds: three runs finished, one waits."""
    from app import settings as module

    module.use(launchable)
    sheet = {"trainer": "codec", "title": "<b>rates</b>", "seeds": 2, "grid": {"disc.lr": [1e-4, 1e-3]},
             "metric": "eval/mel"}  # fmt: skip
    with db.transaction() as session:
        plan = plans.create(session, plans.drawn(sheet))
    for index, mel in enumerate((3.0, 1.0, 5.0)):
        run = make_run(
            {"eval/mel": [mel + 1, mel, mel + 0.5], "eval/stoi": [0.1 * mel]}, "finished", trainer="codec"
        )
        with db.transaction() as session:
            item = session.get(PlanItem, (plan.id, index))
            assert item is not None
            item.state, item.run_id = "launched", run
    return plan.id


def test_the_page_ranks_by_the_plans_metric_and_escapes_its_name(made: str, client: Any, parse: Any) -> None:
    text = client.get(f"/plans/{made}").text
    root = parse(text)
    assert "<b>rates</b>" not in text
    rank = [r.words() for r in root.one("table", class_="rank").one("tbody").all("tr")]
    assert rank[0].startswith("1 lr 1e-3 1.00 one run 1 of 2")
    assert rank[1].startswith("2 lr 1e-4 4.00 ± 1.41 3.00 to 5.00 2 of 2")
    assert "less is better" in root.words()
    effect = root.one("table", class_="levels").words()
    assert "1e-4 4.00 ± 1.41 2 runs" in effect
    assert "all else equal" in root.words()
    compare = next(
        a.attrs["href"] for a in root.all("a") if a.attrs.get("href", "").startswith("/compare?runs=")
    )
    assert compare.endswith("&group=disc.lr")
    assert compare.count(",") == 2


def test_another_metric_turns_the_ranking_and_last_counts_the_last(
    made: str, client: Any, parse: Any
) -> None:
    root = parse(client.get(f"/plans/{made}/state?metric=eval/stoi").text)
    assert root.one("table", class_="rank").one("tbody").all("tr")[0].words().startswith("1 lr 1e-4 0.400")
    last = parse(client.get(f"/plans/{made}?metric=eval/mel&of=last").text)
    assert last.one("table", class_="rank").one("tbody").all("tr")[0].words().startswith("1 lr 1e-3 1.50")
    for query in ("metric=loss/disc", "of=never"):
        assert client.get(f"/plans/{made}?{query}").status_code == 422


def test_the_queue_says_what_each_item_does_and_can_be_changed(made: str, client: Any, parse: Any) -> None:
    root = parse(client.get(f"/plans/{made}").text)
    rows = root.one("table", class_="queue").one("tbody").all("tr")
    assert [r.attrs["data-status"] for r in rows] == ["finished"] * 3 + ["waiting"]
    assert [b.attrs["data-act"] for b in rows[3].all("button")] == ["up", "down", "cancel"]
    assert rows[0].all("button") == []
    answer = client.post(f"/api/plans/{made}/cancel", json={"items": [3]})
    assert answer.status_code == 200
    assert answer.json()["items"][3]["status"] == "cancelled"
    over = parse(client.get(f"/plans/{made}").text)
    assert [b.attrs["data-act"] for b in over.one("table", class_="queue").all("button")] == ["again"]


def test_the_api_refuses_in_words(made: str, client: Any) -> None:
    for path, body, status, says in (
        (f"{made}/reorder", {"items": [0]}, 409, "only waiting items can be moved"),
        (f"{made}/reorder", {"items": [99]}, 422, "no item 99"),
        (f"{made}/again", {"items": [0]}, 409, "needs no second start"),
        (f"{made}/cancel", {"items": [-1]}, 422, "greater than or equal to 0"),
        ("nope/pause", {}, 404, "there is no plan 'nope'"),
        (f"{made}/pause", {"paused": "maybe"}, 422, "paused"),
    ):
        answer = client.post(f"/api/plans/{path}", json=body)
        assert answer.status_code == status, answer.text
        assert says in answer.text
    assert client.delete(f"/api/plans/{made}").status_code == 409
    assert client.get("/plans/nope").status_code == 404
    assert client.get("/api/plans/nope").status_code == 404


def test_the_api_makes_checks_and_lists(made: str, client: Any) -> None:
    shipped = client.get("/api/plans/shipped?trainer=cgan").json()["shipped"]
    assert [s["name"] for s in shipped][:2] == ["cgan/old-against-fixed", "cgan/phase-1"]
    told = client.post("/api/plans/check", json={"shipped": "cgan/phase-1", "seeds": 2}).json()
    assert (told["runs"], told["varied"], told["estimate"]["seconds"]) == (6, ["preset"], None)
    new = client.post("/api/plans", json={"plan": "trainer: codec", "paused": True})
    assert (new.status_code, new.json()["state"], new.json()["total"]) == (201, "paused", 1)
    assert [p["id"] for p in client.get("/api/plans").json()["plans"]] == [new.json()["id"], made]
    for body, says in (
        ({}, "give a plan or the name"),
        ({"plan": {"trainer": "codec"}, "nope": 1}, "nope"),
        ({"plan": {"trainer": "codec", "seeds": "x"}}, "seeds"),
        ({"plan": "x" * 70_000}, "65536"),
    ):
        answer = client.post("/api/plans", json=body)
        assert answer.status_code == 422, answer.text
        assert says in answer.text


def test_a_page_takes_few_queries(made: str, client: Any, counted: Any) -> None:
    with counted() as queries:
        assert client.get(f"/plans/{made}").status_code == 200
    assert len(queries) <= 9, "\n".join(queries)


def test_the_page_of_a_run_says_which_plan_made_it(
    made: str, client: Any, parse: Any, make_run: Callable[..., str]
) -> None:
    with db.reading() as session:
        run = session.get(PlanItem, (made, 2)).run_id  # type: ignore[union-attr]
    head = parse(client.get(f"/runs/{run}").text).one("div", id="head")
    assert "plan <b>rates</b> run 3 of 4" in head.words()
    assert [a.words() for a in head.all("a") if a.attrs.get("href") == f"/plans/{made}"] == ["<b>rates</b>"]
    alone = parse(client.get(f"/runs/{make_run()}").text).one("div", id="head")
    assert "/plans/" not in str([a.attrs for a in alone.all("a")])
