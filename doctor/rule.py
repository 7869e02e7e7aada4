"""What a rule is: words, needs, cases, and an examination."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from doctor.findings import Evidence, Finding, Remedy, Suspect, evidence
from doctor.view import RunView, Track
from doctor.windows import Spell


@dataclass(frozen=True)
class Case:
    """A run that a rule must judge, and what it must say: the severities allowed, none for silence."""

    name: str
    make: Callable[[], RunView]
    expect: str = ""


class Rule:
    """One check. A subclass is one file: it says what it sees, why it matters, what to try, and brings its cases.

    ``needs`` lists alternatives: the rule can look where every series of one of them is there.
    A rule is causal: what it says of a run up to a step depends on nothing later, and ``Finding.seen_at`` is the
    first step at which it could say it.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[str]
    sees: ClassVar[str]
    why: ClassVar[str]
    try_: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[tuple[tuple[str, ...], ...]]
    SICK: ClassVar[tuple[Case, ...]]
    HEALTHY: ClassVar[tuple[Case, ...]]

    def lacks(self, view: RunView) -> list[str]:
        """The series that are missing for the nearest alternative of ``needs``; empty where the rule can look."""
        missing = [[n for n in option if not self._has(view, n)] for option in self.needs]
        return min(missing, key=len) if missing else []

    @staticmethod
    def _has(view: RunView, name: str) -> bool:
        return bool(view.named(name)) if "*" in name else view.has(name)

    def found(
        self,
        severity: str,
        claim: str,
        stretch: tuple[int, int],
        seen: int,
        evidence: Sequence[Evidence] = (),
        suspects: Sequence[Suspect] = (),
        remedies: Sequence[Remedy] = (),
        *,
        failed: int | None = None,
        lasting: bool = True,
    ) -> Finding:
        """A finding of this rule. A failure without ``failed`` failed when it was ``seen``."""
        if severity == "fail" and failed is None:
            failed = seen
        return Finding(
            self.code,
            severity,
            self.title,
            claim,
            stretch[0],
            stretch[1],
            seen,
            tuple(evidence),
            tuple(suspects),
            tuple(remedies),
            lasting,
            failed,
        )

    def told(
        self,
        spell: Spell,
        claim: str,
        tracks: Sequence[Track],
        suspects: Sequence[Suspect] = (),
        remedies: Sequence[Remedy] = (),
        severity: str | None = None,
    ) -> Finding:
        """A finding about a `Spell`, with the points of ``tracks`` in its stretch as evidence."""
        if not spell.open:
            claim += " It has ended since."
        shown = [t.between(spell.start, spell.end) for t in tracks]
        return self.found(
            severity or spell.severity,
            claim,
            (spell.start, spell.end),
            spell.seen,
            [evidence(t.name, t.steps, t.values) for t in shown if len(t)],
            suspects,
            remedies,
            failed=spell.failed if severity is None else None,
            lasting=spell.open,
        )

    def examine(self, view: RunView) -> Iterator[Finding]:
        """Findings about a run that has what the rule needs."""
        raise TypeError(f"{type(self).__name__} has no examination")
