"""How a trainer's end is judged when it has not said it itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.models import Run
from worker import leases, supervise


def watch(tmp_path: Path, printed: str = "", **fields: Any) -> supervise.Watch:
    (tmp_path / supervise.LOG).write_text(printed)
    return supervise.Watch(tmp_path, None, 0, 0, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "printed", "fields", "status", "reason"),
    [
        (2, "a warning\ndisc.lr: too large\n", {}, "failed", "disc.lr: too large"),
        (2, "", {}, "failed", "the trainer refused its command line and said nothing"),
        (
            0,
            "bye\n",
            {},
            "failed",
            "the trainer exited with status 0 without ending its run\nlast lines:\nbye",
        ),
        (
            1,
            "",
            {},
            "failed",
            "the trainer exited with status 1 without ending its run\nit had printed nothing",
        ),
        (-9, "", {}, "failed", "killed by SIGKILL (by hand, or because memory ran out)"),
        (-11, "", {}, "failed", "the trainer was killed by SIGSEGV"),
        (-15, "", {"asked": "it was asked to stop"}, "stopped", "it was asked to stop before it had begun"),
        (2, "x", {"asked": "it was asked to stop"}, "stopped", "it was asked to stop before it had begun"),
        (0, "", {"asked": "the worker was shut down"}, "stopped", "the worker was shut down"),
        (
            -9,
            "",
            {"asked": "it was asked to stop", "killed": True},
            "stopped",
            "5 s later it was still there",
        ),
    ],
)
def test_verdicts(tmp_path: Path, code: int, printed: str, fields: Any, status: str, reason: str) -> None:
    found = supervise.verdict(watch(tmp_path, printed, **fields), code, 5)
    assert found[0] == status
    assert reason in found[1]


def test_only_the_last_lines_are_told(tmp_path: Path) -> None:
    _, reason = supervise.verdict(watch(tmp_path, "".join(f"line {i}\n" for i in range(100))), 1, 5)
    assert "line 79" not in reason
    assert "line 80\n" in reason
    assert reason.endswith("line 99")


def test_a_trainer_gets_its_device_and_no_secret_of_ours(
    launchable: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in supervise.SECRET:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("NASHBOARD_WORKER_HOST", "box")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
    run = Run(id="a" * 12, name="n", project="p", parent="b" * 12, treats=None)
    env = supervise.environment(run, leases.Claim(run.id, "cuda:2", "cuda:2", 7, "w"), launchable)
    assert "secret" not in env.values()
    assert "NASHBOARD_WORKER_HOST" not in env
    assert {k: v for k, v in env.items() if k.startswith(("NASHBOARD_", "CUDA_", "OMP_"))} == {
        "NASHBOARD_RUN": run.id,
        "NASHBOARD_NAME": "n",
        "NASHBOARD_PROJECT": "p",
        "NASHBOARD_PARENT": run.parent,
        "CUDA_VISIBLE_DEVICES": "6",
        "OMP_NUM_THREADS": "7",
    }
    assert (
        supervise.environment(run, leases.Claim(run.id, "cpu:1", "cpu", 1, "w"), launchable)[
            "CUDA_VISIBLE_DEVICES"
        ]
        == ""
    )
