"""Stopping a doomed run: which rules may be named, when the run is asked, what it says of its end, how it goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app import dispatch, findings, ingest, launching, plans, plans_feed, runs, stopping
from app.models import Run
from app.tables_stopping import StopOn
from doctor.rulebook import RULES
from nashboard import rulecodes
from nashboard.events import Points, RunEnded, RunStarted
from recipes.base import BadRecipe
from recipes.compose import compose

RECIPE = {"loss": "hinge", "trainer": {"max_steps": 2000}}


@pytest.fixture(autouse=True)
def forgotten() -> Any:
    findings._known.clear()
    yield
    findings._known.clear()


def told(database: Any, run_id: str, *found: Any) -> bool:
    """File events with the next seqs; what the receipt says of stopping."""
    with database.transaction() as session:
        seq = runs.get(session, run_id).next_seq
        for event in found:
            object.__setattr__(event, "seq", seq)
            seq += 1
        return bool(ingest.apply(session, run_id, found).stop)


def stuck(first: int = 0, n: int = 200) -> list[Points]:
    return [Points(time=1.7e9 + i, step=first + 10 * i, values={"loss/disc": 2.0}) for i in range(n)]


def begun(database: Any, codes: list[str]) -> str:
    with database.transaction() as session:
        run_id = runs.create(session, trainer="codec", recipe=RECIPE, total_steps=2000).id
        stopping.keep(session, run_id, codes)
    told(database, run_id, RunStarted(run=run_id, trainer="codec"), *stuck())
    return run_id


def row(database: Any, run_id: str) -> tuple[Run, StopOn]:
    with database.reading() as session:
        found = runs.get(session, run_id), session.get(StopOn, run_id)
        session.expunge_all()
    assert found[1] is not None
    return found  # type: ignore[return-value]


def test_the_codes_are_those_of_the_rules_that_can_fail() -> None:
    assert tuple(rulecodes.CAN_FAIL) == tuple(
        rule.code for rule in RULES if any(case.expect == "fail" for case in rule.SICK)
    )
    assert all(title for _, title in stopping.choices("cgan"))
    assert "codebook-collapse" not in dict(stopping.choices("cgan"))


def test_a_fail_by_a_named_rule_stops_the_run_and_is_its_reason(database: Any) -> None:
    run_id = begun(database, ["disc-stuck"])
    assert findings.look(run_id)
    run, stop = row(database, run_id)
    assert (run.status, run.stop, stop.code) == ("stopping", True, "disc-stuck")
    assert told(database, run_id) is True
    ended = RunEnded(status="stopped", reason="stop requested on the server", step=1990, time=1.8e9)
    told(database, run_id, ended)
    run, stop = row(database, run_id)
    assert run.status == "stopped"
    assert run.reason == f"stopped: the doctor says fail: disc-stuck at step {stop.step}"
    assert stop.step is not None
    assert 0 < stop.step <= 1990


@pytest.mark.parametrize("codes", [[], ["nonfinite", "disc-runaway"]])
def test_a_fail_by_another_rule_stops_nothing(database: Any, codes: list[str]) -> None:
    run_id = begun(database, codes)
    assert findings.look(run_id)
    assert told(database, run_id) is False


def test_a_run_that_ended_by_itself_keeps_its_end(database: Any) -> None:
    run_id = begun(database, ["disc-stuck"])
    findings.look(run_id)
    told(database, run_id, RunEnded(status="finished", reason="", step=2000, time=1.8e9))
    assert row(database, run_id)[0].reason == ""


def test_a_run_that_went_on_is_not_stopped_for_what_was_known_then_but_for_what_comes(database: Any) -> None:
    run_id = begun(database, ["disc-stuck", "nonfinite"])
    findings.look(run_id)
    told(database, run_id, RunEnded(status="stopped", step=1990, time=1.8e9))
    told(database, run_id, RunStarted(run=run_id, trainer="codec", resumed_from=1990), *stuck(2000))
    findings._known.clear()
    assert findings.look(run_id)
    run, stop = row(database, run_id)
    assert (run.status, stop.code, stop.since) == ("running", "", 1990)
    broken = [Points(time=1.9e9, step=4000 + i, values={"loss/disc": float("nan")}) for i in range(40)]
    told(database, run_id, *broken)
    findings._known.clear()
    assert findings.look(run_id)
    run, stop = row(database, run_id)
    assert (run.status, stop.code) == ("stopping", "nonfinite")


def test_a_run_that_went_on_from_before_the_failure_is_stopped_again(database: Any) -> None:
    run_id = begun(database, ["disc-stuck"])
    findings.look(run_id)
    step = row(database, run_id)[1].step
    assert step is not None
    told(database, run_id, RunEnded(status="stopped", step=1990, time=1.8e9))
    told(database, run_id, RunStarted(run=run_id, trainer="codec", resumed_from=step - 10), *stuck(step))
    findings._known.clear()
    assert findings.look(run_id)
    assert row(database, run_id)[0].status == "stopping"


def test_a_trainer_that_had_to_be_killed_is_not_hidden(database: Any) -> None:
    run_id = begun(database, ["disc-stuck"])
    findings.look(run_id)
    with database.reading() as session:
        run = runs.get(session, run_id)
        said = stopping.reason(session, run, "stopped", "killed: it was asked to stop")
        assert said.startswith("stopped: the doctor says fail: disc-stuck")
        assert said.endswith("; killed: it was asked to stop")


def test_a_script_names_its_rules_in_the_journal(database: Any) -> None:
    with database.transaction() as session:
        run_id = runs.create(session, trainer="", recipe=RECIPE).id
    named = {"stop_on": ["disc-stuck", "of-another-version", "disc-stuck"]}
    told(database, run_id, RunStarted(run=run_id, environment=named), *stuck())
    assert row(database, run_id)[1].codes == ["disc-stuck"]
    findings.look(run_id)
    assert told(database, run_id) is True


def test_the_sdk_tells_them_and_refuses_a_wrong_one(tmp_path: Any) -> None:
    import nashboard

    with nashboard.init(dir=tmp_path / "run", stop_on=["nonfinite"]):
        pass
    first = json.loads((tmp_path / "run" / "events.jsonl").read_text().splitlines()[0])
    assert first["environment"]["stop_on"] == ["nonfinite"]
    with pytest.raises(ValueError, match="no rule 'nonfinte' that can say fail; did you mean nonfinite"):
        nashboard.init(dir=tmp_path / "other", stop_on=["nonfinte"])
    assert not (tmp_path / "other" / "events.jsonl").exists()


def test_the_command_line_takes_them_and_refuses_a_wrong_one() -> None:
    assert compose("codec", ["stop_on=disc-stuck,nonfinite"]).stop_on == ("disc-stuck", "nonfinite")
    with pytest.raises(BadRecipe, match="no rule 'disk-stuck' that can say fail; did you mean disc-stuck"):
        compose("codec", ["stop_on=disk-stuck"])


def test_the_api_takes_them_and_refuses_a_wrong_one(client: Any, launchable: Any) -> None:
    asked = {"trainer": "codec", "stop_on": ["disc-stuck", "disc-stuck"]}
    made = client.post("/api/launch", json=asked)
    assert made.status_code == 201, made.text
    shown = client.get(f"/api/runs/{made.json()['id']}").json()
    assert shown["stop_on"] == ["disc-stuck"]
    for path, body in (
        ("/api/launch", {"trainer": "codec", "stop_on": ["disc-stick"]}),
        ("/api/launch/pair", {"trainer": "codec", "stop_on": ["disc-stick"]}),
        ("/api/runs", {"stop_on": ["disc-stick"]}),
        (f"/api/runs/{made.json()['id']}/fork", {"stop_on": ["disc-stick"]}),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code == 422, (path, answer.text)
        assert "did you mean disc-stuck" in answer.text


def test_a_fork_is_stopped_as_its_parent_unless_it_says_otherwise(database: Any, queued: Any) -> None:
    parent = queued(stop_on=["disc-stuck"])
    with database.transaction() as session:
        same, none = launching.fork(session, parent), launching.fork(session, parent, stop_on=[])
        assert stopping.codes_of(session, [same.id, none.id]) == {same.id: ["disc-stuck"]}


def test_the_runs_of_a_plan_are_stopped_for_the_plans_rules(database: Any, launchable: Any) -> None:
    dispatch.here(
        launchable.redis_url, "train:box:1", {"host": "box", "slots": ["cpu:0", "cpu:1"], "auto": True}
    )
    sheet = {"trainer": "codec", "presets": ["old"], "seeds": 2, "stop_on": ["disc-stuck"]}
    with database.transaction() as session:
        plans.create(session, plans.drawn(sheet))
    started = plans_feed.feed()
    assert len(started) == 2
    with database.reading() as session:
        assert stopping.codes_of(session, started) == {run: ["disc-stuck"] for run in started}
    wrong = plans.drawn({**sheet, "stop_on": ["disc-stick"]})
    with pytest.raises(BadRecipe, match="did you mean disc-stuck"), database.transaction() as session:
        plans.create(session, wrong)
