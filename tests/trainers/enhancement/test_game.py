"""The metric game: who is trained when, what is replayed, and calibration by closed forms."""

import copy
from types import SimpleNamespace

import pytest
import torch

from recipes.enhancement import Discriminator as Part
from trainers.enhancement.game import Judged, MetricGame, calibration, normalised
from trainers.enhancement.model import MetricDiscriminator


def game(**knobs: float) -> MetricGame:
    torch.manual_seed(0)
    part = Part(**{"channels": 2, "dropout": 0.0, "replay": 0.0, "lr": 1e-2, **knobs})
    judge = MetricDiscriminator(part)
    return MetricGame(judge, torch.optim.AdamW(judge.parameters(), lr=part.lr), part, seed=1)


def batch(n: int = 3, target: float = 0.3) -> tuple[torch.Tensor, dict[str, Judged]]:
    torch.manual_seed(1)
    clean = torch.rand(n, 40, 40)
    estimate = clean + 0.5 * torch.rand(n, 40, 40)
    return clean, {"est": Judged(clean, estimate, torch.full((n,), target))}


def test_scores_are_normalised_as_published() -> None:
    assert [normalised(v) for v in (1.0, 4.5, 2.75)] == [0.0, 1.0, 0.5]


def test_it_learns_scores_and_one_for_clean() -> None:
    made = game()
    clean, groups = batch()
    losses = [float(made.train_disc(clean, groups, detail=True)["loss/disc"]) for _ in range(60)]
    assert losses[-1] < 0.2 * losses[0]
    last = made.train_disc(clean, groups, detail=True)
    assert float(last["disc/pred.clean"]) > float(last["disc/pred.est"]) + 0.3
    assert float(last["disc/true.est"]) == pytest.approx(0.3)
    assert made.steps == 61


def test_each_player_leaves_the_other_alone() -> None:
    made = game()
    clean, groups = batch()
    estimate = groups["est"].estimate.clone().requires_grad_()
    before = copy.deepcopy([p.detach() for p in made.bare.parameters()])
    made.gen_term(clean, estimate).backward()
    assert float(estimate.grad.abs().sum()) > 0
    assert all(p.grad is None for p in made.bare.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, made.bare.parameters(), strict=True))
    estimate.grad = None
    made.train_disc(clean, {"est": Judged(clean, estimate.detach(), groups["est"].targets)}, detail=False)
    assert estimate.grad is None
    assert not all(torch.equal(a, b) for a, b in zip(before, made.bare.parameters(), strict=True))


def test_the_generator_term_is_the_distance_to_one() -> None:
    made = game()
    clean, groups = batch()
    with torch.no_grad():
        answer = made.bare.eval()(clean, groups["est"].estimate)
    assert float(made.gen_term(clean, groups["est"].estimate)) == pytest.approx(
        float((1 - answer).square().mean())
    )


def test_a_batch_without_scores_still_teaches_the_clean_anchor() -> None:
    made = game()
    clean, groups = batch()
    none = Judged(clean[:0], clean[:0], torch.zeros(0))
    found = made.train_disc(clean, {"est": none}, detail=True)
    assert "disc/pred.est" not in found
    assert float(found["loss/disc"]) == pytest.approx(
        float((1 - found["disc/pred.clean"]).square()), abs=0.05
    )
    assert len(groups["est"].targets) == 3


def test_a_fifth_is_replayed() -> None:
    made = game(replay=0.2, history=4)
    clean, groups = batch(3)
    seen = ["disc/pred.replay" in made.train_disc(clean, groups, detail=True) for _ in range(5)]
    assert seen == [False, True, False, True, True]  # after 3, 6, 9, 12, 15 items: 0, 1, 1, 2, 3 are due
    assert made.state_dict()["history"]["targets"].shape == (4,)
    assert game(replay=0.0).state_dict()["history"] == {}


def test_the_state_comes_back() -> None:
    one, two = game(replay=1.0), game(replay=1.0)
    clean, groups = batch()
    one.train_disc(clean, groups, detail=True)
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    for made in (one, two):
        made.train_disc(clean, groups, detail=False)
    a, b = one.state_dict(), two.state_dict()
    assert all(torch.equal(a["discriminator"][k], b["discriminator"][k]) for k in a["discriminator"])
    assert torch.equal(a["seen"], b["seen"])


def test_as_many_processes_deal_the_history_out_as_it_was() -> None:
    one, two = game(replay=1.0), game(replay=1.0)
    one.train_disc(*batch(4), detail=False)
    state = one.state_dict()
    owners = [1, 0, 0, 1]
    state["history"] |= {"owners": torch.tensor(owners), "processes": 2}
    for rank, size, mine in (
        (0, 2, [1, 2]),
        (1, 2, [0, 3]),
        (0, 1, [0, 1, 2, 3]),
        (1, 3, [1]),
    ):
        two.team = SimpleNamespace(rank=rank, size=size)  # type: ignore[assignment]
        two.load_state_dict(state)
        assert [i for i, row in enumerate(two._history) if row[0] is not None] == mine
        assert [row[2] for row in two._history] == state["history"]["targets"].tolist()


def test_calibration() -> None:
    true = torch.tensor([0.1, 0.2, 0.4, 0.8])
    found = {k: float(v) for k, v in calibration(true + 0.1, true).items()}
    assert found == pytest.approx({"corr": 1, "spearman": 1, "mae": 0.1, "bias": 0.1})
    turned = calibration(1 / true, true)
    assert float(turned["spearman"]) == pytest.approx(-1)
    assert float(turned["corr"]) > -1
    assert all(torch.isnan(v) for v in calibration(true[:2], true[:2]).values())
    tied = calibration(torch.tensor([1.0, 1.0, 2.0]), torch.tensor([1.0, 2.0, 3.0]))
    assert float(tied["spearman"]) == pytest.approx(3**0.5 / 2)
