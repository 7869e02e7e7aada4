"""Two real processes against one: gradients, batch norms, codebooks, agreement, and errors in one line."""

import datetime
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from tests.trainers.kit.two import both, in_two
from trainers.kit import processes
from trainers.kit.errors import BadInput
from trainers.kit.quantize import EmaCodebook
from trainers.kit.report import over_ranks

HERE = "tests.trainers.kit.test_processes"
STEPS = 3


class Grouped(nn.BatchNorm1d):
    """The twin in one process: normalises each half of the batch by itself; running values are the halves' mean."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert self.running_mean is not None
        assert self.running_var is not None
        parts, kept = [], []
        for half in x.chunk(2):
            mean, spread = self.running_mean.clone(), self.running_var.clone()
            parts.append(
                F.batch_norm(half, mean, spread, self.weight, self.bias, True, self.momentum, self.eps)
            )
            kept.append((mean, spread))
        self.num_batches_tracked.add_(1)
        self.running_mean.copy_((kept[0][0] + kept[1][0]) / 2)
        self.running_var.copy_((kept[0][1] + kept[1][1]) / 2)
        return torch.cat(parts)


def trained(norm: type[nn.BatchNorm1d] = nn.BatchNorm1d, reduced: bool = True) -> dict[str, Any]:
    """A network with batch norm after some steps on this process's rows; its weights and what was agreed."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 5), norm(5), nn.ReLU(), nn.Linear(5, 1))
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    data, team = torch.randn(STEPS, 8, 3), processes.current()
    for batch in data:
        rows = batch[team.rows(len(batch))]
        optimizer.zero_grad()
        (net(rows) - rows.sum(1, keepdim=True)).square().mean().backward()
        if reduced:
            team.reduce(net.parameters(), "gen", detail=True)
            team.average_norms(net)
        optimizer.step()
    return {
        "weights": dict(net.state_dict()),
        "any": team.any(team.rank == 1),
        "gathered": team.gather(f"rank {team.rank}"),
        "collected": team.collect(team.rank),
    }


def coded(reduced: bool = True, init: str = "kmeans") -> dict[str, torch.Tensor]:
    """A codebook's statistics after some batches, dead codes restarted on the way."""
    torch.manual_seed(0)
    team = processes.current()
    book = EmaCodebook(2, 8, decay=0.8, init=init, dead_below=0.5, team=team if reduced else processes.SOLO)
    for batch in torch.randn(4, 4, 2, 6):
        book.train()(batch[team.rows(len(batch))])
    return {name: b.float() for name, b in book.named_buffers()}


def apart(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    return max(float((a[n].float() - b[n].float()).abs().max()) for n in a)


@pytest.mark.parametrize("reduced", [True, False])
def test_a_network_with_batch_norm_is_its_grouped_twin(reduced: bool, tmp_path: Path) -> None:
    alone = trained(Grouped)
    first, second = in_two(f"{HERE}:trained", tmp_path, reduced=reduced)
    far = apart(alone["weights"], first["weights"])
    between = apart(first["weights"], second["weights"])
    assert (far < 1e-5, between < 1e-6) == (reduced, reduced), (far, between)
    assert apart(trained()["weights"], first["weights"]) > 1e-3, (
        "whole-batch normalisation is another network"
    )
    assert [first["any"], second["any"], alone["any"]] == [True, True, False]
    assert first["gathered"] == second["gathered"] == ["rank 0", "rank 1"]
    assert (first["collected"], second["collected"]) == ([0, 1], [1])


@pytest.mark.parametrize("reduced", [True, False])
def test_codebook_statistics_are_those_of_the_whole_batch(reduced: bool, tmp_path: Path) -> None:
    alone = coded()
    first, second = in_two(f"{HERE}:coded", tmp_path, reduced=reduced)
    assert (apart(alone, first) < 1e-5, apart(first, second) < 1e-6) == (reduced, reduced)


def one_hangs(told: str) -> None:
    """The first process asks; the second one is there and does not answer."""
    team = processes.join(2, "cpu")
    # in place of the groups of ten minutes and of twelve hours
    team._group, patient = (
        dist.new_group(backend="gloo", timeout=datetime.timedelta(seconds=s)) for s in (2, 60)
    )
    team._patient = patient
    heard, until = Path(told), time.monotonic() + 60
    if team.leads:
        try:
            team.gather(1)
        except processes.PeerLost as problem:
            heard.write_text(str(problem))
        time.sleep(1)
        team.meet()
        return
    while not heard.exists() and time.monotonic() < until:
        time.sleep(0.1)
    team.meet()  # which has more patience: the other one comes when it likes


def test_one_that_hangs_is_not_waited_for_without_end(tmp_path: Path) -> None:
    both(one_hangs, str(tmp_path / "told"))
    assert (tmp_path / "told").read_text() == (
        "another process of the run has not answered for 10 min and still runs: it hangs, at a disk or in a deadlock"
    )


def test_alone_everything_is_a_no_op() -> None:
    team = processes.current()
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.tensor([1.0, 2.0])
    team.reduce([weight], "gen", detail=True)
    assert weight.grad.tolist() == [1.0, 2.0]
    assert (team.gather(3), team.any(False), team.rows(5), team.norms) == ([3], False, slice(0, 5), {})


@pytest.mark.parametrize(
    ("count", "device", "gpus", "says"),
    [
        (2, "cuda:0", 2, "is one GPU for trainer.processes=2; write device=auto"),
        (4, "auto", 2, "trainer.processes 4 is more than the 2 GPUs"),
    ],
)
def test_more_processes_than_gpus(
    count: int, device: str, gpus: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    with pytest.raises(BadInput, match=says):
        processes.check(count, device)
    processes.check(count, "cpu")


def test_another_number_of_processes_than_the_recipe_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "3")):
        monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=r"is 2 and 3 were started.*trainer.processes=3"):
        processes.join(2, "cpu")


def test_means_and_each_process() -> None:
    told = [{"loss/gen": 1.0, "ranks/items": 2.0}, {"loss/gen": 3.0, "ranks/items": 4.0, "loss/disc": 5.0}]
    assert over_ranks(told) == {
        "loss/gen": 2.0,
        "loss/disc": 5.0,
        "ranks/loss_gen.0": 1.0,
        "ranks/items.0": 2.0,
        "ranks/loss_gen.1": 3.0,
        "ranks/loss_disc.1": 5.0,
        "ranks/items.1": 4.0,
    }
