"""Devices by name, and rates that depend on the step alone."""

from types import SimpleNamespace

import pytest
import torch

from trainers.kit.device import adamw, count, fabric_for, gpu_memory, set_rate
from trainers.kit.errors import BadInput


def test_cpu_and_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fabric_for("cpu").device == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert fabric_for("auto").device == torch.device("cpu")


@pytest.mark.parametrize(
    ("device", "gpus", "says"),
    [
        ("cuda:0", 0, "torch finds none on this machine; device=cpu always works"),
        ("cuda:3", 2, "the last one is cuda:1"),
        ("gpu", 1, "none of auto, cpu, cuda:N"),
    ],
)
def test_a_device_that_is_not_there(
    device: str, gpus: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    with pytest.raises(BadInput, match=says):
        fabric_for(device)


def test_threads_can_be_limited() -> None:
    before = torch.get_num_threads()
    try:
        fabric_for("cpu", threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_gpu_memory_is_the_peak_since_the_last_report(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpu_memory() == {}
    peaks = {0: 0, 1: 3 * 2**20}
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda gpu: peaks[gpu])
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda gpu: peaks.update({gpu: 0}))
    assert [gpu_memory(), gpu_memory()] == [{"system/gpu_memory": 3.0}, {"system/gpu_memory": 0.0}]


def test_rates_follow_the_step_and_the_recipe() -> None:
    net = torch.nn.Linear(2, 1)
    part = SimpleNamespace(lr=0.1, beta1=0.5, beta2=0.9)
    optimizer = adamw(net.parameters(), part)
    assert count(net) == 3
    assert set_rate(optimizer, part, 0.5, 2) == pytest.approx(0.025)
    other = SimpleNamespace(lr=1.0, beta1=0.8, beta2=0.99)
    set_rate(optimizer, other, 1.0, 7)
    group = optimizer.param_groups[0]
    assert (group["lr"], group["betas"]) == (1.0, (0.8, 0.99))
