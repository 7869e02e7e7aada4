"""What the doctor says: findings with their evidence, suspects and remedies, and the diagnosis that holds them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

Numbers = Sequence[float] | NDArray[Any]
SEVERITIES = ("info", "warn", "fail")


@dataclass(frozen=True)
class Evidence:
    """Steps and values of a series, as a page can draw them. At most `KEEP` of them."""

    series: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Suspect:
    """A hypothesis about the cause, and the test that would tell it from the others."""

    text: str
    test: str = ""


@dataclass(frozen=True)
class Remedy:
    """What to try. ``patch`` changes the recipe where one exists: {knob: value}."""

    text: str
    patch: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """A rule's statement about a run.

    ``seen_at`` is the step at which the rule first had enough to say it; ``step_from`` to ``step_to`` is the
    stretch that it is about. ``failed_at`` is the first step at which the rule said fail, even where it has been
    taken back since (``lasting`` is then false and the severity lower): a diagnosis of the run up to that step
    says fail, and one of the run up to a step earlier does not say it by this rule.
    """

    code: str
    severity: str
    title: str
    claim: str
    step_from: int
    step_to: int
    seen_at: int
    evidence: tuple[Evidence, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    lasting: bool = True
    failed_at: int | None = None


@dataclass(frozen=True)
class Diagnosis:
    """All findings, worst first, and the rules that could not look with the series that they lack."""

    findings: tuple[Finding, ...]
    could_not_look: dict[str, list[str]]
    looked: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """healthy, warn, fail, or unknown where no rule could look. Information counts as healthy."""
        if not self.looked:
            return "unknown"
        worst = max((SEVERITIES.index(f.severity) for f in self.findings), default=0)
        return ("healthy", "warn", "fail")[worst]

    @property
    def first_fail_step(self) -> int | None:
        """The first step up to which a diagnosis says fail; None where the verdict is another one now."""
        if self.verdict != "fail":
            return None
        return min((f.failed_at for f in self.findings if f.failed_at is not None), default=None)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``python -m doctor --json``; non-finite values are spelled as strings."""
        return {
            "verdict": self.verdict,
            "first_fail_step": self.first_fail_step,
            "findings": [_finding(f) for f in self.findings],
            "could_not_look": self.could_not_look,
        }


def _spelled(value: float) -> float | str:
    if math.isfinite(value):
        return float(value)
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _finding(f: Finding) -> dict[str, Any]:
    return {
        "code": f.code,
        "severity": f.severity,
        "title": f.title,
        "claim": f.claim,
        "step_from": f.step_from,
        "step_to": f.step_to,
        "evidence": [
            {"series": e.series, "steps": list(e.steps), "values": [_spelled(v) for v in e.values]}
            for e in f.evidence
        ],
        "suspects": [{"text": s.text, "test": s.test} for s in f.suspects],
        "remedies": [{"text": r.text, "patch": r.patch} for r in f.remedies],
    }


KEEP = 60


def evidence(series: str, steps: Numbers, values: Numbers) -> Evidence:
    """Evidence of at most `KEEP` points: the first, the last, the extremes, and an even choice between."""
    n = len(steps)
    chosen: Iterable[int] = range(n)
    if n > KEEP:
        finite = [i for i in range(n) if math.isfinite(values[i])]
        picked = {round(i * (n - 1) / (KEEP - 3)) for i in range(KEEP - 2)}
        if finite:
            picked |= {min(finite, key=lambda i: values[i]), max(finite, key=lambda i: values[i])}
        chosen = sorted(picked)
    return Evidence(series, tuple(int(steps[i]) for i in chosen), tuple(float(values[i]) for i in chosen))
