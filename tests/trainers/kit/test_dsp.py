"""Spectra against scipy, filters against their definition."""

import numpy as np
import pytest
import scipy.signal
import torch

from trainers.kit import dsp


@pytest.mark.parametrize(("n_fft", "hop"), [(64, 16), (256, 64), (100, 25)])
def test_stft_is_scipys(n_fft: int, hop: int) -> None:
    wave = torch.randn(777, dtype=torch.float64)
    ours = dsp.stft(wave, n_fft, hop)
    padded = np.pad(wave.numpy(), n_fft // 2, mode="reflect")
    window = scipy.signal.get_window("hann", n_fft)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    assert np.allclose(ours.numpy(), np.fft.rfft(frames * window, axis=1).T)


def test_stft_normalised_and_batched() -> None:
    wave = torch.randn(2, 3, 400)
    assert dsp.stft(wave, 64, 16).shape == (2, 3, 33, 26)
    assert torch.allclose(dsp.stft(wave, 64, 16, normalized=True) * 8, dsp.stft(wave, 64, 16), atol=1e-5)


@pytest.mark.parametrize("length", [640, 641, 700, 799])
def test_istft_gives_every_length_back(length: int) -> None:
    wave = torch.randn(2, 1, length)
    back = dsp.istft(dsp.stft(wave, 128, 32), 128, 32, length)
    assert back.shape == wave.shape
    assert torch.allclose(back, wave, atol=1e-5)


def test_spectrum_of_bfloat16_is_float32() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        mel = dsp.mel_spectrogram(torch.randn(300).bfloat16(), 8000, 64, 16, 8)
    assert mel.dtype == torch.float32


def test_mel_scale_and_its_inverse() -> None:
    hz = torch.tensor([0.0, 200.0, 1000.0, 6400.0], dtype=torch.float64)
    assert torch.allclose(dsp.hz_to_mel(hz), torch.tensor([0.0, 3.0, 15.0, 42.0], dtype=torch.float64))
    many = torch.linspace(0, 24000, 99, dtype=torch.float64)
    assert torch.allclose(dsp.mel_to_hz(dsp.hz_to_mel(many)), many)


def slaney(rate: int, n_fft: int, n_mels: int) -> np.ndarray:
    """The filterbank by its definition, cell by cell."""

    def mel(hz: float) -> float:
        return hz * 3 / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)

    def hertz(m: float) -> float:
        return m * 200 / 3 if m < 15 else 1000 * 6.4 ** ((m - 15) / 27)

    edges = [hertz(mel(rate / 2) * i / (n_mels + 1)) for i in range(n_mels + 2)]
    bank = np.zeros((n_mels, n_fft // 2 + 1))
    for i in range(n_mels):
        low, peak, high = edges[i : i + 3]
        for k in range(n_fft // 2 + 1):
            hz = k * rate / n_fft
            if low < hz < high:
                slope = (hz - low) / (peak - low) if hz <= peak else (high - hz) / (high - peak)
                bank[i, k] = 2 / (high - low) * slope
    return bank


@pytest.mark.parametrize(("rate", "n_fft", "n_mels"), [(8000, 256, 40), (44100, 32, 5), (16000, 64, 80)])
def test_mel_filters_by_definition(rate: int, n_fft: int, n_mels: int) -> None:
    ours = dsp.mel_filters(rate, n_fft, n_mels, torch.empty(0, dtype=torch.float64))
    theirs = slaney(rate, n_fft, n_mels)
    assert np.allclose(ours.numpy(), theirs, atol=1e-12)
    assert dsp.heard(ours).tolist() == (theirs.sum(1) > 0).tolist()


def test_mel_range_outside_the_rate() -> None:
    with pytest.raises(ValueError, match="0 to 9000 Hz does not fit a rate of 16000"):
        dsp.mel_filters(16000, 64, 8, torch.empty(0), high=9000)


@pytest.mark.parametrize(("length", "lost"), [(640, 0), (641, 1), (799, 31)])
def test_without_the_length_the_last_hop_is_lost(length: int, lost: int) -> None:
    """What the argument is for: torch's own round trip ends at the last whole hop."""
    wave = torch.randn(1, length)
    back = torch.istft(dsp.stft(wave, 128, 32), 128, 32, window=torch.hann_window(128))
    assert length - back.shape[-1] == lost
