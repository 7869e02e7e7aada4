"""The networks: the published sizes, shapes, attention by its definition, and what the identity begins with."""

import pytest
import torch

from recipes.enhancement import Discriminator as DiscPart
from recipes.enhancement import Generator as GenPart
from trainers.enhancement.conformer import Conformer, RelativeAttention
from trainers.enhancement.model import Generator, LearnableSigmoid, MetricDiscriminator, magnitude
from trainers.kit.device import count

SMALL = {
    "n_fft": 64,
    "hop": 32,
    "channels": 4,
    "depth": 2,
    "blocks": 1,
    "heads": 1,
    "head_dim": 2,
    "kernel": 3,
}


def test_the_sizes_are_the_published_ones() -> None:
    assert round(count(Generator(GenPart())) / 1e6, 2) == 1.83
    assert round(count(MetricDiscriminator(DiscPart())) / 1e6, 2) == 0.18


@pytest.mark.parametrize("n_fft", [64, 100])
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_shapes_stay(n_fft: int, norm: str) -> None:
    net = Generator(GenPart(**{**SMALL, "n_fft": n_fft}, norm=norm, dropout=0.0))
    spectrum = torch.randn(2, 2, 9, n_fft // 2 + 1)
    assert net(spectrum).shape == spectrum.shape
    net(spectrum).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize("length", [1, 2, 5, 9])
def test_relative_positions_are_those_of_the_definition(length: int) -> None:
    attention = RelativeAttention(8, 2, 4, 0.0)
    query = torch.randn(3, 2, length, 4)
    place = torch.arange(length)
    table = attention.distance((place[:, None] - place).clamp(-512, 512) + 512)
    assert torch.allclose(attention.positions(query), torch.einsum("nhid,ijd->nhij", query, table), atol=1e-6)


def test_without_heads_there_is_no_attention() -> None:
    block = Conformer(GenPart(**{**SMALL, "heads": 0}, dropout=0.0))
    assert block.attention is None
    assert block(torch.randn(2, 7, 4)).shape == (2, 7, 4)


def test_begins_with_the_input_where_it_is_asked_to() -> None:
    torch.manual_seed(0)
    spectrum = torch.randn(1, 2, 9, 33)

    def off(identity: bool) -> float:
        net = Generator(GenPart(**SMALL, dropout=0.0, identity=identity))
        with torch.no_grad():
            return float((net(spectrum) - spectrum).norm() / spectrum.norm())

    assert off(True) < 0.5 < off(False)


def test_an_item_does_not_hear_its_neighbours_with_the_group_norm() -> None:
    net = Generator(GenPart(**SMALL, dropout=0.0, norm="group"))
    both = torch.randn(2, 2, 9, 33)
    assert torch.allclose(net(both)[:1], net(both[:1]), atol=1e-5)
    twin = Generator(GenPart(**SMALL, dropout=0.0, norm="batch"))
    assert not torch.allclose(twin(both)[:1], twin(both[:1]), atol=1e-5)


def test_the_discriminator_scores_pairs_of_any_size() -> None:
    judge = MetricDiscriminator(DiscPart(channels=2)).eval()
    for shape in ((3, 101, 161), (1, 5, 17)):
        score = judge(torch.rand(shape), torch.rand(shape))
        assert score.shape == shape[:1]
        assert bool(((score > 0) & (score < 1)).all())
    with pytest.raises(ValueError, match="differ"):
        judge(torch.rand(1, 40, 40), torch.rand(1, 41, 40))


def test_the_slope_is_learned() -> None:
    sigmoid = LearnableSigmoid()
    sigmoid(torch.tensor([2.0])).sum().backward()
    assert float(sigmoid.slope.grad) > 0


def test_the_magnitude_of_silence_has_a_gradient() -> None:
    silent = torch.zeros(1, 2, 3, 4, requires_grad=True)
    magnitude(silent).sum().backward()
    assert torch.isfinite(silent.grad).all()
