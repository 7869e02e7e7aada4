"""Contracts of the mel scales, each seen to fail on a sabotaged twin."""

import math
from collections.abc import Callable

import pytest
import torch

from recipes.tts import Mel, Tts
from trainers.tts.features import spectra
from trainers.tts.scale import Scale, clamped

MELS = torch.logspace(-7, 1, 50)


def silence(scale: Scale) -> float:
    mel = Mel()
    rows, _ = spectra(torch.zeros(4000).numpy(), 22050, mel)
    return float(scale.forward(torch.from_numpy(rows)).max())


def test_digital_silence_is_minus_11_51() -> None:
    assert silence(Scale(Mel())) == pytest.approx(math.log(1e-5), abs=1e-4)
    assert silence(Scale(Mel(scale="log1p"))) == 0
    twin = Scale(Mel(scale="log_eps", eps=1e-9))  # the document's: silence takes the range
    assert silence(twin) == pytest.approx(-20.72, abs=0.01)
    assert silence(twin) != pytest.approx(math.log(1e-5), abs=1e-4)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("kind", ["log1p", "log_eps", "log_clamp"])
def test_the_inverse_gives_magnitudes_back(kind: str, power: int) -> None:
    scale = Scale(Mel(scale=kind, eps=1e-9, power=power, gain=40.0))  # type: ignore[arg-type]
    loud = MELS[MELS > 1e-3]
    assert torch.allclose(scale.inverse(scale.forward(loud)), loud, rtol=1e-2)
    assert float(scale.inverse(torch.tensor(scale.floor()))) < 1e-5


@pytest.mark.parametrize("kind", ["log1p", "log_eps", "log_clamp"])
def test_all_variants_meet_in_one_space(kind: str) -> None:
    scale = Scale(Mel(scale=kind, eps=1e-9, power=2, gain=40.0))  # type: ignore[arg-type]
    loud = MELS[MELS > 1e-3]
    assert torch.allclose(scale.common(scale.forward(loud)), loud.log(), atol=1e-2)
    assert bool(scale.common(torch.tensor([-1e9, 1e9, -3.0])).isfinite().all())


def test_the_documents_two_examples_hold() -> None:
    scale = Scale(Mel(scale="log_eps", eps=1e-9))
    assert scale.forward(torch.tensor([0.001, 1000.0])).tolist() == pytest.approx([-6.908, 6.908], abs=1e-3)
    assert Scale(Mel(scale="log1p")).forward(torch.tensor(0.001)).item() == pytest.approx(0.001, rel=1e-3)


def test_clamping_bounds_infinity_and_leaves_nan() -> None:
    found = clamped(torch.tensor([math.inf, -math.inf, math.nan, -20.7, 8.6]))
    assert found[[0, 1]].tolist() == [50, -50]
    assert bool(found[2].isnan())
    assert found[3:].tolist() == pytest.approx([-20.7, 8.6])


@pytest.mark.parametrize("kind", ["log1p", "log_eps", "log_clamp"])
def test_nan_is_seen_in_every_scale(kind: str) -> None:
    assert bool(Scale(Mel(scale=kind)).forward(torch.tensor([math.nan])).isnan())  # type: ignore[arg-type]


def test_recipes_differ_in_scale_but_share_the_reference(recipe: Callable[..., Tts]) -> None:
    from trainers.tts.data import Speech

    old, fixed = Speech(recipe("old")), Speech(recipe("fixed"))
    assert old.sha256 == fixed.sha256
    u = old.evaluation[0]
    apart = old.scale.common(old.targets(u)["mel"]) - fixed.scale.common(fixed.targets(u)["mel"])
    assert float(apart.abs().max()) < 0.02
