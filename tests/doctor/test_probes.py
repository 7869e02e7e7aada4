"""Suspects ranked by what probes found: pure, from the JSON of the probe."""

from __future__ import annotations

from typing import Any

import pytest

from doctor.findings import Finding, Suspect
from doctor.probes import CAUSES, cause_of, reranked
from doctor.rules.disc_stuck import DiscStuck
from doctor.view import RunView


def stuck() -> Finding:
    return DiscStuck().found("fail", "stuck", (0, 100), 100, suspects=DiscStuck()._suspects(RunView({})))


def outcome(cause: str, **texts: str) -> dict[str, Any]:
    return {"step": 40, "cause": cause, "probes": [{"code": c, "text": t} for c, t in texts.items()]}


def test_the_rule_names_every_cause_once() -> None:
    assert sorted(cause_of(s) for s in stuck().suspects) == sorted(CAUSES)


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_the_cause_that_probes_point_to_comes_first_and_the_rest_keep_their_order(cause: str) -> None:
    before = [cause_of(s) for s in stuck().suspects]
    after = [cause_of(s) for s in reranked(stuck(), outcome(cause, overfit="0.52 after 200 steps")).suspects]
    assert after == [cause, *(c for c in before if c != cause)]


def test_evidence_stands_beside_the_suspects_that_it_speaks_of() -> None:
    found = reranked(
        stuck(), outcome("architecture", overfit="0.52 after 200 steps: cannot learn even one batch")
    )
    first = found.suspects[0]
    assert first.test.endswith(
        "Probed at step 40: overfit: 0.52 after 200 steps: cannot learn even one batch"
    )
    assert all("Probed" not in s.test for s in found.suspects if cause_of(s) in ("wiring", "near"))


def test_what_probes_do_not_speak_of_stays_as_it_is() -> None:
    other = DiscStuck().found("warn", "x", (0, 1), 1, suspects=(Suspect("the data", "look"),))
    assert reranked(other, outcome("wiring", ratio="0")) is other
    assert reranked(stuck(), {"step": 1}) == stuck()
    assert reranked(stuck(), {"probes": None, "cause": "wiring"}) == stuck()
    kept = reranked(stuck(), outcome("", noise="1.00: it tells noise"))
    assert [cause_of(s) for s in kept.suspects] == [cause_of(s) for s in stuck().suspects]
