"""The document's table: values at a moment, bands of that moment with their origin, what cannot be."""

from __future__ import annotations

import math

import pytest

from app import db, metrics, runs
from app.errors import BadInput
from recipes import compose
from recipes.base import flat, nested

PER = 6


@pytest.fixture
def database_kind():
    return "sqlite"


def recipe(preset, **patch):
    return nested(flat(compose.build("codec", preset, "tiny", {"trainer.steps_per_epoch": PER, **patch})))


@pytest.fixture
def pair(make_run):
    """Ten epochs of six steps: the old one at 2.0, the fixed one falls by 0.1 an epoch."""
    steps = 10 * PER + 1
    common = {"progress/epoch": [s / PER for s in range(steps)]}
    evals = {
        "eval/snr": [0.1 * s for s in range(steps)],
        "eval/mel": [2 - 0.01 * s if s < 30 else 3.0 for s in range(steps)],
    }
    old = make_run(
        {"loss/disc": [2.0] * steps, "loss/feat": [0.001] * steps, **evals, **common}, "finished",
        trainer="codec", preset="old", size="tiny", recipe=recipe("old"), name="a",
    )  # fmt: skip
    fixed = make_run(
        {"loss/disc": [2 - 0.1 * s / PER for s in range(steps)], "loss/feat": [0.2] * steps, **evals, **common},
        "finished", trainer="codec", preset="fixed", size="tiny", recipe=recipe("fixed"), name="b",
    )  # fmt: skip
    return [old, fixed]


def table(ids, moment):
    with db.reading() as session:
        return metrics.at(session, [runs.get(session, i) for i in ids], moment, ["Old", "New"])


def row(found, series):
    (one,) = [r for r in found.rows if r.series == series]
    return one


def test_a_loss_is_the_mean_over_its_epoch_and_an_evaluation_is_made_at_its_end(pair):
    found = table(pair, "5")
    assert [c.value for c in row(found, "loss/disc").cells] == [2.0, pytest.approx(1.5 + 0.1 * 2.5 / PER)]
    assert [c.value for c in row(found, "eval/snr").cells] == [pytest.approx(3.0)] * 2
    assert found.columns == (("A", "Old", "epoch 5"), ("B", "New", "epoch 5"))


def test_differences_are_signed_and_a_factor_where_the_series_spans_decades(pair):
    found = table(pair, "10")
    assert row(found, "loss/disc").difference.startswith("−0.9")
    assert row(found, "loss/feat").difference == "× 200"
    assert row(found, "eval/snr").difference == "+0.0" or row(found, "eval/snr").difference == "0.0"


def test_claims_of_the_moment_stand_beside_the_values_and_never_warn(pair):
    found = row(table(pair, "10"), "eval/snr")
    claims = [b for b in found.bands if b.origin == "claimed"]
    assert {b.range for b in claims} == {"18 to 25", "20 to 28"}
    assert all(dict(b.states) == {"A": "below", "B": "below"} for b in claims)
    assert metrics.severity("claimed", "below", "up") == ""
    assert metrics.severity("measured", "below", "up") == "warn"
    assert metrics.severity("measured", "above", "up") == ""
    assert metrics.severity("measured", "above", "") == "warn"


def test_a_published_figure_of_another_set_up_says_so_and_judges_nothing(pair):
    published = [b for r in table(pair, "10").rows for b in r.bands if b.origin == "published"]
    assert published
    assert all("not this set-up" in b.misfit and b.states == () for b in published)


def test_what_the_document_claims_and_cannot_be_is_said(pair):
    assert any("93 % amplitude no output exceeds 23.1 dB" in text for text in table(pair, "10").impossible)
    assert table(pair, "2").impossible == ()


def test_best_is_where_the_chosen_series_was_best(pair):
    found = table(pair, "best")
    assert [when for _, _, when in found.columns] == ["best, epoch 4.8"] * 2
    assert row(found, "eval/mel").cells[0].value == pytest.approx(1.71)


def test_last_is_where_each_run_is(pair, make_run):
    young = make_run({"loss/disc": [1.9] * 4, "progress/epoch": [s / PER for s in range(4)]}, trainer="codec")
    found = table([pair[0], young], "last")
    assert [when for _, _, when in found.columns] == ["last, epoch 10", "last, epoch 0.5"]


def test_a_moment_that_a_run_has_not_reached_is_no_number_and_says_why(pair, make_run):
    young = make_run({"loss/disc": [1.9] * 4, "progress/epoch": [s / PER for s in range(4)]}, trainer="codec")
    none = make_run(status="queued", trainer="codec")
    cells = row(table([young, none], "10"), "loss/disc").cells
    assert [(c.value, c.why) for c in cells] == [(None, "not there yet"), (None, "no data yet")]
    assert row(table(pair, "11"), "loss/disc").cells[0].why == "it ended before"


def test_nan_is_told_as_nan(make_run):
    run = make_run(
        {"loss/disc": [1.0] * 5 + [math.nan] * 3, "progress/epoch": [s / 4 for s in range(8)]},
        trainer="codec",
    )
    assert row(table([run], "last"), "loss/disc").cells[0].text == "NaN"


def test_why_a_measure_is_missing_is_told_in_the_trainers_words(pair):
    from app import ingest
    from nashboard import events

    text = "eval/pesq_nb is missing for 8 of 8 clips: the pesq package is not installed"
    with db.transaction() as session:
        seq = runs.get(session, pair[0]).next_seq
        ingest.apply(session, pair[0], [events.NoteWritten(seq=seq, time=1.0, text=text)], 1.0)
    assert table(pair, "last").notes == (text,)


def test_a_script_of_somebody_else_has_a_table_too(make_run):
    run = make_run({"train/loss": [3.0, 2.0]}, "finished")
    found = table([run], "last")
    assert [r.series for r in found.rows] == ["train/loss"]
    assert found.rows[0].cells[0].value == 2.0


@pytest.mark.parametrize(
    ("text", "moment"), [("10", "10"), (" Best ", "best"), ("2.50", "2.5"), ("", "last"), ("0", "0")]
)
def test_moments(text, moment):
    assert metrics.moment_of(text) == moment


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", "1e99", "<b>"])
def test_what_is_no_moment(text):
    with pytest.raises(BadInput, match="is no moment: give an epoch such as 10, last or best"):
        metrics.moment_of(text)
