"""Mels as pictures: one grey scale for all of them, so that any two can be laid over each other."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.kit import dsp

LOUDEST, QUIETEST = 1.0, -11.52  # ln magnitude that a picture shows white and black
N_FFT, HOP, BANDS = 512, 128, 80


def mel_picture(log_mel: Tensor) -> NDArray[np.float64]:
    """A log mel ``[T, M]`` (ln of magnitudes) as grey ``[M, T]`` of 0 to 1, low bands at the bottom."""
    grey = ((log_mel.float() - QUIETEST) / (LOUDEST - QUIETEST)).clamp(0, 1)
    drawn: NDArray[np.float64] = grey.T.flip(0).double().cpu().numpy()
    return drawn


def wave_picture(wave: Tensor, rate_hz: int) -> NDArray[np.float64]:
    """A wave ``[T]`` as `mel_picture` of its mel: 80 bands up to half the rate, a frame every 128 samples."""
    mel = dsp.mel_spectrogram(wave[None].float(), rate_hz, N_FFT, HOP, BANDS)[0]
    return mel_picture(torch.log(mel.clamp(min=1e-5)).T)
