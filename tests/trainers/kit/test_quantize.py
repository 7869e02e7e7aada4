"""Contracts of the quantisers; the no-op restart and the wrong normaliser are real defects of others."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from recipes.codec import Quantizer
from trainers.kit.processes import Team
from trainers.kit.quantize import (
    CodeUse,
    EmaCodebook,
    EmaResidualVQ,
    FactorizedResidualVQ,
    build_quantizer,
)


def placed(make: type[EmaCodebook] = EmaCodebook, **more: object) -> EmaCodebook:
    """A codebook of four codes, two of them far from all data."""
    book = make(2, 4, **more)  # type: ignore[arg-type]
    book.embed.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [99.0, 99.0], [-99.0, 99.0]]))
    book.cluster_size.copy_(torch.tensor([8.0, 8.0, 1e-3, 1e-3]))
    book.embed_sum.copy_(book.embed * book.cluster_size[:, None])
    book.placed.fill_(True)
    book._placed = True
    return book.train()


class WrittenOver(EmaCodebook):
    """Encodec's order: dead codes are replaced in ``embed`` only, then the running average writes over it."""

    def _learn(self, rows: Tensor, code: Tensor) -> None:
        dead = self.cluster_size < self.dead_below * len(rows) / self.size
        self.embed.copy_(torch.where(dead[:, None], self._frames(rows), self.embed))
        used, sums = self._tally(rows, code)
        self.cluster_size.lerp_(used, 1 - self.decay)
        self.embed_sum.lerp_(sums, 1 - self.decay)
        self.embed.copy_(self.embed_sum / self.cluster_size[:, None])


@pytest.mark.parametrize(("make", "is_broken"), [(EmaCodebook, False), (WrittenOver, True)])
def test_replaced_codes_survive_the_forward_that_replaces_them(
    make: type[EmaCodebook], is_broken: bool
) -> None:
    torch.manual_seed(0)
    book = placed(make)
    data = torch.randn(2, 2, 8)
    frames = data.transpose(1, 2).flatten(0, 1)
    with pytest.raises(AssertionError) if is_broken else nullcontext():
        for _ in range(2):
            book(data)
            for code in (2, 3):
                assert (frames == book.embed[code]).all(1).any() or float(book.embed[code].norm()) < 5
        assert book.embed.abs().max() < 5
        assert torch.allclose(book.embed_sum / book.cluster_size[:, None], book.embed, atol=1e-5)


def test_replacement_is_exactly_a_frame_of_the_batch_with_sum_and_count_to_match() -> None:
    torch.manual_seed(0)
    book, data = placed(), torch.randn(1, 2, 16)
    book(data)
    frames = data[0].t()
    for code in (2, 3):
        assert (frames == book.embed[code]).all(1).any()
        assert float(book.cluster_size[code]) == 4  # the even share of 16 frames
        assert torch.equal(book.embed_sum[code], 4 * book.embed[code])


def test_running_average_in_closed_form() -> None:
    book = EmaCodebook(1, 1, decay=0.9, dead_below=0.0).train()
    book(torch.full((1, 1, 4), 2.0))
    for _ in range(3):
        book(torch.full((1, 1, 4), 5.0))
    assert float(book.embed) == pytest.approx(2 * 0.9**3 + 5 * (1 - 0.9**3), rel=1e-5)


@pytest.mark.parametrize("init", ["data", "kmeans"])
def test_first_batch_places_the_codes(init: str) -> None:
    torch.manual_seed(0)
    centres = torch.tensor([[5.0, 0.0], [0.0, 5.0], [-5.0, 0.0], [0.0, -5.0]])
    data = (centres.repeat(50, 1) + 0.01 * torch.randn(200, 2)).t()[None]
    vq = EmaResidualVQ(2, codebooks=1, size=16, init=init).train()
    assert float(vq(data).loss) < 1e-3


def test_kmeans_places_better_than_data() -> None:
    losses = {}
    for init in ("data", "kmeans"):
        torch.manual_seed(1)
        vq = EmaResidualVQ(4, codebooks=1, size=8, init=init).train()
        losses[init] = float(vq(torch.randn(2, 4, 128)).loss)
    assert losses["kmeans"] < 0.95 * losses["data"]


QUANTIZERS = {
    "ema": lambda **more: EmaResidualVQ(6, codebooks=3, size=8, **more),
    "dac": lambda **more: FactorizedResidualVQ(6, codebooks=3, size=8, code_dim=2, **more),
}


@pytest.mark.parametrize("kind", QUANTIZERS)
class TestBoth:
    def test_shapes(self, kind: str) -> None:
        z = torch.randn(2, 6, 9)
        done = QUANTIZERS[kind]()(z)
        assert done.z.shape == z.shape
        assert done.codes.shape == (2, 3, 9)
        assert done.codes.dtype == torch.int64
        assert 0 <= int(done.codes.min()) <= int(done.codes.max()) < 8
        assert done.loss.ndim == 0

    def test_codes_decode_to_what_was_given(self, kind: str) -> None:
        vq = QUANTIZERS[kind]()
        vq.train()(torch.randn(2, 6, 20))
        done = vq.eval()(torch.randn(2, 6, 9))
        assert torch.allclose(vq.decode(done.codes), done.z, atol=1e-5)
        assert vq.decode(done.codes[:, :1]).shape == done.z.shape

    def test_evaluation_changes_nothing(self, kind: str) -> None:
        vq = QUANTIZERS[kind](dropout=1.0).eval()
        before = {k: v.clone() for k, v in vq.state_dict().items()}
        one, two = (vq(torch.ones(2, 6, 5)) for _ in range(2))
        assert torch.equal(one.z, two.z)
        assert all(torch.equal(v, before[k]) for k, v in vq.state_dict().items())

    def test_a_seed_fixes_everything(self, kind: str) -> None:
        def run() -> tuple[Tensor, dict[str, Tensor]]:
            torch.manual_seed(3)
            vq = QUANTIZERS[kind](dropout=0.5).train()
            for _ in range(3):
                done = vq(torch.randn(4, 6, 5))
            return done.z, vq.state_dict()

        (z, state), (again, same) = run(), run()
        assert torch.equal(z, again)
        assert all(torch.equal(state[k], same[k]) for k in state)

    def test_gradient_passes_to_the_encoder(self, kind: str) -> None:
        vq = QUANTIZERS[kind]().train()
        z = torch.randn(2, 6, 9, requires_grad=True)
        vq(z).z.sum().backward()
        assert z.grad is not None
        assert float(z.grad.abs().sum()) > 0
        if kind == "ema":
            # once, whatever the number of stages
            assert torch.allclose(z.grad, torch.ones_like(z))

    def test_dropout_shortens_items_of_the_first_share(self, kind: str) -> None:
        torch.manual_seed(0)
        vq = QUANTIZERS[kind]()
        vq.train()(torch.randn(4, 6, 30))
        z = torch.randn(64, 6, 4)
        vq.eval()
        stages = [vq.decode(vq(z).codes[:, :q]) for q in (1, 2, 3)]
        vq.dropout = 0.5
        for stage in vq.stages:
            stage.eval()
        vq.training = True
        mixed = vq(z).z
        used = [
            next(q for q, s in enumerate(stages, 1) if torch.allclose(s[i], mixed[i], atol=1e-4))
            for i in range(64)
        ]
        assert set(used[:32]) == {1, 2, 3}
        assert set(used[32:]) == {3}

    def test_goes_on_from_its_state(self, kind: str) -> None:
        one, two = QUANTIZERS[kind]().train(), QUANTIZERS[kind]().train()
        one(torch.randn(2, 6, 20))
        two.load_state_dict(one.state_dict())
        data = torch.randn(2, 6, 20)
        done = []
        for vq in (one, two):
            torch.manual_seed(0)
            done.append(vq(data).z)
        assert torch.equal(*done)
        assert all(torch.equal(v, two.state_dict()[k]) for k, v in one.state_dict().items())


def test_more_stages_leave_less() -> None:
    torch.manual_seed(0)
    vq = EmaResidualVQ(4, codebooks=4, size=16).train()
    data = torch.randn(4, 4, 64)
    for _ in range(30):
        vq(data)
    done = vq.eval()(data)
    rests = [float((data - vq.decode(done.codes[:, :q])).square().mean()) for q in (1, 2, 3, 4)]
    assert rests == sorted(rests, reverse=True)
    assert rests[-1] < 0.5 * rests[0]


def twin(rank: int, drawn: torch.Tensor, alone: bool = False) -> Team:
    """One of two processes; the other one has the same values, or (``alone``) only what it draws is summed."""
    team = Team(rank, 1)
    team.size = 2

    def total(x: torch.Tensor) -> torch.Tensor:
        return (drawn if x.dtype == torch.int64 else x) if alone else 2 * x if x.is_floating_point() else x

    team.sum = total
    return team


def test_processes_agree() -> None:
    """Two processes with half a batch each learn what one learns from the whole."""
    torch.manual_seed(0)
    data = torch.randn(2, 3, 10)
    alone = EmaCodebook(3, 4, dead_below=0.0)
    alone.placed.fill_(True)
    alone._placed = True
    shared = EmaCodebook(3, 4, dead_below=0.0, team=twin(0, torch.zeros(4, dtype=torch.int64)))
    shared.load_state_dict(alone.state_dict())
    alone.train()(torch.cat([data, data]))
    shared.train()(data)  # the other process has the same half
    assert torch.allclose(alone.embed, shared.embed, atol=1e-6)
    assert torch.allclose(alone.cluster_size, shared.cluster_size, atol=1e-6)


def test_frames_are_drawn_from_the_rows_of_all_processes() -> None:
    rows = torch.arange(16.0).view(8, 2)
    book = EmaCodebook(2, 4)
    torch.manual_seed(3)
    alone = book._frames(rows)
    torch.manual_seed(3)
    torch.randint(8, (4,))
    drawn = torch.randperm(8)[:4]
    parts = [
        EmaCodebook(2, 4, team=twin(rank, drawn, alone=True))._frames(rows[4 * rank :][:4]) for rank in (0, 1)
    ]
    assert torch.equal(sum(parts), alone)
    assert all(len(p.unique()) > 1 and not torch.equal(p, alone) for p in parts)


def test_factorised_losses_are_equal_and_move_both_sides() -> None:
    vq = FactorizedResidualVQ(6, codebooks=1, size=8, code_dim=2, commitment=1.0).train()
    vq(torch.randn(2, 6, 9)).loss.backward()
    stage = vq.stages[0]
    assert stage.codebook.weight.grad.abs().sum() > 0
    assert stage.inward.parametrizations.weight.original1.grad.abs().sum() > 0
    torch.manual_seed(0)
    z = torch.randn(2, 6, 9)
    stage.commitment = 0.0
    half = float(vq(z).loss.detach())
    stage.commitment = 1.0
    assert float(vq(z).loss.detach()) == pytest.approx(2 * half, rel=1e-5)


def test_factorised_looks_up_by_direction_only() -> None:
    vq = FactorizedResidualVQ(6, codebooks=1, size=8, code_dim=2).eval()
    codes = vq(torch.randn(1, 6, 9)).codes
    with torch.no_grad():
        vq.stages[0].codebook.weight.mul_(torch.linspace(1, 50, 8)[:, None])
    torch.manual_seed(0)
    assert codes.shape == (1, 1, 9)
    z = torch.randn(1, 6, 9)
    before = vq(z).codes
    with torch.no_grad():
        vq.stages[0].codebook.weight.div_(torch.linspace(1, 50, 8)[:, None])
    assert torch.equal(before, vq(z).codes)


@pytest.mark.parametrize(("kind", "make"), [("ema", EmaResidualVQ), ("dac", FactorizedResidualVQ)])
def test_build(kind: str, make: type) -> None:
    vq = build_quantizer(Quantizer(kind=kind, codebooks=2, size=16, dropout=0.5), 12)
    assert isinstance(vq, make)
    assert (len(vq.stages), vq.size, vq.dropout) == (2, 16, 0.5)


class ByCodebookSize(CodeUse):
    """Divides by K where fewer tokens than K were counted."""

    def read(self, reset: bool = True):  # type: ignore[no-untyped-def]
        found = super().read(reset)
        return [
            type(s)(
                s.perplexity,
                s.perplexity / self.size,
                s.use * min(self.size, s.tokens) / self.size,
                s.bits,
                s.tokens,
            )
            for s in found
        ]


@pytest.mark.parametrize(("make", "is_broken"), [(CodeUse, False), (ByCodebookSize, True)])
def test_use_is_measured_against_what_was_possible(make: type[CodeUse], is_broken: bool) -> None:
    use = make(1, 1024)
    use.add(torch.arange(100)[None, None])
    stage = use.read()[0]
    assert stage.perplexity == pytest.approx(100)
    with pytest.raises(AssertionError) if is_broken else nullcontext():
        assert stage.relative == pytest.approx(1)
        assert stage.use == 1


def test_use_of_each_stage_over_batches() -> None:
    use = CodeUse(2, 4)
    for _ in range(3):
        use.add(torch.stack([torch.zeros(2, 8, dtype=torch.long), torch.arange(16).view(2, 8) % 2], 1))
    points = use.points(reset=False)
    assert points["codebook/perplexity.0"] == pytest.approx(1)
    assert points["codebook/perplexity.1"] == pytest.approx(2)
    assert points["codebook/use.1"] == 0.5
    assert use.read()[1].tokens == 48
    assert use.points() == {}


def test_a_restart_that_the_average_undoes_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> float:
        torch.manual_seed(0)
        vq = EmaResidualVQ(4, codebooks=1, size=8, decay=0.5, dead_below=0.9)
        errors = []
        for _ in range(5):
            vq(torch.randn(2, 4, 16))
            errors.append(float(vq.restarts()["codebook/restart_error.0"]))
        return max(errors)

    assert run() < 1e-5
    revive = EmaCodebook._revive

    def forgetful(
        self: EmaCodebook, rows: torch.Tensor, even: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Writes the code alone, as two published quantisers do."""
        size, total = self.cluster_size.clone(), self.embed_sum.clone()
        found = revive(self, rows, even)
        self.cluster_size.copy_(size)
        self.embed_sum.copy_(total)
        return found

    monkeypatch.setattr(EmaCodebook, "_revive", forgetful)
    assert run() > 0.1
    assert FactorizedResidualVQ(4, codebooks=1, size=8).restarts() == {}
