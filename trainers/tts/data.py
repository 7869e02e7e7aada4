"""FastSpeech2's batches: split, statistics, targets of each utterance, and a stream that drops what is not finite."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from recipes.tts import Tts
from trainers.kit import processes
from trainers.kit.errors import BadInput
from trainers.tts import pitch
from trainers.tts.features import Features, Utterance, features
from trainers.tts.scale import Scale, clamped
from trainers.tts.symbols import Inventory

REMEMBERED = 4_000_000  # frames; targets of a larger corpus are made anew each time


class Batch(NamedTuple):
    """Utterances side by side, zeros behind the shorter ones; B items, N phonemes, T frames, M bands.

    ``pitch`` is ``[B, N]``, or the pitch spectrogram ``[B, T, 10]``; ``log_f0`` ``[B, T]`` the z-normalised
    contour; ``energy`` ``[B, N]`` or ``[B, T]``, z-normalised.
    """

    tokens: Tensor
    lengths: Tensor
    durations: Tensor
    mel: Tensor
    frames: Tensor
    pitch: Tensor
    pitch_mean: Tensor
    pitch_std: Tensor
    log_f0: Tensor
    energy: Tensor

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(*(t.to(device) for t in self))


@dataclass(frozen=True)
class Facts:
    """What a network needs beside its weights: symbols, and means and spreads of the training data."""

    symbols: tuple[str, ...]
    pitch: tuple[float, float]
    energy: tuple[float, float]
    mel: tuple[float, float]
    voice: str = "en-us"

    def to_dict(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Facts:
        pairs = {k: (float(values[k][0]), float(values[k][1])) for k in ("pitch", "energy", "mel")}
        return cls(symbols=tuple(values["symbols"]), voice=str(values["voice"]), **pairs)


def _moments(values: NDArray[Any]) -> tuple[float, float]:
    return (float(values.mean()), max(float(values.std()), 1e-4)) if len(values) else (0.0, 1.0)


class Speech:
    """The data of a recipe: training and evaluation utterances, their targets, the evaluation set's hash.

    Raises:
        BadInput: for data that cannot be used.
    """

    def __init__(self, recipe: Tts, facts: Facts | None = None) -> None:
        self.recipe, self.scale = recipe, Scale(recipe.mel)
        self.features: Features = features(recipe)
        self.training, held = split(self.features.utterances, recipe.data.eval_share, recipe.data.split_seed)
        self.broken = {u.id: why for u in self.features.utterances if (why := self._broken(u))}
        sound = [u for u in self.training if u.id not in self.broken]
        usable = [u for u in held if u.id not in self.broken][: recipe.data.eval_items]
        if not sound or not usable:
            name, why = next(iter(self.broken.items()))
            raise BadInput(
                f"data.root {recipe.data.root!r}: no recording is left to {'train on' if not sound else 'evaluate'} "
                f"({len(self.broken)} hold values that are not finite, first {name}: {why})"
            )
        self.evaluation = tuple(usable)
        self.facts = facts or self._facts(sound)
        self.inventory = Inventory(self.facts.symbols)
        self.sha256 = self._digest()
        self._made: dict[str, dict[str, Tensor]] = {}

    @property
    def minutes(self) -> float:
        """Length of the training recordings."""
        frames = sum(u.frames for u in self.training)
        return frames * self.recipe.mel.hop / self.recipe.data.rate_hz / 60

    def rows(self, u: Utterance) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
        """(mel magnitudes ``[T, M]``, F0 in Hz ``[T]``, energy ``[T]``) of an utterance."""
        cut = slice(u.start, u.start + u.frames)
        tracks = np.asarray(self.features.tracks[cut], np.float64)
        return np.array(self.features.mel[cut]), tracks[:, 0], tracks[:, 1]

    def _broken(self, u: Utterance) -> str:
        """Why an utterance is not finite; empty where it is."""
        mel, _, energy = self.rows(u)
        bad = int(np.count_nonzero(~np.isfinite(mel))) + int(np.count_nonzero(~np.isfinite(energy)))
        return f"{bad} values of mel and energy are NaN or infinite" if bad else ""

    def _facts(self, sound: Sequence[Utterance]) -> Facts:
        pitches, energies, targets = [], [], []
        for u in sound:
            mel, hz, energy = self.rows(u)
            durations = np.array(u.durations)
            voiced = hz > 0
            known = np.repeat(np.arange(len(durations)), durations)
            if voiced.any():
                log_f0 = np.log(np.where(voiced, hz, 1.0))
                per = pitch.by_phoneme(log_f0, durations, voiced)
                pitches.append(per[np.unique(known[voiced])])
            energies.append(pitch.by_phoneme(energy, durations, np.ones(len(hz), bool))[durations > 0])
            targets.append(self.scale.forward(torch.from_numpy(mel)).numpy().ravel())
        symbols = sorted({p for u in self.features.utterances for p in u.phonemes})
        return Facts(
            symbols=tuple(symbols),
            pitch=_moments(pitch.outliers_cut(np.concatenate(pitches or [np.zeros(0)]))),
            energy=_moments(pitch.outliers_cut(np.concatenate(energies))),
            mel=_moments(np.concatenate(targets)),
            voice=self.recipe.data.voice,
        )

    def _digest(self) -> str:
        """SHA-256 over ids, phonemes, durations and magnitudes of the evaluation set, whatever the scale."""
        sha = hashlib.sha256()
        for u in self.evaluation:
            sha.update(json.dumps([u.id, u.phonemes, u.durations]).encode())
            sha.update(np.ascontiguousarray(self.rows(u)[0], "<f4").tobytes())
        return sha.hexdigest()

    def targets(self, u: Utterance) -> dict[str, Tensor]:
        """The tensors of one utterance, by the names of `Batch`."""
        if u.id in self._made:
            return self._made[u.id]
        gen, (mean, spread) = self.recipe.gen, self.facts.pitch
        rows, hz, energy = self.rows(u)
        durations = np.array(u.durations)
        mel = self.scale.forward(torch.from_numpy(rows))
        if self.recipe.data.nonfinite == "clamp":
            mel, energy = clamped(mel), np.clip(energy, 0, 1e6)
        voiced = hz > 0
        whole = pitch.contour(hz) if voiced.any() else np.full(len(hz), mean)
        components, middle, width = pitch.spectrogram(whole, self.recipe.mel.hop / self.recipe.data.rate_hz)
        if gen.pitch == "phoneme":
            tone = (pitch.by_phoneme(whole, durations, voiced if voiced.any() else ~voiced) - mean) / spread
        else:
            tone = components
        if gen.energy == "phoneme":
            energy = pitch.by_phoneme(energy, durations, np.ones(len(energy), bool))
        energy = (energy - self.facts.energy[0]) / self.facts.energy[1]
        ids, _ = self.inventory.ids(u.phonemes, u.id)
        found = {
            "tokens": torch.tensor(ids),
            "durations": torch.from_numpy(durations),
            "mel": mel,
            "pitch": torch.from_numpy(tone).float(),
            "pitch_mean": torch.tensor((middle - mean) / spread, dtype=torch.float32),
            "pitch_std": torch.tensor(width / spread, dtype=torch.float32),
            "log_f0": torch.from_numpy((whole - mean) / spread).float(),
            "energy": torch.from_numpy(energy).float(),
        }
        if len(self.features.mel) <= REMEMBERED:
            self._made[u.id] = found
        return found

    def batch(self, utterances: Sequence[Utterance]) -> Batch:
        """Several utterances as a batch on the CPU."""
        each = [self.targets(u) for u in utterances]
        stacked = {
            name: torch.stack([e[name] for e in each])
            if each[0][name].ndim == 0
            else pad_sequence([e[name] for e in each], batch_first=True)
            for name in each[0]
        }
        lengths = torch.tensor([len(e["tokens"]) for e in each])
        frames = torch.tensor([len(e["mel"]) for e in each])
        return Batch(**stacked, lengths=lengths, frames=frames)


def finite(targets: dict[str, Tensor]) -> bool:
    """Whether all of an utterance's tensors are."""
    return all(bool(torch.isfinite(t).all()) for t in targets.values() if t.is_floating_point())


def split(
    utterances: Sequence[Utterance], share: float, seed: int
) -> tuple[list[Utterance], list[Utterance]]:
    """(training, held out), drawn from each id's own digest, so that a folder which grows keeps its split."""

    def order(u: Utterance) -> str:
        return hashlib.sha256(f"{seed}:{u.id}".encode()).hexdigest()

    count = min(max(round(share * len(utterances)), 1), len(utterances) - 1)
    held = sorted(utterances, key=order)[:count]
    names = {u.id for u in held}
    return [u for u in utterances if u.id not in names], held


class Stream:
    """Batches without end: pass after pass in an order drawn from (seed, pass) alone.

    An item that is not finite is dropped, counted, and named in ``fresh`` the first time; the next one takes
    its place. With ``drop=False`` (the document's clamping) nothing is dropped. The position and the counts
    are all that a checkpoint keeps.
    """

    def __init__(self, speech: Speech, size: int, seed: int, drop: bool = True) -> None:
        self.speech, self.size, self.seed, self.drop = speech, size, seed, drop
        self.position = self.dropped = self.batches = 0
        self.named: list[str] = []
        self.fresh: list[str] = []
        self._pass: tuple[int, NDArray[np.int64]] = (-1, np.zeros(0, np.int64))

    def _next(self) -> Utterance:
        items = self.speech.training
        turn, place = divmod(self.position, len(items))
        if self._pass[0] != turn:
            self._pass = (turn, np.random.default_rng([self.seed, turn]).permutation(len(items)))
        self.position += 1
        return items[int(self._pass[1][place])]

    def next(self) -> Batch:
        """The batch at `position`, every item of it checked; of several processes each has its part."""
        chosen: list[Utterance] = []
        before = self.dropped
        while len(chosen) < self.size:
            u = self._next()
            if self.drop and not finite(self.speech.targets(u)):
                self.dropped += 1
                if u.id not in self.named:
                    self.named.append(u.id)
                    self.fresh.append(u.id)
                continue
            chosen.append(u)
        self.batches += self.dropped > before
        return self.speech.batch(chosen[processes.current().rows(len(chosen))])

    def counts(self) -> dict[str, float]:
        """``data/nonfinite`` batches that lost an item, and the share of items lost."""
        share = self.dropped / max(self.position, 1)
        return {"data/nonfinite": float(self.batches), "data/nonfinite_share": share}

    def state_dict(self) -> dict[str, Any]:
        return {k: getattr(self, k) for k in ("position", "dropped", "batches", "named")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in ("position", "dropped", "batches"):
            setattr(self, name, int(state[name]))
        self.named = [str(n) for n in state["named"]]
