"""Griffin-Lim and a TorchScript file that stands in for HiFi-GAN."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from recipes.tts import Tts
from trainers.kit.errors import BadInput
from trainers.tts.vocoder import build_vocoder

Make = Callable[..., Tts]


class Upsampler(nn.Module):
    """[1, M, T] to [1, 1, T x hop]: loudness held for a hop."""

    def __init__(self, hop: int) -> None:
        super().__init__()
        self.hop = hop

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return mel.exp().mean(1, keepdim=True).repeat_interleave(self.hop, 2)


def script(path: Path, hop: int) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(Upsampler(hop)).save(str(path))
    return str(path)


def test_griffin_lim_by_default(recipe: Make) -> None:
    wave = build_vocoder(recipe())(torch.rand(30, 16))
    assert wave.shape == (29 * 80,)
    assert bool(wave.isfinite().all())


def test_a_torchscript_file_is_used(recipe: Make, tmp_path: Path) -> None:
    speak = build_vocoder(recipe("fixed", {"vocoder.path": script(tmp_path / "v.pt", 80)}))
    wave = speak(torch.full((10, 16), 0.25))
    assert wave.shape == (800,)
    assert float(wave.mean()) == pytest.approx(0.25, rel=1e-4)


def test_files_that_do_not_fit_are_named(recipe: Make, tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("hello")
    torch.save({"a": 1}, tmp_path / "plain.pt")
    for path, told in (
        (script(tmp_path / "v.pt", 256), "makes 5120 samples of 20 frames; with mel.hop 80"),
        (str(tmp_path / "none.pt"), "there is no such file"),
        (str(tmp_path / "text.pt"), "is no TorchScript file"),
        (str(tmp_path / "plain.pt"), "is no TorchScript file"),
    ):
        with pytest.raises(BadInput, match=told):
            build_vocoder(recipe("fixed", {"vocoder.path": path}))
