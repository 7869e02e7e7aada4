"""The averaged copy: its closed form, its buffers, its state."""

from pathlib import Path

import pytest
import torch
from torch import nn

from trainers.kit.ema import Ema


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def moved(net: nn.Module) -> None:
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn_like(p))
    net(torch.randn(8, 3))


def closed_form(decay: float, start: int, wrong: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """(the copy's weight after five updates, what the formula says)."""
    net = network()
    ema = Ema(net, network(1), decay, start)
    expected = net[0].weight.detach().clone()
    for step in range(1, 6):
        if wrong:
            ema.update()  # before the step, as stable-audio-tools does
        moved(net)
        if not wrong:
            ema.update()
        share = decay if step > start else 0.0
        expected = share * expected + (1 - share) * net[0].weight.detach()
    return ema.shadow[0].weight, expected


@pytest.mark.parametrize("start", [0, 2])
def test_it_is_the_closed_form(start: int) -> None:
    found, expected = closed_form(0.9, start)
    assert torch.allclose(found, expected, atol=1e-6)


def test_an_update_before_the_step_would_show() -> None:
    found, expected = closed_form(0.9, 0, wrong=True)
    assert not torch.allclose(found, expected, atol=1e-3)


def test_buffers_are_copied_and_the_copy_takes_no_gradients() -> None:
    net = network()
    ema = Ema(net, network(1), 0.99)
    moved(net)
    ema.update()
    assert torch.equal(ema.shadow[1].running_mean, net[1].running_mean)
    assert int(ema.shadow[1].num_batches_tracked) == 1
    assert not any(p.requires_grad for p in ema.shadow.parameters())
    assert not ema.shadow.training
    assert 0 < float(ema.distance()) < 5


def test_decay_0_is_the_network_itself() -> None:
    net = network()
    ema = Ema(net, network(1), 0.0)
    moved(net)
    ema.update()
    assert torch.equal(ema.shadow[0].weight, net[0].weight)
    assert float(ema.distance()) == 0.0


def test_its_state_survives_a_file(tmp_path: Path) -> None:
    net = network()
    ema = Ema(net, network(1), 0.9, 3)
    moved(net)
    ema.update()
    torch.save(ema.state_dict(), tmp_path / "ema.pt")
    other = Ema(network(5), network(6), 0.9, 3)
    other.load_state_dict(torch.load(tmp_path / "ema.pt", weights_only=True))
    assert other.updates == 1
    assert torch.equal(other.shadow[0].weight, ema.shadow[0].weight)


def test_a_decay_of_1_is_refused() -> None:
    with pytest.raises(ValueError, match=r"decay 1 is not in \[0, 1\)"):
        Ema(network(), network(), 1)


class ParametersAlone(Ema):
    """Averages the parameters and leaves the running statistics where they began."""

    def update(self) -> None:
        kept = [b.clone() for b in self.shadow.buffers()]
        super().update()
        for buffer, old in zip(self.shadow.buffers(), kept, strict=True):
            buffer.copy_(old)


def test_buffers_that_stay_behind_would_show() -> None:
    found = {}
    for make in (Ema, ParametersAlone):
        net = network()
        ema = make(net, network(1), 0.99)
        moved(net)
        ema.update()
        found[make] = torch.equal(ema.shadow[1].running_var, net[1].running_var)
    assert found == {Ema: True, ParametersAlone: False}
