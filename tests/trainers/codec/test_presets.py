"""Every preset at every size: built, counted against the reference, and one step of D and one of G."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from recipes.codec import Codec
from recipes.compose import build, presets
from trainers.codec.model import build_generator
from trainers.kit import stats
from trainers.kit.device import adamw
from trainers.kit.discriminators import (
    MultiPeriodDiscriminator,
    MultiScaleDiscriminator,
    build_discriminator,
)
from trainers.kit.losses import AdversarialLoss, MelDistance

NAMES = [p.name for p in presets("codec")]
SIZES = ("tiny", "small", "paper")


def shortest(preset: str, size: str) -> Codec:
    """The preset with one short crop: the networks are the real ones, only the signal is short."""
    recipe: Any = build("codec", preset=preset, size=size)
    crop = math.ceil(max(recipe.disc.n_ffts) / recipe.hop) * recipe.hop
    return build("codec", preset=preset, size=size, patch={"data.crop": crop, "data.batch": 1})  # type: ignore[return-value]


def millions(net: nn.Module) -> float:
    return sum(p.numel() for p in net.parameters()) / 1e6


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("preset", NAMES)
def test_takes_a_step_of_each_player(preset: str, size: str) -> None:
    torch.manual_seed(0)
    recipe = shortest(preset, size)
    gen, disc = build_generator(recipe), build_discriminator(recipe.disc)
    optimizer = adamw(gen.parameters(), recipe.gen)
    game = AdversarialLoss(disc, adamw(disc.parameters(), recipe.disc), recipe.loss, clip=recipe.disc.clip)
    real = 0.1 * torch.randn(1, 1, recipe.data.crop)
    before = {id(p): p.detach().sum().item() for net in (gen, disc) for p in net.parameters()}

    out = gen(real)
    judged = game.train_disc(real, out.wave)
    weights = {
        "adv": recipe.adv_weight,
        "feat": recipe.feat_weight,
        "recon": recipe.recon_weight,
        "mel": recipe.mel_weight,
        "vq": recipe.vq_weight,
    }
    terms = game.gen_terms(real, out.wave)
    terms |= {"recon": F.l1_loss(out.wave, real), "vq": out.vq_loss}
    terms["mel"] = MelDistance(recipe.data.rate_hz)(out.wave, real)
    total, _ = stats.weighted(terms, weights)
    total.backward()
    optimizer.step()

    assert torch.isfinite(torch.as_tensor(judged["loss/disc"]))
    assert all(torch.isfinite(term).all() for term in terms.values())
    for name, net in (("generator", gen), ("discriminator", disc)):
        moved = [before[id(p)] != p.detach().sum().item() for p in net.parameters()]
        assert sum(moved) > len(moved) / 2, f"the {name} did not move"


@pytest.mark.parametrize("preset", NAMES)
def test_paper_size_has_the_published_numbers_of_parameters(preset: str) -> None:
    recipe: Any = build("codec", preset=preset, size="paper")
    with torch.device("meta"):
        gen, disc = build_generator(recipe), build_discriminator(recipe.disc)
    assert millions(gen) == pytest.approx(76.6, abs=0.1)
    kinds = {MultiPeriodDiscriminator: ("mpd", 41.1), MultiScaleDiscriminator: ("msd", 3 * 5.64)}
    seen = set()
    for part in disc.modules():
        if type(part) in kinds:
            name, published = kinds[type(part)]
            seen.add(name)
            assert millions(part) == pytest.approx(published, abs=0.1)
    assert seen == {name for name in ("mpd", "msd") if name in recipe.disc.kind}
