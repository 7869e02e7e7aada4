"""A run's verdict in one line: counted over series, claims left out, only a measured band warns."""

from __future__ import annotations

import pytest

from app import bandsets, expected, runs, runverdicts
from recipes.band import Band


@pytest.fixture
def database_kind():
    """The arithmetic is the same on both databases."""
    return "sqlite"


def band(series, low, high, origin="measured", **more):
    return Band(series=series, origin=origin, source="three runs", low=low, high=high, **more)


@pytest.fixture
def told(database, make_run):
    def of(bands, points):
        points = {**points, "progress/epoch": [s / 2 for s in range(6)]}
        run = make_run(points, "finished", trainer="codec", preset="fixed", size="tiny")
        with database.transaction() as session:
            made = bandsets.add(session, "mine", bands)
        with database.reading() as session:
            chosen = expected.choice(session, made.id)
            return runverdicts.of(session, [runs.get(session, run)], chosen).get(run)

    return of


def test_inside_is_counted(told):
    found = told(
        [band("loss/gen", 0, 2), band("eval/snr", 0, 9)], {"loss/gen": [1.0] * 6, "eval/snr": [3.0] * 6}
    )
    assert (found.text, found.tone) == ("inside in 2 of 2 series", "")


def test_the_gravest_is_told_with_since_when_and_by_how_much(told):
    points = {"loss/gen": [1.0] * 6, "eval/snr": [3.0, 3.0, 3.0, 1.0, 1.0, 1.0]}
    found = told([band("loss/gen", 0, 2), band("eval/snr", 2, 9)], points)
    assert found.text == "inside in 1 of 2 series; SNR below measured since epoch 1.5, now by 1.0 dB"
    assert found.tone == "warn"


def test_published_bands_and_claims_turn_nothing_yellow(told):
    points = {"eval/snr": [1.0] * 6, "eval/mel": [9.0] * 6}
    found = told([band("eval/snr", 2, 9, "published"), band("eval/mel", 0, 1, "claimed")], points)
    assert found.text == "inside in 0 of 1 series; SNR below published since epoch 0, now by 1.0 dB"
    assert found.tone == ""
    assert (found.inside, found.judged) == (0, 1)


def test_claims_alone_are_no_verdict(told):
    assert told([band("eval/snr", 2, 9, "claimed")], {"eval/snr": [1.0] * 6}) is None


def test_a_band_of_samples_or_of_progress_is_said_in_epochs(told):
    curve = {"eval/snr": [3.0, 3.0, 3.0, 3.0, 1.0, 1.0]}
    found = told([band("eval/snr", 2, 9, x="progress", x_to=1.0)], curve)
    assert found.text.endswith("SNR below measured since epoch 2, now by 1.0 dB")
