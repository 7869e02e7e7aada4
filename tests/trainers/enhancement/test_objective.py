"""Spectra there and back, and the contract of the waveform's loss: 0 for an estimate that is the clean signal.

The sabotaged twins are the released code's ways: the raw reference, and an inverse without a length.
"""

import pytest
import torch

from recipes.compose import build
from recipes.enhancement import Enhancement
from trainers.enhancement.diagnose import best_gain
from trainers.enhancement.objective import Objective
from trainers.enhancement.spectra import Spectra, scale_of
from trainers.kit.stats import output_grads, shares


def objective(**patch: object) -> Objective:
    recipe = build("enhancement", "fixed", "tiny", {k.replace("__", "."): v for k, v in patch.items()})
    assert isinstance(recipe, Enhancement)
    return Objective(recipe)


def waves(length: int = 4000) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    clean = 0.05 * torch.randn(2, length)
    return clean, clean + 0.02 * torch.randn(2, length)


def perfect(made: Objective, clean: torch.Tensor, noisy: torch.Tensor) -> dict[str, float]:
    """The terms of an estimate that is the normalised clean signal."""
    wanted = made.spectra.of(clean * scale_of(noisy))
    terms = made.terms(made.turn(lambda _: wanted, clean, noisy))
    return {name: float(value) for name, value in terms.items()}


def test_a_perfect_estimate_has_no_loss() -> None:
    found = perfect(objective(), *waves())
    assert max(found.values()) < 1e-5
    twin = perfect(objective(time_reference="raw"), *waves())
    assert twin["time"] > 0.5
    assert twin["ri"] < 1e-5


def test_the_raw_reference_pulls_the_level_down() -> None:
    assert best_gain(objective(), *waves()) == pytest.approx(1.0)
    assert best_gain(objective(time_reference="raw"), *waves()) < 0.9  # 0.6 on speech


@pytest.mark.parametrize("length", [4000, 4001, 4127, 3970])
def test_the_length_comes_back(length: int) -> None:
    clean, noisy = waves(length)
    turn = objective().turn(lambda x: x, clean, noisy)
    assert turn.wave.shape == turn.target.shape == (2, length)
    assert torch.allclose(turn.wave, noisy * turn.scale, atol=1e-4)
    twin = objective(gen__keep_length=False).turn(lambda x: x, clean, noisy)
    assert twin.wave.shape == (2, length // 128 * 128)
    assert twin.target.shape == twin.wave.shape == twin.reference.shape


def test_silence_is_not_made_infinite() -> None:
    scale = scale_of(torch.stack([torch.zeros(100), torch.full((100,), 0.1)]))
    assert scale.flatten().tolist() == pytest.approx([1.0, 10.0])
    made = objective()
    turn = made.turn(lambda x: x, torch.zeros(1, 4000), torch.zeros(1, 4000))
    assert torch.isfinite(turn.wave).all()


def test_magnitudes_are_compressed() -> None:
    recipe = build("enhancement")
    assert isinstance(recipe, Enhancement)
    spectra = Spectra(recipe.gen)
    one = spectra.of(torch.sin(torch.arange(4000.0))[None])
    ten = spectra.of(10 * torch.sin(torch.arange(4000.0))[None])
    assert float(ten.norm() / one.norm()) == pytest.approx(10**0.3, rel=1e-3)


def test_every_term_pulls_at_the_output() -> None:
    made = objective()
    estimate = torch.randn(2, 2, 32, 129, requires_grad=True)
    turn = made.turn(lambda _: estimate, *waves())
    grads = output_grads(made.terms(turn), turn.estimate, {"ri": 0.1, "mag": 0.9, "time": 0.2})
    found = shares(grads)
    assert sum(map(float, found.values())) == pytest.approx(1)
    assert min(map(float, found.values())) > 0
