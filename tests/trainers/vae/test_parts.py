"""Model, discriminators, adversarial loss and the module's parameters: contracts with sabotaged twins."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainers.vae import discriminator as registry
from trainers.vae.discriminator import (
    EnCodecDiscriminator,
    EncodecSTFTDiscriminator,
    ScaledDiscriminator,
    make_discriminator,
    register,
)
from trainers.vae.lightning_module import NO_DISCRIMINATOR, VAELightningModule
from trainers.vae.losses import AdversarialLossCalculator
from trainers.vae.model import AudioVAE, kl_divergence

SMALL: dict[str, Any] = {"base_channels": 4, "channel_mults": [1, 2], "strides": [2, 4], "latent_dim": 4}
TINY: dict[str, Any] = {
    "stft_filters": 2,
    "n_ffts": [64],
    "msd_scales": [1, 2, 4],
    "msd_channels": [2, 4],
    "mpd_periods": [2, 3],
    "mpd_channels": [2, 4],
}


def wave(items: int = 2, length: int = 400, seed: int = 0) -> Tensor:
    return torch.randn(items, 2, length, generator=torch.Generator().manual_seed(seed)) * 0.1


class Constant(nn.Module):
    """Answers the same to everything."""

    def __init__(self, answer: float = 0.0) -> None:
        super().__init__()
        self.answer = nn.Parameter(torch.tensor(float(answer)))

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        logits = self.answer.expand(len(x), 1) + 0 * x.mean()
        return [logits, logits], [[x], [2 * x]]


def test_the_documents_model() -> None:
    model = AudioVAE()
    assert (model.hop, model.config["latent_dim"]) == (256, 64)
    assert [m.in_channels for m in (model.encoder[0], model.decoder[0])] == [2, 64]
    with pytest.raises(ValueError, match="3 channel_mults for 4 strides"):
        AudioVAE(channel_mults=[1, 2, 4])


@pytest.mark.parametrize("length", [400, 401, 7])
def test_any_length_comes_back_whole(length: int) -> None:
    recon, z, mean, logvar = AudioVAE(**SMALL)(wave(length=length))
    assert recon.shape == (2, 2, length)
    assert z.shape == mean.shape == logvar.shape == (2, 4, -(-length // 8))
    with pytest.raises(ValueError, match=r"it takes \[B, 2, T\]"):
        AudioVAE(**SMALL)(torch.zeros(1, 1, 400))


def test_training_draws_and_evaluation_does_not() -> None:
    model = AudioVAE(**SMALL)
    model.train()
    assert not torch.equal(model(wave()).z, model(wave()).z)
    assert not torch.equal(model.latent_std, torch.ones(4))
    model.eval()
    out = model(wave())
    assert torch.equal(out.z, out.mean)


def test_a_frozen_encoder_stays_and_so_do_its_statistics() -> None:
    model = AudioVAE(**SMALL)
    model.freeze_encoder()
    model.train()(wave()).recon.square().mean().backward()
    assert all(p.grad is None for p in model.encoder.parameters())
    assert all(p.grad is not None for p in model.decoder.parameters())
    assert torch.equal(model.latent_mean, torch.zeros(4))


def test_kl_is_that_of_two_normal_distributions() -> None:
    assert torch.equal(kl_divergence(torch.zeros(1, 3, 5), torch.zeros(1, 3, 5)), torch.zeros(3))
    mean, logvar = torch.full((1, 1, 1), 0.7), torch.full((1, 1, 1), -0.4)
    ours = torch.distributions.Normal(mean, (logvar / 2).exp())
    expected = torch.distributions.kl_divergence(ours, torch.distributions.Normal(0.0, 1.0))
    assert torch.allclose(kl_divergence(mean, logvar), expected.flatten())


def test_encodecs_published_sizes() -> None:
    def size(net: nn.Module) -> int:
        return sum(p.numel() for p in net.parameters())

    assert size(EncodecSTFTDiscriminator([512], 32, 1)) == pytest.approx(94_000, rel=0.01)
    five = EncodecSTFTDiscriminator([2048, 1024, 512, 256, 128], 64, 2)
    assert size(five) == pytest.approx(1_880_000, rel=0.01)


def test_every_option_of_the_document() -> None:
    assert EnCodecDiscriminator(**TINY).names == ["stft64", "msd1", "msd2", "msd4", "mpd2", "mpd3"]
    assert EnCodecDiscriminator(**TINY, use_msd=False, use_mpd=False).names == ["stft64"]
    net = EnCodecDiscriminator(**{**TINY, "n_ffts": [128, 64]}, use_mpd=False)
    logits, features = net(wave())
    assert len(logits) == len(features) == len(net.names) == 5


def test_scales_have_different_lengths() -> None:
    net = ScaledDiscriminator([1, 2, 4], [2, 4], 2)
    lengths = [logit.shape[-1] for logit in net(wave(length=1024))[0]]
    assert len(set(lengths)) == 3
    net.slowed = lambda wave, factor: wave  # type: ignore[method-assign]  # the sabotaged twin, audiocraft's
    assert len({logit.shape[-1] for logit in net(wave(length=1024))[0]}) == 1


def test_targets_are_registered_names_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(make_discriminator({"_target_": "EnCodecDiscriminator", **TINY}), EnCodecDiscriminator)
    path = "src.model.discriminators.EncodecDiscriminator.EnCodecDiscriminator"
    with pytest.raises(ValueError, match="here it is 'EnCodecDiscriminator'"):
        make_discriminator({"_target_": path})
    with pytest.raises(
        ValueError, match=r"'os\.system' is no registered discriminator: registered are EnCodec"
    ):
        make_discriminator({"_target_": "os.system", "command": "true"})
    with pytest.raises(ValueError, match="cannot be made of filters"):
        make_discriminator({"_target_": "EnCodecDiscriminator", "filters": 3})
    monkeypatch.setattr(registry, "TARGETS", list(registry.TARGETS))
    monkeypatch.setattr(registry, "REGISTERED", dict(registry.REGISTERED))
    register("Mine", Constant)
    assert isinstance(make_discriminator({"_target_": "Mine"}), Constant)
    with pytest.raises(ValueError, match="registered already"):
        register("Mine", EnCodecDiscriminator)


def judged(calculator: AdversarialLossCalculator, answer: float = 0.0) -> dict[str, float]:
    """The discriminator's loss for one that always answers the same."""
    found = calculator.compute_discriminator_loss(Constant(answer), wave(), wave(seed=1))
    return {name: float(value.detach()) for name, value in found.items()}


def test_a_discriminator_that_answers_nothing_has_the_dead_value(monkeypatch: pytest.MonkeyPatch) -> None:
    calculator = AdversarialLossCalculator()
    assert judged(calculator) == {"total": 2.0, "real": 1.0, "fake": 1.0}
    assert judged(AdversarialLossCalculator(loss="least_squares"))["total"] == 1.0
    assert judged(calculator, 0.3)["real"] == pytest.approx(judged(calculator, -0.3)["fake"])
    # the sabotaged twin: no margin on fakes
    monkeypatch.setattr(type(calculator.loss), "fake", lambda self, logit: torch.relu(logit))
    assert judged(calculator)["total"] == 1.0
    assert judged(calculator, 0.3)["real"] != pytest.approx(judged(calculator, -0.3)["fake"])


def test_each_turn_leaves_the_other_player_alone() -> None:
    disc, made = EnCodecDiscriminator(**TINY), wave(seed=1).requires_grad_()
    calculator = AdversarialLossCalculator(1.0, 10.0)
    before = [p.clone() for p in disc.parameters()]
    found = calculator.compute_generator_loss(disc, wave(), made, 0)
    found["total"].backward()
    assert made.grad is not None
    assert float(made.grad.abs().sum()) > 0
    assert all(p.grad is None and torch.equal(p, q) for p, q in zip(disc.parameters(), before, strict=True))
    expected = found["adversarial"] + 10 * found["feature_matching"]
    assert torch.allclose(found["total"], expected)
    made.grad = None
    calculator.compute_discriminator_loss(disc, wave(), made)["total"].backward()
    assert made.grad is None
    assert all(p.grad is not None for p in disc.parameters())
    # the sabotaged twin: without the detachment the generator is trained by the discriminator's turn
    logits, _ = disc(torch.cat([wave(), made]))
    calculator.loss.reduce(calculator.loss.disc([x[:2] for x in logits], [x[2:] for x in logits])).backward()
    assert made.grad is not None


def test_a_higher_answer_on_fakes_is_a_lower_loss_of_the_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    calculator = AdversarialLossCalculator()

    def gained() -> float:
        """How much the loss falls from an answer of 0 to one of 1."""
        low, high = (
            calculator.compute_generator_loss(Constant(x), wave(), wave(seed=1), 0)["adversarial"]
            for x in (0, 1)
        )
        return float((low - high).detach())

    assert gained() > 0
    # the sabotaged twin: the generator is told to be found out
    monkeypatch.setattr(type(calculator.loss), "fooled", lambda self, logit: logit)
    assert gained() < 0


def test_the_warm_up_asks_no_discriminator() -> None:
    calculator = AdversarialLossCalculator(0.5, 15.0, warmup_steps=3)
    found = calculator.compute_generator_loss(None, wave(), wave(), 2)  # type: ignore[arg-type]
    assert {name: float(value) for name, value in found.items()} == dict.fromkeys(found, 0.0)
    assert float(calculator.compute_generator_loss(Constant(), wave(), wave(seed=1), 3)["total"].detach()) > 0
    assert calculator.weights(2) == {"adv": 0.0, "feat": 0.0}
    assert calculator.weights(3) == {"adv": 0.5, "feat": 15.0}
    with pytest.raises(ValueError, match="adversarial_weight -1 is negative"):
        AdversarialLossCalculator(adversarial_weight=-1)


def test_a_discriminator_must_be_provided() -> None:
    with pytest.raises(ValueError, match=NO_DISCRIMINATOR):
        VAELightningModule(AudioVAE(**SMALL))
    assert VAELightningModule(AudioVAE(**SMALL), use_adversarial=False).game is None


def test_old_parameters_warn_and_keep_the_old_weights() -> None:
    with pytest.warns(DeprecationWarning, match="adversarial_warmup_steps is deprecated"):
        module = VAELightningModule(AudioVAE(**SMALL), Constant(), adversarial_warmup_steps=0)
    assert module.effective() == {"weight/adv": 0.1, "weight/feat": 10.0}
    new = VAELightningModule(AudioVAE(**SMALL), Constant(), {"warmup_steps": 0})
    assert new.effective() == {"weight/adv": 1.0, "weight/feat": 10.0}
    with (
        pytest.warns(DeprecationWarning, match="deprecated"),
    ):
        bare = VAELightningModule(AudioVAE(**SMALL), adversarial_weight=0.2, feature_matching_weight=5.0)
    assert bare.discriminator is not None
    assert bare.effective() == {"weight/adv": 0.2, "weight/feat": 5.0}
    with pytest.raises(ValueError, match="are both given"):
        VAELightningModule(AudioVAE(**SMALL), Constant(), AdversarialLossCalculator(), adversarial_weight=0.1)
