"""The game's contracts: who may be changed in whose step, one policy for both sides, penalties when they are due."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recipes.cgan import Cgan
from recipes.compose import build
from trainers.cgan.game import ConditionalGame
from trainers.cgan.model import build_discriminator, build_generator

CLASSES = torch.arange(6) % 10


def recipe(**patch: Any) -> Cgan:
    small = {"gen.scale": 0.03, "disc.scale": 0.06, "gen.latent": 8}
    made = build("cgan", "fixed", "tiny", {**small, **{k.replace("__", "."): v for k, v in patch.items()}})
    assert isinstance(made, Cgan)
    return made


def game(**patch: Any) -> ConditionalGame:
    torch.manual_seed(0)
    made = recipe(**patch)
    net = build_discriminator(made, 10)
    return ConditionalGame(net, torch.optim.Adam(net.parameters(), lr=1e-3), made)


def batch(seed: int = 0) -> Tensor:
    return torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def leaks(play: Callable[[ConditionalGame, Tensor], Any]) -> tuple[bool, bool]:
    """(whether the generator got a gradient, whether anything in D changed)."""
    made = game(disc__noise_std=0.1)
    made.noise_std = 0.1
    net = build_generator(recipe(), 10)
    fake = net(torch.randn(6, 8), CLASSES).image
    before = {k: v.clone() for k, v in made.bare.state_dict().items()}
    play(made, fake)
    changed = any(not torch.equal(v, made.bare.state_dict()[k]) for k, v in before.items())
    grads = any(p.grad is not None for p in made.bare.parameters())
    return any(p.grad is not None and bool(p.grad.any()) for p in net.parameters()), changed or grads


def test_ds_step_leaves_the_generator_alone() -> None:
    def play(made: ConditionalGame, fake: Tensor) -> None:
        made.play_disc(batch(), CLASSES, fake, CLASSES)

    assert leaks(play) == (False, True)

    def attached(made: ConditionalGame, fake: Tensor) -> None:  # the sabotaged twin: the fakes not detached
        made.backward(made.loss.disc([made.bare(batch(), CLASSES)], [made.bare(fake, CLASSES)])[0])

    assert leaks(attached)[0]


def test_gs_step_leaves_d_bit_for_bit() -> None:
    assert leaks(lambda made, fake: made.play_gen(fake, CLASSES).backward()) == (True, False)

    def open_(made: ConditionalGame, fake: Tensor) -> None:  # the sabotaged twin: D trains meanwhile
        made.loss.gen([made.bare(fake, CLASSES)])[0].backward()

    assert leaks(open_) == (True, True)


def test_judging_changes_nothing() -> None:
    made = game(augment__cutout=True)
    made.noise_std = 1.0
    before = {k: v.clone() for k, v in made.bare.state_dict().items()}
    first, second = (made.judged(batch(), CLASSES) for _ in range(2))
    assert torch.equal(first, second)
    assert all(torch.equal(v, made.bare.state_dict()[k]) for k, v in before.items())
    assert made.bare.training


@pytest.mark.parametrize(
    ("loss", "dead"),
    [("hinge", 2.0), ("vanilla", 2 * math.log(2)), ("least_squares", 1.0), ("wasserstein", 0.0)],
)
def test_a_dead_discriminator_has_the_known_loss(loss: str, dead: float) -> None:
    made = game(loss=loss, disc__gp_weight=0.0)
    nn.init.zeros_(made.bare.out.parametrizations.weight.original)  # type: ignore[union-attr]
    made.bare.out = nn.Linear(made.bare.out.in_features, 1)  # type: ignore[arg-type]
    nn.init.zeros_(made.bare.out.weight)
    nn.init.zeros_(made.bare.out.bias)
    found = made.play_disc(batch(), CLASSES, batch(1), CLASSES)
    assert float(found["loss/disc"]) == pytest.approx(dead)
    assert made.loss.dead == pytest.approx(dead)


def test_one_policy_augments_both_sides_in_both_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    made = game(augment__translation=True, augment__cutout=True)
    assert made.policy.names == ("translation", "cutout")
    seen: list[int] = []
    policy = made.policy

    def counted(images: Tensor) -> Tensor:
        seen.append(len(images))
        return policy(images)

    made.policy = counted  # type: ignore[assignment]
    made.play_disc(batch(), CLASSES, batch(1), CLASSES)
    assert seen == [6, 6]
    made.play_gen(batch(2), CLASSES)
    assert seen == [6, 6, 6]


def test_noise_is_on_what_d_sees_alone() -> None:
    made = game()
    assert torch.equal(made.seen(batch()), batch())
    made.noise_std = 0.5
    assert float((made.seen(batch()) - batch()).std()) == pytest.approx(0.5, rel=0.05)


def test_penalties_are_taken_when_they_are_due() -> None:
    made = game(disc__r1_gamma=1.0, disc__r1_every=2)
    due = ["loss/r1" in made.play_disc(batch(), CLASSES, batch(1), CLASSES) for _ in range(4)]
    assert due == [True, False, True, False]
    critic = game(loss="wasserstein")
    found = critic.play_disc(batch(), CLASSES, batch(1), CLASSES)
    assert float(found["loss/gp"]) >= 0
    assert float(found["disc/grad_between"]) > 0
    assert "loss/gp" not in game(loss="hinge").play_disc(batch(), CLASSES, batch(1), CLASSES)


def test_lazy_r1_pulls_as_much_as_r1_every_step() -> None:
    grads = []
    for every in (1, 4):
        made = game(disc__r1_gamma=2.0, disc__r1_every=every)
        found = made._penalised(torch.zeros(()), batch(), batch(1), CLASSES)
        grads.append(float((found[0] / found[1]["loss/r1"]).detach()))
    assert grads == pytest.approx([1.0, 4.0])


def test_signs_and_clipping() -> None:
    made = game(disc__clip=1e-9)
    before = [p.detach().clone() for p in made.bare.parameters()]
    found = made.play_disc(batch(), CLASSES, batch(1), CLASSES)
    assert {"disc/sign.real", "disc/sign.fake", "disc/sign_acc", "disc/margin", "disc/update_ratio"} <= set(
        found
    )
    assert not any(k.count("/") > 1 for k in found)
    assert float(found["disc/grad_norm"]) > 1e-3
    assert made.steps == 1
    moved = max(
        float((p - b).detach().abs().max()) for p, b in zip(made.bare.parameters(), before, strict=True)
    )
    assert moved < 1e-3
