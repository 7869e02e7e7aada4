"""Histograms over time, slices, scatters and pictures: what is drawn, on which scale, and in which words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from app import ingest, pictures, runs, told
from app.charts import TEMPLATE
from nashboard import events


@pytest.fixture
def database_kind() -> str:
    return "sqlite"


@pytest.fixture
def teller(make_run: Callable[..., str], database: Any) -> Callable[..., str]:
    """``teller(events, **fields)`` → the id of a run that told them."""

    def tell(some: list[events.Event], **fields: Any) -> str:
        run_id = make_run({"loss/gen": [1.0]}, **fields)
        from dataclasses import replace

        with database.transaction() as session:
            first = runs.get(session, run_id).next_seq
            ingest.apply(
                session, run_id, [replace(e, seq=first + i, time=2e9 + i) for i, e in enumerate(some)], None
            )
        return run_id

    return tell


def spread(name: str, step: int, middle: float) -> events.Distribution:
    edges = [middle + (i - 4) / 4 for i in range(9)]
    return events.Distribution(step=step, series=name, edges=edges, counts=[1, 2, 4, 8, 8, 4, 2, 1])


def test_histograms_of_two_runs_share_their_scale(teller: Any, client: Any) -> None:
    names = ("disc/logits.real", "disc/logits.fake")
    a = teller([spread(n, s, s * (1 if "real" in n else -1)) for n in names for s in (0, 2, 4)])
    b = teller([spread(names[0], s, 1.0) for s in (0, 3)])
    index = client.get(f"/api/told?runs={a},{b}").json()
    (one,) = index["distributions"]
    assert (one["name"], one["sides"], one["keys"], one["steps"]) == (
        "disc/logits",
        ["real", "fake"],
        ["A", "B"],
        [0, 2, 3, 4],
    )
    found = client.get(f"/api/told/histogram?runs={a},{b}&name=disc/logits").json()
    assert [(c["key"], c["side"]) for c in found["charts"]] == [("A", "real"), ("A", "fake"), ("B", "real")]
    assert len({tuple(c["figure"]["layout"]["yaxis"]["range"]) for c in found["charts"]}) == 1
    assert found["charts"][0]["text"] == "At step 4: median 4.00, 90 % of values from 3.31 to 4.69."
    for chart in found["charts"]:
        figure = {
            "data": chart["figure"]["data"],
            "layout": {**chart["figure"]["layout"], "template": TEMPLATE},
        }
        plain = str(figure).replace("'--", "'#000000' or '--")
        assert "'--lvl-4'" in plain
        heat = chart["figure"]["data"][0]
        assert np.allclose(np.sum(heat["z"], 0), 1, atol=0.02)
        go.Heatmap({k: v for k, v in heat.items() if k != "colorscale"})
    cut = client.get(f"/api/told/slice?runs={a},{b}&name=disc/logits&at=2").json()
    assert [(x["key"], x["side"], x["step"], x["exact"]) for x in cut["lines"]] == [
        ("A", "real", 2, True), ("A", "fake", 2, True), ("B", "real", 3, False),
    ]  # fmt: skip
    line = cut["figure"]["data"][0]
    area = np.sum(np.asarray(line["y"][:-1]) * np.diff(line["x"]))
    assert area == pytest.approx(1)


def test_rebinning_keeps_what_lies_on_the_scale() -> None:
    edges, share = np.array([0.0, 1.0, 2.0]), np.array([0.25, 0.75])
    assert told.rebinned(edges, share, np.array([0.0, 0.5, 1.5, 2.0])).tolist() == pytest.approx(
        [0.125, 0.5, 0.375]
    )
    assert told.rebinned(edges, share, np.array([1.0, 2.0])).sum() == pytest.approx(0.75)


def test_a_scatter_says_how_well_both_agree(teller: Any, client: Any) -> None:
    rows = [[str(i), "est", t, p] for i, (t, p) in enumerate([(1.0, 1.2), (2.0, 2.2), (3.0, 3.2)])]
    rows += [["x", "noisy", 1.5, 2.5], ["y", "noisy", "NaN", 2.0]]
    columns = ["item", "kind", "pesq", "predicted"]
    run_id = teller([events.Table(step=s, name="pesq_scatter", columns=columns, rows=rows) for s in (0, 6)])
    (chart,) = client.get(f"/api/told/scatter?runs={run_id}&name=pesq_scatter").json()["charts"]
    assert chart["step"] == 6
    assert chart["text"] == (
        "Enhanced: 3 items, r 1.00, mean error 0.200, bias +0.200. Noisy: 1 item, mean error 1.00, bias +1.00. "
        "1 row without a number."
    )
    shape = chart["figure"]["layout"]["shapes"][0]
    assert (shape["x0"], shape["x1"]) == (shape["y0"], shape["y1"])
    for trace in chart["figure"]["data"]:
        go.Scatter({**trace, "marker": {**trace["marker"], "color": "#000"}})
    early = client.get(f"/api/told/scatter?runs={run_id}&name=pesq_scatter&at=1").json()["charts"][0]
    assert early["step"] == 0


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/told/histogram?runs={run}&name=nothing", 422, "told a distribution 'nothing'"),
        ("/api/told/scatter?runs={run}&name=../x", 422, "is no table that is drawn: pesq_scatter"),
        ("/api/told/slice?runs={run}&name=disc/logits&at=soon", 422, "at"),
        ("/api/told?runs=", 422, "runs names nothing"),
        ("/api/pictures?runs=nobody", 404, "no run 'nobody'"),
    ],
)
def test_bad_questions_are_one_line(teller: Any, client: Any, path: str, status: int, said: str) -> None:
    run_id = teller([spread("disc/logits.real", 0, 0.0)])
    answer = client.get(path.format(run=run_id))
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


def picture(series: str, step: int, slot: str, sha: str, **more: Any) -> events.SampleMade:
    given = {
        "media": "image",
        "ext": "png",
        "size": 3,
        "facts": {"width": 70, "height": 36},
        "caption": "a",
    } | more
    return events.SampleMade(series=series, step=step, slot=slot, sha256=sha * 64, **given)


def test_pictures_by_slot_with_reference_and_variants(teller: Any, client: Any, database: Any) -> None:
    made = [
        picture("mel/clean", 0, "p1", "a"), picture("mel", 0, "p1", "b"), picture("mel", 4, "p1", "c"),
        picture("mel/noisy", 0, "p1", "d"), picture("nearest/pixels", 0, "p1", "e"),
    ]  # fmt: skip
    a, b = teller(made), teller([picture("mel/clean", 0, "p1", "f"), picture("mel", 5, "p1", "b")])
    (slot,) = client.get(f"/api/pictures?runs={a},{b}").json()["slots"]
    assert [(s["id"], s["label"], [t["step"] for t in s["takes"]]) for s in slot["sources"]] == [
        ("R", "clean", [0]), ("A", "predicted", [0, 4]), ("A.noisy", "noisy", [0]), ("B", "predicted", [5]),
    ]  # fmt: skip
    assert slot["same"] is False, "two different references"
    assert slot["family"] == "mel"
    assert slot["sources"][0]["takes"][0]["url"] is None, "its bytes have not come"


def test_the_grid_of_a_cgan_is_understood(teller: Any, client: Any, database: Any) -> None:
    recipe = {"trainer": "cgan", "data": {"slots": 2}}
    run_id = teller([picture("samples", 0, "grid", "a", caption="zero", facts={"width": 70, "height": 36})],
                    trainer="cgan", recipe=recipe)  # fmt: skip
    with database.reading() as session:
        run = runs.get(session, run_id)
        assert pictures.cells(run, {"width": 70, "height": 36}, "zero") == {
            "columns": 2, "rows": 1, "side": 32, "gap": 2, "classes": ["zero"],
        }  # fmt: skip
        assert pictures.cells(run, {"width": 71, "height": 36}, "zero") is None
        assert pictures.cells(run, {}, "zero") is None
