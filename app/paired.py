"""Is the difference real? Groups of runs held against each other seed by seed, each metric with its interval.

Two runs of one seed share their data order and their start as far as the recipe allows, so that the spread between
seeds cancels in their difference. The interval is Student's t over the differences (95 %, two-sided); with one
seed there is none, and nothing is called better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy.orm import Session

from app import groups, metrics, words
from app.groups import Group
from app.models import Run
from app.tracks import keyed

CONFIDENCE = 0.95
MOST_RUNS = 40
BY = ("preset", "seedless")
"""What runs are put together by where the page groups by nothing: the first that makes pairs."""


@dataclass(frozen=True)
class Interval:
    """Mean of ``n`` differences and half the width of its interval; ``half`` is infinite for one difference."""

    mean: float
    half: float
    n: int

    @property
    def state(self) -> str:
        """ "shown" where the interval leaves out 0, "not shown", or "one seed"."""
        if self.n < 2:
            return "one seed"
        return "shown" if abs(self.mean) > self.half else "not shown"


@dataclass(frozen=True)
class Verdict:
    """One metric of a pair of groups. ``values`` are (seed, A, B), ``side`` is "better", "worse" or ""."""

    series: str
    title: str
    unit: str
    better: str
    interval: Interval
    values: tuple[tuple[int, float, float], ...]
    text: str
    side: str = ""


@dataclass(frozen=True)
class Paired:
    """Two groups, the seeds that both have, and the verdict of each metric. ``notes`` say what to mind."""

    a: Group
    b: Group
    seeds: tuple[int, ...]
    pairs: tuple[tuple[int, str, str], ...]
    moment: str
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()


def interval(differences: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The mean difference and its t-interval, n - 1 degrees of freedom. Raises ValueError for none."""
    n = len(differences)
    if n == 0:
        raise ValueError("no difference to take the mean of")
    mean = math.fsum(differences) / n
    if n == 1:
        return Interval(mean, math.inf, 1)
    spread = math.sqrt(math.fsum((d - mean) ** 2 for d in differences) / (n - 1))
    return Interval(mean, t_quantile(n - 1, confidence) * spread / math.sqrt(n), n)


@lru_cache(maxsize=256)
def t_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """The t that a Student variable of ``freedom`` degrees stays within, on both sides, with this probability."""
    if freedom < 1 or not 0 < confidence < 1:
        raise ValueError(f"{freedom} degrees of freedom at {confidence} are no Student distribution")
    low, high = 0.0, 1.0
    while _within(high, freedom) < confidence:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return (low + high) / 2


def _within(t: float, freedom: int) -> float:
    """P(|T| <= t): the finite sums of Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(freedom))
    cos, sin = math.cos(angle), math.sin(angle)
    odd = freedom % 2
    term, total = (cos, cos) if odd else (1.0, 1.0)
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cos * cos
        total += term
    if not odd:
        return sin * total
    return 2 / math.pi * (angle + (sin * total if freedom > 1 else 0.0))


def told(found: Interval, unit: str) -> str:
    """ "+0.4 ± 0.6 dB over 3 seeds: not shown", "+0.4 dB, one seed: cannot say"."""
    mean, half = _same_digits(found.mean, found.half, unit)
    ends = f" {unit}" if unit and unit != "share" else ""
    if found.n < 2:
        return f"{mean}{ends}, one seed: cannot say"
    return f"{mean} ± {half}{ends} over {found.n} seeds: {found.state}"


def _same_digits(mean: float, half: float, unit: str) -> tuple[str, str]:
    """Both numbers with the decimals of the interval's two leading digits: more would only look exact."""
    if unit in words.DECIMALS:
        decimals = words.DECIMALS[unit]
        if math.isfinite(half) and 0 < half < 0.05:
            decimals = _decimals(half)
    else:
        decimals = _decimals(half if math.isfinite(half) and half > 0 else mean / 10)
    text = words.fixed(mean, decimals)
    if math.isfinite(half) and 0 < abs(half) < 10**-decimals / 2:
        return (text if mean < 0 else f"+{text}"), f"less than {10**-decimals:g}"
    return (text if mean < 0 else f"+{text}"), words.fixed(half, decimals)


def _decimals(value: float) -> int:
    return 0 if not value else min(8, max(0, 1 - math.floor(math.log10(abs(value)))))


def between(
    session: Session, runs: Sequence[Run], moment: str = "last", by: str = "", base: str = ""
) -> list[Paired]:
    """The first group (that of the run ``base`` where given) against each other group, by seeds that both have.

    Args:
        moment: an epoch, last or best, as `metrics.moment_of` reads it.
        by: what runs are put together by (`groups.choices`); "" for the preset, else all but the seed.

    [] where no two groups share a seed. Raises BadInput for a moment or a knob that is none.
    """
    moment = metrics.moment_of(moment)
    runs = runs[:MOST_RUNS]
    found = next((f for f in (_sides(runs, name, base) for name in ([by] if by else BY)) if f), [])
    if not found:
        return []
    used = {run.id: run for _, _, pairs, _ in found for _, a, b in pairs for run in (a, b)}
    values = _values(session, list(used.values()), moment)
    names = {run.id: key for key, run in keyed(runs).items()}
    return [_paired(a, b, pairs, notes, values, names, moment) for a, b, pairs, notes in found]


Pairs = list[tuple[int, Run, Run]]
Side = tuple[Group, Group, Pairs, list[str]]


def _sides(runs: Sequence[Run], by: str, base: str) -> list[Side]:
    by_key = keyed(runs)
    put = groups.of(runs, by)
    if len(put) < 2:
        return []
    first = next((g for g in put if any(by_key[k].id == base for k in g.keys)), put[0])
    found = []
    for other in put:
        if other is first:
            continue
        a, doubled_a = _by_seed([by_key[k] for k in first.keys])
        b, doubled_b = _by_seed([by_key[k] for k in other.keys if k not in first.keys])
        seeds = sorted(set(a) & set(b))
        if not seeds:
            continue
        notes = []
        alone = sorted(set(a) ^ set(b))
        if alone:
            notes.append(f"Left out, on one side only: {_seeds(alone)}.")
        if doubled := sorted(doubled_a | doubled_b):
            notes.append(f"Several runs of {_seeds(doubled)}: of each side the newest counts.")
        found.append((first, other, [(s, a[s], b[s]) for s in seeds], notes))
    return found


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def _by_seed(runs: Sequence[Run]) -> tuple[dict[int, Run], set[int]]:
    """The newest run of each seed, and the seeds that had several. A failed or lost run stands for none."""
    found: dict[int, Run] = {}
    doubled: set[int] = set()
    for run in sorted(runs, key=lambda r: r.created):
        if run.seed is None or run.status in ("failed", "lost", "queued"):
            continue
        if run.seed in found:
            doubled.add(run.seed)
        found[run.seed] = run
    return found, doubled


@dataclass(frozen=True)
class _At:
    """A run's values at the moment, by series, with the series' own words."""

    rows: dict[str, metrics.Metric]
    values: dict[str, float]
    when: str


def _values(session: Session, runs: Sequence[Run], moment: str) -> dict[str, _At]:
    """By run's id, out of one table of them all: a page of many runs reads each series of each run once."""
    table = metrics.at(session, runs, moment)
    found = {}
    for place, run in enumerate(runs):
        cells = {row.series: row.cells[place].value for row in table.rows}
        values = {name: v for name, v in cells.items() if v is not None and math.isfinite(v)}
        found[run.id] = _At({row.series: row for row in table.rows}, values, table.columns[place][2])
    return found


def _paired(
    a: Group,
    b: Group,
    pairs: Pairs,
    notes: list[str],
    values: dict[str, _At],
    names: dict[str, str],
    moment: str,
) -> Paired:
    other_set = [seed for seed, x, y in pairs if _hash(x) != _hash(y)]
    if other_set:
        notes.append(f"Evaluations of {_seeds(other_set)} are left out: the two runs used different sets.")
    if unended := [seed for seed, x, y in pairs if x.ended is None or y.ended is None]:
        notes.append(f"{_seeds(unended).capitalize()} still runs: the numbers will move.")
    ends = {values[r.id].when for _, x, y in pairs for r in (x, y)}
    if moment == "last" and len(ends) > 1:
        notes.append(f"The runs ended at different places: {', '.join(sorted(ends))}.")
    found = []
    for name, row in values[pairs[0][1].id].rows.items():
        have = [
            (seed, values[x.id].values[name], values[y.id].values[name])
            for seed, x, y in pairs
            if name in values[x.id].values
            and name in values[y.id].values
            and not (seed in other_set and name.startswith("eval/"))
        ]
        if have:
            found.append(_verdict(row, have))
    return Paired(
        a,
        b,
        tuple(seed for seed, _, _ in pairs),
        tuple((seed, names[x.id], names[y.id]) for seed, x, y in pairs),
        moment,
        tuple(found),
        tuple(notes),
    )


def _hash(run: Run) -> object:
    return (run.environment or {}).get("eval_hash")


def _verdict(row: metrics.Metric, have: Sequence[tuple[int, float, float]]) -> Verdict:
    found = interval([b - a for _, a, b in have])
    verdict = Verdict(row.series, row.title, row.unit, row.better, found, tuple(have), told(found, row.unit))
    if found.state != "shown" or not row.better:
        return verdict
    return replace(verdict, side="better" if (found.mean > 0) == (row.better == "up") else "worse")
