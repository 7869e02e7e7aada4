"""The sentences of a document as rows: what was claimed, what these runs show, whether it held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.results.journals import Log
from bench.results.tables import Groups, judged, number, paired, seeds, spread, table
from recipes import bands

NO_RUN = "not looked at: no such run"


@dataclass(frozen=True)
class Claim:
    """``verdict`` is held, partly, not, or "not looked at: why"; ``seen`` says what was measured, in numbers."""

    text: str
    where: str
    verdict: str
    seen: str


def per_seed(text: str, where: str, logs: Sequence[Log], judge: Callable[[Log], tuple[bool, str]]) -> Claim:
    """A claim judged seed by seed; ``judge`` says whether a run bears it out and what it shows."""
    outcomes = [judge(log) for log in logs]
    if not outcomes:
        return Claim(text, where, NO_RUN, "none")
    return Claim(text, where, judged([held for held, _ in outcomes]), "; ".join(seen for _, seen in outcomes))


def better(
    text: str, where: str, groups: Groups, names: Sequence[tuple[str, int]], at: int, left: str, right: str
) -> Claim:
    """The claim that ``right`` is better than ``left`` in every one of ``names`` (series, +1 or -1), by seeds."""
    held: list[bool] = []
    seen = []
    for name, sign in names:
        pairs = paired(groups, name, at, left, right)
        held += [(b - a) * sign > 0 for a, b in pairs]
        if pairs:
            seen.append(f"`{name}` {spread(a for a, _ in pairs)} → {spread(b for _, b in pairs)}")
    if not held:
        return Claim(text, where, f"not looked at: no pair of {left} and {right}", "none")
    many = max(len(paired(groups, name, at, left, right)) for name, _ in names)
    return Claim(
        text, where, judged(held), f"{left} → {right}, epoch {at}, {seeds(many)}: " + "; ".join(seen)
    )


def claim_table(claims: Sequence[Claim]) -> str:
    """The claims as a Markdown table."""
    rows = [[c.text, c.where, c.verdict, c.seen] for c in claims]
    return table(["claimed", "where", "verdict", "measured"], rows)


def logged_table(
    trainer: str, logs: Sequence[Log], *, same_as: dict[str, str] | None = None, stretch: float = 1.0
) -> str:
    """What the document says was logged, beside ``logs``; epochs of its run times ``stretch`` are ours.

    ``same_as`` names the series of ours that stands for one of the document's.
    """
    rows = []
    last = min((log.last_epoch for log in logs), default=0.0)
    for point in bands.claimed_points(trainer):
        name = (same_as or {}).get(point.series, point.series)
        epoch = point.x * stretch
        if epoch > 0:
            epoch = max(epoch, 1.0)
        got = spread(log.value(name, epoch) for log in logs) if epoch <= last else "none"
        ours = f"`{name}`, epoch {number(epoch)}"
        rows.append([f"`{point.series}`", number(point.x), number(point.value), ours, got])
    return table(["logged series", "its epoch", "logged", "ours", "measured"], rows)
