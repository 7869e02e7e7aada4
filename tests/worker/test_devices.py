"""What a worker finds to train on."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import BadSettings
from worker import devices


def test_cuda_visible_devices_says_how_many_gpus_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-abc,-1,2")
    assert devices.gpus() == ["cuda:0", "cuda:1"]
    assert [devices.visible_name(d) for d in ("cuda:0", "cuda:1", "cpu")] == ["3", "GPU-abc", ""]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices.gpus() == []


def test_the_driver_is_asked_without_torch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H100'\necho 'GPU 1: NVIDIA H100'\n")
    program.chmod(0o755)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert devices.gpus() == ["cuda:0", "cuda:1"]
    assert devices.of_worker() == ["cuda:0", "cuda:1"]
    assert devices.visible_name("cuda:1") == "1"
    program.write_text("#!/bin/sh\necho 'no driver' >&2\nexit 9\n")
    assert devices.gpus() == []


def test_without_a_gpu_there_is_a_slot_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices.of_worker() == [f"cpu:{i}" for i in range(devices.cores())]
    assert devices.of_worker(["cpu"], 3) == ["cpu:0", "cpu:1", "cpu:2"]


@pytest.mark.parametrize("wanted", [["gpu"], ["cuda:0", "cpu"], ["cuda:x"], ["cuda:0", "tpu:1"]])
def test_other_devices_are_refused_by_name(wanted: list[str]) -> None:
    with pytest.raises(BadSettings, match=f"NASHBOARD_WORKER_DEVICES={','.join(wanted)}"):
        devices.of_worker(wanted)


def test_which_slot_fits_which_wish() -> None:
    slots = ("cuda:0", "cuda:1", "cpu:0")
    fitting = {w: [s for s in slots if devices.fits(s, w)] for w in ("auto", "cpu", "cuda:1", "cuda:7")}
    assert fitting == {"auto": list(slots), "cpu": ["cpu:0"], "cuda:1": ["cuda:1"], "cuda:7": []}
