"""What trainers told beside points, drawn: histograms over time, their slices at a step, tables as scatters."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import charts, reading, records, words
from app.errors import BadInput
from app.models import Record, Run
from app.traces import colour
from app.tracks import keyed

Json = dict[str, Any]
Floats = NDArray[np.float64]
SIDES = ("real", "fake", "clean", "est", "noisy", "heldout")
TITLES = {
    "disc/logits": ("Discriminator's logits", ""),
    "disc/pred": ("What the discriminator predicts", "0 to 1"),
    "latent/values": ("Latent values", ""),
    "gen/pre_tanh": ("Generator's output before tanh", ""),
    "eval/output": ("Predicted mel values", ""),
    "data/target": ("Target mel values", ""),
}
SCATTERS: dict[str, Json] = {
    "pesq_scatter": {
        "title": "PESQ as the discriminator predicts it, against the true one",
        "x": "pesq", "y": "predicted", "by": "kind", "label": "item", "range": (1.0, 4.6),
        "names": {"est": "enhanced", "noisy": "noisy"},
    },
}  # fmt: skip
"""Tables that are drawn: their columns, by the table's name."""
DRAWN = (*SCATTERS, "diagnosis")
"""Tables that pages show as something better than a table."""
SKIPPED = "skipped_files"
ROWS, COLUMNS = 64, 160
TAIL = 0.002  # share of all counts that may lie off the scale at each end
HEIGHT = 196
_DASHES = {"real": "solid", "": "solid", "fake": "4px,3px", "clean": "solid", "est": "4px,3px"}
_LEVELS = [[i / 4, f"--lvl-{i}"] for i in range(5)]


def base_of(name: str) -> tuple[str, str]:
    """("disc/logits", "real") of ``disc/logits.real``; the side is "" where the name has none of ours."""
    base, dot, side = name.rpartition(".")
    return (base, side) if dot and side in SIDES else (name, "")


def index(session: Session, runs: Sequence[Run]) -> Json:
    """``distributions`` and ``scatters`` of the runs: name, title, unit, sides, keys of the runs, steps."""
    by_id = {run.id: key for key, run in keyed(runs).items()}
    columns = select(Record.run_id, Record.kind, Record.name, Record.step)
    rows = session.execute(
        columns.where(Record.run_id.in_(by_id), Record.kind.in_(("distribution", "table")))
    )
    found: dict[tuple[str, str], Json] = {}
    for run_id, kind, name, step in rows:
        base, side = base_of(name) if kind == "distribution" else (name, "")
        if step is None or (kind == "table" and name not in SCATTERS):
            continue
        one = found.setdefault((kind, base), {"name": base, "sides": set(), "keys": set(), "steps": set()})
        one["sides"].add(side)
        one["keys"].add(by_id[run_id])
        one["steps"].add(step)
    for (kind, base), one in found.items():
        title, unit = (
            TITLES.get(base, (base, "")) if kind == "distribution" else (SCATTERS[base]["title"], "")
        )
        one |= {"title": title, "unit": unit, "sides": sorted(one["sides"], key=_place)}
        one |= {"keys": sorted(one["keys"]), "steps": sorted(one["steps"])}
    ordered = [
        found[key]
        for key in sorted(found, key=lambda k: (list(TITLES).index(k[1]) if k[1] in TITLES else 99, k[1]))
    ]
    return {
        "distributions": [
            o for o in ordered if ("distribution", o["name"]) in found and o["name"] not in SCATTERS
        ],
        "scatters": [o for o in ordered if o["name"] in SCATTERS],
    }


def _place(side: str) -> int:
    return SIDES.index(side) if side in SIDES else -1


class Histograms:
    """The histograms of one name and side in one run, by step; one that came twice counts once, the later one."""

    def __init__(self, key: str, side: str, found: Sequence[Record]) -> None:
        self.key, self.side = key, side
        self.at: dict[int, tuple[Floats, Floats]] = {}
        for record in found:
            edges, counts = (
                np.asarray([_number(v) for v in record.body.get(k, [])]) for k in ("edges", "counts")
            )
            whole = len(edges) == len(counts) + 1 and np.isfinite(edges).all() and np.isfinite(counts).all()
            if record.step is not None and whole and (np.diff(edges) > 0).all() and counts.sum() > 0:
                self.at[record.step] = (edges, counts / counts.sum())
        self.steps = sorted(self.at)

    def nearest(self, step: int) -> int:
        """The step with a histogram that is nearest; the earlier of two."""
        i = bisect_left(self.steps, step)
        around = self.steps[max(0, i - 1) : i + 1]
        return min(around, key=lambda s: (abs(s - step), s))

    def quantiles(self, step: int, shares: Sequence[float]) -> list[float]:
        """Values below which these shares of the histogram lie, even within a bin."""
        edges, share = self.at[step]
        return [float(v) for v in np.interp(shares, np.concatenate([[0.0], np.cumsum(share)]), edges)]


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def load(session: Session, runs: Sequence[Run], base: str) -> list[Histograms]:
    """All histograms of a name, runs by runs and side by side. Raises `BadInput` where no run has one."""
    by_id = {run.id: key for key, run in keyed(runs).items()}
    names = [base, *(f"{base}.{side}" for side in SIDES)]
    wanted = select(Record).where(
        Record.run_id.in_(by_id), Record.kind == "distribution", Record.name.in_(names)
    )
    rows = list(session.scalars(wanted.order_by(Record.run_id, Record.seq)))
    found = []
    for run_id, key in by_id.items():
        for name in names:
            mine = Histograms(
                key, base_of(name)[1], [r for r in rows if r.run_id == run_id and r.name == name]
            )
            if mine.steps:
                found.append(mine)
    if not found:
        raise BadInput(f"none of these runs told a distribution {base!r:.80}", field="name")
    return found


def rebinned(edges: Floats, share: Floats, onto: Floats) -> Floats:
    """Shares of a histogram on other edges, each bin spread evenly; what lies outside is lost."""
    below = np.interp(onto, edges, np.concatenate([[0.0], np.cumsum(share)]))
    return np.diff(below)


def scale(histograms: Sequence[Histograms]) -> tuple[float, float]:
    """The value axis that holds all but `TAIL` of every histogram at each end."""
    ends = [h.quantiles(s, (TAIL, 1 - TAIL)) for h in histograms for s in h.steps]
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    if not high > low:
        high = low + max(abs(low) * 1e-6, 1e-6)
    return low, high


def heats(session: Session, runs: Sequence[Run], base: str, axis: str = "step") -> Json:
    """A chart over time for each run and side, all on one value axis, with what it shows in words."""
    found = load(session, runs, base)
    low, high = scale(found)
    edges = np.linspace(low, high, ROWS + 1)
    by_key = keyed(runs)
    out = []
    for one in found:
        steps = _thinned(one.steps)
        places = reading.on_axis(session, by_key[one.key].id, steps, axis)
        kept = [(s, float(x)) for s, x in zip(steps, places, strict=True) if math.isfinite(float(x))]
        if not kept:
            continue
        figure = _heat(one, kept, edges, (low, high), axis)
        shown = "" if len(kept) == len(one.steps) else f" {len(kept)} of {len(one.steps)} are drawn."
        out.append({"key": one.key, "side": one.side, "figure": figure, "text": _said(one, edges) + shown})
    return {"name": base, "charts": out, "steps": sorted({s for h in found for s in h.steps}),
            "template": charts.TEMPLATE}  # fmt: skip


def _thinned(steps: Sequence[int]) -> list[int]:
    if len(steps) <= COLUMNS:
        return list(steps)
    last = len(steps) - 1
    return [steps[round(i * last / (COLUMNS - 1))] for i in range(COLUMNS)]


def _heat(
    one: Histograms, kept: Sequence[tuple[int, float]], edges: Floats, ends: tuple[float, float], axis: str
) -> Json:
    columns = np.stack([rebinned(*one.at[s], edges) for s, _ in kept], 1)
    x = [place for _, place in kept]
    top = float(np.quantile(columns[columns > 0], 0.98)) if (columns > 0).any() else 1.0
    middles = (edges[:-1] + edges[1:]) / 2
    heat = {
        "type": "heatmap", "x": x, "y": middles.tolist(), "z": np.round(columns, 5).tolist(), "zmin": 0, "zmax": top,
        "colorscale": _LEVELS, "showscale": False, "zsmooth": False, "meta": {"run": one.key, "side": one.side},
        "hovertemplate": "%{x:,}: %{z:.2%} near %{y:.3~g}<extra></extra>",
    }  # fmt: skip
    lines = []
    for share, width, dash in ((0.05, 1.0, "1px,3px"), (0.5, 1.5, "solid"), (0.95, 1.0, "1px,3px")):
        y = [one.quantiles(s, (share,))[0] for s, _ in kept]
        line = {"color": colour(one.key), "width": width, "dash": dash}
        lines.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": y,
                "line": line,
                "hovertemplate": "%{x:,}: %{y:.3~g}<extra></extra>",
            }
        )
    spread = (x[-1] - x[0]) / max(len(x) - 1, 1) / 2 or 0.5
    return {
        "data": [heat, *lines],
        "layout": {
            "height": HEIGHT, "shapes": [], "annotations": [], "meta": {"steps": [s for s, _ in kept], "places": x},
            "xaxis": {"range": [x[0] - spread, x[-1] + spread], "title": {"text": axis}},
            "yaxis": {"range": list(ends), "gridcolor": "rgba(0,0,0,0)"},
        },
    }  # fmt: skip


def _said(one: Histograms, edges: Floats) -> str:
    """The newest histogram in words."""
    step = one.steps[-1]
    low, middle, high = (words.number(v) for v in one.quantiles(step, (0.05, 0.5, 0.95)))
    text = f"At step {words.count(step)}: median {middle}, 90 % of values from {low} to {high}."
    outside = 1 - float(rebinned(*one.at[step], edges).sum())
    return text + (f" {outside:.1%} lie off the scale.".replace("%", " %") if outside > 0.005 else "")


def slices(session: Session, runs: Sequence[Run], base: str, at: int) -> Json:
    """The histograms at a step as outlines over each other; each run's own nearest step is said."""
    found = load(session, runs, base)
    low, high = scale(found)
    data, lines = [], []
    for one in found:
        step = one.nearest(at)
        edges, share = one.at[step]
        dash = _DASHES.get(one.side, "1px,3px")
        density = share / np.diff(edges)
        data.append({
            "type": "scatter", "mode": "lines", "x": edges.tolist(), "y": [*density.tolist(), 0.0],
            "line": {"color": colour(one.key), "width": 1.5, "dash": dash, "shape": "hv"},
            "meta": {"run": one.key, "side": one.side}, "hovertemplate": "%{x:.3~g}: %{y:.3~g}<extra></extra>",
        })  # fmt: skip
        lines.append({"key": one.key, "side": one.side, "dash": dash, "step": step, "exact": step == at})
    layout = {"height": HEIGHT, "shapes": [], "annotations": [], "meta": {"at": at},
              "xaxis": {"range": [low, high], "title": {"text": "value"}},
              "yaxis": {"rangemode": "tozero", "nticks": 3}}  # fmt: skip
    return {"figure": {"data": data, "layout": layout}, "lines": lines, "template": charts.TEMPLATE}


def scatters(session: Session, runs: Sequence[Run], name: str, at: int | None = None) -> Json:
    """A table as a scatter, a chart for each run, at a step (the nearest that the run has) or its last one."""
    if name not in SCATTERS:
        raise BadInput(f"{name!r:.80} is no table that is drawn: {', '.join(SCATTERS)}", field="name")
    spec, out, steps = SCATTERS[name], [], set()
    for key, run in keyed(runs).items():
        mine = [r for r in records.tables(session, run.id, name) if r.step is not None]
        if not mine:
            continue
        steps |= {r.step for r in mine}
        target = mine[-1].step if at is None else at
        record = min(reversed(mine), key=lambda r: abs((r.step or 0) - (target or 0)))
        groups, lost = _points(record.body, spec)
        if not groups:
            continue
        text = " ".join(
            f"{spec['names'].get(k, k).capitalize()}: {agreement(x, y)}." for k, (x, y, _) in groups.items()
        )
        text += f" {words.plural(lost, 'row')} without a number." if lost else ""
        out.append({"key": key, "step": record.step, "figure": _scatter(key, groups, spec), "text": text})
    if not out:
        raise BadInput(f"none of these runs told the table {name!r:.80}", field="name")
    return {"name": name, "title": spec["title"], "charts": out, "steps": sorted(s for s in steps if s is not None),
            "template": charts.TEMPLATE}  # fmt: skip


def _points(body: Mapping[str, Any], spec: Json) -> tuple[dict[str, tuple[Floats, Floats, list[str]]], int]:
    """({kind: (x, y, labels)}, rows without a number)."""
    columns = list(body.get("columns", []))
    if any(spec[c] not in columns for c in ("x", "y", "by", "label")):
        return {}, 0
    at = {c: columns.index(spec[c]) for c in ("x", "y", "by", "label")}
    rows = [r for r in body.get("rows", []) if len(r) == len(columns)]
    good = [r for r in rows if math.isfinite(_number(r[at["x"]])) and math.isfinite(_number(r[at["y"]]))]
    found = {}
    for kind in dict.fromkeys(str(r[at["by"]]) for r in good):
        mine = [r for r in good if str(r[at["by"]]) == kind]
        x, y = (np.asarray([_number(r[at[c]]) for r in mine]) for c in ("x", "y"))
        found[kind] = (x, y, [str(r[at["label"]]) for r in mine])
    return found, len(rows) - len(good)


def agreement(true: Floats, predicted: Floats) -> str:
    """ "12 items, r 0.83, mean error 0.21, bias +0.05"; no correlation below three items or without spread."""
    apart = predicted - true
    parts = [words.plural(len(true), "item")]
    if len(true) > 2 and true.std() > 1e-12 and predicted.std() > 1e-12:
        parts.append(f"r {words.fixed(float(np.corrcoef(true, predicted)[0, 1]), 2)}")
    bias = float(apart.mean())
    sign = "+" if bias > 0 else ""
    return ", ".join(
        [
            *parts,
            f"mean error {words.number(float(np.abs(apart).mean()))}",
            f"bias {sign}{words.number(bias)}",
        ]
    )


def _scatter(key: str, groups: Mapping[str, tuple[Floats, Floats, list[str]]], spec: Json) -> Json:
    low, high = spec["range"]
    ends = [
        v
        for x, y, _ in groups.values()
        for v in (float(x.min()), float(y.min()), float(x.max()), float(y.max()))
    ]
    low, high = min([low, *ends]), max([high, *ends])
    data = []
    for i, (kind, (x, y, labels)) in enumerate(groups.items()):
        symbol = ("circle", "circle-open", "diamond-open", "x")[i % 4]
        data.append({
            "type": "scatter", "mode": "markers", "x": x.tolist(), "y": y.tolist(), "text": labels,
            "name": spec["names"].get(kind, kind), "meta": {"run": key, "kind": kind},
            "marker": {"color": colour(key), "size": 7, "symbol": symbol},
            "hovertemplate": "%{text}: true %{x:.2f}, predicted %{y:.2f}<extra></extra>",
        })  # fmt: skip
    line = {"type": "line", "x0": low, "y0": low, "x1": high, "y1": high, "layer": "below", "name": "diagonal",
            "line": {"color": "--edge", "width": 1, "dash": "1px,3px"}}  # fmt: skip
    layout = {
        "height": 260, "shapes": [line], "annotations": [], "hovermode": "closest",
        "meta": {"kinds": [{"name": d["name"], "symbol": d["marker"]["symbol"]} for d in data]},
        "xaxis": {"range": [low, high], "title": {"text": spec["x"]}},
        "yaxis": {"range": [low, high]},
    }  # fmt: skip
    return {"data": data, "layout": layout}
