"""Griffin-Lim: the rebuilt wave has nearly the mel that was asked for; global generators stay untouched."""

import math

import torch

from trainers.kit import dsp, griffinlim

RATE, N, HOP, BANDS = 8000, 256, 64, 32


def mel_of(wave: torch.Tensor) -> torch.Tensor:
    return dsp.mel_spectrogram(wave, RATE, N, HOP, BANDS, high=4000.0)


def logs(x: torch.Tensor) -> torch.Tensor:
    return x.clamp(min=1e-5).log()


def test_gives_back_the_mel() -> None:
    t = torch.arange(8000) / RATE
    wave = sum(0.1 / k * torch.sin(2 * math.pi * 150 * k * t) for k in range(1, 12)) * (
        0.5 + 0.5 * torch.sin(9 * t)
    )
    mel = mel_of(wave)
    back = griffinlim.invert(mel, RATE, N, HOP, 16, low=0.0, high=4000.0)
    assert back.shape == ((mel.shape[1] - 1) * HOP,)
    near = (logs(mel_of(back)) - logs(mel)).abs().mean()
    random = (logs(mel_of(torch.randn(8000) * wave.std())) - logs(mel)).abs().mean()
    assert near < 0.35 < random


def test_is_the_same_each_time_and_draws_nothing() -> None:
    mel = mel_of(torch.randn(4000))
    before = torch.get_rng_state()
    one, two = (griffinlim.invert(mel, RATE, N, HOP, 4, low=0.0, high=4000.0) for _ in range(2))
    assert torch.equal(one, two)
    assert torch.equal(before, torch.get_rng_state())


def test_the_shortest_and_the_silent() -> None:
    assert griffinlim.invert(torch.rand(BANDS, 1), RATE, N, HOP, 4, low=0.0, high=4000.0).shape == (1,)
    quiet = griffinlim.invert(torch.zeros(BANDS, 20), RATE, N, HOP, 4, low=0.0, high=4000.0)
    assert float(quiet.abs().max()) < 1e-3
