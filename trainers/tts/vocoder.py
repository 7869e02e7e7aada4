"""Mel magnitudes to sound: Griffin-Lim, or a HiFi-GAN generator in a TorchScript file that the operator gives."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from recipes.tts import Tts
from trainers.kit import dsp, griffinlim
from trainers.kit.errors import BadInput

Vocoder = Callable[[Tensor], Tensor]


def build_vocoder(recipe: Tts) -> Vocoder:
    """A function from magnitudes ``[T, M]`` to a wave ``[samples]`` on the CPU.

    Raises:
        BadInput: for a file that is no TorchScript, or that does not make ``hop`` samples of a frame.
    """
    mel = recipe.mel
    if recipe.vocoder.path:
        return _neural(recipe.vocoder.path, mel.n_mels, mel.hop)

    def invert(magnitudes: Tensor) -> Tensor:
        return griffinlim.invert(
            magnitudes.T.contiguous(),
            recipe.data.rate_hz,
            mel.n_fft,
            mel.hop,
            recipe.vocoder.iterations,
            low=mel.low,
            high=mel.high,
        )

    return invert


def _neural(path: str, bands: int, hop: int) -> Vocoder:
    if not os.path.isfile(path):
        raise BadInput(f"vocoder.path {path!r}: there is no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # torch prefers torch.export; HiFi-GANs are TorchScript
            net = torch.jit.load(path, map_location="cpu").eval()
    except (RuntimeError, ValueError, OSError) as problem:
        told = str(problem).strip().split("\n")[0]
        raise BadInput(f"vocoder.path {path!r} is no TorchScript file: {told:.100}") from problem

    @torch.no_grad()
    def speak(magnitudes: Tensor) -> Tensor:
        heard = net(magnitudes.T[None].float().clamp(min=dsp.FLOOR).log())
        wave: Tensor = heard.reshape(-1).float()
        return wave

    frames = 20
    try:
        made = speak(torch.full((frames, bands), 1e-3))
    except (RuntimeError, AttributeError, TypeError) as problem:
        told = str(problem).strip().split("\n")[-1]
        raise BadInput(
            f"vocoder.path {path!r} does not take log mels [1, {bands}, frames]: {told:.120}"
        ) from problem
    if abs(len(made) - frames * hop) > hop:
        raise BadInput(
            f"vocoder.path {path!r} makes {len(made)} samples of {frames} frames; with mel.hop {hop} there should be "
            f"{frames * hop}: it belongs to another hop"
        )
    return speak
