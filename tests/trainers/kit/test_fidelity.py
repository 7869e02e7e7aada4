"""Scores of features against closed forms and plain definitions."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import torch

from trainers.kit import fidelity


def cloud(count: int, dims: int, seed: int, shift: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    return torch.randn(count, dims, generator=torch.Generator().manual_seed(seed)) * scale + shift


def test_frechet_is_the_matrix_root_formula() -> None:
    a, b = cloud(200, 6, 0), cloud(150, 6, 1, 0.5, 1.7)
    x, y = fidelity.moments(a), fidelity.moments(b)
    root = scipy.linalg.sqrtm((x.cov @ y.cov).numpy()).real
    expected = float((x.mean - y.mean).square().sum()) + float(np.trace((x.cov + y.cov).numpy() - 2 * root))
    assert fidelity.frechet(x, y) == pytest.approx(expected, rel=1e-6)
    assert fidelity.frechet(x, x) == pytest.approx(0, abs=1e-9)


def test_frechet_of_two_gaussians_and_of_too_few_items() -> None:
    one = torch.tensor([[-1.0], [1.0]]) / math.sqrt(2)
    a, b = fidelity.moments(one), fidelity.moments(3 * one + 5)
    assert fidelity.frechet(a, b) == pytest.approx(25 + (3 - 1) ** 2)
    flat = fidelity.moments(torch.ones(5, 4))
    assert fidelity.frechet(flat, flat) == 0
    with pytest.raises(ValueError, match="1 items have no covariance"):
        fidelity.moments(torch.ones(1, 4))


def test_frechet_of_fewer_items_than_dimensions_and_of_nan() -> None:
    a, b = cloud(9, 40, 0, scale=1e4), cloud(7, 40, 1, 3.0, 1e4)
    x, y = fidelity.moments(a), fidelity.moments(b)
    # the same by way of the covariances, as with more items than dimensions
    expected = fidelity.frechet(replace(x, rows=None), replace(y, rows=None))
    assert fidelity.frechet(x, y) == pytest.approx(expected, rel=1e-4)
    assert fidelity.frechet(x, x) == pytest.approx(0, abs=1e-6 * float(x.cov.trace()))
    a[0, 0] = math.nan
    assert math.isnan(fidelity.frechet(fidelity.moments(a), y))


def test_kernel_distance_is_unbiased() -> None:
    same = [fidelity.kernel_distance(cloud(60, 8, 2 * s), cloud(60, 8, 2 * s + 1)) for s in range(30)]
    assert abs(np.mean(same)) < 0.05
    assert min(same) < 0
    assert fidelity.kernel_distance(cloud(60, 8, 0), cloud(60, 8, 1, 1.0)) > 1
    a, b = cloud(3, 2, 0).double(), cloud(3, 2, 1).double()
    kernel = lambda x, y: float((x @ y / 2 + 1) ** 3)  # noqa: E731
    within = [kernel(p[i], p[j]) / 6 for p in (a, b) for i in range(3) for j in range(3) if i != j]
    across = [kernel(x, y) / 9 for x in a for y in b]
    assert fidelity.kernel_distance(a, b) == pytest.approx(sum(within) - 2 * sum(across))


def test_many_items_are_drawn_from() -> None:
    how = {"subset": 50, "subsets": 20}
    found = fidelity.kernel_distance(cloud(200, 4, 0), cloud(200, 4, 1), **how)
    assert abs(found) < 0.1
    assert found == fidelity.kernel_distance(cloud(200, 4, 0), cloud(200, 4, 1), **how)
    assert found != fidelity.kernel_distance(cloud(200, 4, 0), cloud(200, 4, 1), seed=1, **how)


def test_precision_and_recall_tell_collapse_from_nonsense() -> None:
    real = cloud(300, 4, 0)
    assert fidelity.precision_recall(real, cloud(300, 4, 1)) == pytest.approx((0.95, 0.95), abs=0.06)
    collapsed = real[:1] + 1e-3 * cloud(300, 4, 2)
    precision, recall = fidelity.precision_recall(real, collapsed)
    assert (precision, recall) == pytest.approx((1.0, 0.0), abs=0.02)
    assert fidelity.precision_recall(real, real + 100) == (0.0, 0.0)
    with pytest.raises(ValueError, match="5 items have no 5-th neighbour"):
        fidelity.precision_recall(real[:5], real)


def by_definition(real: torch.Tensor, fake: torch.Tensor, k: int) -> tuple[float, float]:
    """Precision and recall with plain loops: inside the ball of one of the others, to its k-th neighbour."""

    def covered(points: np.ndarray, around: np.ndarray) -> float:
        radii = [sorted(math.dist(x, y) for y in around)[k] for x in around]  # the first one is itself
        return float(
            np.mean([any(math.dist(p, x) <= r for x, r in zip(around, radii, strict=True)) for p in points])
        )

    ours, theirs = real.double().numpy(), fake.double().numpy()
    return covered(theirs, ours), covered(ours, theirs)


def test_precision_and_recall_are_those_of_the_definition() -> None:
    real, fake = cloud(40, 3, 0), cloud(30, 3, 1, 0.6, 0.8)
    for k in (1, 3, 5):
        assert fidelity.precision_recall(real, fake, k) == pytest.approx(by_definition(real, fake, k))
    # the twin that takes an item for its own first neighbour
    assert fidelity.precision_recall(real, fake, 3) != pytest.approx(by_definition(real, fake, 2))


def test_inception_score_of_sure_and_of_unsure_logits() -> None:
    sure = 100 * torch.eye(4).repeat(25, 1)
    assert fidelity.inception_score(sure, splits=5) == pytest.approx(4.0)
    assert fidelity.inception_score(torch.zeros(100, 4)) == pytest.approx(1.0)


def test_features_are_gathered_in_order() -> None:
    batches = [torch.full((2, 3), float(i)) for i in range(3)]
    features, logits = fidelity.gathered(lambda x: (x, x[:, :1] * 2), batches)
    assert features[:, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert logits.shape == (6, 1)


def test_diversity_compares_distances_within_classes() -> None:
    real, labels = torch.cat([cloud(60, 4, 0), cloud(60, 4, 1, 50.0)]), torch.arange(2).repeat_interleave(60)
    assert fidelity.diversity(real, labels, real, labels) == pytest.approx(1)
    half = torch.cat([cloud(60, 4, 2, scale=0.5), cloud(60, 4, 3, 50.0, 0.5)])
    assert fidelity.diversity(real, labels, half, labels) == pytest.approx(0.5, rel=0.1)
    one = real[[0]].repeat(120, 1)
    assert fidelity.diversity(real, labels, one, labels) == 0, "a mode for each class, however far apart"
    assert math.isnan(fidelity.diversity(one, labels, real, labels))
    assert math.isnan(fidelity.diversity(real, labels, real[:1], labels[:1]))


def test_entropy_of_classes_found() -> None:
    even = torch.eye(4).repeat(5, 1)
    assert fidelity.class_entropy(even) == pytest.approx(1)
    assert fidelity.class_entropy(torch.eye(4)[[0, 0, 0]]) == 0
    assert fidelity.class_entropy(torch.eye(4)[[0, 1]]) == pytest.approx(0.5)
