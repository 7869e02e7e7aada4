"""Runs on one axis: figures and verdicts from the database; zoomed, resumed, without epochs or anything."""

from __future__ import annotations

import base64
import json
import math
import time

import numpy as np
import pytest

from app import db, ingest, plots, runs
from nashboard import events
from recipes import bands, compose
from recipes.base import flat, nested

MEASURED = """
tables:
- origin: measured
  trainer: codec
  preset: fixed
  size: tiny
  source: five reference runs
  runs: [a, b, c, d, e]
  bands:
  - {series: loss/disc, points: [[0, 1.9, 2.0], [1, 1.2, 1.4], [10, 1.1, 1.3]]}
"""


@pytest.fixture
def database_kind():
    return "sqlite"


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """A band of the loss in the place of the shipped ones."""
    folder = tmp_path / "bands"
    folder.mkdir()
    (folder / "codec-measured.yaml").write_text(MEASURED)
    monkeypatch.setattr(bands, "FOLDER", folder)


def recipe(**patch):
    return nested(flat(compose.build("codec", "fixed", "tiny", patch)))


@pytest.fixture
def pair(make_run):
    """An old run stuck at 2.0 and a fixed one that leaves it; 60 steps an epoch."""
    n = 300
    epochs = [s / 60 for s in range(n)]
    old = make_run(
        {"loss/disc": [2.0] * n, "progress/epoch": epochs}, "finished",
        trainer="codec", preset="old", size="tiny", recipe=recipe(), name="old",
    )  # fmt: skip
    fixed = make_run(
        {"loss/disc": [2 - min(1, s / 60) * 0.7 for s in range(n)], "eval/snr": [1.0, 2.0, math.nan, 3.0],
         "progress/epoch": epochs},
        "running", trainer="codec", preset="fixed", size="tiny", recipe=recipe(), name="fixed",
    )  # fmt: skip
    return [old, fixed]


def plotted(ids, names, **view):
    with db.reading() as session:
        found = plots.plot(session, [runs.get(session, i) for i in ids], names, plots.View(**view))
    json.dumps(found, allow_nan=False)
    return found


def line(figure, key="A", part="line"):
    (trace,) = [t for t in figure["data"] if t["meta"].get("run") == key and t["meta"].get("part") == part]
    return [np.frombuffer(base64.b64decode(trace[c]["bdata"]), "<f8") for c in ("x", "y")]


def test_two_runs_against_the_band(pair, measured):
    found = plotted(pair, ["loss/disc"], axis="epoch")
    figure = found["figures"]["loss/disc"]
    assert found["verdicts"]["loss/disc"]["text"] == (
        "A stuck at 2.000 since epoch 0. B inside measured since epoch 0."
    )
    facts = figure["layout"]["meta"]["runs"]
    assert facts["A"]["points"] == facts["B"]["points"] == 300
    assert facts["A"]["last"] == 2.0
    assert facts["B"]["last"] == pytest.approx(1.3)
    x, y = line(figure, "A")
    assert x[-1] == pytest.approx(299 / 60)
    assert set(y.tolist()) == {2.0}
    assert [t["meta"]["band"] for t in figure["data"] if "band" in t["meta"]] == ["measured"] * 2


def test_a_live_run_has_room_for_what_is_planned(pair):
    found = plotted(pair, ["loss/disc"], axis="epoch")
    assert found["axis"]["high"] == pytest.approx(10 * 1.02)
    assert [s for s in found["figures"]["loss/disc"]["layout"]["shapes"] if s["name"] == "now"]


@pytest.mark.parametrize("axis", [a for a in plots.AXES if a != "disc_steps"])
def test_every_axis_draws_every_point_and_bands_where_epochs_agree(pair, measured, axis):
    found = plotted(pair[:1], ["loss/disc"], axis=axis)
    x, _ = line(found["figures"]["loss/disc"])
    assert len(x) == 300
    assert (np.diff(x) > 0).all()
    assert found["axis"]["low"] <= x[0] <= x[-1] <= found["axis"]["high"]
    band = [t for t in found["figures"]["loss/disc"]["data"] if "band" in t["meta"]]
    edges = np.frombuffer(base64.b64decode(band[0]["x"]["bdata"]), "<f8")
    assert found["axis"]["low"] <= edges[0] <= edges[-1] <= found["axis"]["high"] * (1 + 1e-9)


def test_a_zoom_reads_again_at_full_detail(make_run):
    values = [1.0] * 9000
    values[4321] = 50.0
    run = make_run({"loss/disc": values}, "finished")
    whole = plotted([run], ["loss/disc"], width=50)["figures"]["loss/disc"]
    assert whole["layout"]["meta"]["shown"] < 9000
    assert 50.0 in line(whole)[1]
    near = plotted([run], ["loss/disc"], width=50, zoom=(4300, 4340))["figures"]["loss/disc"]
    x, y = line(near)
    inside = (x >= 4300) & (x <= 4340)
    assert inside.sum() == 41
    assert x[np.argmax(y)] == 4321
    assert near["layout"]["xaxis"]["range"] == [4300, 4340]


def test_a_verdict_does_not_depend_on_the_zoom(pair, measured):
    whole = plotted(pair, ["loss/disc"], axis="epoch")
    near = plotted(pair, ["loss/disc"], axis="epoch", zoom=(0.1, 0.3))
    assert near["verdicts"] == whole["verdicts"]


def test_a_resumed_run_does_not_zigzag(make_run):
    run = make_run({"loss/disc": [2.0, 1.9, 1.8, 1.7, 1.6]}, "stopped")
    with db.transaction() as session:
        again = [events.RunStarted(run=run, seq=7, time=1.8e9, resumed_from=2)]
        again += [
            events.Points(seq=8 + i, time=1.8e9 + i, step=3 + i, values={"loss/disc": 1.5}) for i in range(4)
        ]
        ingest.apply(session, run, again, time.time())
    x, y = line(plotted([run], ["loss/disc"])["figures"]["loss/disc"])
    back = np.flatnonzero(np.diff(x) < 0)
    assert len(back) == 1
    assert np.isnan(y[back[0] + 1])
    assert np.isfinite(y).sum() == 9


def test_a_run_that_counts_no_epochs_says_so_by_an_empty_chart(make_run):
    run = make_run({"loss": [3.0, 2.0]}, "finished")
    figure = plotted([run], ["loss"], axis="epoch")["figures"]["loss"]
    assert figure["layout"]["meta"]["runs"] == {}
    assert (
        plotted([run], ["loss"], axis="epoch")["verdicts"]["loss"]["text"]
        == "Counts no epochs: choose another x."
    )
    by_step = plotted([run], ["loss"])
    assert by_step["figures"]["loss"]["layout"]["meta"]["runs"]["A"]["last"] == 2.0
    assert by_step["verdicts"]["loss"]["text"] == "2.00 at step 1."


def test_a_queued_run_has_a_frame_as_wide_as_its_plan(make_run, measured):
    run = make_run(status="queued", trainer="codec", preset="fixed", size="tiny", recipe=recipe())
    for axis, high in (("step", 600), ("epoch", 10)):
        found = plotted([run], ["loss/disc"], axis=axis)
        assert found["axis"]["high"] == pytest.approx(high * 1.02)
        assert [t for t in found["figures"]["loss/disc"]["data"] if "band" in t["meta"]]
    assert found["verdicts"]["loss/disc"]["text"] == "No data yet."


def test_nan_is_marked_where_it_is_and_judged_where_it_is_last(pair):
    found = plotted(pair, ["eval/snr"], axis="step")
    figure = found["figures"]["eval/snr"]
    (cross,) = [t for t in figure["data"] if t["meta"].get("part") == "nonfinite"]
    assert cross["x"] == [2]
    assert np.isnan(line(figure, "B")[1]).sum() == 1
    assert "1 value not finite" in found["verdicts"]["eval/snr"]["text"]


def test_a_figure_is_quick(pair, measured):
    names = ["loss/disc", "progress/epoch"]
    plotted(pair, names, axis="epoch")
    best = min(_timed(pair, names) for _ in range(5))
    assert best < 0.1


def _timed(ids, names):
    began = time.perf_counter()
    plotted(ids, names, axis="epoch", smooth=0.6)
    return time.perf_counter() - began


class TestApi:
    def test_figures(self, client, pair):
        answer = client.get(
            "/api/figures", params={"runs": ",".join(pair), "series": "loss/disc,eval/snr", "x": "epoch"}
        )
        assert answer.status_code == 200
        assert set(answer.json()["figures"]) == {"loss/disc", "eval/snr"}

    def test_what_cannot_be_drawn_is_said(self, client, pair):
        none = "no stretch of the axis"
        for asked, status, words in (
            ({"runs": "nosuch"}, 404, "there is no run 'nosuch'"),
            ({"runs": ","}, 422, "runs names nothing"),
            ({"runs": ",".join(map(str, range(101)))}, 422, "runs names 101; the limit is 100"),
            ({"base": "nosuch", "mode": "diff"}, 422, "the baseline 'nosuch' is none of the runs"),
            ({"mode": "diff"}, 422, "a difference needs a baseline"),
            ({"mode": "ratio"}, 422, "'ratio' is no mode"),
            ({"group": "disc.moon"}, 422, "no run here has a knob 'disc.moon'"),
            ({"series": ""}, 422, "series names nothing"),
            ({"series": "a//b"}, 422, "'a//b' cannot be the name of a series"),
            ({"x": "moon"}, 422, "'moon' is no axis"),
            ({"smooth": "1"}, 422, "smooth"),
            ({"smooth": "nan"}, 422, "smooth"),
            ({"from": "5", "to": "1"}, 422, none),
            ({"from": "5"}, 422, none),
            ({"from": "nan", "to": "inf"}, 422, none),
            ({"width": "0"}, 422, "width"),
        ):
            answer = client.get("/api/figures", params={"runs": pair[0], "series": "loss/disc", **asked})
            assert answer.status_code == status, asked
            assert words in json.dumps(answer.json()["error"]), asked

    def test_a_series_that_a_run_lacks_is_an_empty_chart(self, client, pair):
        answer = client.get("/api/figures", params={"runs": pair[0], "series": "eval/pesq_wb"})
        assert answer.json()["verdicts"]["eval/pesq_wb"]["text"] == "No data."


def test_a_recipe_told_with_dotted_names_counts_the_same(make_run):
    run = make_run(
        status="queued", trainer="codec", preset="fixed", size="tiny", recipe=flat(compose.build("codec"))
    )
    assert plotted([run], ["loss/disc"], axis="epoch")["axis"]["high"] == pytest.approx(10 * 1.02)


def test_a_broken_file_of_bands_costs_the_bands_and_nothing_else(pair, tmp_path, monkeypatch):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "codec-claimed.yaml").write_text("tables: 3")
    monkeypatch.setattr(bands, "FOLDER", folder)
    found = plotted(pair, ["loss/disc"], axis="epoch")
    assert found["verdicts"]["loss/disc"]["text"].startswith("A stuck at 2.000")
