"""The statistics of blind tests against scipy's."""

from __future__ import annotations

import pytest
from scipy import stats

from app import blindresults, blindstats


@pytest.mark.parametrize("trials", [1, 4, 5, 10, 16, 33, 200])
def test_the_binomial_p_and_the_power_are_scipys(trials: int) -> None:
    for right in range(trials + 1):
        known = stats.binomtest(right, trials, 0.5, alternative="greater").pvalue
        assert blindstats.upper(right, trials) == pytest.approx(known, rel=1e-9)
    least = blindstats.needed(trials)
    if least is None:
        assert stats.binomtest(trials, trials, 0.5, alternative="greater").pvalue > 0.05
    else:
        assert stats.binomtest(least, trials, 0.5, alternative="greater").pvalue <= 0.05
        assert stats.binomtest(least - 1, trials, 0.5, alternative="greater").pvalue > 0.05
    for chance in (0.5, 0.7, 0.9, 1.0):
        known = 0.0 if least is None else stats.binom.sf(least - 1, trials, chance)
        assert blindstats.power(trials, chance) == pytest.approx(known, rel=1e-9)


def test_twelve_of_sixteen() -> None:
    assert blindstats.upper(12, 16) == pytest.approx(0.0384, abs=5e-5)
    assert blindstats.needed(16) == 12
    assert blindstats.power(16, 0.7) == pytest.approx(0.4499, abs=5e-5)
    assert blindstats.needed(4) is None, "four right of four is still p = 0.0625"


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (5, 5), (9, 3), (3, 9), (20, 4), (100, 101)])
def test_the_sign_test_is_scipys(first: int, second: int) -> None:
    trials = first + second
    known = stats.binomtest(first, trials, 0.5).pvalue if trials else 1.0
    assert blindstats.sign_test(first, second) == pytest.approx(known, rel=1e-9)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 12, 31, 120])
def test_students_quantiles_are_scipys(degrees: int) -> None:
    for share in (0.5, 0.75, 0.9, 0.975, 0.999):
        known = float(stats.t.ppf(share, degrees))
        assert blindstats.student(share, degrees) == pytest.approx(known, rel=1e-7, abs=1e-9)


def test_ratings_have_a_mean_and_its_interval() -> None:
    values = [80.0, 92.0, 71.0, 88.0]
    found = blindstats.ratings(values)
    known = stats.t.interval(0.95, 3, loc=82.75, scale=stats.sem(values))
    assert (found.count, found.mean, found.median) == (4, 82.75, 84.0)
    assert found.half == pytest.approx((known[1] - known[0]) / 2)
    assert blindstats.ratings([50.0]).half is None
    with pytest.raises(ValueError, match="no ratings"):
        blindstats.ratings([])


def test_who_misses_the_hidden_reference_too_often_is_screened() -> None:
    assert not blindstats.screened([100.0] * 9 + [50.0]), "one of ten is 10 %"
    assert blindstats.screened([100.0] * 8 + [89.0, 50.0]), "two of ten are 20 %"
    assert not blindstats.screened([90.0, 90.0])
    assert not blindstats.screened([])


@pytest.mark.parametrize(("right", "trials"), [(3, 2), (-1, 4)])
def test_what_cannot_be_counted_is_refused(right: int, trials: int) -> None:
    with pytest.raises(ValueError, match="cannot be counted"):
        blindstats.upper(right, trials)
    with pytest.raises(ValueError, match="between 0 and 1"):
        blindstats.power(4, 1.5)


def test_words_for_p_and_power() -> None:
    assert blindresults.p_text(0.03841) == "0.038"
    assert blindresults.p_text(1e-9) == "< 0.0001"
    assert "even all right is no proof" in blindresults.power_words(4)
    assert "over 99 %" in blindresults.power_words(40)
