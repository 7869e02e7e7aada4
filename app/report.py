"""The old-against-fixed report: two sides, each a run or runs of several seeds, put together for one page or file.

What it says is what Compare says, by the same functions: bands by their origin, verdicts in words, differences seed by
seed. Host names, user names and absolute paths are left out, as a report is there to be shared.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup
from sqlalchemy.orm import Session

from app import (
    differs,
    expected,
    groups,
    metrics,
    paired,
    plots,
    racks,
    reading,
    report_charts,
    words,
)
from app.curves import Curve
from app.errors import BadInput
from app.models import Run
from app.report_facts import Fact, facts
from app.report_findings import Said, said
from app.report_samples import Clips, clips, pictures
from app.traces import Axis, Band
from app.tracks import Track, View, axis_of, keyed, load
from nashboard.vocabulary import Series, describe
from recipes.registry import TRAINERS

MOMENTS = ("1", "5", "10", "20", "last")
MOST_RUNS = 40
MOST_CHARTS = 9
KEYS = ("A", "B")


@dataclass(frozen=True)
class Side:
    """One side: its key, its title, its runs in the order of their seeds."""

    key: str
    title: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Chart:
    """A chart with what it says: (key, strong words, other words) a side, its bands' origins, points shown of all."""

    row: Series
    svg: Markup
    said: tuple[tuple[str, str, str], ...]
    bands: tuple[tuple[str, str], ...]
    shown: int
    total: int
    nonfinite: int


@dataclass(frozen=True)
class Row:
    """A metric of the table: texts by moment for A, B and B − A, and the verdict at the end in words."""

    row: Series
    a: tuple[str, ...]
    b: tuple[str, ...]
    difference: tuple[str, ...]
    verdict: str
    state: str
    side: str
    bands: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Table:
    """The metrics at moments that a run has reached; ``notes`` say what to mind."""

    moments: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


@dataclass
class Report:
    """Everything that the report shows."""

    sides: tuple[Side, Side]
    title: str
    labels: list[str] = field(default_factory=list)
    knobs: tuple[differs.Line, ...] = ()
    knobs_total: int = 0
    charts: tuple[Chart, ...] = ()
    table: Table = Table((), (), ())
    said: tuple[Said, ...] = ()
    clips: Clips = field(default_factory=Clips)
    pictures: Clips = field(default_factory=Clips)
    facts: tuple[Fact, ...] = ()

    @property
    def runs(self) -> tuple[Run, ...]:
        return (*self.sides[0].runs, *self.sides[1].runs)


def sides(found: Sequence[Run], old: Sequence[Run] = (), fixed: Sequence[Run] = ()) -> tuple[Side, Side]:
    """The two sides: as given, or two runs, or runs that their presets or their recipes put into two groups.

    Raises:
        BadInput: they make no two sides; the message says how to name them.
    """
    if old or fixed:
        if not (old and fixed):
            raise BadInput(
                "a report has two sides: give old=a1,a2 and fixed=b1,b2", field="old" if fixed else "fixed"
            )
        if both := {r.id for r in old} & {r.id for r in fixed}:
            raise BadInput(f"run {min(both)!r} is on both sides of the report", field="fixed")
        return _titled(list(old), list(fixed))
    if len(found) == 2:
        return _titled([found[0]], [found[1]])
    if len(found) < 2:
        raise BadInput("a report needs two runs at least: runs=a,b", field="runs")
    by_key = keyed(found)
    for by in ("preset", "seedless"):
        put = groups.of(found, by)
        if len(put) == 2 and not set(put[0].keys) & set(put[1].keys):
            return _titled([by_key[k] for k in put[0].keys], [by_key[k] for k in put[1].keys])
    raise BadInput(
        f"these {len(found)} runs make no two sides by preset or recipe: say which is which, old=a1,a2&fixed=b1,b2",
        field="runs",
    )


def _titled(a: list[Run], b: list[Run]) -> tuple[Side, Side]:
    if len(a) + len(b) > MOST_RUNS:
        raise BadInput(f"{len(a) + len(b)} runs; a report holds at most {MOST_RUNS}", field="runs")
    titles = []
    for side in (a, b):
        presets = {r.preset for r in side}
        titles.append(presets.pop() if len(presets) == 1 else "")
    if not all(titles) or titles[0] == titles[1]:
        titles = [side[0].name or side[0].id for side in (a, b)]
    if titles[0] == titles[1]:
        titles = [f"{title} ({side[0].id[:8]})" for title, side in zip(titles, (a, b), strict=True)]
    made = [
        Side(key, title, tuple(sorted(side, key=lambda r: (r.seed is None, r.seed or 0, r.created))))
        for key, title, side in zip(KEYS, titles, (a, b), strict=True)
    ]
    return made[0], made[1]


def build(session: Session, two: tuple[Side, Side], *, embed: bool = False) -> Report:
    """The report of two sides. ``embed``: with sounds and pictures in it, for a file that opens from disk."""
    a, b = two
    every = [*a.runs, *b.runs]
    made = Report(two, f"{a.title} against {b.title}")
    apart = differs.between([a.runs[0], b.runs[0]])
    made.knobs = tuple(k for k in apart.knobs if k.name not in groups.SEEDS or len(every) == 2)
    made.knobs_total = apart.total
    infos = reading.series_of(session, [r.id for r in every])
    have = {r.id: {i.name for i in infos.get(r.id, [])} for r in every}
    axis = "epoch" if all("progress/epoch" in names for names in have.values()) else "step"
    made.charts = tuple(_charts(session, two, have, axis))
    made.table = _table(session, two)
    made.said = tuple(said(session, side.key, side.runs) for side in two)
    first, second = _pairs(two)[0][1:] if _pairs(two) else (a.runs[0], b.runs[0])
    made.clips = clips(session, first, second, embed=embed)
    made.pictures = pictures(session, first, second, embed=embed, spent=made.clips.bytes)
    made.facts = tuple(facts(session, two[0].runs, two[1].runs))
    made.labels = _labels(two, apart)
    return made


def _labels(two: tuple[Side, Side], apart: differs.Differences) -> list[str]:
    """What a reader has to know before the numbers."""
    runs = [*two[0].runs, *two[1].runs]
    told = []
    sizes = sorted({r.size for r in runs if r.size})
    if "tiny" in sizes:
        told.append("Size tiny: a small network on a small set, to see a mechanism; no numbers of a paper.")
    elif sizes:
        told.append(f"Size {', '.join(sizes)}.")
    counts = [len(side.runs) for side in two]
    if min(counts) < 2:
        told.append("One run a side shows no spread over seeds: a difference may be luck.")
    else:
        told.append(
            f"{counts[0]} runs against {counts[1]}, {words.plural(len(_pairs(two)), 'seed')} in common."
        )
    for side in two:
        own = differs.between(list(side.runs))
        if odd := [k.name for k in own.knobs if k.name not in groups.SEEDS]:
            told.append(f"The runs of {side.key} differ in more than their seed: {', '.join(odd[:5])}.")
    if len({(r.environment or {}).get("eval_hash") for r in runs}) > 1:
        told.append("The runs were evaluated on different sets: their evaluations cannot be compared.")
    if unended := [r.name or r.id for r in runs if r.ended is None]:
        told.append(f"Still running, so the numbers will move: {', '.join(unended)}.")
    if apart.missing:
        told.append(
            f"Without a recipe, so that differences of knobs are not known: {', '.join(apart.missing)}."
        )
    return told


def _pairs(two: tuple[Side, Side]) -> list[tuple[int, Run, Run]]:
    """(seed, A's run, B's run) of the seeds that both sides have; of several runs of a seed the newest."""
    each = [{r.seed: r for r in sorted(s.runs, key=lambda r: r.created) if r.seed is not None} for s in two]
    return [(seed, each[0][seed], each[1][seed]) for seed in sorted(set(each[0]) & set(each[1]))]


# Charts ----------------------------------------------------------------------


def _charts(
    session: Session, two: tuple[Side, Side], have: dict[str, set[str]], axis_name: str
) -> list[Chart]:
    every = [r for side in two for r in side.runs]
    names = set().union(*have.values())
    rows = racks.main(names, {r.trainer for r in every if r.trainer in TRAINERS})
    wanted = [row for row in rows if row.name in names][:MOST_CHARTS]
    view = View(axis_name, width=report_charts.WIDTH)
    tracks = load(session, every, [row.name for row in wanted], view)
    axis = axis_of(tracks, view)
    return [_chart(two, tracks, row, axis, n) for n, row in enumerate(wanted)]


def _chart(two: tuple[Side, Side], tracks: Sequence[Track], row: Series, axis: Axis, number: int) -> Chart:
    lines, words_of, placed = [], [], 0
    kept: list[Curve] = []
    for side in two:
        mine = tracks[placed : placed + len(side.runs)]
        placed += len(side.runs)
        made = [(t, t.curve(row.name, t.whole[row.name])) for t in mine if row.name in t.whole]
        curves = [c for _, c in made if c is not None]
        kept += curves
        group = groups.Group(side.key, side.title, tuple(c.key for c in curves))
        spread = groups.spread_of(group, curves, 0.0) if len(side.runs) > 1 else None
        lines.append(report_charts.Line(side.key, tuple(curves), spread))
        if not curves:
            words_of.append((side.key, "", "not measured."))
        elif spread is not None:
            words_of.append((side.key, "", groups.told(spread, row.unit)))
        else:
            told = plots.judge(made[0][0], row)
            words_of.append((side.key, told.strong, told.rest))
    bands, note = _bands(two, tracks, row.name, axis)
    svg = report_charts.chart(row, lines, bands, axis, log=row.log, name=f"c{number}")
    shown = sum(report_charts.shown(c) for c in kept)
    legend = tuple(_legend(bands, note))
    total = sum(c.total for c in kept)
    lost = sum(n.count for c in kept for n in c.nonfinite)
    return Chart(row, svg, tuple(words_of), legend, shown, total, lost)


def _legend(bands: Sequence[Band], note: str) -> list[tuple[str, str]]:
    """Each band once, with how many stretches it has."""
    many = Counter((b.origin, b.label) for b in bands)
    return [(o, f"{label}{f', {n} stretches' if n > 1 else ''}{note}") for (o, label), n in many.items()]


def _bands(two: tuple[Side, Side], tracks: Sequence[Track], name: str, axis: Axis) -> tuple[list[Band], str]:
    """The bands that fit all runs; where none does those of B, and the words that say so."""
    runs, note = [t.run for t in tracks], ""
    told = expected.shared(runs, name)
    if not told:
        told, note = expected.shared(two[1].runs, name), " (fits B only)"
    found = []
    steps = {t.epoch_steps for t in tracks}
    for band in told:
        each = 1.0
        if band.x != axis.name:
            per = next(iter(steps))
            if len(steps) > 1 or not per or axis.name not in ("step", "epoch"):
                continue
            each = per if axis.name == "step" else 1 / per
        drawn = expected.drawn(band, axis.low / each, axis.high / each, lambda x, e=each: x * e)  # type: ignore[misc]
        if drawn is not None:
            found.append(drawn)
    return found, note if found else ""


# Metrics -----------------------------------------------------------------------


def _table(session: Session, two: tuple[Side, Side]) -> Table:
    every = [r for side in two for r in side.runs]
    at = {moment: metrics.at(session, every, moment) for moment in MOMENTS}
    key_of = {run.id: key for key, run in keyed(every).items()}
    reached = tuple(m for m in MOMENTS if any(c.value is not None for row in at[m].rows for c in row.cells))
    pairs = _pairs(two)
    other_set = len({(r.environment or {}).get("eval_hash") for r in every}) > 1
    rows = []
    for metric in at["last"].rows:
        row = describe(metric.series)
        texts: list[list[str]] = [[], [], []]
        verdict = state = better = ""
        for moment in reached:
            found = next((m for m in at[moment].rows if m.series == metric.series), None)
            values = {c.key: c.value for c in found.cells} if found else {}
            by_side = [[values.get(key_of[r.id]) for r in side.runs] for side in two]
            for n in (0, 1):
                texts[n].append(_spread(by_side[n], row.unit))
            told, state, better = _difference(row, by_side, pairs, values, key_of)
            if other_set and metric.series.startswith("eval/"):
                told, state, better = "", "", ""
            short = told.split(" over ")[0].split(", one seed")[0].split(", no seed")[0]
            texts[2].append(short.removesuffix(f" {row.unit}") if row.unit else short)
            verdict = told
        bands = tuple((b.origin, b.range, b.misfit) for b in metric.bands)
        a_texts, b_texts, apart = (tuple(t) for t in texts)
        rows.append(Row(row, a_texts, b_texts, apart, verdict, state, better, bands))
    notes = ["A loss is the mean over its epoch; an evaluation is made at the end of it."]
    if late := [m for m in MOMENTS if m not in reached]:
        notes.append(f"No run reached epoch {' or '.join(p for p in (', '.join(late[:-1]), late[-1]) if p)}.")
    if max(len(s.runs) for s in two) > 1:
        notes.append(
            "A side's ± is the standard deviation over its seeds, that of a difference the 95 % interval."
        )
    return Table(reached, tuple(rows), (*notes, *at["last"].notes))


def _finite(values: Sequence[float | None]) -> list[float]:
    return [v for v in values if v is not None and math.isfinite(v)]


def _spread(values: Sequence[float | None], unit: str) -> str:
    """One value, or mean ± standard deviation; how many there are where some are missing; "–" for none."""
    have = _finite(values)
    if not have:
        return next((words.number(v) for v in values if v is not None), "–")
    text = words.measured(statistics.fmean(have), unit)
    if len(have) > 1:
        decimals = len(text.partition(".")[2]) if "e" not in text else 0
        text += f" ± {words.fixed(statistics.stdev(have), decimals)}"
    return text if len(have) == len(values) else f"{text} ({len(have)} of {len(values)})"


def _difference(
    row: Series,
    by_side: list[list[float | None]],
    pairs: Sequence[tuple[int, Run, Run]],
    values: dict[str, float | None],
    key_of: dict[str, str],
) -> tuple[str, str, str]:
    """(words, state, "better" or "worse") of B − A, seed by seed where seeds are shared; else of the means."""
    have = []
    for _, a, b in pairs:
        two = _finite([values.get(key_of[a.id]), values.get(key_of[b.id])])
        if len(two) == 2:
            have.append(two[1] - two[0])
    if have:
        found = paired.interval(have)
        better = ""
        if found.state == "shown" and row.better:
            better = "better" if (found.mean > 0) == (row.better == "up") else "worse"
        return paired.told(found, row.unit), found.state, better
    means = [_finite(side) for side in by_side]
    if not all(means):
        return "", "", ""
    apart = statistics.fmean(means[1]) - statistics.fmean(means[0])
    text = words.measured(apart, row.unit)
    return f"{text if apart < 0 else f'+{text}'}, no seed in common: cannot say", "one seed", ""
