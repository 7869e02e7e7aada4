"""Searches against runs in both databases: which runs they find, and that nothing in them is taken for SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import querysql, runs
from app.query import BadQuery, quoted

NAN = float("nan")


def found(database: Any, q: str, sort: str = "") -> list[str]:
    with database.reading() as session:
        return [r.name for r in runs.listing(session, q=q, sort=sort)]


@pytest.fixture
def three(database: Any, make_run: Callable[..., str]) -> str:
    querysql._kept.clear()
    nested = {"disc": {"lr": 1e-4, "act": "relu", "sn": True, "warm": None}, "seed": 1}
    a = make_run(
        {"eval/fid": [50.0, 20.0, 40.0], "eval/pesq": [1.0, 3.0, 2.0]}, "finished", created=3.0, name="a",
        trainer="cgan", preset="old", size="tiny", project="x", recipe=nested, tags=["paper", "two words"], seed=7,
    )  # fmt: skip
    make_run(
        {"eval/fid": [90.0], "loss/disc": [1.0, NAN]}, "failed", created=2.0, name="b c", trainer="codec",
        preset="fixed", recipe={"disc.lr": 4e-4, "disc.act": "0.5"}, tags=["pap", 'q"t', "100%"], parent=a, notes="thin",
    )  # fmt: skip
    make_run(status="queued", created=1.0, name="d", recipe={"disc": {"lr": "auto"}})
    return a


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("", ["a", "b c", "d"]),
        ("cgan", ["a"]),
        ("-cgan", ["b c", "d"]),
        ("disc.lr<2e-4", ["a"]),
        ("disc.lr>=1E-4", ["a", "b c"]),
        ("-disc.lr<2e-4", ["b c", "d"]),
        ("disc.lr=0.0004", ["b c"]),
        ("disc.lr!=1e-4", ["b c", "d"]),
        ("disc.lr=auto", ["d"]),
        ("disc.act=RELU", ["a"]),
        ("disc.act=0.5", ["b c"]),
        ("disc.sn=true", ["a"]),
        ("disc.warm=none", ["a"]),
        ("seed=7", ["a"]),
        ("step>=2", ["a"]),
        ("eval/fid<45", ["a"]),
        ("min(eval/fid)<25", ["a"]),
        ("best(eval/fid)<25", ["a"]),
        ("best(eval/pesq)>2.5", ["a"]),
        ("eval/pesq>2.5", []),
        ("max(eval/fid)>60", ["b c"]),
        ("loss/disc=nan", ["b c"]),
        ("eval/mel<3", []),
        ("eval/si_sdr<3", []),
        ("tag:paper", ["a"]),
        ("tag:pap", ["b c"]),
        ('tag:"two words"', ["a"]),
        (f"tag:{quoted('q' + chr(34) + 't')}", ["b c"]),
        ("tag:100%", ["b c"]),
        ("tag:%", []),
        ("-tag:paper", ["b c", "d"]),
        ("status:failed,queued", ["b c", "d"]),
        ("status:active", ["d"]),
        ("status:ended tag:paper", ["a"]),
        ("preset:OLD size:tiny project:x trainer:cgan", ["a"]),
        ('name:"b c"', ["b c"]),
        ("note:thin", ["b c"]),
        ("doctor:none", ["a", "b c", "d"]),
        ("finding:disc_stuck", []),
        ("-parent:none", ["a", "b c", "d"]),
    ],
)
def test_a_search_finds_what_fits(database: Any, three: str, q: str, names: list[str]) -> None:
    assert found(database, q) == names


def test_forks_are_found_by_their_parent(database: Any, three: str) -> None:
    assert found(database, f"parent:{three}") == ["b c"]


def test_what_the_doctor_says_can_be_asked(database: Any, three: str) -> None:
    from app.tables_diagnoses import StoredDiagnosis

    body = {"findings": [{"code": "disc-stuck", "title": "x"}], "could_not_look": {"nan_or_inf": []}}
    with database.transaction() as session:
        session.add(
            StoredDiagnosis(run_id=three, next_seq=1, made=1.0, verdict="fail", grave=1, worst="x", body=body)
        )
    assert found(database, "finding:disc_stuck") == found(database, "finding:disc-stuck") == ["a"]
    assert found(database, "doctor:fail") == found(database, "verdict:Fail") == ["a"]
    assert found(database, "verdict:ok") == found(database, "verdict:healthy") == []
    assert found(database, "-verdict:fail") == found(database, "verdict:none") == ["b c", "d"]
    with database.transaction() as session:
        session.get(StoredDiagnosis, three).verdict = "healthy"
    assert found(database, "verdict:ok") == found(database, "verdict:warn,healthy") == ["a"]
    assert found(database, "verdict:fail") == []
    with database.transaction() as session:
        session.get(StoredDiagnosis, three).verdict = "fail"
    assert found(database, "-finding:disc_stuck") == ["b c", "d"]
    assert found(database, "", "doctor") == ["a", "b c", "d"]
    assert found(database, "", "-doctor")[0] == "a"


@pytest.mark.parametrize(
    ("q", "near"),
    [
        ("disk.lr<1", "disc.lr"),
        ("eval/fido<1", "eval/fid"),
        ("status:faild", "status:failed"),
        ("doctor:bad", ""),
        ("verdict:fial", "verdict:fail"),
        ("verdikt:fail", "verdict:…"),
        ("verdict:stopped", ""),
        ("finding:disc-stuk", "finding:disc-stuck"),
        ("best(loss/dsic)<1", "loss/disc"),
        ("eval/fid=old", ""),
        ("eval/fid<nan", ""),
        ("seed=x", ""),
    ],
)
def test_a_name_that_nobody_knows_is_refused_with_what_is_near(
    database: Any, three: str, q: str, near: str
) -> None:
    with pytest.raises(BadQuery) as caught:
        found(database, q)
    assert caught.value.more["near"] == near


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("age", ["a", "b c", "d"]),
        ("-age", ["d", "b c", "a"]),
        ("name", ["a", "b c", "d"]),
        ("-name", ["d", "b c", "a"]),
        ("eval/fid", ["b c", "a", "d"]),
        ("-eval/fid", ["a", "b c", "d"]),
        ("disc.lr", ["b c", "a", "d"]),
        ("-disc.lr", ["a", "b c", "d"]),
        ("step", ["a", "b c", "d"]),
    ],
)
def test_runs_that_lack_the_value_come_last(database: Any, three: str, sort: str, names: list[str]) -> None:
    assert found(database, "", sort) == names


def test_an_order_that_is_none_is_refused(database: Any, three: str) -> None:
    with pytest.raises(BadQuery, match="nothing to sort by"):
        found(database, "", "agee")


def test_a_knob_is_looked_for_nested_flat_and_mixed() -> None:
    assert querysql.paths("a.b") == [("a", "b"), ("a.b",)]
    assert ("a", "b.c") in querysql.paths("a.b.c")
    assert querysql.paths("a.b.c.d.e.f") == [("a", "b", "c", "d", "e", "f"), ("a.b.c.d.e.f",)]


PARTS = st.sampled_from(
    ["disc.lr", "eval/fid", "loss/disc", "<", ">=", "!=", "=", "2e-4", "nan", "tag:", "status:", "best(", ")", '"', "'",
     "-", " ", ",", "\\", "%", "_", ";--", "\0", "failed", "1e400", "$.", "]", "\ud800"]
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=60), st.lists(PARTS, max_size=10).map("".join)))
def test_no_search_is_an_error_of_the_server(database: Any, three: str, q: str) -> None:
    names: list[str] = []
    refused = ""
    try:
        names = found(database, q)
    except BadQuery as problem:
        refused = problem.message
    assert refused or set(names) <= {"a", "b c", "d"}
