"""Bands out of runs: units, phases, quantiles, who is left out."""

from __future__ import annotations

import numpy as np
import pytest

from app import bandmaking, bandplaces, ingest, runs
from app.bandmaking import Wish
from app.errors import BadInput
from nashboard import events


@pytest.fixture
def database_kind():
    """The arithmetic is the same on both databases."""
    return "sqlite"


@pytest.fixture
def phased(database):
    """Three runs whose discriminator starts at another step each: 1 before, 5 after."""
    ids = []
    for n, start in enumerate((10, 20, 30)):
        with database.transaction() as session:
            run = runs.create(session, trainer="codec", preset="fixed", size="tiny", seed=n)
            found = [events.RunStarted(run=run.id, seq=0, time=1.0)]
            found.append(events.Mark(seq=1, time=1.0, step=start, name="adversarial"))
            for step in range(start * 2 + 1):
                value = 1.0 + n / 10 if step < start else 5.0 + n
                found.append(events.Points(seq=len(found), time=1.0, step=step, values={"loss/gen": value}))
            found.append(events.RunEnded(seq=len(found), time=2.0, status="finished"))
            ingest.apply(session, run.id, found)
            ids.append(run.id)
    return ids


def made(database, ids, wish):
    with database.reading() as session:
        found = [runs.get(session, i) for i in ids]
        return bandmaking.make(bandmaking.of_runs(session, found, wish), wish)


def test_each_phase_is_aligned_at_its_mark(database, phased):
    before, after = made(database, phased, Wish("step", by_phase=True))
    assert (before.phase, after.phase) == ("start", "adversarial")
    assert (before.low, before.high, before.x_to) == (1.0, 1.2, 9.0)
    assert (after.low, after.high, after.x_from, after.x_to) == (5.0, 7.0, 0.0, 10.0)
    assert "counted from the start of the phase adversarial" in after.protocol
    share = made(database, phased, Wish("progress", by_phase=True))[1]
    assert (share.x_from, share.x_to, share.low, share.high) == (0.0, 1.0, 5.0, 7.0)


def test_relative_progress_aligns_runs_of_any_length(database, phased):
    (band,) = made(database, phased, Wish("progress"))
    assert band.at(0.25) == (1.0, 1.2)
    assert band.at(0.9) == (5.0, 7.0)


def test_quantiles_are_over_the_runs(database, make_run):
    ids = [make_run({"eval/snr": [float(n)] * 3}, "finished") for n in range(5)]
    (band,) = made(database, ids, Wish("step", 0.25, 0.75))
    assert (band.low, band.high) == (1.0, 3.0)
    assert band.protocol == "25 % to 75 % quantile of 5 runs, resampled on step at 3 places"
    assert band.runs == tuple(ids)


def test_what_cannot_be_made_says_why(database, make_run):
    ids = [make_run({"eval/snr": [1.0, 2.0]}, "finished") for _ in range(3)]
    for wish, said in (
        (Wish("epoch"), "cannot be placed by epoch"),
        (Wish("step", least=4), "3 runs were chosen and 4 are needed"),
        (Wish("step", by_phase=True, series=("eval/none",)), "no series is shared by 3 of the runs"),
    ):
        with pytest.raises(BadInput, match=said):
            made(database, ids, wish)


def test_phases_are_numbered_and_quiet_marks_begin_none():
    marks = [(30, "lr"), (0, "evaluation_set"), (60, "lr"), (10, "adversarial")]
    assert bandplaces.phases(marks) == [("start", 0), ("adversarial", 10), ("lr", 30), ("lr 2", 60)]
    assert bandplaces.phases([]) == [("start", 0)]


def test_a_log_is_placed_like_a_run():
    text = "step,d_loss,progress/epoch\n" + "\n".join(f"{s},{s / 10},{s / 5}" for s in range(21))
    source = bandmaking.of_log(text.encode(), "log.csv", Wish("epoch"))
    way = source.ways[""]
    assert way is not None
    assert way.of(np.array([10.0])) == pytest.approx([2.0])
    assert set(source.curves) == {"loss/disc"}
    with pytest.raises(BadInput, match=r"log\.csv, line 2"):
        bandmaking.of_log(b"step,d_loss\nx,1\n", "log.csv", Wish())
