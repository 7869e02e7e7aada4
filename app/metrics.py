"""The document's own table, "Metric | Old (epoch 10) | New (epoch 10)", for any runs at any moment.

A loss of an epoch is the mean over it; an evaluation is made at its end. Beside each metric stand the bands
of that moment, each with its origin, and where the runs' values lie.
"""

from __future__ import annotations

import csv
import io
import math
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from markupsafe import Markup
from sqlalchemy.orm import Session

from app import expected, reading, records, words
from app.curves import reach
from app.errors import BadInput
from app.models import Run
from app.plots import keyed
from app.sparks import position
from nashboard.vocabulary import TABLE, Series, describe
from recipes.band import Band

LOSSES = ("loss/disc", "loss/feat", "disc/sign_acc")
ALWAYS = ("loss/disc", "loss/feat", "disc/sign_acc", "eval/snr", "eval/si_sdr", "eval/mel", "eval/amplitude")
MAYBE = ("eval/pesq_nb", "eval/pesq_wb", "eval/stoi", "listen/abx_p", "listen/preference", "listen/mushra")
MOST = 16
MOST_VALUES = 20_000
MOMENTS = ("1", "5", "10", "last", "best")
_values: OrderedDict[tuple[Any, ...], float | None] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Cell:
    """One run's value; ``why`` says why there is none."""

    key: str
    value: float | None
    text: str
    why: str = ""


@dataclass(frozen=True)
class Against:
    """A band of the moment: where each run's value lies against it, and how firmly that is meant."""

    origin: str
    label: str
    range: str
    states: tuple[tuple[str, str], ...]
    place: Markup
    source: str
    misfit: str = ""


@dataclass(frozen=True)
class Metric:
    """A row of the table."""

    series: str
    title: str
    unit: str
    better: str
    cells: tuple[Cell, ...]
    difference: str
    bands: tuple[Against, ...]


@dataclass(frozen=True)
class Table:
    """The table at a moment; ``columns`` are (key, side or name, moment in words)."""

    moment: str
    columns: tuple[tuple[str, str, str], ...]
    rows: tuple[Metric, ...]
    notes: tuple[str, ...] = field(default_factory=tuple)
    impossible: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class _When:
    """A run's moment: its last step, and the step after which its epoch begins; ``why`` where it has none."""

    step: int | None
    epoch: float | None
    start: int | None
    words: str
    why: str = ""


def moment_of(text: str) -> str:
    """ "last", "best" or an epoch from 0 on; raises `BadInput`."""
    text = text.strip().lower() or "last"
    if text in ("last", "best"):
        return text
    try:
        epoch = float(text)
    except ValueError:
        epoch = math.nan
    if not 0 <= epoch <= 1e9:
        raise BadInput(f"{text!r:.40} is no moment: give an epoch such as 10, last or best", field="at")
    return f"{epoch:g}"


def at(session: Session, runs: Sequence[Run], moment: str, sides: Sequence[str] = ()) -> Table:
    """The table of these runs at a moment; ``sides`` are words for the columns, such as Old and New."""
    moment = moment_of(moment)
    by_key = keyed(runs)
    infos = reading.series_of(session, [r.id for r in runs])
    have = {r.id: {i.name: i for i in infos.get(r.id, ())} for r in runs}
    when = {k: _when(session, run, moment, have[run.id]) for k, run in by_key.items()}
    rows = [_row(session, by_key, name, when, have) for name in _names(runs, have.values())]
    columns = [
        (key, sides[i] if i < len(sides) else run.name or run.id, when[key].words)
        for i, (key, run) in enumerate(by_key.items())
    ]
    told = [e.band for run in runs for e in expected.of_run(run, "eval/snr") if e.band.origin == "claimed"]
    impossible = dict.fromkeys(_impossible(told, when.values()))
    return Table(moment, tuple(columns), tuple(rows), tuple(_missing(session, runs)), tuple(impossible))


def step_at(session: Session, run: Run, moment: str) -> int | None:
    """The step of a moment in a run; None where the run has none such."""
    have = {i.name: i for i in reading.series(session, run.id)}
    return _when(session, run, moment_of(moment), have).step


def _names(runs: Sequence[Run], have: Iterable[Collection[str]]) -> list[str]:
    """The metrics of the table: the document's for the codec, else losses and evaluations that there are."""
    names = {name for found in have for name in found}
    if any(run.trainer == "codec" for run in runs):
        return [*ALWAYS, *(n for n in MAYBE if n in names)]
    told = [row.name for row in TABLE if row.name.startswith(("eval/", "listen/")) and row.name in names]
    return [*(n for n in LOSSES if n in names), *told][:MOST] or sorted(names)[:MOST]


def _when(session: Session, run: Run, moment: str, have: dict[str, reading.SeriesInfo]) -> _When:
    if not have:
        return _When(None, None, None, moment, "no data yet" if run.ended is None else "no data")
    if moment == "best":
        step = _best(session, run, have)
        if step is None:
            return _When(None, None, None, "best", "nothing says which step is best")
    elif moment == "last":
        step = max(i.last_step for i in have.values())
    else:
        step = reading.step_of_epoch(session, run.id, float(moment))
        if step is None:
            why = "not there yet" if run.ended is None else "it ended before"
            why = why if "progress/epoch" in have else "it counts no epochs"
            return _When(None, None, None, f"epoch {moment}", why)
    epoch = float(reading.on_axis(session, run.id, [step], "epoch")[0])
    if math.isnan(epoch):
        return _When(step, None, None, f"{moment}, step {words.count(step)}")
    start = reading.step_of_epoch(session, run.id, epoch - 1) if epoch > 1 else -1
    shown = words.fixed(epoch, 0 if abs(epoch - round(epoch)) < 0.05 else 1)
    text = f"epoch {shown}" if moment not in ("best", "last") else f"{moment}, epoch {shown}"
    return _When(step, epoch, start, text)


def _best(session: Session, run: Run, have: dict[str, reading.SeriesInfo]) -> int | None:
    """The step at which the series that chooses the best checkpoint was best."""
    name = expected.knob(run, "trainer.best_by")
    name = name if name in have else "eval/mel" if "eval/mel" in have else None
    row = describe(name) if name else None
    if row is None or not row.better:
        return None
    points = reading.whole(session, run.id, row.name)
    kept = np.flatnonzero(np.isfinite(points.value))
    if not len(kept):
        return None
    values = points.value[kept]
    return int(points.step[kept[np.argmax(values) if row.better == "up" else np.argmin(values)]])


def value_at(session: Session, run: Run, info: reading.SeriesInfo, when: _When) -> float | None:
    """The run's value of a series at the moment; None where it has none.

    Kept in memory until the series grows: the tables of a page ask for the same values of many runs.
    """
    if when.step is None:
        return None
    key = (run.id, run.created, info.name, info.count, info.last_step, info.last_time, when.start, when.step)
    with _lock:
        if key in _values:
            return _values[key]
    found = _value(session, run, info.name, when)
    with _lock:
        _values[key] = found
        while len(_values) > MOST_VALUES:
            _values.popitem(last=False)
    return found


def _value(session: Session, run: Run, name: str, when: _When) -> float | None:
    if when.step is None:
        return None
    if name.startswith("eval/") or when.epoch is None:
        return reading.at(session, run.id, name, when.step)
    start = when.start if when.start is not None else -1
    thin = reading.read(session, run.id, name, width=2000, step_from=start + 1, step_to=when.step)
    if thin.nonfinite and (not len(thin.step) or thin.nonfinite[-1][0] >= thin.step[-1]):
        return math.nan
    return float(thin.value.mean()) if len(thin.value) else reading.at(session, run.id, name, when.step)


def _row(
    session: Session,
    runs: dict[str, Run],
    name: str,
    when: dict[str, _When],
    have: dict[str, dict[str, reading.SeriesInfo]],
) -> Metric:
    row = describe(name)
    cells = []
    for key, run in runs.items():
        info = have[run.id].get(name)
        known = info is not None
        value = value_at(session, run, info, when[key]) if info is not None else None
        why = (
            when[key].why
            or ("" if known else "not measured")
            or ("" if value is not None else "not there yet")
        )
        cells.append(Cell(key, value, words.measured(value, row.unit) if value is not None else "", why))
    values = {c.key: c.value for c in cells}
    parts = (tuple(cells), _difference(row, cells), _bands(runs, row, when, values))
    return Metric(name, row.title, row.unit, row.better, *parts)


def _difference(row: Series, cells: Sequence[Cell]) -> str:
    """B − A, or a factor where the series spans decades; "" but for two runs with a number each."""
    values = [c.value for c in cells if c.value is not None and math.isfinite(c.value)]
    if len(cells) != 2 or len(values) != 2:
        return ""
    a, b = values
    if row.log and a > 0 and b > 0 and not 0.5 < b / a < 2:
        return f"× {words.number(b / a, 2)}"
    text = words.measured(b - a, row.unit)
    return text if b <= a else f"+{text}"


def _bands(
    runs: dict[str, Run], row: Series, when: dict[str, _When], values: dict[str, float | None]
) -> tuple[Against, ...]:
    """The bands of the moment, the firmest first; of the published ones only the nearest set-up."""
    farthest = max(runs, key=lambda k: when[k].step or -1)
    found: dict[str, list[tuple[Band, str]]] = {"measured": [], "published": [], "claimed": []}
    for told in expected.of_run(runs[farthest], row.name):
        if _limits(told.band, when[farthest]) is not None:
            found[told.band.origin].append((told.band, told.misfit))
    if found["published"]:
        kbps = getattr(expected.recipe_of(runs[farthest]), "kbps", None)
        found["published"] = [min(found["published"], key=lambda b: _far(b[0].kbps, kbps))]
    lines = [_against(b, misfit, farthest, when, values) for o in found.values() for b, misfit in o]
    joined: dict[tuple[str, str, str], Against] = {}
    for one in lines:  # the document's tables repeat one another
        key = (one.origin, one.range, one.misfit)
        known = joined.get(key)
        joined[key] = one if known is None else replace(known, source=f"{known.source}; {one.source}")
    return tuple(joined.values())


def _limits(band: Band, when: _When) -> tuple[float, float] | None:
    x = {"epoch": when.epoch, "step": when.step}.get(band.x)
    return None if x is None or band.phase else band.at(x)


def _far(kbps: float | None, ours: float | None) -> float:
    return abs(math.log(kbps / ours)) if kbps and ours else 0.0 if kbps is None else 9.0


def _against(
    band: Band, misfit: str, farthest: str, when: dict[str, _When], values: dict[str, float | None]
) -> Against:
    """The band at the farthest run's moment; each run is held against it at its own."""
    low, high = _limits(band, when[farthest]) or (band.low, band.high)
    mine = {k: _limits(band, when[k]) for k in values}
    states = [] if misfit else [(k, _state(v, mine[k])) for k, v in values.items()]
    place = position(values, low, high, band.origin)
    told = f"{band.source}. {band.note}" if band.note else band.source
    return Against(band.origin, band.label, reach(low, high), tuple(states), place, told, misfit)


def _state(value: float | None, limits: tuple[float, float] | None) -> str:
    if value is None or limits is None or not math.isfinite(value):
        return ""
    low, high = limits
    slack = 1e-9 * max(1.0, abs(value))
    return "below" if value < low - slack else "above" if value > high + slack else "inside"


def severity(origin: str, state: str, better: str) -> str:
    """How a place against a band is coloured: only measured ones warn, and only on the worse side."""
    good = {("above", "up"), ("below", "down")}
    return (
        "warn" if origin == "measured" and state in ("above", "below") and (state, better) not in good else ""
    )


def _impossible(claims: Sequence[Band], when: Iterable[_When]) -> list[str]:
    """What the claims of these moments say that cannot be, as their notes work it out."""
    epochs = [w.epoch for w in when if w.epoch is not None]
    found = []
    for band in claims:
        text = band.note[band.note.find("Impossible") :] if "Impossible" in band.note else ""
        if text and (not epochs or any(band.at(e) is not None for e in epochs)):
            found.append(text)
    return found


def _missing(session: Session, runs: Sequence[Run]) -> list[str]:
    """Why a measure is missing, in the trainer's own words, each once."""
    told = [n.body.get("text", "") for n in records.notes(session, [r.id for r in runs])]
    return list(
        dict.fromkeys(t for t in told if isinstance(t, str) and t.startswith("eval/") and " is missing " in t)
    )


def as_csv(table: Table) -> str:
    """The table with every digit, and the bands of the moment."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [f"{key} {name} ({moment})" for key, name, moment in table.columns]
    writer.writerow(["series", "metric", "unit", *names, "origin", "range", "source"])
    for row in table.rows:
        values = ["" if c.value is None else repr(c.value) for c in row.cells]
        for band in row.bands or (None,):
            told = ["", "", ""] if band is None else [band.origin, band.range, band.source]
            writer.writerow([row.series, row.title, row.unit, *values, *told])
    return out.getvalue()
