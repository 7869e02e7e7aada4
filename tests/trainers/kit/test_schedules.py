"""Learning-rate factors and falling noise, by the step alone."""

from itertools import pairwise

import pytest

from trainers.kit.schedules import FLOOR, cosine, factor, fading, warmup_cosine


def test_the_documents_cosine() -> None:
    assert [1e-4 * cosine(e, 200) for e in (0, 100, 150, 175, 200)] == pytest.approx(
        [1e-4, 5.05e-5, 1.55e-5, 4.77e-6, 1e-6], rel=1e-2
    )
    assert cosine(900, 200) == FLOOR


def test_a_warm_up_rises_and_then_falls() -> None:
    found = [warmup_cosine(s, 100, 10) for s in range(101)]
    assert found[0] == pytest.approx(1 / 11)
    assert found[10] == max(found) == 1.0
    assert all(a < b for a, b in pairwise(found[:11]))
    assert all(a > b for a, b in pairwise(found[10:]))
    assert found[100] == pytest.approx(FLOOR)


def test_by_name() -> None:
    assert factor("none", 5, 10) == 1.0
    assert factor("cosine", 5, 10) == cosine(5, 10)
    assert factor("warmup_cosine", 5, 10, 2) == warmup_cosine(5, 10, 2)
    with pytest.raises(ValueError, match="'step' is none of"):
        factor("step", 1, 2)


def test_noise_fades_in_a_line() -> None:
    assert [fading(0.1, s, 10) for s in (0, 5, 10, 20)] == pytest.approx([0.1, 0.05, 0, 0])
    assert fading(0.0, 0, 10) == 0.0
    assert fading(0.1, 0, 0) == 0.0
