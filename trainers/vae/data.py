"""The AudioVAE's data: a stereo bank, crops as a loader for Lightning, and the evaluation set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from recipes.vae import Vae
from trainers.kit import audio
from trainers.kit.crops import Crops, EvaluationSet, evaluation_set, split
from trainers.kit.loop import Loop


@dataclass(frozen=True)
class Sound:
    """What a run trains on and is measured by. ``mono`` and ``resampled`` count files that were changed."""

    bank: audio.Bank
    crops: Crops
    evaluation: EvaluationSet
    minutes: float
    mono: int
    resampled: int


def sound(recipe: Vae) -> Sound:
    """Decodes, splits and checks the data of a recipe. Raises `BadInput` for data that cannot be used."""
    data, channels = recipe.data, recipe.model.in_channels
    bank = audio.load(
        data.root, data.rate_hz, shortest=data.crop, rms=data.rms, channels=channels, mono=data.mono
    )
    training, held = split(bank, data.eval_share, data.split_seed, shortest=data.crop)
    crops = Crops(bank, training, crop=data.crop, batch=data.batch, seed=recipe.seed)
    evaluation = evaluation_set(bank, held, items=data.eval_items, seconds=data.eval_seconds)
    minutes = sum(c.length for c in training) / data.rate_hz / 60
    mono, resampled = _changed(bank) if data.root else (0, 0)
    return Sound(bank, crops, evaluation, minutes, mono if channels == 2 else 0, resampled)


def _changed(bank: audio.Bank) -> tuple[int, int]:
    """(mono files, files of another rate) among the clips, by their headers."""
    infos = [soundfile.info(Path(bank.root) / clip.id) for clip in bank.clips]
    return sum(i.channels == 1 for i in infos), sum(i.samplerate != bank.rate_hz for i in infos)


def as_channels(wave: np.ndarray) -> Tensor:
    """A wave of a bank, ``[…, T]`` or ``[…, T, 2]``, as a tensor ``[…, C, T]``; ``dims`` tells batches."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(wave, -1, -2)))


class Batches:
    """Training batches ``[B, C, T]`` for Lightning, one pass an epoch, as long as the loop takes steps.

    The house's loop decides when a run ends, so that a stop is heard before each batch.
    """

    def __init__(self, loop: Loop, crops: Crops, channels: int) -> None:
        self.loop, self.crops, self.channels = loop, crops, channels
        self._steps = loop.steps()

    def __len__(self) -> int:
        return self.loop.schedule.per_epoch

    def __iter__(self) -> Iterator[Tensor]:
        for step in self._steps:
            with self.loop.waiting():
                wave = self.crops.next()
                wave = wave[self.loop.team.rows(len(wave))]
                batch = as_channels(wave if wave.ndim == 3 else wave[..., None])
            yield batch
            if step % self.loop.schedule.per_epoch == 0:
                return
