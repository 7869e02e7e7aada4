"""Groups against numpy, differences to a baseline, and what the runs' values of an axis are."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from app import axes, db, groups, plots, runs
from app.curves import Curve
from app.errors import BadInput
from app.groups import Group
from nashboard import events
from recipes.base import nested


@pytest.fixture
def database_kind():
    return "sqlite"


def curve(key, x, y, **more):
    return Curve(
        key, f"run-{key}", np.asarray(x, float), np.asarray(y, float), total=len(x), shown=len(x), **more
    )


def numbers(packed):
    return np.frombuffer(base64.b64decode(packed["bdata"]), f"<{packed['dtype']}")


def plotted(ids, names, **view):
    with db.reading() as session:
        return plots.plot(session, [runs.get(session, i) for i in ids], names, plots.View(**view))


@pytest.fixture
def six(make_run):
    """Six runs of two learning rates and three seeds, of known values; the last one ends early."""
    draw = np.random.default_rng(1)
    table = draw.normal(size=(6, 40)).round(3)
    ids = []
    for n in range(6):
        recipe = nested({"disc.lr": [1e-4, 1e-3][n % 2], "seed": n // 2, "data.batch": 4, "disc.kind": "mpd"})
        values = table[n].tolist()[: 30 if n == 5 else 40]
        points = {"loss/disc": values, "progress/epoch": [s / 10 for s in range(len(values))]}
        ids.append(make_run(points, "finished", recipe=recipe, seed=n // 2, tags=["a"] if n < 2 else []))
    return ids, table


class TestSpread:
    def test_mean_and_quantiles_are_numpys(self):
        table = np.random.default_rng(0).normal(size=(5, 50))
        found = groups.spread_of(Group("1", "", tuple("ABCDE")), [curve(k, np.arange(50), table[i]) for i, k in
                                 enumerate("ABCDE")], 0.0)  # fmt: skip
        np.testing.assert_allclose(found.mean, table.mean(axis=0))
        np.testing.assert_allclose([found.low, found.high], np.quantile(table, [0.1, 0.9], axis=0))
        assert (found.count == 5).all()

    def test_a_run_counts_only_where_it_has_values_and_between_its_points_lies_on_the_line(self):
        long, short = curve("A", [0, 1, 2, 3], [0, 1, 2, 3]), curve("B", [0, 2], [10, 20])
        found = groups.spread_of(Group("1", "", ("A", "B")), [long, short], 0.0)
        assert found.count.tolist() == [2, 2, 2, 1]
        assert found.mean.tolist() == [5, 8, 11, 3]

    def test_points_kept_for_being_extremes_do_not_bend_the_mean(self):
        thinned = curve("A", np.arange(8), [1, 50, 1, 1, 1, 50, 1, 1], low=np.ones(8), high=np.full(8, 50.0),
                        smoothable=np.array([True, False, True, True] * 2))  # fmt: skip
        found = groups.spread_of(Group("1", "", ("A",)), [thinned], 0.0)
        assert found.mean.tolist() == [1] * 6

    def test_a_resumed_run_counts_its_later_values(self):
        found = groups.spread_of(Group("1", "", ("A",)), [curve("A", [0, 1, 2, 1, 2], [0, 1, 2, 5, 6])], 0.0)
        assert (found.x.tolist(), found.mean.tolist()) == ([0, 1, 2], [0, 5, 6])

    def test_no_curve_is_no_spread(self):
        assert groups.spread_of(Group("1", "", ("A",)), [curve("B", [0], [1])], 0.0) is None


def test_grouped_by_a_knob_a_chart_has_a_mean_and_a_band_a_value(six):
    ids, table = six
    found = plotted(ids, ["loss/disc"], group="disc.lr")
    assert [(g["key"], g["value"], g["keys"]) for g in found["groups"]] == [
        ("1", "1e-4", ["A", "C", "E"]), ("2", "1e-3", ["B", "D", "F"])]  # fmt: skip
    data = found["figures"]["loss/disc"]["data"]
    parts = {(t["meta"]["run"], t["meta"]["part"]): numbers(t["y"]) for t in data if "bdata" in t["y"]}
    np.testing.assert_allclose(parts["1", "line"], table[::2].mean(axis=0))
    np.testing.assert_allclose(parts["1", "high"], np.quantile(table[::2], 0.9, axis=0))
    np.testing.assert_allclose(parts["2", "line"][:30], table[1::2, :30].mean(axis=0))
    np.testing.assert_allclose(parts["2", "line"][30:], table[[1, 3], 30:].mean(axis=0))
    assert sorted(t["meta"]["member"] for t in data if t["meta"].get("part") == "raw") == list("ABCDEF")
    assert found["verdicts"]["loss/disc"]["parts"][0]["keys"] == ["1"]


def test_groups_leave_out_hidden_runs_and_a_group_of_none(six):
    ids, table = six
    found = plotted(ids, ["loss/disc"], group="disc.lr", hide=frozenset("ABDF"))
    assert [g["keys"] for g in found["groups"]] == [["C", "E"]]
    line = next(t for t in found["figures"]["loss/disc"]["data"] if t["meta"].get("part") == "line")
    np.testing.assert_allclose(numbers(line["y"]), table[[2, 4]].mean(axis=0))


def test_seedless_tag_and_preset_group_too(six):
    ids, _ = six
    with db.reading() as session:
        found = [runs.get(session, i) for i in ids]
        assert [g.keys for g in groups.of(found, "seedless")] == [("A", "C", "E"), ("B", "D", "F")]
        assert [g.value for g in groups.of(found, "seedless")] == ["disc.lr 1e-4", "disc.lr 1e-3"]
        assert [(g.value, len(g.keys)) for g in groups.of(found, "tag")] == [("a", 2), ("no tag", 4)]
        choices = dict(groups.choices(found))
        assert {"seedless", "tag", "disc.lr", "seed"} <= set(choices)
        assert "disc.kind" not in choices
        with pytest.raises(BadInput, match=r"no run here has a knob 'disc\.moon'"):
            groups.of(found, "disc.moon")


def test_a_difference_is_to_the_baseline_at_the_same_place(six):
    ids, table = six
    found = plotted(ids[:2], ["loss/disc"], base=ids[0], diff=True, axis="epoch")
    lines = [t for t in found["figures"]["loss/disc"]["data"] if t["meta"].get("part") == "line"]
    assert [t["meta"]["run"] for t in lines] == ["B"]
    np.testing.assert_allclose(numbers(lines[0]["y"]), table[1] - table[0])
    assert "against A at the end" in found["verdicts"]["loss/disc"]["text"]
    assert any(s.get("name") == "run:A" for s in found["figures"]["loss/disc"]["layout"]["shapes"])


def test_a_difference_is_only_where_both_have_values():
    found = groups.difference(curve("B", [0, 1, 2, 3], [5, 5, 5, 5]), curve("A", [1, 2], [1, 3]))
    assert (found.x.tolist(), found.y.tolist()) == ([1, 2], [4, 2])
    assert groups.difference(curve("B", [5], [1]), curve("A", [0, 1], [0, 0])) is None


class TestAxes:
    @pytest.fixture
    def counting(self, make_run):
        points = {"loss/disc": [1.0] * 11, "progress/disc_steps": [2.0 * s for s in range(11)],
                  "progress/samples_seen": [8.0 * s for s in range(11)], "progress/epoch": [s / 5 for s in range(11)],
                  "progress/audio_hours": [s / 100 for s in range(11)]}  # fmt: skip
        return make_run(points, "finished")

    @pytest.mark.parametrize(
        ("axis", "at_ten"),
        [
            ("step", 10),
            ("disc_steps", 20),
            ("samples", 80),
            ("epoch", 2),
            ("audio_hours", 0.1),
            ("relative", 10),
        ],
    )
    def test_a_run_lies_where_it_counted(self, counting, axis, at_ten):
        found = plotted([counting], ["loss/disc"], axis=axis)
        line = next(t for t in found["figures"]["loss/disc"]["data"] if t["meta"].get("part") == "line")
        assert numbers(line["x"])[-1] == pytest.approx(at_ten)
        assert found["lacking"] == []

    def test_a_recipe_gives_epochs_samples_and_hours_of_a_run_that_counts_none(self, make_run):
        recipe = nested(
            {"data.batch": 4, "data.crop": 3600, "data.rate_hz": 16000, "trainer.steps_per_epoch": 5}
        )
        made = make_run({"loss/disc": [1.0] * 3}, recipe=recipe)
        with db.reading() as session:
            run = runs.get(session, made)
            found = {
                a: axes.places(session, run, [10.0], a).tolist() for a in ("epoch", "samples", "audio_hours")
            }
        assert (found["epoch"], found["samples"]) == ([2], [40])
        assert found["audio_hours"] == pytest.approx([10 * 4 * 3600 / 16000 / 3600])

    def test_runs_that_lack_the_axis_are_named(self, counting, make_run):
        other = make_run({"loss/disc": [1.0, 2.0]}, name="script")
        found = plotted([counting, other], ["loss/disc"], axis="disc_steps")
        assert found["lacking"] == ["B"]
        assert "B counts no D steps: choose another x." in found["verdicts"]["loss/disc"]["text"]


def test_what_happened_lies_on_the_axis(client, database, make_run):
    from app import ingest

    made = make_run({"loss/disc": [1.0] * 5, "progress/epoch": [s / 2 for s in range(5)]}, "running")
    with database.transaction() as session:
        said = [events.CheckpointSaved(seq=6, time=1.7e9, step=4, path="c/4.pt", size=1, best={}, kept=["c/4.pt"]),
                events.NoteWritten(seq=7, time=1.7e9, step=2, text="a note longer than a chart has room for")]  # fmt: skip
        ingest.apply(session, made, said)
    found = client.get("/api/marks", params={"runs": made, "x": "epoch"}).json()["marks"]
    assert [(m["kind"], m["x"]) for m in found] == [("notes", 1.0), ("checkpoints", 2.0)]
    assert found[0]["words"].endswith("…")
    assert found[0]["about"].startswith("A, step 2: a note")
    for bad in ({"kinds": "moons"}, {"x": "moon"}, {"kinds": ","}):
        assert client.get("/api/marks", params={"runs": made, **bad}).status_code == 422
