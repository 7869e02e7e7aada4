"""Dynamic time warping: the cheapest monotone path between two sequences of feature vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAN = 1.0  # weight of a step in one sequence alone; a step in both weighs as much, and covers two


def distances(a: Floats, b: Floats) -> Floats:
    """Euclidean distances ``[n, m]`` of the rows of ``a`` ``[n, d]`` and ``b`` ``[m, d]``."""
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0.0))


def path(cost: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices (i, j) of the cheapest path through ``cost`` ``[n, m]`` from corner to corner.

    Steps are (1, 1), (1, 0) and (0, 1). Work is one vector operation an anti-diagonal.
    """
    n, m = cost.shape
    if not n or not m:
        raise ValueError(f"there is no path through {n} x {m} cells")
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0.0
    step = np.zeros((n, m), np.int8)
    for k in range(n + m - 1):
        i = np.arange(max(0, k - m + 1), min(k, n - 1) + 1)
        j = k - i
        here = cost[i, j]
        ways = np.stack([total[i, j] + here, total[i, j + 1] + LEAN * here, total[i + 1, j] + LEAN * here])
        which = ways.argmin(0)
        step[i, j] = which
        total[i + 1, j + 1] = ways[which, np.arange(len(i))]
    i, j = n - 1, m - 1
    found = [(i, j)]
    while i or j:
        which = int(step[i, j])
        i, j = i - (which != 2), j - (which != 1)
        found.append((i, j))
    pairs = np.array(found[::-1], np.int64)
    return pairs[:, 0], pairs[:, 1]


def carried(bounds: Floats, i: NDArray[np.int64], j: NDArray[np.int64]) -> Floats:
    """Where positions ``bounds`` (in rows of the first sequence) lie in the second, along a `path`."""
    at, first = np.unique(i, return_index=True)
    last = np.append(first[1:], len(j)) - 1
    middle = (j[first] + j[last]) / 2
    return np.maximum.accumulate(np.interp(bounds, at, middle))
