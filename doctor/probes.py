"""What differential probes say of a finding's suspects: their order, and the evidence beside each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from doctor.findings import Finding, Suspect

CAUSES = {
    "wiring": "wiring",
    "training": "initialisation and learning rate",
    "architecture": "architecture",
    "near": "the generator is already close",
}
SAYS = {
    "wiring": ("ratio", "same"),
    "training": ("overfit",),
    "architecture": ("overfit", "noise"),
    "near": ("noise",),
}


def reranked(finding: Finding, outcome: Mapping[str, Any]) -> Finding:
    """``finding`` with the suspect first that the probes point to, each with what was probed of it.

    ``outcome`` is what ``python -m trainers probe json=true`` prints. A finding whose suspects no probe speaks
    of is returned as it is, and so is one where the probes point to nothing: only the evidence is added then.
    """
    probes = {str(p.get("code")): p for p in outcome.get("probes") or [] if isinstance(p, Mapping)}
    known = [cause_of(s) for s in finding.suspects]
    if not probes or not any(known):
        return finding
    first = str(outcome.get("cause") or "")
    told = [_with(s, cause, probes, outcome) for s, cause in zip(finding.suspects, known, strict=True)]
    order = sorted(range(len(told)), key=lambda i: known[i] != first if first else False)
    return replace(finding, suspects=tuple(told[i] for i in order))


def cause_of(suspect: Suspect) -> str:
    """The cause that a suspect names, by its first words; empty for one that probes do not speak of."""
    return next((code for code, words in CAUSES.items() if suspect.text.startswith(words)), "")


def _with(suspect: Suspect, cause: str, probes: Mapping[str, Any], outcome: Mapping[str, Any]) -> Suspect:
    found = [f"{code}: {probes[code].get('text')}" for code in SAYS.get(cause, ()) if code in probes]
    if not found:
        return suspect
    seen = f"Probed at step {outcome.get('step')}: {'; '.join(found)}"
    return replace(suspect, test=f"{suspect.test}. {seen}" if suspect.test else seen)
