"""What runs take from a `Bank`: the split, a seeded crop sampler, a fixed evaluation set with a hash."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from trainers.kit.audio import Bank, Clip, Wave
from trainers.kit.errors import BadInput


def _order(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def split(bank: Bank, share: float, seed: int, *, shortest: int) -> tuple[list[Clip], list[Clip]]:
    """(training, held out): whole speakers where there are two or more, else files, else the end of one.

    A name's place is drawn from its own digest, so that a folder which grows keeps most of its split.

    Raises:
        BadInput: when there is only one file, too short to be cut in two.
    """
    clips = list(bank.clips)
    if len(clips) == 1:
        return _cut(bank.root, clips[0], share, shortest)
    named = len({c.speaker for c in clips if c.speaker}) > 1
    groups: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[f"speaker {clip.speaker}" if named and clip.speaker else clip.id].append(clip)
    names = sorted(groups, key=lambda name: _order(seed, name))
    held = set(names[: min(max(round(share * len(names)), 1), len(names) - 1)])
    return (
        [c for name, group in groups.items() if name not in held for c in group],
        [c for name in names if name in held for c in groups[name]],
    )


def _cut(root: str, clip: Clip, share: float, shortest: int) -> tuple[list[Clip], list[Clip]]:
    at = min(int(clip.length * (1 - share)), clip.length - shortest)
    if at < shortest:
        raise BadInput(
            f"data.root {root!r}: {clip.id}, its only usable file, has {clip.length} samples; training and "
            f"evaluation need a crop of {shortest} each: add files or lower data.crop"
        )
    rest = Clip(clip.id, clip.speaker, clip.start + at, clip.length - at, clip.offset + at)
    return [replace(clip, length=at)], [rest]


class Crops:
    """Batches of random crops ``[batch, crop]``, of stereo ``[batch, crop, 2]``; batch k depends on (seed, k).

    So the position, one whole number, is all that a checkpoint has to keep, and two recipes with the same
    seed and data see the same crops whatever else they draw.
    """

    def __init__(self, bank: Bank, clips: Sequence[Clip], *, crop: int, batch: int, seed: int) -> None:
        usable = [c for c in clips if c.length >= crop]
        whole = sum(c.length // crop for c in usable)
        if batch > whole:
            raise BadInput(
                f"data.batch {batch} is more than the {whole} crops of {crop} samples that the training data "
                "holds: lower data.batch or data.crop, or add files"
            )
        self.bank, self.clips, self.crop, self.size, self.seed = bank, usable, crop, batch, seed
        self.position = 0
        self._ends = np.cumsum([c.length - crop + 1 for c in usable])

    def next(self) -> Wave:
        """The batch at `position`, which moves on by one."""
        random = np.random.default_rng([self.seed, self.position])
        self.position += 1
        out = np.empty((self.size, self.crop, *self.bank.samples.shape[1:]), np.float32)
        for row, place in zip(out, random.integers(self._ends[-1], size=self.size), strict=True):
            which = int(np.searchsorted(self._ends, place, side="right"))
            clip = self.clips[which]
            start = clip.start + int(place) - (int(self._ends[which - 1]) if which else 0)
            row[:] = self.bank.samples[start : start + self.crop]
        return out

    def state_dict(self) -> dict[str, int]:
        return {"position": self.position, "seed": self.seed}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.position = int(state["position"])


@dataclass(frozen=True)
class Item:
    """One evaluation clip. ``slot`` names it for samples; ``seconds`` tells where it lies in its file."""

    slot: str
    clip: str
    speaker: str
    offset: int
    wave: Wave


@dataclass(frozen=True)
class EvaluationSet:
    """The same stretches at every evaluation of every run on the same data; ``sha256`` proves it."""

    items: tuple[Item, ...]
    rate_hz: int
    sha256: str


def evaluation_set(bank: Bank, held: Sequence[Clip], *, items: int, seconds: float) -> EvaluationSet:
    """Up to ``items`` stretches of at most ``seconds`` from the held-out clips, speakers in turn.

    Each clip gives the middle of itself first; long clips give more where there are fewer clips than items.
    """
    longest = max(1, int(seconds * bank.rate_hz))
    turns: dict[str, list[Clip]] = defaultdict(list)
    for clip in held:
        turns[clip.speaker].append(clip)
    in_turn = [
        queue[i]
        for i in range(max(map(len, turns.values()), default=0))
        for queue in turns.values()
        if i < len(queue)
    ]
    chosen: list[Item] = []
    for turn in range(max((c.length // longest for c in in_turn), default=0) or 1):
        for clip in in_turn:
            parts = max(1, clip.length // longest)
            if turn >= parts or len(chosen) >= items:
                continue
            # the middle stretch first, then the others from the beginning
            part = [parts // 2, *(p for p in range(parts) if p != parts // 2)][turn]
            length = min(longest, clip.length)
            start = (clip.length - parts * length) // 2 + part * length
            slot = clip.id.rsplit(".", 1)[0] + (f"+{turn}" if turn else "")
            wave = np.array(bank.wave(clip)[start : start + length])
            chosen.append(Item(slot, clip.id, clip.speaker, clip.offset + start, wave))
    return EvaluationSet(tuple(chosen), bank.rate_hz, digest(chosen, bank.rate_hz))


def digest(items: Sequence[Item], rate_hz: int) -> str:
    """SHA-256 over rate, ids, offsets and samples of an evaluation set."""
    sha = hashlib.sha256()
    places = [rate_hz, [(i.clip, i.offset, len(i.wave)) for i in items]]
    sha.update(json.dumps(places).encode())
    for item in items:
        sha.update(np.ascontiguousarray(item.wave, dtype="<f4").tobytes())
    return sha.hexdigest()
