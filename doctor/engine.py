"""Runs the rule book over a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from doctor.findings import SEVERITIES, Diagnosis, Finding
from doctor.rule import Rule
from doctor.rulebook import RULES
from doctor.view import RunView


def diagnose(view: RunView, rules: Sequence[Rule] = RULES) -> Diagnosis:
    """What ``rules`` say of a run, worst first, then by the step at which it was seen."""
    findings: list[Finding] = []
    blind: dict[str, list[str]] = {}
    looked: list[str] = []
    for rule in rules:
        missing = rule.lacks(view)
        if missing:
            blind[rule.code] = missing
            continue
        looked.append(rule.code)
        with np.errstate(all="ignore"):  # people's logs hold any number; rules compare, and NaN is no match
            findings += rule.examine(view)
    findings.sort(key=lambda f: (-SEVERITIES.index(f.severity), f.seen_at, f.code))
    return Diagnosis(tuple(findings), blind, tuple(looked))
