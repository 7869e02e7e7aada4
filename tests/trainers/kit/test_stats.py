import pytest
import torch
from torch import nn

from trainers.kit import stats


def test_read_keeps_order_and_takes_plain_numbers() -> None:
    values = {"b": torch.tensor(2.0), "a": 1, "c": torch.tensor([3.0]), "nan": torch.tensor(float("nan"))}
    found = stats.read(values)
    assert list(found) == ["b", "a", "c", "nan"]
    assert [found["b"], found["a"], found["c"]] == [2, 1, 3]
    assert found["nan"] != found["nan"]


class TestJudgement:
    def test_values(self) -> None:
        found = stats.read(
            stats.judgement([torch.tensor([1.0, 3.0])], [torch.tensor([-1.0, 1.0])], ["x"], threshold=0.0)
        )
        assert found["disc/x/sign.real"] == 1
        assert found["disc/x/sign.fake"] == 0.5
        assert found["disc/sign_acc"] == 0.75
        assert found["disc/mean.real"] == 2
        assert found["disc/margin"] == 2
        assert found["disc/logit_std"] == pytest.approx(2**0.5)

    @pytest.mark.parametrize("threshold", [0.0, 0.5, None])
    def test_a_dead_discriminator_is_at_chance(self, threshold: float | None) -> None:
        dead = [torch.full((2, 7), threshold or 0.0)]
        found = stats.read(stats.judgement(dead, dead, ["x"], threshold))
        assert (found["disc/sign.real"], found["disc/sign.fake"], found["disc/sign_acc"]) == (0.5, 0.5, 0.5)
        assert found["disc/logit_std"] == 0

    def test_accuracy_is_balanced(self) -> None:
        found = stats.read(stats.judgement([torch.ones(100)], [torch.ones(3)], ["x"]))
        assert found["disc/sign_acc"] == 0.5

    def test_without_a_threshold_the_middle_counts(self) -> None:
        found = stats.read(stats.judgement([torch.tensor([8.0])], [torch.tensor([5.0])], ["x"], None))
        assert found["disc/sign_acc"] == 1


class TestNorms:
    def test_clip_and_update_ratio(self) -> None:
        net = nn.Linear(2, 1, bias=False)
        with torch.no_grad():
            net.weight.copy_(torch.tensor([[3.0, 4.0]]))
        net.weight.grad = torch.tensor([[6.0, 8.0]])
        params = list(net.parameters())
        assert float(stats.clipped(params, 0)) == 10
        assert float(stats.grad_norm(params)) == 10
        assert float(stats.clipped(params, 5)) == 10
        assert float(stats.grad_norm(params)) == pytest.approx(5)
        before = stats.snapshot(params)
        torch.optim.SGD(params, lr=0.1).step()
        assert float(stats.update_ratio(params, before)) == pytest.approx(0.1, rel=1e-4)

    def test_nothing_to_measure(self) -> None:
        assert float(stats.grad_norm(nn.Linear(1, 1).parameters())) == 0
        assert float(stats.update_ratio([], [])) == 0


class TestTerms:
    def test_weighted(self) -> None:
        total, found = stats.weighted({"a": torch.tensor(2.0), "b": torch.tensor(3.0)}, {"a": 10.0, "b": 0.0})
        assert float(total) == 20
        assert {k: float(v) for k, v in found.items()} == {
            "loss/gen": 20,
            "loss/a": 2,
            "loss/b": 3,
            "weighted/a": 20,
            "weighted/b": 0,
        }

    @pytest.mark.parametrize(("terms", "weights"), [(["a"], ["a", "b"]), (["a", "b"], ["a"])])
    def test_nothing_is_left_out_in_silence(self, terms: list[str], weights: list[str]) -> None:
        with pytest.raises(KeyError, match="b"):
            stats.weighted({k: torch.tensor(1.0) for k in terms}, dict.fromkeys(weights, 1.0))

    def test_shares_at_the_output(self) -> None:
        latent = torch.randn(2, 3, requires_grad=True)
        output = latent * 2
        terms = {"a": output.sum(), "b": -output.sum(), "vq": latent.sum(), "off": output.sum()}
        grads = stats.output_grads(terms, output, {"a": 3.0, "b": 1.0, "vq": 5.0, "off": 0.0})
        shares = stats.read(stats.shares(grads))
        assert shares == {"share/a": 0.75, "share/b": 0.25, "share/vq": 0, "share/off": 0}
        sum(terms.values()).backward()  # the graph is still there
        assert latent.grad is not None


def test_speed_counts_since_the_last_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(stats.time, "monotonic", lambda: now[0])
    speed = stats.Speed()
    speed.add(8, 2.0)
    speed.add(8, 2.0)
    now[0] = 12.0
    assert speed.points() == {"speed/steps_per_s": 1, "speed/items_per_s": 8, "speed/audio_s_per_s": 2}
    assert speed.points() == {}
