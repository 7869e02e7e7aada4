"""The networks: sizes against the published and the logged ones, the last layer's variants, tanh's health."""

from typing import Any

import pytest
import torch
from torch import nn

from recipes.cgan import Cgan
from recipes.compose import build
from trainers.cgan import model
from trainers.cgan.evaluate import saturation, standing, tanh_health
from trainers.cgan.model import build_discriminator, build_generator


def recipe(preset: str = "old", size: str = "tiny", **patch: Any) -> Cgan:
    made = build("cgan", preset, size, {k.replace("__", "."): v for k, v in patch.items()})
    assert isinstance(made, Cgan)
    return made


def counts(preset: str, size: str) -> tuple[int, int]:
    with torch.device("meta"):
        nets = (
            model.GeneratorNet(recipe(preset, size).gen, 10),
            model.DiscriminatorNet(recipe(preset, size).disc, 10),
        )
    gen, disc = (sum(p.numel() for p in net.parameters()) for net in nets)
    return gen, disc


@pytest.mark.parametrize("preset", ["old", "fixed", "studiogan"])
def test_paper_is_studiogans_big_resnet(preset: str) -> None:
    gen, disc = counts(preset, "paper")
    assert (round(gen / 1e6, 2), round(disc / 1e6, 2)) == (9.42, 2.42)


def test_small_is_the_documents_size() -> None:
    gen, disc = counts("old", "small")
    assert gen == pytest.approx(2_474_692, rel=0.08)
    assert disc == pytest.approx(9_829_922, rel=0.03)
    assert gen / disc == pytest.approx(0.25, abs=0.03)
    assert counts("capacity-a", "small")[1] == pytest.approx(2.5e6, rel=0.03)
    ratios = [g / d for g, d in (counts(f"capacity-{x}", "small") for x in "abc")]
    assert all(0.5 < r < 1.5 for r in ratios)


def drawn(made: Cgan, seed: int = 0, count: int = 16) -> tuple[model.GeneratorNet, model.Made]:
    torch.manual_seed(seed)
    net = build_generator(made, 10)
    with torch.no_grad():
        return net, net(torch.randn(count, made.gen.latent), torch.arange(count) % 10)


def test_spectral_norm_on_the_last_layer_cancels_its_gain() -> None:
    one, tenth = (drawn(recipe(gen__final_gain=g))[1].pre for g in (1.0, 0.1))
    assert torch.allclose(one, tenth, atol=1e-3)
    free, small = (drawn(recipe(gen__final_sn=False, gen__final_gain=g))[1].pre for g in (1.0, 0.1))
    assert torch.allclose(0.1 * free, small, atol=1e-5)


def test_old_and_fixed_start_healthy_and_gain_10_does_not() -> None:
    """The document has it that the old last layer saturates at once; it does not."""
    health = {}
    for preset in ("old", "fixed", "gain-10"):
        _, made = drawn(recipe(preset))
        found = {**saturation(made.image), **tanh_health(made)}
        health[preset] = {k: float(v) for k, v in found.items()}
    assert health["old"]["pre_tanh_std"] == pytest.approx(0.95, abs=0.2)
    assert health["old"]["saturation"] < 0.03
    assert health["fixed"]["pre_tanh_std"] == pytest.approx(0.1, abs=0.03)
    assert health["fixed"]["saturation"] == 0
    assert health["gain-10"]["saturation"] > 0.6
    assert health["gain-10"]["tanh_slope"] < 0.15 < 0.5 < health["old"]["tanh_slope"]


def test_a_batch_norm_gain_of_5_saturates() -> None:
    net, fresh = drawn(recipe())
    with torch.no_grad():
        net.final_bn.weight.fill_(5.0)
        made = net(torch.randn(16, 32), torch.arange(16) % 10)
    assert float(saturation(made.image)["saturation"] - saturation(fresh.image)["saturation"]) > 0.3
    assert float(tanh_health(made)["tanh_slope"]) < 0.3 < float(tanh_health(fresh)["tanh_slope"])


def test_relu_before_the_last_layer_and_each_place_of_attention() -> None:
    plain = drawn(recipe())[1].pre
    assert float(drawn(recipe(gen__final_relu=True))[1].pre.std()) < float(plain.std())
    for place in (0, 8, 16):
        made = recipe(gen__attention=place, disc__attention=place)
        net, _ = drawn(made)
        judge = build_discriminator(made, 10)
        assert (
            isinstance(net.attention, nn.Identity) == isinstance(judge.attention, nn.Identity) == (place == 0)
        )
        sides = []
        for part in (net.attention, judge.attention):
            part.register_forward_hook(lambda module, x, y, sides=sides: sides.append(x[0].shape[-1]))
        with torch.no_grad():
            judge(net(torch.randn(2, 32), torch.tensor([0, 1])).image, torch.tensor([0, 1]))
        assert sides == ([place, place] if place else [])


@pytest.mark.parametrize("kind", ["document", "big_resnet"])
@pytest.mark.parametrize(("gen", "disc"), [("concat", "concat"), ("cbn", "projection")])
def test_both_players_know_the_class(kind: str, gen: str, disc: str) -> None:
    made = recipe(gen__kind=kind, disc__kind=kind, gen__condition=gen, disc__condition=disc)
    torch.manual_seed(1)
    net, judge = build_generator(made, 10).eval(), build_discriminator(made, 10).eval()
    z, one, two = torch.randn(3, 32), torch.zeros(3, dtype=torch.long), torch.ones(3, dtype=torch.long)
    with torch.no_grad():
        image = net(z, one).image
        assert image.shape == (3, 3, 32, 32)
        assert not torch.allclose(image, net(z, two).image)
        assert judge(image, one).shape == (3,)
        assert not torch.allclose(judge(image, one), judge(image, two))


def test_spectral_norm_and_initialisation_are_knobs() -> None:
    def normalised(net: nn.Module) -> set[str]:
        return {n for n, m in net.named_modules() if hasattr(m, "parametrizations")}

    old = normalised(build_generator(recipe(), 10))
    assert {"first", "final_conv", "blocks.0.conv1", "attention.query"} <= old
    assert "embed" not in old
    assert "final_conv" not in normalised(build_generator(recipe("fixed"), 10))
    assert normalised(build_generator(recipe(gen__spectral_norm=False), 10)) == {"final_conv"}
    assert normalised(build_discriminator(recipe(disc__spectral_norm=False), 10)) == set()
    bare = build_discriminator(recipe(disc__spectral_norm=False, disc__init="normal"), 10)
    assert float(bare.blocks[2].conv1.weight.detach().std()) == pytest.approx(0.02, rel=0.1)


def test_standing_statistics_are_those_of_the_batches_and_leave_the_network_alone() -> None:
    net, _ = drawn(recipe())
    net.eval()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    batches = [(torch.randn(64, 32), torch.arange(64) % 10) for _ in range(3)]
    fresh = standing(net, iter(batches))
    assert all(torch.equal(v, net.state_dict()[k]) for k, v in before.items())
    inputs: list[torch.Tensor] = []
    net.blocks[0].norm1.bn.register_forward_hook(lambda module, x, y: inputs.append(x[0]))
    with torch.no_grad():
        for batch in batches:
            net(*batch)
    expected = torch.stack([x.mean((0, 2, 3)) for x in inputs]).mean(0)
    assert torch.allclose(fresh.blocks[0].norm1.bn.running_mean, expected, atol=1e-5)
    assert not fresh.training
