"""Truth, rates and the scoring of a folder of logs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from doctor.cases import falling
from doctor.score import median_of, rate, wilson
from doctor.truth import truth
from doctor.validate import main
from doctor.view import RunView, Track


def _fid(values: Sequence[float]) -> RunView:
    return RunView({"eval/fid": Track("eval/fid", np.arange(1, len(values) + 1) * 100, np.array(values))})


def test_truth_follows_the_stated_rule() -> None:
    diverged = truth(_fid([90, 50, 30, 40, 50, 60, 70]))
    assert (diverged.state, diverged.best, diverged.last) == ("diverged", (300, 30.0), (700, 70.0))
    assert diverged.given_away == 500
    assert truth(_fid([90, 50, 30, 40, 31, 30, 50])).state == "healthy"
    assert truth(_fid([300, 200, 160] + [158] * 15)).state == "never learned"
    assert truth(_fid([90, 50, 30, 20, 18])).state == "healthy"
    assert truth(RunView({})).state == "unknown"


def test_intervals() -> None:
    low, high = wilson(7, 7)
    assert (round(low, 3), high) == (0.646, 1.0)
    assert wilson(0, 0) == (0.0, 1.0)
    assert rate(0, 0)["rate"] is None
    assert median_of([1.0, 2.0, 9.0])["median"] == 2.0
    assert median_of([])["median"] is None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    n = 200
    at = np.arange(1, n + 1) * 100
    runs = {
        "sick": (np.full(n, 0.002), np.concatenate([falling(10, 90, 40), np.linspace(45, 120, 10)])),
        "well": (falling(n, 1.0, 0.5), falling(20, 90, 10)),
    }
    for name, (disc, fid) in runs.items():
        rows = [
            f"{s},{d},{1.0},{fid[i // 10] if i % 10 == 9 else ''}"
            for i, (s, d) in enumerate(zip(at, disc, strict=True))
        ]
        (tmp_path / f"{name}.csv").write_text("step,d_loss,g_loss,fid\n" + "\n".join(rows))
    (tmp_path / "index.json").write_text(json.dumps({name: {"adv_loss": "hinge"} for name in runs}))
    return tmp_path


def test_a_folder_is_scored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {r["run"]: r["truth"] for r in told["runs"]} == {"sick": "diverged", "well": "healthy"}
    for sight in ("all", "no_fid", "losses"):
        score = told["scores"][sight]
        assert (score["recall"]["rate"], score["false_alarms"]["rate"]) == (1.0, 0.0)
        assert set(score["until"]) == {"25", "50", "75"}
    assert told["runs"][0]["losses"]["lead"] > 0
    assert main([str(folder)]) == 0
    assert "recall 1.00 (1 of 1" in capsys.readouterr().out


def test_a_folder_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path / "none", tmp_path):
        assert main([str(path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
