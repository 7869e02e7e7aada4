"""What must hold in every adversarial training: the checks see a breach, and are silent about what is right."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from trainers.kit import contracts
from trainers.kit.discriminators import MultiPeriodDiscriminator, MultiScaleDiscriminator
from trainers.kit.losses import AdversarialLoss, Hinge, adversarial


class NoMargin(Hinge):
    """The published hinge that lacks the margin on fakes."""

    def fake(self, logit: Tensor) -> Tensor:
        return torch.relu(logit)


@pytest.mark.parametrize(
    ("kind", "dead"),
    [("hinge", 2.0), ("vanilla", 2 * math.log(2)), ("least_squares", 1.0), ("wasserstein", 0.0)],
)
def test_losses_at_zero_are_the_dead_values(kind: str, dead: float) -> None:
    assert contracts.loss_at_zero(adversarial(kind)) == pytest.approx(dead)


def test_a_hinge_without_its_margin_is_seen() -> None:
    assert contracts.loss_at_zero(NoMargin()) == 1.0


class Dropped(MultiScaleDiscriminator):
    """Pools and forgets the result, as a published discriminator does."""

    def downsample(self, wave: Tensor) -> Tensor:
        super().downsample(wave)
        return wave


def test_scales_that_see_the_same_signal_are_counted() -> None:
    wave = torch.randn(1, 1, 512)
    parts = {"num_scales": 3, "channels": (2, 4), "groups": (2,)}
    assert contracts.same_scales(MultiScaleDiscriminator(**parts), wave) == 0  # type: ignore[arg-type]
    assert contracts.same_scales(Dropped(**parts), wave) == 2  # type: ignore[arg-type]
    assert contracts.same_scales(MultiPeriodDiscriminator((2, 3), (2, 4)), wave) == 0


def players() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))


def a_step(gen: nn.Module, disc: nn.Module, *, detach: bool, frozen: bool) -> dict[str, float]:
    """One look at a step of both players, D's with or without the fakes detached, G's with or without D frozen."""
    leaks = contracts.Leaks(gen, disc)
    rates = {"lr": 0.1}
    theirs, ours = torch.optim.SGD(disc.parameters(), **rates), torch.optim.SGD(gen.parameters(), **rates)
    fake = gen(torch.randn(4, 3))
    leaks.before_disc()
    theirs.zero_grad()
    disc(fake.detach() if detach else fake).mean().backward(retain_graph=True)
    theirs.step()
    leaks.after_disc()
    leaks.before_gen()
    ours.zero_grad()
    disc.eval()
    disc(gen(torch.randn(4, 3))).mean().backward()
    ours.step()
    if not frozen:
        theirs.step()
    disc.train()
    leaks.after_gen()
    return {name: float(value) for name, value in leaks.points().items()}


def test_players_that_leave_each_other_alone_are_at_zero() -> None:
    gen, disc = players()
    found = a_step(gen, disc, detach=True, frozen=True)
    assert found == {"gen/grad_in_disc_step": 0.0, "disc/moved_in_gen_step": 0.0}
    assert a_step(gen, disc, detach=True, frozen=True) == found, "gradients of the step before do not count"


def test_a_missing_detach_and_a_missing_freeze_are_seen() -> None:
    assert a_step(*players(), detach=False, frozen=True)["gen/grad_in_disc_step"] > 0
    assert a_step(*players(), detach=True, frozen=False)["disc/moved_in_gen_step"] > 0


def test_a_running_mean_of_batch_norm_that_moves_counts() -> None:
    gen, disc = players()
    leaks = contracts.Leaks(gen, disc)
    leaks.before_gen()
    disc(torch.randn(4, 3))
    leaks.after_gen()
    assert float(leaks.points()["disc/moved_in_gen_step"]) > 0


def test_nothing_is_kept_where_it_does_not_look() -> None:
    leaks = contracts.Leaks(*players())
    leaks.before_disc(False)
    leaks.after_disc()
    leaks.before_gen(False)
    leaks.after_gen()
    assert leaks.points() == {}


class Sure(nn.Module):
    """Calls real what is loud; its parts answer one logit an item."""

    names = ("a", "b")

    def forward(self, wave: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        level = wave.flatten(1).mean(1) - 0.5
        return [level, level.abs()], [[], []]


def test_held_out_reals_are_asked_about() -> None:
    disc = Sure()
    game = AdversarialLoss(disc, torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0), "hinge")
    real = torch.tensor([0.0, 1.0, 1.0, 1.0]).reshape(4, 1, 1)
    assert float(contracts.called_real(game, real)["disc/sign.heldout"]) == pytest.approx((0.75 + 1) / 2)
    assert disc.training
    assert contracts.called_real(game, torch.empty(0, 1, 4)) == {}
    game.loss = adversarial("wasserstein")
    assert contracts.called_real(game, real) == {}


def test_middles_of_waves() -> None:
    found = contracts.middles([torch.arange(6.0)[None], torch.arange(3.0)[None], torch.arange(4.0)[None]], 4)
    assert found.tolist() == [[[1, 2, 3, 4]], [[0, 1, 2, 3]]]
    assert contracts.middles([torch.zeros(1, 3)], 4).shape == (0, 1, 4)


def test_a_digest_as_a_number() -> None:
    assert contracts.set_number("00000000000f" + "0" * 52) == 15.0
    assert contracts.set_number("f" * 64) == float(2**48 - 1)
