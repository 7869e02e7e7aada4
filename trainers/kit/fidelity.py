"""Scores of sets of images from features ``[N, D]``: Fréchet and kernel distance, precision and recall, IS.

They are FID, KID and IS only if the features are Inception's; a series' name says whose they are. All is
computed in double precision on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

KERNEL_SUBSET, KERNEL_SUBSETS = 1000, 100
CHUNK = 1024


@dataclass(frozen=True)
class Moments:
    """Mean ``[D]`` and covariance ``[D, D]`` of features; ``rows.T @ rows`` is the covariance where N < D."""

    mean: Tensor
    cov: Tensor
    count: int
    rows: Tensor | None = None


def moments(features: Tensor) -> Moments:
    """Of features ``[N, D]``, N at least 2."""
    if len(features) < 2:
        raise ValueError(f"{len(features)} items have no covariance; score two or more")
    wide = features.double()
    count, dims = wide.shape
    mean = wide.mean(0)
    rows = (wide - mean) / (count - 1) ** 0.5 if count < dims else None
    return Moments(mean, torch.cov(wide.T).reshape(dims, dims), count, rows)


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def frechet(a: Moments, b: Moments) -> float:
    """|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁ Σ₂)^½) (Heusel et al. 2017), by way of symmetric roots alone.

    NaN where either side holds values that are not finite.
    """
    if not all(bool(torch.isfinite(m.cov).all()) for m in (a, b)):
        return float("nan")
    if a.rows is not None and b.rows is not None:
        # the eigenvalues of Σ₁Σ₂ are squares of singular values of a product of N by N, which is far smaller
        cross = torch.linalg.svdvals(a.rows @ b.rows.T).sum()
    else:
        half = _root(a.cov)
        both = half @ b.cov @ half
        cross = torch.linalg.eigvalsh((both + both.T) / 2).clamp(min=0).sqrt().sum()
    apart = (a.mean - b.mean).square().sum()
    return float(apart + a.cov.trace() + b.cov.trace() - 2 * cross)


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def kernel_distance(
    real: Tensor,
    fake: Tensor,
    *,
    seed: int = 0,
    subset: int = KERNEL_SUBSET,
    subsets: int = KERNEL_SUBSETS,
) -> float:
    """KID (Bińkowski et al. 2018): unbiased MMD² with the kernel (x·y/D + 1)³.

    The mean over ``subsets`` draws of ``subset`` items each, or one pass over all where there are no more.
    """
    a, b = real.double(), fake.double()
    size = min(len(a), len(b), subset)
    if size < 2:
        raise ValueError(f"{size} items have no kernel distance; score two or more")
    rounds = 1 if max(len(a), len(b)) <= subset else subsets
    random = torch.Generator().manual_seed(seed)
    total = 0.0
    for _ in range(rounds):
        x, y = a, b
        if rounds > 1:
            x = a[torch.randperm(len(a), generator=random)[:size]]
            y = b[torch.randperm(len(b), generator=random)[:size]]
        xx, yy, xy = _kernel(x, x), _kernel(y, y), _kernel(x, y)
        within = (xx.sum() - xx.trace()) / (len(x) * (len(x) - 1))
        within += (yy.sum() - yy.trace()) / (len(y) * (len(y) - 1))
        total += float(within - 2 * xy.mean())
    return total / rounds


def _radii(features: Tensor, k: int) -> Tensor:
    """Distance of each item to its k-th neighbour."""
    return torch.cat(
        [torch.cdist(part, features).kthvalue(k + 1, 1).values for part in features.split(CHUNK)]
    )


def _covered(points: Tensor, around: Tensor, radii: Tensor) -> float:
    """Share of ``points`` inside a ball of one of ``around``."""
    inside = [(torch.cdist(part, around) <= radii).any(1) for part in points.split(CHUNK)]
    return float(torch.cat(inside).double().mean())


def precision_recall(real: Tensor, fake: Tensor, k: int = 5) -> tuple[float, float]:
    """Improved precision and recall (Kynkäänniemi et al. 2019): balls to the k-th neighbour."""
    if min(len(real), len(fake)) <= k:
        raise ValueError(f"{min(len(real), len(fake))} items have no {k}-th neighbour; score more")
    a, b = real.double(), fake.double()
    return _covered(b, a, _radii(a, k)), _covered(a, b, _radii(b, k))


def diversity(real: Tensor, real_labels: Tensor, fake: Tensor, fake_labels: Tensor) -> float:
    """Mean distance of two fakes of a class over that of two reals of it, mean over classes; 1 is as diverse.

    Features ``[N, D]`` with their classes ``[N]``. NaN where no class has two of both, or its reals are all alike.
    """
    found = []
    for label in torch.unique(real_labels).tolist():
        ours, theirs = (
            torch.pdist(x[labels == label].double())
            for x, labels in ((real, real_labels), (fake, fake_labels))
        )
        if len(ours) and len(theirs) and float(ours.mean()) > 0:
            found.append(theirs.mean() / ours.mean())
    return float(torch.stack(found).mean()) if found else float("nan")


def class_entropy(logits: Tensor) -> float:
    """Entropy of the classes that a classifier finds ``[N, K]``, as a share of that of K equal ones."""
    counts = torch.bincount(logits.argmax(1), minlength=logits.shape[1]).double()
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * shares.log()).sum() / torch.tensor(logits.shape[1]).double().log())


def inception_score(logits: Tensor, splits: int = 10) -> float:
    """exp of the mean KL between p(class | image) and p(class), mean over splits (Salimans et al. 2016)."""
    found = []
    for part in logits.double().chunk(min(splits, len(logits))):
        each = part.log_softmax(1)
        overall = each.exp().mean(0, keepdim=True).clamp(min=1e-300).log()
        found.append((each.exp() * (each - overall)).sum(1).mean().exp())
    return float(torch.stack(found).mean())


@torch.no_grad()
def gathered(
    extract: Callable[[Tensor], tuple[Tensor, Tensor]], batches: Iterable[Tensor]
) -> tuple[Tensor, Tensor]:
    """(features, logits) of all batches, on the CPU."""
    pairs = [tuple(x.float().cpu() for x in extract(batch)) for batch in batches]
    return torch.cat([f for f, _ in pairs]), torch.cat([x for _, x in pairs])
