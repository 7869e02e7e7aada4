"""Pairs of clean and noisy speech: matched files, or clean speech mixed with noise; crops and evaluation sets.

`Matched` and `Mixed` give any stretch of a clip as (clean, noisy). What a clip is mixed with depends on its
name alone, like a corpus that was mixed once; nothing is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from trainers.kit.audio import Bank, Clip, Skipped, Wave
from trainers.kit.crops import Item, evaluation_set
from trainers.kit.errors import BadInput
from trainers.kit.noise import gain_for

if TYPE_CHECKING:
    from trainers.kit.processes import Team


class Pairs(Protocol):
    """What the sampler and the evaluation set need."""

    bank: Bank

    def stretch(self, clip: Clip, start: int, length: int) -> tuple[Wave, Wave]:
        """(clean, noisy) ``[length]`` from ``start`` in the clip."""


def _stem(clip: Clip) -> str:
    return clip.id.rsplit(".", 1)[0]


class Matched:
    """Clean and noisy files of the same name and length. ``bank`` holds the clean ones that have a partner.

    ``skipped`` names what has none: a missing partner, an unequal length.

    Raises:
        BadInput: where no pair is left.
    """

    def __init__(self, clean: Bank, noisy: Bank) -> None:
        partners = {_stem(c): c for c in noisy.clips}
        kept: list[Clip] = []
        skipped = [
            Skipped(f"{folder}/{s.path}", s.reason)
            for folder, bank in (("clean", clean), ("noisy", noisy))
            for s in bank.skipped
        ]
        self._noisy: dict[str, Clip] = {}
        for clip in clean.clips:
            other = partners.pop(_stem(clip), None)
            if other is None:
                skipped.append(Skipped(f"clean/{clip.id}", "has no noisy file of the same name"))
            elif other.length != clip.length:
                text = f"has {clip.length} samples, its noisy file {other.length}, at {clean.rate_hz} Hz"
                skipped.append(Skipped(f"clean/{clip.id}", text))
            else:
                kept.append(clip)
                self._noisy[clip.id] = other
        skipped += [Skipped(f"noisy/{c.id}", "has no clean file of the same name") for c in partners.values()]
        if not kept:
            first = "; ".join(f"{s.path}: {s.reason}" for s in skipped[:3])
            raise BadInput(
                f"data.root: no clean file of {clean.root!r} has a partner in {noisy.root!r} ({first}); pairs "
                "need equal names and lengths"
            )
        self.bank = Bank(clean.root, clean.rate_hz, clean.samples, tuple(kept), tuple(skipped))
        self._waves = noisy.samples

    def stretch(self, clip: Clip, start: int, length: int) -> tuple[Wave, Wave]:
        first = self._noisy[clip.id].start + clip.offset + start
        return self.bank.wave(clip)[start : start + length], self._waves[first : first + length]


class Mixed:
    """Clean clips, each with a noise, a place in it and a ratio drawn from its own name."""

    def __init__(
        self, bank: Bank, noises: Sequence[tuple[str, Wave]], snrs: Sequence[float], seed: int
    ) -> None:
        if not noises:
            raise ValueError("mixing needs at least one noise")
        self.bank, self.noises, self.snrs, self.seed = bank, list(noises), list(snrs), seed
        self._drawn: dict[tuple[str, int], tuple[Wave, int, float]] = {}

    def _draw(self, clip: Clip) -> tuple[Wave, int, float]:
        """(noise, where it begins, its gain) of a clip."""
        key = (clip.id, clip.offset)
        if key not in self._drawn:
            name = int(hashlib.sha256(f"{clip.id}:{clip.offset}".encode()).hexdigest()[:12], 16)
            random = np.random.default_rng([self.seed, name])
            noise = self.noises[int(random.integers(len(self.noises)))][1]
            snr, begin = float(random.choice(self.snrs)), int(random.integers(len(noise)))
            part = self._noise(noise, begin, 0, clip.length)
            clean_rms, noise_rms = (
                float(np.sqrt(np.mean(np.square(w, dtype=np.float64)))) for w in (self.bank.wave(clip), part)
            )
            self._drawn[key] = noise, begin, gain_for(clean_rms, noise_rms, snr)
        return self._drawn[key]

    @staticmethod
    def _noise(noise: Wave, begin: int, start: int, length: int) -> Wave:
        """``length`` samples of a noise that is repeated without end."""
        places = (begin + start + np.arange(length)) % len(noise)
        part: Wave = noise[places]
        return part

    def stretch(self, clip: Clip, start: int, length: int) -> tuple[Wave, Wave]:
        noise, begin, gain = self._draw(clip)
        clean = self.bank.wave(clip)[start : start + length]
        return clean, clean + np.float32(gain) * self._noise(noise, begin, start, length)


@dataclass(frozen=True)
class Batch:
    """``clean`` and ``noisy`` ``[batch, crop]``; ``items`` name the crops, ``epochs`` the passes over the clips."""

    clean: Wave
    noisy: Wave
    items: list[str]
    epochs: list[int]


def own(batch: Batch, team: Team) -> Batch:
    """The rows of a batch that a process trains on."""
    rows = team.rows(len(batch.items))
    return Batch(batch.clean[rows], batch.noisy[rows], batch.items[rows], batch.epochs[rows])


class PairCrops:
    """Batches of random crops, each clip once a pass; batch k depends on (seed, k) alone.

    A clip shorter than the crop is repeated to it. ``step`` puts the beginnings on a grid.
    """

    def __init__(
        self, pairs: Pairs, clips: Sequence[Clip], *, crop: int, batch: int, seed: int, step: int = 0
    ) -> None:
        if batch > len(clips):
            raise BadInput(
                f"data.batch {batch} is more than the {len(clips)} training clips: lower data.batch or add files"
            )
        self.pairs, self.clips, self.crop, self.size = pairs, list(clips), crop, batch
        self.seed, self.step, self.position = seed, step, 0

    def next(self) -> Batch:
        """The batch at `position`, which moves on by one."""
        clean, noisy = (np.empty((self.size, self.crop), np.float32) for _ in range(2))
        items, epochs = [], []
        first = self.position * self.size
        for row in range(self.size):
            turn, place = divmod(first + row, len(self.clips))
            order = np.random.default_rng([self.seed, turn]).permutation(len(self.clips))
            clip = self.clips[int(order[place])]
            start = self._start(clip, turn, place)
            length = min(self.crop, clip.length)
            for out, wave in zip((clean, noisy), self.pairs.stretch(clip, start, length), strict=True):
                out[row] = np.resize(wave, self.crop)
            items.append(f"{clip.id}+{clip.offset + start}")
            epochs.append(turn)
        self.position += 1
        return Batch(clean, noisy, items, epochs)

    def _start(self, clip: Clip, turn: int, place: int) -> int:
        spare = clip.length - self.crop
        if spare <= 0:
            return 0
        start = int(np.random.default_rng([self.seed, turn, place]).integers(spare + 1))
        return start // self.step * self.step if self.step else start

    def state_dict(self) -> dict[str, int]:
        return {"position": self.position, "seed": self.seed}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.position = int(state["position"])


@dataclass(frozen=True)
class Pair:
    """One evaluation item; ``start`` lies in ``clip``, ``item`` holds the clean wave."""

    item: Item
    clip: Clip
    noisy: Wave


@dataclass(frozen=True)
class PairSet:
    """The items of an evaluation; ``sha256`` is over places and samples, clean and noisy."""

    pairs: tuple[Pair, ...]
    rate_hz: int
    sha256: str


def _hashed(first: str, pairs: Sequence[Pair]) -> str:
    sha = hashlib.sha256(first.encode())
    for pair in pairs:
        sha.update(np.ascontiguousarray(pair.noisy, dtype="<f4").tobytes())
    return sha.hexdigest()


def pair_set(source: Pairs, held: Sequence[Clip], *, items: int, seconds: float) -> PairSet:
    """The fixed evaluation set: middle stretches of at most ``seconds``, as `evaluation_set` chooses them."""
    chosen = evaluation_set(source.bank, held, items=items, seconds=seconds)
    clips = {(c.id, c.offset): c for c in held}
    pairs = []
    for item in chosen.items:
        clip = next(c for (name, offset), c in clips.items() if name == item.clip and offset <= item.offset)
        _, noisy = source.stretch(clip, item.offset - clip.offset, len(item.wave))
        pairs.append(Pair(item, clip, np.array(noisy)))
    return PairSet(tuple(pairs), chosen.rate_hz, _hashed(chosen.sha256, pairs))


def moved(source: Pairs, fixed: PairSet, seed: int, turn: int) -> PairSet:
    """The same clips at random places of the same lengths: another set each ``turn``."""
    pairs, places = [], []
    for i, pair in enumerate(fixed.pairs):
        clip, length = pair.clip, len(pair.item.wave)
        start = int(np.random.default_rng([seed, turn, i]).integers(clip.length - length + 1))
        clean, noisy = source.stretch(clip, start, length)
        item = Item(pair.item.slot, clip.id, clip.speaker, clip.offset + start, np.array(clean))
        pairs.append(Pair(item, clip, np.array(noisy)))
        places.append(f"{clip.id}+{clip.offset + start}:{length}")
    sha = hashlib.sha256("\n".join(places).encode())
    for pair in pairs:
        sha.update(np.ascontiguousarray(pair.item.wave, dtype="<f4").tobytes())
    return PairSet(tuple(pairs), fixed.rate_hz, _hashed(sha.hexdigest(), pairs))
