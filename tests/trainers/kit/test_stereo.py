import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from trainers.kit import audio, demo, stereo
from trainers.kit.crops import Crops
from trainers.kit.spectra import SpectralDistance


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_place_keeps_the_power_and_does_not_change() -> None:
    wave = noise(1000).numpy()
    for place in (-1.0, -0.3, 0.0, 1.0):
        both = stereo.panned(wave, place)
        assert np.square(both).sum() == pytest.approx(2 * np.square(wave).sum(), rel=1e-5)
    assert np.allclose(stereo.panned(wave, 0.0), wave[:, None])
    assert np.allclose(stereo.panned(wave, -1.0)[:, 1], 0, atol=1e-8)
    assert stereo.place_of("a.wav") == stereo.place_of("a.wav") != stereo.place_of("b.wav")
    assert all(-1 <= stereo.place_of(str(i)) <= 1 for i in range(50))


def test_middle_side_and_width() -> None:
    wave = noise(2, 4000)
    middle, side = stereo.mid_side(wave)
    assert torch.allclose(middle + side, wave[0])
    assert torch.allclose(middle - side, wave[1])
    assert stereo.width(wave) == pytest.approx(0.5, abs=0.02)
    assert stereo.width(wave[:1].expand(2, -1)) == 0.0
    assert math.isnan(stereo.width(torch.zeros(2, 10)))
    assert stereo.level_difference(torch.stack([wave[0], wave[0] / 2])) == pytest.approx(6.02, abs=0.01)


def test_a_stereo_bank_doubles_or_pans_mono(tmp_path: Path) -> None:
    both = noise(2000, 2).numpy()
    soundfile.write(tmp_path / "mono.wav", both[:, 0], 8000)
    soundfile.write(tmp_path / "wide.wav", both, 8000)
    bank = audio.load(str(tmp_path), 8000, channels=2)
    mono, wide = (bank.wave(clip) for clip in bank.clips)
    assert bank.samples.shape == (4000, 2)
    assert np.array_equal(mono[:, 0], mono[:, 1])
    assert np.allclose(wide, both, atol=1e-4)
    panned = audio.load(str(tmp_path), 8000, channels=2, mono="pan")
    assert not np.array_equal(panned.wave(panned.clips[0])[:, 0], panned.wave(panned.clips[0])[:, 1])
    assert audio.load(str(tmp_path), 8000).samples.shape == (4000,)
    assert Crops(bank, bank.clips, crop=100, batch=3, seed=0).next().shape == (3, 100, 2)


def test_a_large_stereo_folder_is_mapped_with_its_channels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "home"))
    soundfile.write(tmp_path / "wide.wav", noise(2000, 2).numpy(), 8000)
    whole = audio.load(str(tmp_path), 8000, channels=2)
    monkeypatch.setattr(audio, "IN_MEMORY", 0)
    mapped = audio.load(str(tmp_path), 8000, channels=2)
    assert isinstance(mapped.samples, np.memmap)
    assert np.array_equal(mapped.samples, whole.samples)


def test_the_demo_is_mixed_alike_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "EACH", 2)
    found = []
    for home in ("a", "b"):
        monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / home))
        folder = demo.stereo_folder(8000)
        found.append([p.read_bytes() for p in sorted(folder.iterdir())])
    assert found[0] == found[1]
    wave, _ = soundfile.read(next(folder.glob("ada*.wav")))
    assert stereo.width(torch.from_numpy(wave.T.copy())) > 0.05


@pytest.mark.parametrize("shown", ["channels", "sum_difference"])
def test_spectral_distance(shown: str) -> None:
    distance, wave = SpectralDistance(shown=shown), noise(2, 2, 4096)
    assert float(distance(wave, wave)) == 0.0
    other = noise(2, 2, 4096, seed=1)
    assert 0 < float(distance(wave, wave + 0.01 * other)) < float(distance(wave, wave + other))
    # a wave ten times softer is one decade away, and its convergence is 0.9
    assert float(distance(wave, wave / 10)) == pytest.approx(1.9, abs=0.01)
    silent = torch.zeros_like(wave).requires_grad_()
    distance(wave, silent).backward()
    assert silent.grad is not None
    assert bool(silent.grad.isfinite().all())


def test_only_sum_and_difference_hear_a_swapped_polarity() -> None:
    wave = noise(1, 2, 4096)
    turned = wave * torch.tensor([1.0, -1.0])[:, None]
    assert float(SpectralDistance()(wave, turned)) == pytest.approx(0.0, abs=1e-5)
    assert float(SpectralDistance(shown="sum_difference")(wave, turned)) > 0.1


def test_a_silent_side_does_not_blow_up() -> None:
    mono = noise(1, 1, 4096).expand(1, 2, -1)
    far = float(SpectralDistance(shown="sum_difference")(mono, mono + noise(1, 2, 4096, seed=1) / 100))
    assert far < 3
    with pytest.raises(ValueError, match="unlike shapes"):
        SpectralDistance()(mono, mono[..., :100])
    with pytest.raises(ValueError, match="one of channels, sum_difference"):
        SpectralDistance(shown="left")
