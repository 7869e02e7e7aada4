"""Paired differences: intervals as scipy's, pairs by seed, words that never call a lucky seed a fix."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import paired, runs


def test_intervals_are_those_of_scipys_paired_t_test() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(3)
    for n in (2, 3, 4, 5, 8, 13, 30):
        a, b = rng.normal(1, 2, n), rng.normal(1.4, 2, n)
        found = paired.interval((b - a).tolist())
        low, high = stats.ttest_rel(b, a).confidence_interval(0.95)
        assert found.mean - found.half == pytest.approx(low, rel=1e-9)
        assert found.mean + found.half == pytest.approx(high, rel=1e-9)
        assert (found.state == "shown") == (stats.ttest_rel(b, a).pvalue < 0.05)


@given(st.integers(1, 200), st.floats(0.5, 0.999))
def test_the_quantile_is_scipys(freedom: int, confidence: float) -> None:
    t = pytest.importorskip("scipy.stats").t
    assert paired.t_quantile(freedom, confidence) == pytest.approx(
        t.ppf(0.5 + confidence / 2, freedom), rel=1e-7
    )


def test_one_seed_has_no_interval() -> None:
    found = paired.interval([7.0])
    assert found.half == math.inf
    assert found.state == "one seed"
    assert paired.told(found, "dB") == "+7.0 dB, one seed: cannot say"
    with pytest.raises(ValueError, match="no difference"):
        paired.interval([])


@pytest.mark.parametrize(
    ("differences", "unit", "said"),
    [
        ([0.6, 0.2, 0.4], "dB", "+0.4 ± 0.5 dB over 3 seeds: not shown"),
        ([5.0, 5.2, 5.1], "dB", "+5.1 ± 0.2 dB over 3 seeds: shown"),
        ([-0.010, -0.012], "", "−0.011 ± 0.013 over 2 seeds: not shown"),
        ([2.0, 2.0], "", "+2.00 ± 0.00 over 2 seeds: shown"),
        ([0.0, 0.0], "dB", "+0.0 ± 0.0 dB over 2 seeds: not shown"),
        ([1200.0, 1250.0, 1190.0], "", "+1,213 ± 80 over 3 seeds: shown"),
    ],
)
def test_words(differences: list[float], unit: str, said: str) -> None:
    assert paired.told(paired.interval(differences), unit) == said


def made(make_run, preset, seed, snr, **more):
    points = {"eval/snr": [0.0, snr], "loss/disc": [2.0, 1.0 + snr / 100], "progress/epoch": [0.0, 1.0]}
    return make_run(points, "finished", trainer="", preset=preset, seed=seed, **more)


def between(database, ids, *args):
    with database.reading() as session:
        return paired.between(session, [runs.get(session, i) for i in ids], *args)


def by_series(one):
    return {v.series: v for v in one.verdicts}


def test_pairs_are_of_one_seed_whatever_their_order(database, make_run) -> None:
    ids = [made(make_run, "old", seed, 1.0 + seed) for seed in (2, 0, 1)]
    ids += [made(make_run, "fixed", seed, 6.0 + seed + 0.1 * seed) for seed in (0, 1, 2)]
    (one,) = between(database, ids)
    assert (one.a.value, one.b.value, one.seeds) == ("old", "fixed", (0, 1, 2))
    assert one.pairs == ((0, "B", "D"), (1, "C", "E"), (2, "A", "F"))
    snr = by_series(one)["eval/snr"]
    assert [b - a for _, a, b in snr.values] == pytest.approx([5.0, 5.1, 5.2])
    assert (snr.interval.state, snr.side) == ("shown", "better")
    assert snr.text == "+5.1 ± 0.2 dB over 3 seeds: shown"
    (back,) = between(database, ids, "last", "preset", ids[3])
    assert by_series(back)["eval/snr"].side == "worse"


def test_a_lucky_seed_is_no_fix(database, make_run) -> None:
    ids = [made(make_run, "old", 0, 1.0), made(make_run, "fixed", 0, 30.0), made(make_run, "fixed", 1, 1.0)]
    (one,) = between(database, ids)
    snr = by_series(one)["eval/snr"]
    assert snr.text == "+29.0 dB, one seed: cannot say"
    assert snr.side == ""
    assert one.notes == ("Left out, on one side only: seed 1.",)


def test_runs_without_a_common_seed_are_no_pairs(database, make_run) -> None:
    ids = [made(make_run, "old", 0, 1.0), made(make_run, "fixed", 1, 9.0), made(make_run, "fixed", None, 9.0)]
    assert between(database, ids) == []
    assert between(database, ids[:1]) == []


def test_failed_runs_and_doubles_and_other_sets(database, make_run) -> None:
    ids = [made(make_run, "old", seed, 1.0, environment={"eval_hash": "a"}) for seed in (0, 1)]
    ids += [made(make_run, "fixed", 0, 3.0, environment={"eval_hash": "a"})]
    ids += [made(make_run, "fixed", 0, 4.0, environment={"eval_hash": "a"})]
    ids += [made(make_run, "fixed", 1, 9.0, environment={"eval_hash": "b"})]
    ids += [make_run({"eval/snr": [99.0]}, "failed", preset="fixed", seed=0)]
    (one,) = between(database, ids)
    found = by_series(one)
    assert found["eval/snr"].values == ((0, 1.0, 4.0),)
    assert found["loss/disc"].interval.n == 2
    assert one.notes == (
        "Several runs of seed 0: of each side the newest counts.",
        "Evaluations of seed 1 are left out: the two runs used different sets.",
    )


def test_without_presets_recipes_but_for_the_seed_make_the_groups(database, make_run) -> None:
    ids = []
    for lr, snr in ((1e-4, 2.0), (3e-4, 4.0)):
        for seed in (0, 1):
            ids.append(made(make_run, "mine", seed, snr + seed, recipe={"lr": lr, "seed": seed}))
    (one,) = between(database, ids)
    assert (one.a.value, one.b.value) == ("lr 1e-4", "lr 3e-4")
    assert by_series(one)["eval/snr"].interval.mean == 2.0
    assert by_series(one)["eval/snr"].interval.half == 0.0


def test_a_value_that_is_no_number_is_no_pair(database, make_run) -> None:
    ids = [made(make_run, p, s, v) for p, s, v in (("old", 0, 1.0), ("old", 1, 1.0), ("fixed", 0, math.nan))]
    ids.append(made(make_run, "fixed", 1, 2.0))
    (one,) = between(database, ids)
    assert by_series(one)["eval/snr"].values == ((1, 1.0, 2.0),)
