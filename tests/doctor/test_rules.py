"""Each rule on its own cases, and on every other rule's healthy ones."""

from __future__ import annotations

import pytest

from doctor.engine import diagnose
from doctor.findings import SEVERITIES
from doctor.rule import Case, Rule
from doctor.rulebook import RULES

OWN = [(rule, case) for rule in RULES for case in rule.SICK]
ALL_HEALTHY = [(rule, case) for rule in RULES for case in rule.HEALTHY]


def _worst(rule: Rule, case: Case) -> str:
    view = case.make()
    if rule.lacks(view):
        return ""
    found = [f.severity for f in rule.examine(view)]
    return max(found, key=SEVERITIES.index) if found else ""


@pytest.mark.parametrize(("rule", "case"), OWN, ids=[f"{r.code}: {c.name}" for r, c in OWN])
def test_a_rule_says_what_it_must_of_a_sick_run(rule: Rule, case: Case) -> None:
    assert not rule.lacks(case.make()), "the case lacks what the rule needs"
    assert _worst(rule, case) == case.expect


@pytest.mark.parametrize(("rule", "case"), ALL_HEALTHY, ids=[f"{r.code}: {c.name}" for r, c in ALL_HEALTHY])
def test_a_rule_does_not_complain_of_its_healthy_runs(rule: Rule, case: Case) -> None:
    assert _worst(rule, case) in ("", "info")


@pytest.mark.parametrize(("rule", "case"), ALL_HEALTHY, ids=[f"{r.code}: {c.name}" for r, c in ALL_HEALTHY])
def test_no_rule_fails_a_run_that_is_healthy_to_another(rule: Rule, case: Case) -> None:
    diagnosis = diagnose(case.make())
    assert diagnosis.verdict != "fail", [(f.code, f.claim) for f in diagnosis.findings]
