"""Drawing and normalising in the right order; spectral norm cancels a scaling, as it must."""

import pytest
import torch
from torch import nn

from trainers.kit import spectral


def pair(gain: float, norm: bool) -> nn.Sequential:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(6, 8, 3), nn.Flatten(), nn.LazyLinear(2))
    net(torch.zeros(1, 6, 4, 4))
    spectral.draw(net, "orthogonal")
    with torch.no_grad():
        net[0].weight.mul_(gain)
    spectral.normalise(net, lambda name: norm and name == "0")
    return net


def test_spectral_norm_cancels_the_gain_and_its_absence_does_not() -> None:
    x = torch.randn(2, 6, 4, 4)
    plain, scaled = (pair(g, norm=True)[0](x) for g in (1.0, 0.1))
    assert torch.allclose(plain, scaled, atol=1e-5)
    plain, scaled = (pair(g, norm=False)[0](x) for g in (1.0, 0.1))
    assert torch.allclose(0.1 * plain, scaled, atol=1e-6)


def test_sigmas_are_the_largest_singular_values() -> None:
    for norm in (True, False):
        net = pair(3.0, norm)
        exact = 3.0 * torch.linalg.matrix_norm(pair(1.0, norm=False)[0].weight.detach().flatten(1), 2)
        assert float(spectral.sigmas(net)["0"]) == pytest.approx(float(exact), rel=1e-3)
    assert list(spectral.sigmas(net)) == ["0", "2"]


def test_normalised_weights_have_norm_one_from_the_start() -> None:
    weight = pair(7.0, norm=True)[0].weight
    assert float(torch.linalg.matrix_norm(weight.detach().flatten(1), 2)) == pytest.approx(1.0, abs=1e-3)


def test_kinds_of_initialisation() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(40, 20))
    before = net[0].weight.clone()
    spectral.draw(net, "default")
    assert torch.equal(net[0].weight, before)
    spectral.draw(net, "normal")
    assert float(net[0].weight.detach().std()) == pytest.approx(0.02, rel=0.1)
    spectral.draw(net, "orthogonal", gain=2.0)
    assert torch.allclose(net[0].weight @ net[0].weight.T, 4 * torch.eye(20), atol=1e-4)
    assert not net[0].bias.any()
    with pytest.raises(ValueError, match="'xavier' is none of orthogonal, normal, default"):
        spectral.draw(net, "xavier")
    spectral.normalise(net, lambda name: True)
    with pytest.raises(ValueError, match="draw first, then normalise"):
        spectral.draw(net, "normal")
