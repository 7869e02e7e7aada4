"""Findings of a run on the server: what is read, how often it is looked at, what the endpoint says."""

from __future__ import annotations

import math

import pytest

from app import findings, ingest, runs
from nashboard.events import Mark, Points

RECIPE = {"loss": "hinge", "trainer": {"max_steps": 2000}}


@pytest.fixture(autouse=True)
def forgotten():
    findings._known.clear()
    yield
    findings._known.clear()


def more(database, run_id: str, seq: int, events: list) -> None:
    with database.transaction() as session:
        ingest.apply(session, run_id, events)


def stuck(database, n: int = 200, level: float = 2.0, **extra: float) -> str:
    with database.transaction() as session:
        run_id = runs.create(session, trainer="codec", recipe=RECIPE, total_steps=2000).id
    more(
        database,
        run_id,
        0,
        [Points(seq=i, time=1.7e9 + i, step=10 * i, values={"loss/disc": level} | extra) for i in range(n)],
    )
    return run_id


def test_a_stuck_run_is_told_with_its_remedy(client, database) -> None:
    told = client.get(f"/api/runs/{stuck(database)}/findings").json()
    assert told["verdict"] == "fail"
    finding = next(f for f in told["findings"] if f["code"] == "disc-stuck")
    assert finding["evidence"][0]["series"] == "loss/disc"
    assert finding["remedies"][0]["patch"]["disc.init"] == "kaiming"
    assert finding["lasting"] is True
    assert told["first_fail_step"] == finding["seen_at"]
    assert told["could_not_look"]["u-turn"]


def test_nonfinite_values_reach_the_rules(database) -> None:
    run_id = stuck(database, 100, 1.2)
    more(
        database,
        run_id,
        100,
        [Points(seq=100 + i, time=1.8e9, step=1000 + i, values={"loss/disc": math.nan}) for i in range(10)],
    )
    with database.reading() as session:
        diagnosis = findings.findings(session, runs.get(session, run_id))
    assert [f.severity for f in diagnosis.findings if f.code == "nonfinite"] == ["fail"]


def test_a_run_is_looked_at_when_it_has_news_and_not_too_often(database, monkeypatch) -> None:
    looked: list[str] = []
    real = findings.view
    monkeypatch.setattr(findings, "view", lambda s, r, t: (looked.append(r.id), real(s, r, t))[1])
    clock = [100.0]
    monkeypatch.setattr(findings.clock, "monotonic", lambda: clock[0])
    run_id = stuck(database, 100)

    def look() -> None:
        with database.reading() as session:
            findings.findings(session, runs.get(session, run_id))

    look()
    clock[0] += 60
    look()
    assert len(looked) == 1
    more(database, run_id, 100, [Points(seq=100, time=1.8e9, step=1000, values={"loss/disc": 2.0})])
    look()
    assert len(looked) == 2
    more(database, run_id, 101, [Points(seq=101, time=1.8e9, step=1010, values={"loss/disc": 2.0})])
    look()
    assert len(looked) == 2
    clock[0] += findings.EVERY_S
    look()
    assert len(looked) == 3


def test_facts_and_marks_come_from_the_run(database) -> None:
    run_id = stuck(database, 10)
    more(database, run_id, 10, [Mark(seq=10, time=1.8e9, step=50, name="noise ends")])
    with database.reading() as session:
        view = findings.view(session, runs.get(session, run_id))
    assert (view.facts.adv_loss, view.facts.total_steps, view.facts.trainer) == ("hinge", 2000, "codec")
    assert view.marks == ((50, "noise ends"),)


def test_an_unknown_run_is_404(client) -> None:
    assert client.get("/api/runs/ffffffffffff/findings").status_code == 404


def test_what_was_said_is_stored_and_comes_back_the_same(database) -> None:
    run_id = stuck(database)
    assert findings.look(run_id)
    assert not findings.look(run_id)  # nothing has come since
    with database.reading() as session:
        run = runs.get(session, run_id)
        row = findings.stored(session, [run_id])[run_id]
        assert (row.verdict, row.next_seq, row.last_step) == ("fail", run.next_seq, run.last_step)
        assert row.worst == "Discriminator stuck at its dead value"
        assert findings.restored(row.body) == findings.findings(session, run)
        assert findings.verdicts(session, [run_id]) == {run_id: ("fail", row.grave, row.worst)}


def test_after_a_restart_what_is_stored_is_not_worked_out_again(database, monkeypatch) -> None:
    run_id = stuck(database)
    findings.look(run_id)
    findings._known.clear()
    monkeypatch.setattr(findings, "diagnose", None)
    with database.reading() as session:
        assert findings.findings(session, runs.get(session, run_id)).verdict == "fail"


def test_runs_that_have_reported_since_are_behind(database) -> None:
    run_id = stuck(database)
    with database.reading() as session:
        assert findings.behind(session) == [run_id]
    findings.look(run_id)
    with database.reading() as session:
        assert findings.behind(session) == []
    more(database, run_id, 200, [Points(seq=200, time=1.8e9, step=2000, values={"loss/disc": 2.0})])
    with database.reading() as session:
        assert findings.behind(session) == [run_id]


def test_a_run_that_is_gone_is_passed_over(database) -> None:
    assert not findings.look("ffffffffffff")
