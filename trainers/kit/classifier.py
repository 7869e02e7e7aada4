"""A small classifier of a data set, whose features scores are computed on where there is no Inception.

It is trained once on the training part, on the CPU and from a seed of its own, and kept under
``$NASHBOARD_HOME/classifiers`` by the digest of the images: all runs on one data set share it, so that their
scores can be compared with each other, and with nothing else.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.kit.demo import cache_home
from trainers.kit.errors import BadInput
from trainers.kit.imagesets import Images

VERSION = 1
FEATURES, BATCH, RATE = 64, 64, 3e-3
PASSES, FEWEST, MOST = 8, 150, 2000


class Classifier(nn.Module):
    """Images ``[B, 3, side, side]`` in [-1, 1] to (features ``[B, 64]``, logits ``[B, classes]``)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        widths = (3, 16, 32, FEATURES)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images).mean((2, 3))
        return features, self.head(features)


@dataclass(frozen=True)
class Trained:
    """The classifier in evaluation mode, what it was trained on, and how often it is right on held-out images."""

    net: Classifier
    key: str
    steps: int
    accuracy: float


def as_float(pixels: Tensor) -> Tensor:
    """Bytes as [-1, 1]."""
    return pixels.float() / 127.5 - 1


def digest(*parts: Images) -> str:
    """SHA-256 of images and labels, in their order."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.pixels.tobytes())
        found.update(part.labels.tobytes())
    return found.hexdigest()


def trained(train: Images, held: Images, classes: int) -> Trained:
    """The classifier of this data set, from the cache or trained now. Leaves the global generators alone.

    Raises:
        BadInput: where the cache cannot be written.
    """
    key = hashlib.sha256(f"{VERSION} {classes} {FEWEST} {MOST} {digest(train, held)}".encode()).hexdigest()[
        :24
    ]
    path = cache_home() / "classifiers" / f"{key}.pt"
    state = _cached(path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Classifier(classes)
        steps = 0 if state else _fit(net, train)
    if state is None:
        state = {"net": net.state_dict(), "steps": steps, "accuracy": _accuracy(net, held)}
        _keep(path, state)
    net.load_state_dict(state["net"])
    return Trained(net.requires_grad_(False).eval(), key, int(state["steps"]), float(state["accuracy"]))


def _fit(net: Classifier, train: Images) -> int:
    pixels, labels = torch.from_numpy(train.pixels), torch.from_numpy(train.labels)
    size = min(BATCH, len(labels))
    steps = min(max(PASSES * len(labels) // size, FEWEST), MOST)
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, steps)
    net.train()
    for _ in range(steps):
        chosen = torch.randint(len(labels), (size,))
        loss = F.cross_entropy(net(as_float(pixels[chosen]))[1], labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    return steps


@torch.no_grad()
def _accuracy(net: Classifier, held: Images) -> float:
    pairs = zip(
        torch.from_numpy(held.pixels).split(1024), torch.from_numpy(held.labels).split(1024), strict=True
    )
    right = sum(int((net(as_float(x))[1].argmax(1) == y).sum()) for x, y in pairs)
    return right / max(len(held), 1)


def _cached(path: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # not there, or torn in whatever way: it is made anew
        return None
    return state


def _keep(path: Path, state: dict[str, Any]) -> None:
    making = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, making)
        making.replace(path)
    except (OSError, RuntimeError) as problem:
        raise BadInput(
            f"the classifier cannot be kept in {path.parent}: {problem}; set NASHBOARD_HOME to a folder that can "
            "be written"
        ) from None
