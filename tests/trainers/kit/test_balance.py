"""Contract of the balancer (audiocraft's own test idea): two opposing losses of unlike scale cancel."""

from collections.abc import Mapping
from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from trainers.kit import stats
from trainers.kit.balance import Balancer


class PlainWeights(Balancer):
    """Weights without the division by the running norm."""

    def balanced(self, losses: Mapping[str, Tensor], output: Tensor) -> Tensor:
        grads = stats.output_grads(losses, output, self.weights)
        return torch.stack(list(grads.values())).sum(0)


@pytest.mark.parametrize(("make", "is_broken"), [(Balancer, False), (PlainWeights, True)])
def test_opposing_losses_cancel(make: type[Balancer], is_broken: bool) -> None:
    x = torch.zeros(4, 3, requires_grad=True)
    output = x * 1
    balancer = make({"up": 1.0, "down": 1.0})
    balancer.backward({"up": output.sum(), "down": -100 * output.sum()}, output)
    assert x.grad is not None
    with pytest.raises(AssertionError) if is_broken else nullcontext():
        assert torch.allclose(x.grad, torch.zeros_like(x), atol=1e-6)


def gradient(balancer: Balancer, scale: float = 1.0) -> Tensor:
    x = torch.zeros(2, 4, requires_grad=True)
    output = x * 1
    target = torch.ones(2, 4)
    target[:, 2:] = 0
    losses = {"a": scale * (output * target).sum(), "b": (output * (1 - target)).sum()}
    balancer.backward(losses, output)
    assert x.grad is not None
    return x.grad


def test_a_weight_is_a_share_whatever_the_scale() -> None:
    for scale in (1e-3, 1.0, 1e3):
        grad = gradient(Balancer({"a": 3.0, "b": 1.0}), scale)
        assert float(grad[:, :2].norm() / grad[:, 2:].norm()) == pytest.approx(3, rel=1e-4)


def test_total_norm() -> None:
    grad = gradient(Balancer({"a": 1.0, "b": 1.0}, total_norm=2.0))
    assert grad[:, :2].norm(dim=1).tolist() == pytest.approx([1, 1])


def test_monitor_shows_both_shares() -> None:
    balancer = Balancer({"a": 3.0, "b": 1.0})
    gradient(balancer, 9.0)
    found = stats.read(balancer.monitor)
    assert found["share/a"] == pytest.approx(27 / 28)
    assert found["balanced/a"] == pytest.approx(0.75)


def test_extra_goes_back_as_it_is() -> None:
    x = torch.zeros(2, 1, requires_grad=True)
    output = x * 1
    Balancer({"a": 1.0}).backward({"a": output.sum()}, output, extra=5 * x.sum())
    assert x.grad is not None
    assert x.grad.tolist() == [[6.0], [6.0]]


def test_running_norm_is_averaged_and_goes_on_from_its_state() -> None:
    one = Balancer({"a": 1.0, "b": 1.0}, decay=0.5)
    gradient(one, 1.0)
    two = Balancer({"a": 1.0, "b": 1.0}, decay=0.5)
    two.load_state_dict(one.state_dict())
    grads = [gradient(balancer, 4.0) for balancer in (one, two)]
    assert torch.equal(*grads)
    # running norm of a: (1 × 0.5 + 4) / 1.5 = 3 times sqrt(2); its gradient 4
    assert float(grads[0][0, 0]) == pytest.approx(0.5 * 4 / (3 * 2**0.5))


def test_norms_are_averaged_over_processes() -> None:
    assert torch.allclose(
        gradient(Balancer({"a": 1.0, "b": 1.0}, mean=lambda norms: norms * 2)),
        gradient(Balancer({"a": 1.0, "b": 1.0})) / 2,
    )


def test_refusals() -> None:
    x = torch.zeros(1, requires_grad=True)
    with pytest.raises(ValueError, match="'vq' does not depend"):
        Balancer({"vq": 1.0}).balanced({"vq": x.sum()}, x * 1)
    with pytest.raises(KeyError, match="feat"):
        Balancer({"adv": 1.0}).balanced({"feat": x.sum()}, x)
    with pytest.raises(ValueError, match="not all 0"):
        Balancer({"adv": 0.0})
