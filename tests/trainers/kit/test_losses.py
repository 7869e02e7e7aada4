"""Contracts of the losses and of the game's two turns, each shown to fail on a twin with a known defect."""

import copy
import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from recipes.codec import Discriminator
from trainers.kit import dsp, stats
from trainers.kit.discriminators import build_discriminator
from trainers.kit.losses import (
    KINDS,
    Adversarial,
    AdversarialLoss,
    Hinge,
    LeastSquares,
    MelDistance,
    adversarial,
    feature_matching,
    readonly,
)

DEAD = {"hinge": 2.0, "least_squares": 1.0, "vanilla": 1.3863, "wasserstein": 0.0}


def broken(is_broken: bool) -> AbstractContextManager[object]:
    return pytest.raises(AssertionError) if is_broken else nullcontext()


class NoFakeMargin(Hinge):
    """No + 1 on the fake side, as in stable-audio's DACGANLoss(use_hinge)."""

    def fake(self, logit: Tensor) -> Tensor:
        return torch.relu(logit)


class AlwaysMean(Hinge):
    """Says sum and takes the mean."""

    def reduce(self, values: Any) -> Tensor:
        return torch.stack(list(values)).mean()


class WrongSign(Hinge):
    def fooled(self, logit: Tensor) -> Tensor:
        return logit


class SwappedTargets(LeastSquares):
    def fooled(self, logit: Tensor) -> Tensor:
        return logit.square()


RIGHT = [(kind, False) for kind in KINDS.values()]


@pytest.mark.parametrize(("make", "is_broken"), [*RIGHT, (NoFakeMargin, True)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("subs", [1, 3, 8])
def test_dead_value(make: type[Adversarial], is_broken: bool, reduction: str, subs: int) -> None:
    loss = make(reduction)
    zeros = [torch.zeros(2, 5)] * subs
    each = loss.disc(zeros, zeros)
    with broken(is_broken):
        assert len(each) == subs
        assert all(float(x) == pytest.approx(DEAD[loss.kind], abs=1e-4) for x in each)
        assert loss.dead == pytest.approx(DEAD[loss.kind], abs=1e-4)
        assert float(loss.reduce(each)) == pytest.approx(loss.dead_total(subs))


@pytest.mark.parametrize(("make", "is_broken"), [(Hinge, False), (AlwaysMean, True)])
def test_dead_value_of_a_sum_counts_the_parts(make: type[Adversarial], is_broken: bool) -> None:
    loss = make("sum")
    zeros = [torch.zeros(1)] * 3
    with broken(is_broken):
        assert float(loss.reduce(loss.disc(zeros, zeros))) == loss.dead_total(3) == 6.0


@pytest.mark.parametrize(("make", "is_broken"), [*RIGHT, (NoFakeMargin, True)])
def test_margins_are_symmetric_about_the_threshold(make: type[Adversarial], is_broken: bool) -> None:
    loss, off = make(), torch.linspace(-3, 3, 13)
    middle = loss.threshold or 0.0
    with broken(is_broken):
        assert torch.allclose(loss.real(middle + off), loss.fake(middle - off))


@pytest.mark.parametrize(("make", "is_broken"), [*RIGHT, (WrongSign, True), (SwappedTargets, True)])
def test_convincing_fakes_lower_the_generators_loss(make: type[Adversarial], is_broken: bool) -> None:
    low, high = make().gen([torch.zeros(4), torch.full((4,), 0.3)])
    with broken(is_broken):
        assert high < low


@pytest.mark.parametrize("kind", KINDS)
def test_separating_lowers_the_discriminators_loss(kind: str) -> None:
    loss = adversarial(kind)
    apart = [loss.disc([torch.full((4,), 0.5 + m)], [torch.full((4,), 0.5 - m)])[0] for m in (0, 0.2, 0.4)]
    assert apart[0] > apart[1] > apart[2]


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match=r"'hing' is none of hinge, least_squares"):
        adversarial("hing")
    with pytest.raises(ValueError, match="'total'"):
        adversarial("hinge", "total")


class TestFeatureMatching:
    def test_values(self) -> None:
        real = [[torch.ones(2, 3), torch.full((2, 2), 4.0)], [torch.full((1, 1), 2.0)]]
        fake = [[torch.zeros(2, 3), torch.full((2, 2), 2.0)], [torch.full((1, 1), 5.0)]]
        mean, relative = feature_matching(real, fake)
        assert float(mean) == pytest.approx((1 + 2 + 3) / 3)
        assert float(relative) == pytest.approx((1 + 0.5 + 1.5) / 3)
        assert float(feature_matching(real, fake, "sum")[0]) == pytest.approx(6)

    def test_relative_form_does_not_depend_on_scale(self) -> None:
        real, fake = [[torch.randn(4, 8)]], [[torch.randn(4, 8)]]
        _, one = feature_matching(real, fake)
        l1, two = feature_matching([[9 * real[0][0]]], [[9 * fake[0][0]]])
        assert float(one) == pytest.approx(float(two), rel=1e-5)
        assert float(l1) > 1

    def test_only_the_fake_side_learns(self) -> None:
        real, fake = torch.randn(2, 2, requires_grad=True), torch.randn(2, 2, requires_grad=True)
        feature_matching([[real]], [[fake]])[0].backward()
        assert real.grad is None
        assert fake.grad is not None

    def test_unequal_numbers_of_layers(self) -> None:
        with pytest.raises(ValueError):
            feature_matching([[torch.ones(1)]], [[torch.ones(1), torch.ones(1)]])


class TestMelDistance:
    def test_is_zero_for_equal_and_one_for_a_tenfold_level(self) -> None:
        wave = torch.randn(2, 1, 4096)
        mel = MelDistance(8000)
        assert float(mel(wave, wave)) == 0
        assert float(mel(wave, 10 * wave)) == pytest.approx(1, abs=1e-3)
        assert float(MelDistance(8000, reduction="sum")(wave, 10 * wave)) == pytest.approx(7, abs=1e-2)

    def test_digital_silence_is_the_floor(self) -> None:
        assert MelDistance(8000).log_mel(torch.zeros(1, 600), 0).unique().tolist() == [pytest.approx(-5)]

    def test_deaf_filters_do_not_dilute_the_mean(self) -> None:
        wave = torch.randn(1, 2048)
        dense = MelDistance(8000, windows=(64,), mels=(80,))
        assert dense.unheard[0] > 10
        assert dense.log_mel(wave, 0).shape[-2] == 80 - dense.unheard[0]
        assert float(dense(wave, 10 * wave)) == pytest.approx(1, abs=1e-3)

    def test_no_filter_of_dacs_scales_is_deaf(self) -> None:
        assert all(MelDistance(rate).unheard == [0] * 7 for rate in (8000, 16000, 24000, 44100))

    def test_crop_shorter_than_the_longest_window(self) -> None:
        wave = torch.randn(1, 1, 256, requires_grad=True)
        MelDistance(8000)(torch.randn(1, 1, 256), wave).backward()
        assert wave.grad is not None
        assert wave.grad.isfinite().all()

    def test_refuses_unlike_shapes(self) -> None:
        with pytest.raises(ValueError, match=r"\(1, 9\) and \(1, 8\)"):
            MelDistance(8000)(torch.zeros(1, 9), torch.zeros(1, 8))

    def test_buffers_first_used_in_inference_can_be_trained_with(self) -> None:
        dsp._window.cache_clear()
        dsp._filters.cache_clear()
        with torch.inference_mode():
            MelDistance(11025)(torch.randn(1, 512), torch.randn(1, 512))
        wave = torch.randn(1, 512, requires_grad=True)
        MelDistance(11025)(torch.randn(1, 512), wave).backward()
        assert wave.grad is not None


PART = Discriminator(
    kind="mpd_stft",
    periods=[2, 3],
    mpd_channels=[4, 8],
    n_ffts=[64],
    stft_channels=4,
    init="kaiming",
    input_gain=5.0,
)


class Game:
    """A one-layer generator against a tiny discriminator."""

    def __init__(self, make: type[AdversarialLoss] = AdversarialLoss, **more: Any) -> None:
        torch.manual_seed(0)
        self.generator = nn.Conv1d(1, 1, 5, padding=2)
        self.net = build_discriminator(PART)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), 1e-3)
        self.adversary = make(self.net, self.optimizer, **more)
        self.real = 0.1 * torch.randn(3, 1, 256)
        self.fake = self.generator(self.real)

    def parameters(self) -> list[Tensor]:
        return [p.detach().clone() for p in self.net.parameters()]


class Attached(AdversarialLoss):
    """The discriminator's turn without detach."""

    def train_disc(self, real: Tensor, fake: Tensor, *, detail: bool = True) -> dict[str, Tensor]:
        loss = self.loss.reduce(self.loss.disc(self.bare(real)[0], self.bare(fake)[0]))
        self.optimizer.zero_grad()
        loss.backward(retain_graph=True)
        self.optimizer.step()
        return {"loss/disc": loss.detach()}


@pytest.mark.parametrize(("make", "is_broken"), [(AdversarialLoss, False), (Attached, True)])
def test_discriminators_turn_leaves_the_generator_alone(make: type[AdversarialLoss], is_broken: bool) -> None:
    game = Game(make)
    before = game.parameters()
    game.adversary.train_disc(game.real, game.fake)
    assert any(not torch.equal(a, b) for a, b in zip(before, game.net.parameters(), strict=True))
    with broken(is_broken):
        assert all(p.grad is None for p in game.generator.parameters())


class Unfrozen(AdversarialLoss):
    """The generator's turn without freezing: gradients pile up in the discriminator."""

    def gen_terms(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        logits, features = self.bare(fake)
        feat, _ = feature_matching(self.bare(real)[1], features)
        return {"adv": self.loss.reduce(self.loss.gen(logits)), "feat": feat}


class StepsBoth(Unfrozen):
    """... and its optimiser is stepped in the generator's turn as well."""

    def gen_terms(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        self.optimizer.step()
        return super().gen_terms(real, fake)


@pytest.mark.parametrize(
    ("make", "is_broken"), [(AdversarialLoss, False), (Unfrozen, True), (StepsBoth, True)]
)
def test_generators_turn_leaves_the_discriminator_bit_identical(
    make: type[AdversarialLoss], is_broken: bool
) -> None:
    game = Game(make)
    AdversarialLoss.train_disc(game.adversary, game.real, game.fake)
    weights = game.parameters()
    grads = [p.grad.clone() for p in game.net.parameters() if p.grad is not None]
    terms = game.adversary.gen_terms(game.real, game.fake)
    (terms["adv"] + terms["feat"]).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in game.generator.parameters())
    with broken(is_broken):
        assert all(torch.equal(a, b) for a, b in zip(weights, game.net.parameters(), strict=True))
        assert all(
            p.grad is not None and torch.equal(a, p.grad)
            for a, p in zip(grads, game.net.parameters(), strict=True)
        )
        assert all(p.requires_grad for p in game.net.parameters())


def test_readonly_thaws_after_an_error_and_keeps_what_was_frozen() -> None:
    net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    net[0].weight.requires_grad_(False)
    seen = []

    def fail() -> None:
        with readonly(net):
            seen.extend(p.requires_grad for p in net.parameters())
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert seen == [False] * 4
    assert [p.requires_grad for p in net.parameters()] == [False, True, True, True]


def test_readonly_keeps_the_vectors_of_spectral_norm_and_leaves_dropout_on() -> None:
    net = nn.Sequential(spectral_norm(nn.Linear(4, 4)), nn.Dropout(0.5))
    before = [b.clone() for b in net.buffers()]
    assert before
    with readonly(net):
        assert (net(torch.ones(64, 4)) == 0).any(), "dropout"
    assert all(torch.equal(a, b) for a, b in zip(before, net.buffers(), strict=True))
    net(torch.ones(1, 4))
    assert not all(torch.equal(a, b) for a, b in zip(before, net.buffers(), strict=True))
    with readonly(net.eval()):
        pass
    assert not any(m.training for m in net.modules()), "what was off stays off"


class TestAdversarialLoss:
    def test_report(self) -> None:
        game = Game()
        found = stats.read(game.adversary.train_disc(game.real, game.fake))
        for name in game.net.names:
            assert found[f"disc/{name}/loss"] > 0
            assert 0 <= found[f"disc/{name}/sign_acc"] <= 1
        mean = sum(found[f"disc/{name}/loss"] for name in game.net.names) / len(game.net.names)
        assert found["loss/disc"] == pytest.approx(mean, rel=1e-5)
        assert found["disc/margin"] == pytest.approx(
            found["disc/mean.real"] - found["disc/mean.fake"], rel=1e-3
        )
        assert 0 < found["disc/update_ratio"] < 1
        assert set(game.adversary.train_disc(game.real, game.fake, detail=False)) == {
            "loss/disc",
            "disc/grad_norm",
        }

    def test_reported_loss_is_the_mean_under_either_reduction(self) -> None:
        mean, total = Game(reduction="mean"), Game(reduction="sum")
        a = stats.read(mean.adversary.train_disc(mean.real, mean.fake))
        b = stats.read(total.adversary.train_disc(total.real, total.fake))
        assert a["loss/disc"] == pytest.approx(b["loss/disc"])
        assert b["disc/grad_norm"] == pytest.approx(3 * a["disc/grad_norm"], rel=1e-4)

    def test_learns_to_tell_noise_from_a_tone(self) -> None:
        game = Game()
        tone = 0.1 * torch.sin(torch.arange(256) * 0.4).expand(3, 1, 256)
        losses = [float(game.adversary.train_disc(tone, game.real)["loss/disc"]) for _ in range(30)]
        assert losses[-1] < 0.7 * losses[0]

    def test_clip_limits_the_step_and_reports_the_norm_before(self) -> None:
        game = Game(clip=1e-3)
        norm = float(game.adversary.train_disc(game.real, game.fake)["disc/grad_norm"])
        assert norm > 1e-2
        assert float(stats.grad_norm(game.net.parameters())) == pytest.approx(1e-3, rel=1e-3)

    def test_goes_on_from_its_state(self) -> None:
        one, two = Game(), Game()
        one.adversary.train_disc(one.real, one.fake)
        two.adversary.load_state_dict(copy.deepcopy(one.adversary.state_dict()))
        assert two.adversary.steps == 1
        for game in (one, two):
            game.adversary.train_disc(one.real, one.fake)
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))

    def test_relative_feature_distance_is_that_of_the_latest_call(self) -> None:
        game = Game()
        assert math.isnan(float(game.adversary.relative))
        game.adversary.gen_terms(game.real, game.real)
        assert float(game.adversary.relative) == 0

    def test_unequal_lengths_are_refused(self) -> None:
        game = Game()
        with pytest.raises(ValueError, match=r"\(3, 1, 256\) and fake \(3, 1, 255\)"):
            game.adversary.train_disc(game.real, game.fake[..., :-1])

    def test_wrapped_by_fabric(self) -> None:
        from lightning.fabric import Fabric

        fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
        game = Game()
        net, optimizer = fabric.setup(game.net, game.optimizer)
        adversary = AdversarialLoss(net, optimizer, backward=fabric.backward, autocast=fabric.autocast)
        assert adversary.names == game.net.names
        found = stats.read(adversary.train_disc(game.real, game.fake))
        assert found["disc/update_ratio"] > 0
        terms = adversary.gen_terms(game.real, game.fake)
        fabric.backward(terms["adv"] + terms["feat"])
        assert game.generator.weight.grad is not None
        assert set(adversary.state_dict()["discriminator"]) == set(game.net.state_dict())
