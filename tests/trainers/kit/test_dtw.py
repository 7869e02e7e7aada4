"""Time warping: the identity, a stretched copy, against a plain dynamic programme."""

import numpy as np
import pytest

from trainers.kit.dtw import carried, distances, path


def plain(cost: np.ndarray) -> float:
    n, m = cost.shape
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0
    for i in range(n):
        for j in range(m):
            total[i + 1, j + 1] = cost[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    return float(total[n, m])


@pytest.mark.parametrize("seed", range(4))
def test_is_the_cheapest_path(seed: int) -> None:
    random = np.random.default_rng(seed)
    cost = random.random((random.integers(1, 12), random.integers(1, 12)))
    i, j = path(cost)
    assert cost[i, j].sum() == pytest.approx(plain(cost))
    assert (i[0], j[0], i[-1], j[-1]) == (0, 0, cost.shape[0] - 1, cost.shape[1] - 1)
    steps = {(int(a), int(b)) for a, b in zip(np.diff(i), np.diff(j), strict=True)}
    assert steps <= {(1, 1), (1, 0), (0, 1)}


def test_finds_a_stretch() -> None:
    a = np.random.default_rng(0).standard_normal((40, 5))
    b = a[np.repeat(np.arange(40), [1] * 20 + [3] * 20)]
    bounds = carried(np.array([0.0, 10, 20, 30, 39]), *path(distances(a, b)))
    assert bounds == pytest.approx([0, 10, 21, 51, 78], abs=1)


def test_empty_sequences_have_no_path() -> None:
    with pytest.raises(ValueError, match="0 x 3"):
        path(np.zeros((0, 3)))
