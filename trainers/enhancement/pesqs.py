"""PESQ of training items at a fixed lag: asked for at step n, used at step n + lag, waited for if late.

The lag is part of the recipe and not of the machine's speed, so that a run is the same wherever it is made.
Queue and scores are part of the checkpoint. Where several processes train, each has its own rows scored and all
learn of all scores: what is left out, and whether a batch trains, is decided on the whole batch.
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
from trainers.kit import processes
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
        self.book, self.part, self.team = book, part, processes.current()
        self._queue: deque[Entry] = deque()
        self._fresh()

    def _fresh(self) -> None:
        self._items = self._batches = self._lost_batches = self._trained = 0
        self._reasons: Counter[Reason] = Counter()
        self._own = self._own_missing = 0
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
        own = {kind: [self.book.answer(k) for k in keys] for kind, keys in entry.keys.items()}
        self._waited += time.monotonic() - began
        told = self.team.gather({kind: [s.plain() for s in found] for kind, found in own.items()})
        scores = {kind: [Score.of(list(p)) for rank in told for p in rank[kind]] for kind in own}
        self._count(scores["est"])
        self._own += len(own["est"])
        self._own_missing += sum(s.reason is not None for s in own["est"])
        before = sum(len(rank["est"]) for rank in told[: self.team.rank])
        groups = {kind: self._group(entry, kind, found, before) for kind, found in scores.items()}
        absent = any(s.reason in ABSENT for s in scores["est"])
        trains = bool(groups["est"].total) or (self.part.failures == "item" and not absent)
        self._trained += trains
        self.book.trim(k for e in self._queue for keys in e.keys.values() for k in keys)
        return Scored(entry.clean, groups, trains)

    def _group(self, entry: Entry, kind: str, scores: Sequence[Score], before: int) -> Judged:
        """What is learned of one kind: the rows of this process, which begin at ``before``, of all."""
        rows, targets = targets_of(scores, self.part.failures)
        device, count = entry.clean.device, len(entry.clean)
        here = [before <= row < before + count for row in rows]
        mine = [row - before for row, own in zip(rows, here, strict=True) if own]
        where = torch.tensor(mine, dtype=torch.long, device=device)
        known = torch.tensor(targets, device=device)
        return Judged(
            entry.clean[where],
            entry.estimates[kind][where],
            known[torch.tensor(here, dtype=torch.bool, device=device)],
            known,
            here,
        )

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
        if self.team.size > 1:
            found |= {"ranks/items": self._own, "ranks/pesq_missing": self._own_missing / self._own}
        self.book.hits = self.book.asked = 0
        self._fresh()
        return found

    def state_dict(self) -> dict[str, Any]:
        """The queue with its scores, waited for here, so that nothing is under way in a checkpoint.

        Of several processes it says besides which scores each one knew.
        """
        for entry in self._queue:
            for keys in entry.keys.values():
                for key in keys:
                    self.book.answer(key)
        queue = [vars(entry) for entry in self._queue]
        told = self.team.collect({"queue": queue, "book": self.book.state_dict()})
        known = {key: score for state in told for key, score in state["book"]["scores"].items()}
        whole = [_whole(entries) for entries in zip(*(state["queue"] for state in told), strict=True)]
        each = [list(state["book"]["scores"]) for state in told]
        return {"queue": whole, "book": {"scores": known}} | ({"each": each} if len(each) > 1 else {})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`, each process with its own rows of it, and with its own scores or all."""
        self._queue = deque(_part(entry, self.team.rows(len(entry["clean"]))) for entry in state["queue"])
        known, each = state["book"]["scores"], state.get("each", [])
        mine = each[self.team.rank] if len(each) == self.team.size else list(known)
        self.book.load_state_dict({"scores": {key: known[key] for key in mine}})

    def to(self, device: torch.device) -> None:
        """Moves a queue that was loaded to where it is trained on."""
        self._queue = deque(
            Entry(e.clean.to(device), {k: v.to(device) for k, v in e.estimates.items()}, e.keys)
            for e in self._queue
        )


def _whole(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The rows of one batch of all processes, as one."""
    if len(entries) == 1:
        return dict(entries[0])
    kinds = entries[0]["keys"]
    return {
        "clean": torch.cat([e["clean"].cpu() for e in entries]),
        "estimates": {k: torch.cat([e["estimates"][k].cpu() for e in entries]) for k in kinds},
        "keys": {k: [key for e in entries for key in e["keys"][k]] for k in kinds},
    }


def _part(entry: dict[str, Any], rows: slice) -> Entry:
    return Entry(
        entry["clean"][rows],
        {kind: found[rows] for kind, found in entry["estimates"].items()},
        {kind: keys[rows] for kind, keys in entry["keys"].items()},
    )
