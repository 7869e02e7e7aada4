"""Scores: last, best by direction and at-epoch values, sorted, held against a baseline; knobs beside them."""

from __future__ import annotations

import csv
import io

import pytest

from recipes.base import nested


@pytest.fixture
def database_kind():
    return "sqlite"


@pytest.fixture
def three(make_run):
    snr = ([1.0, 9.0, 4.0], [2.0, 3.0, 5.0], [float("nan")] * 3)
    mel = ([0.9, 0.3, 0.5], [0.8, 0.7, 0.6], [0.4, 0.4, 0.4])
    ids = []
    for n in range(3):
        points = {
            "eval/snr": snr[n],
            "eval/mel": mel[n],
            "loss/disc": [2.0] * 3,
            "progress/epoch": [0.0, 1.0, 2.0],
        }
        recipe = nested({"disc.lr": [1e-4, 1e-3, 1e-2][n], "disc.kind": ["mpd", "stft", "mpd"][n], "seed": 3})
        ids.append(make_run(points, "finished", name=f"r{n}", recipe=recipe))
    return ids


@pytest.fixture
def rows(client, three):
    def get(**asked):
        answer = client.get("/compare/scores.csv", params={"runs": ",".join(three), **asked})
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.text)))

    return get


def test_last_best_and_at_epoch_know_the_better_direction(rows):
    first, second, third = rows(at="1")
    assert (first["eval/snr (last)"], first["eval/snr (best)"], first["eval/snr (epoch 1)"]) == (
        "4.0",
        "9.0",
        "9.0",
    )
    assert (first["eval/mel (last)"], first["eval/mel (best)"]) == ("0.5", "0.3")
    assert (second["eval/snr (best)"], second["eval/mel (best)"]) == ("5.0", "0.6")
    assert (third["eval/snr (last)"], third["eval/snr (best)"]) == ("nan", "")
    assert "loss/disc (best)" not in first, "no direction of D's loss is better"


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("eval/snr.best", ["B", "A", "C"]),
        ("-eval/snr.best", ["A", "B", "C"]),
        ("eval/mel.last", ["C", "A", "B"]),
        ("-name", ["C", "B", "A"]),
        ("eval/snr.at", ["A", "B", "C"]),
    ],
)
def test_sorted_by_any_column_and_runs_without_a_value_come_last(rows, sort, order):
    assert [r["key"] for r in rows(sort=sort)] == order


def test_a_column_that_is_none_is_said(client, three):
    answer = client.get(f"/compare/scores?runs={','.join(three)}&sort=eval/moon.best")
    assert answer.status_code == 422
    assert "'eval/moon.best' is no column" in answer.text


def test_knobs_that_differ_beside_scores_at_their_best(client, three):
    found = client.get("/api/knobs", params={"runs": ",".join(three)}).json()
    axes = {a["name"]: a for a in found["axes"]}
    assert list(axes) == ["disc.lr", "disc.kind", "eval/snr", "eval/mel"]
    assert axes["disc.lr"]["log"] is True
    assert axes["disc.kind"]["values"] == ["mpd", "stft"]
    assert [r["values"] for r in found["runs"]] == [
        [1e-4, 0.0, 9.0, 0.3],
        [1e-3, 1.0, 5.0, 0.6],
        [1e-2, 0.0, None, 0.4],
    ]
