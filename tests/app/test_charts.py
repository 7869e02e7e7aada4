"""The chart grammar: what is drawn, in which order, and that plotly takes it."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest

from app import charts, traces
from app.curves import Curve, NonFinite
from nashboard.vocabulary import describe

TOKENS = ("--mono", "--sans")


def coloured(value):
    """The figure as the page's script makes it: tokens replaced by colours, fonts by names."""
    if isinstance(value, dict):
        return {k: coloured(v) for k, v in value.items()}
    if isinstance(value, list):
        return [coloured(v) for v in value]
    if isinstance(value, str) and value.startswith("--"):
        return "monospace" if value in TOKENS else "rgba(1,2,3,.5)"
    return value


def unpacked(value):
    return (
        np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"]) if isinstance(value, dict) else value
    )


def curve(key="A", n=50, y=None, **more):
    x = np.arange(n, dtype=float)
    y = 2 - x / 100 if y is None else np.asarray(y, dtype=float)
    return Curve(key=key, run=f"run-{key}", x=x, y=y, shown=n, total=n, **more)


def band(origin, low, high, label=""):
    ends = np.array([0.0, 60.0])
    return traces.Band(origin, label or origin, ends, np.full(2, float(low)), np.full(2, float(high)))


AXIS = traces.Axis("step", "step", 0, 60)
EVERYTHING = {
    "curves": [
        curve("A", nonfinite=(NonFinite(20.5, "NaN", 2), NonFinite(30.5, "Infinity"))),
        curve("B", y=np.linspace(1.9, 1.3, 50), live=True),
        curve("E", y=[1.5] * 25 + [40.0] + [1.5] * 24),
    ],
    "bands": [
        band("measured", 1.2, 1.4, "measured, 5 runs"),
        band("published", 1.5, 1.6),
        band("claimed", 20, 28),
    ],
    "phases": [(10, "D starts"), (12, "too near"), (55, "lr × 0.5")],
    "logged": [(10, 1.9, "logged in the document: 1.9")],
    "now": 49,
}


def built(series="loss/disc", *, axis=AXIS, **more):
    found = charts.figure(describe(series), axis=axis, **{**EVERYTHING, **more})
    json.dumps(found, allow_nan=False)
    return found


def of(figure, **meta):
    return [t for t in figure["data"] if all(t["meta"].get(k) == v for k, v in meta.items())]


def names(figure):
    return {n["name"]: n["text"] for n in figure["layout"]["annotations"]}


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("smooth", [0.0, 0.8])
def test_plotly_takes_the_figure(log, small, smooth):
    figure = coloured(built(log=log, small=small, smooth=smooth))
    layout = {**figure["layout"], "template": coloured(charts.TEMPLATE)}
    assert len(go.Figure(figure["data"], layout).data) == len(figure["data"])


def test_every_colour_is_a_token():
    text = json.dumps(built(smooth=0.5)) + json.dumps(charts.TEMPLATE)
    assert not re.search(r"#[0-9a-f]{3,8}\b", text)
    assert set(re.findall(r"rgba?\([^)]*\)", text)) == {"rgba(0,0,0,0)"}


def test_bands_wear_their_origin_and_the_firmest_lies_on_top():
    figure = built(bands=[band("measured", 1.2, 1.4), band("published", 1.5, 1.6), band("claimed", 1.4, 1.8)])
    order = [t["meta"]["band"] for t in figure["data"] if "band" in t["meta"] and t["mode"] == "lines"]
    assert order == ["claimed"] * 2 + ["published"] * 2 + ["measured"] * 2
    claimed, published, measured = (of(figure, band=o) for o in ("claimed", "published", "measured"))
    assert all(t["line"]["dash"] == "4px,3px" and "fill" not in t for t in claimed if t["mode"] == "lines")
    assert published[1]["fillpattern"]["shape"] == "/"
    assert measured[1]["fillcolor"] == "--band-measured-fill"
    assert "fillpattern" not in measured[1]


def test_a_band_off_the_scale_is_said_and_not_squeezed_in():
    figure = built()
    assert names(figure)["band:claimed"] == "↑ claimed 20 to 28"
    assert not [t for t in of(figure, band="claimed") if t["mode"] == "lines"]
    assert figure["layout"]["yaxis"]["range"][1] < 3


def test_many_claims_have_one_name_and_one_line_of_words():
    stretch = [np.array([a, a + 10.0]) for a in (0, 20, 40)]
    claims = [
        traces.Band("claimed", "claimed", x, np.full(2, 1.3), np.full(2, 1.6 + i / 10))
        for i, x in enumerate(stretch)
    ]
    far = [band("claimed", 12, 18), band("claimed", 20, 28)]
    figure = built(bands=[*claims, *far])
    said = [n["text"] for n in figure["layout"]["annotations"] if n["name"] == "band:claimed"]
    assert sorted(said) == ["claimed", "↑ claimed 12 to 28"]
    assert len([t for t in of(figure, band="claimed") if t["mode"] == "lines"]) == 6


def test_the_start_of_a_band_does_not_set_the_scale():
    x = np.array([0.0, 3.0, 60.0])
    young = traces.Band("measured", "measured", x, np.array([-50.0, 1.0, 1.2]), np.array([-40.0, 1.5, 1.6]))
    figure = built(bands=[young], curves=[curve("A")], logged=[])
    assert figure["layout"]["yaxis"]["range"][0] > -10
    assert young.within(AXIS) == (-50.0, 1.6)
    steady = band("measured", 1.2, 1.4)
    assert steady.usual(AXIS) == (1.2, 1.4)


def test_raw_is_never_hidden_by_smoothing():
    figure = built(smooth=0.9)
    for key in "ABE":
        raw, strong = of(figure, run=key, part="raw"), of(figure, run=key, part="line")
        assert len(raw) == len(strong) == 1
        assert raw[0]["line"]["width"] < strong[0]["line"]["width"]
        assert raw[0]["line"]["color"].endswith("/.32")
    assert not of(built(), part="raw")


def test_evaluations_are_marks_at_true_points_and_never_smoothed():
    figure = built(curves=[curve("A", n=7, dots=True)], smooth=0.9)
    (strong,) = of(figure, run="A", part="line")
    assert strong["mode"] == "lines+markers"
    assert unpacked(strong["y"]).tolist() == curve("A", n=7).y.tolist()


def test_a_curve_breaks_where_a_value_is_no_number_and_says_how_many():
    figure = built()
    (strong,) = of(figure, run="A", part="line")
    x, y = unpacked(strong["x"]), unpacked(strong["y"])
    assert np.isnan(y).sum() == 2
    assert strong["connectgaps"] is False
    for at in (20.5, 30.5):
        left = np.flatnonzero((x < at) & ~np.isnan(y))[-1]
        assert np.isnan(y[left + 1])
    (cross,) = of(figure, run="A", part="nonfinite")
    assert cross["x"] == [20.5, 30.5]
    assert cross["yaxis"] == "y2"
    assert any(n["text"] == "2 NaN, 1 Inf" for n in figure["layout"]["annotations"])


def test_a_spike_is_a_caret_with_its_value():
    figure = built()
    (spike,) = of(figure, run="E", part="spike")
    assert spike["x"] == [25]
    assert spike["y"] == [figure["layout"]["yaxis"]["range"][1]]
    assert "40.0" in [n["text"] for n in figure["layout"]["annotations"] if n["name"] == "run:E"]


def test_thinned_buckets_show_their_extremes_and_smoothing_leaves_them_out():
    keep = np.arange(50) % 5 == 0
    y = np.where(keep, 1.0, 5.0)
    thin = curve("A", y=y, low=np.full(50, 0.5), high=np.full(50, 6.0), smoothable=keep)
    figure = built(curves=[thin], smooth=0.5)
    (hull,) = of(figure, part="envelope")
    assert hull["fill"] == "toself"
    assert np.nanmax(unpacked(hull["y"])) == 6.0
    assert set(unpacked(of(figure, part="line")[0]["y"]).tolist()) == {1.0}
    plain = of(built(curves=[thin]), part="line")[0]
    assert set(unpacked(plain["y"]).tolist()) == {1.0, 5.0}


def test_identity_is_colour_and_shape_and_a_live_end_is_hollow():
    figure = built()
    ends = {t["meta"]["run"]: t["marker"] for t in of(figure, part="end")}
    assert ends["A"]["symbol"] == "circle"
    assert ends["B"]["symbol"] == "diamond-open"
    assert ends["B"]["line"]["width"] == 2
    assert {t["line"].get("dash") for t in of(figure, run="E", part="line")} == {"6px,2px"}
    assert [s["x0"] for s in figure["layout"]["shapes"] if s["name"] == "now"] == [49]
    assert not [s for s in built(now=61)["layout"]["shapes"] if s["name"] == "now"]


def test_end_values_of_close_curves_do_not_lie_on_one_another():
    curves = [curve(k, y=np.full(50, 1 + i / 1000)) for i, k in enumerate("ABCD")]
    figure = built(curves=curves, bands=[])
    lo, hi = figure["layout"]["yaxis"]["range"]
    px = charts.HEIGHT - 50 - traces.LANE
    ends = [n for n in figure["layout"]["annotations"] if n["name"].startswith("run:")]
    at = sorted((n["y"] - lo) / (hi - lo) * px + n["yshift"] for n in ends)
    assert len(at) == 4
    assert min(np.diff(at)) >= 10


def test_of_many_curves_the_ends_are_marked_and_carry_no_values():
    keys = "ABCDEFGHI"
    figure = built(curves=[curve(k, y=np.full(50, 1 + i)) for i, k in enumerate(keys)], bands=[])
    assert [n for n in figure["layout"]["annotations"] if n["name"].startswith("run:")] == []
    assert len(of(figure, part="end")) == len(keys)


def test_phases_are_dots_and_a_label_that_has_no_room_is_left_out():
    figure = built()
    assert sum(s["name"] == "mark:phases" for s in figure["layout"]["shapes"]) == 3
    labels = [n["text"] for n in figure["layout"]["annotations"] if n["name"] == "mark-label:phases"]
    assert labels == ["D starts", "lr × 0.5"]


def test_log_axis_places_notes_in_decades_and_counts_what_cannot_be_on_it():
    figure = built(curves=[curve("A", y=[0.0, -1.0] + [0.001] * 48)], bands=[], log=True)
    assert figure["layout"]["meta"]["unlogged"] == 2
    end = next(n for n in figure["layout"]["annotations"] if n["name"] == "run:A")
    assert end["y"] == pytest.approx(-3)
    assert of(figure, part="end")[0]["y"][0] == pytest.approx(0.001)


def test_a_small_multiple_has_no_ends_and_no_words():
    figure = built(small=True)
    assert figure["layout"]["annotations"] == []
    assert not of(figure, part="end")
    assert figure["layout"]["height"] == charts.SMALL


def test_an_empty_chart_keeps_its_frame_and_bands():
    figure = built(curves=[])
    assert of(figure, band="measured")
    assert figure["layout"]["meta"]["runs"] == {}
    nothing = charts.figure(describe("made/up"), [], axis=AXIS)
    assert nothing["layout"]["yaxis"]["range"][0] < nothing["layout"]["yaxis"]["range"][1]


def test_facts_say_what_is_drawn():
    facts = built()["layout"]["meta"]["runs"]["A"]
    assert facts == {
        "run": "run-A",
        "points": 50,
        "shown": 50,
        "last": pytest.approx(1.51),
        "last_x": 49.0,
        "nonfinite": 3,
    }
