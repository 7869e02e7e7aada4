"""Made noise and mixing at a signal-to-noise ratio: pink noise, mains hum, babble of voices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainers.kit.audio import Wave

MADE = ("pink", "hum", "babble")
VOICES = 6


def unit(wave: np.ndarray) -> Wave:
    """The wave without its mean, at RMS 1; silence stays silence."""
    wave = wave - wave.mean()
    return (wave / max(float(np.sqrt(np.mean(np.square(wave)))), 1e-12)).astype(np.float32)


def pink(length: int, random: np.random.Generator) -> Wave:
    """Noise ``[length]`` whose power falls by 3 dB an octave, at RMS 1."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    return unit(np.fft.irfft(spectrum, length))


def hum(length: int, rate_hz: int, random: np.random.Generator) -> Wave:
    """Mains hum ``[length]``: 50 or 60 Hz with twelve harmonics of random level and phase, a little hiss."""
    base = float(random.choice([50.0, 60.0]))
    t = np.arange(length) / rate_hz
    wave = 0.02 * random.standard_normal(length)
    for k in range(1, 13):
        if k * base < rate_hz / 2:
            level = random.uniform(0.3, 1.0) / k
            wave += level * np.sin(2 * np.pi * k * base * t + random.uniform(0, 2 * np.pi))
    return unit(wave)


def babble(length: int, voices: Sequence[Wave], random: np.random.Generator) -> Wave:
    """Several voices at once ``[length]``, each at the same level, from a random place, repeated to fill.

    Raises:
        ValueError: without a voice.
    """
    if not voices:
        raise ValueError("babble needs at least one voice")
    chosen = random.choice(len(voices), size=min(VOICES, len(voices)), replace=False)
    mixed = np.zeros(length)
    for which in chosen:
        voice = unit(np.asarray(voices[which], np.float64))
        mixed += np.resize(np.roll(voice, int(random.integers(len(voice)))), length)
    return unit(mixed)


def gain_for(clean_rms: float, noise_rms: float, snr_db: float) -> float:
    """What noise must be multiplied by so that the ratio of the two is ``snr_db``; 0 for silent noise."""
    if noise_rms <= 0:
        return 0.0
    return clean_rms / noise_rms * 10 ** (-snr_db / 20)
