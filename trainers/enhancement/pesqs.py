"""PESQ of training items at a fixed lag: asked for at step n, used at step n + lag, waited for if late.

The lag is part of the recipe and not of the machine's speed, so that a run is the same wherever it is made.
Queue and scores are part of the checkpoint.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from recipes.enhancement import Pesq as Part
from trainers.enhancement.game import Judged, normalised
from trainers.kit.scorers import ScoreBook
from trainers.kit.scores import Reason, Score

ABSENT = (Reason.NOT_INSTALLED, Reason.RATE)
SENTINEL = -1.0  # what the released code puts where PESQ raised an error


@dataclass(frozen=True)
class Entry:
    """A batch that waits for its scores: magnitudes ``[B, T, F]``, keys of the scores a kind."""

    clean: Tensor
    estimates: dict[str, Tensor]
    keys: dict[str, list[str]]


@dataclass(frozen=True)
class Scored:
    """A batch with what the rule for missing scores leaves of it; ``trains`` is off where that is nothing."""

    clean: Tensor
    groups: dict[str, Judged]
    trains: bool


def targets_of(scores: Sequence[Score], rule: str) -> tuple[list[int], list[float]]:
    """(rows to learn from, their targets) by the rule: ``batch``, ``item`` or ``keep``.

    Where PESQ cannot be had at all (not installed, no such rate) there are none, whatever the rule.
    """
    if rule == "keep" and not any(s.reason in ABSENT for s in scores):
        values = [SENTINEL if s.value is None else s.value for s in scores]
        return list(range(len(scores))), [normalised(v) for v in values]
    rows = [i for i, s in enumerate(scores) if s.value is not None]
    if rule == "batch" and len(rows) < len(scores):
        rows = []
    return rows, [normalised(scores[i].value or 0.0) for i in rows]


class LaggedScores:
    """The queue of batches whose scores are being computed, and counts of what could not be scored."""

    def __init__(self, book: ScoreBook, part: Part) -> None:
        self.book, self.part = book, part
        self._queue: deque[Entry] = deque()
        self._fresh()

    def _fresh(self) -> None:
        self._items = self._batches = self._lost_batches = self._trained = 0
        self._reasons: Counter[Reason] = Counter()
        self._waited = 0.0

    def push(self, entry: Entry, waves: dict[str, tuple[Tensor, Tensor]]) -> None:
        """A new batch; ``waves`` gives (clean, estimate) ``[B, T]`` a kind, on the CPU."""
        for kind, keys in entry.keys.items():
            for key, clean, estimate in zip(keys, *waves[kind], strict=True):
                self.book.ask(key, clean, estimate)
        self._queue.append(entry)

    def pop(self) -> Scored | None:
        """The batch that was pushed ``lag`` pushes ago with its scores, None while there is none."""
        if len(self._queue) <= self.part.lag:
            return None
        entry = self._queue.popleft()
        began = time.monotonic()
        scores = {kind: [self.book.answer(k) for k in keys] for kind, keys in entry.keys.items()}
        self._waited += time.monotonic() - began
        self._count(scores["est"])
        groups = {}
        for kind, found in scores.items():
            rows, targets = targets_of(found, self.part.failures)
            device = entry.clean.device
            where = torch.tensor(rows, dtype=torch.long, device=device)
            groups[kind] = Judged(
                entry.clean[where], entry.estimates[kind][where], torch.tensor(targets, device=device)
            )
        absent = any(s.reason in ABSENT for s in scores["est"])
        trains = bool(len(groups["est"].targets)) or (self.part.failures == "item" and not absent)
        self._trained += trains
        self.book.trim(k for e in self._queue for keys in e.keys.values() for k in keys)
        return Scored(entry.clean, groups, trains)

    def _count(self, scores: Sequence[Score]) -> None:
        missing = [s.reason for s in scores if s.reason is not None]
        self._items += len(scores)
        self._batches += 1
        self._lost_batches += bool(missing)
        self._reasons.update(missing)

    def points(self, wall: float) -> dict[str, float]:
        """Shares since the last call by series name; ``wall`` is the time since then. Empty without a batch."""
        items, batches = self._items, self._batches
        if not batches:
            return {}
        found = {
            "pesq/missing_items": self._reasons.total() / items,
            "pesq/missing_batches": self._lost_batches / batches,
            "pesq/trained": self._trained / batches,
            "pesq/wait": min(self._waited / max(wall, 1e-9), 1.0),
            "pesq/cache_hits": self.book.hits / max(self.book.asked, 1),
        }
        found |= {f"pesq/reason.{reason}": n / items for reason, n in self._reasons.items()}
        self.book.hits = self.book.asked = 0
        self._fresh()
        return found

    def state_dict(self) -> dict[str, Any]:
        """The queue with its scores, waited for here, so that nothing is under way in a checkpoint."""
        for entry in self._queue:
            for keys in entry.keys.values():
                for key in keys:
                    self.book.answer(key)
        return {"queue": [vars(entry) for entry in self._queue], "book": self.book.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._queue = deque(Entry(**entry) for entry in state["queue"])
        self.book.load_state_dict(state["book"])

    def to(self, device: torch.device) -> None:
        """Moves a queue that was loaded to where it is trained on."""
        self._queue = deque(
            Entry(e.clean.to(device), {k: v.to(device) for k, v in e.estimates.items()}, e.keys)
            for e in self._queue
        )
