"""A dry run: two real steps that leave nothing behind, and an estimate that adds up."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from nashboard.events import CheckpointSaved, Points, RunEnded, SampleMade
from recipes.compose import build
from trainers import dry
from trainers.cli import main


def test_two_steps_tell_time_memory_and_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    words = ["dry", "cgan", "size=tiny", "trainer.max_steps=1000", "device=cpu", "json=true"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["steps"] == 1000
    assert found["seconds"] > 999 * found["seconds_per_step"] > 0
    assert found["memory"] > 50e6
    assert found["gpu_memory"] == 0
    assert found["disk"] > found["checkpoint"] > 1000
    assert list(tmp_path.glob("nashboard-dry-*")) == [], "nothing is left behind"


def test_an_estimate_is_the_sum_of_its_parts() -> None:
    recipe = build("codec", patch={"trainer.max_steps": 100, "trainer.steps_per_epoch": 10, "trainer.eval_every": 2,
                                   "trainer.keep_last": 2, "trainer.log_every": 10})  # fmt: skip
    speed = {"speed/steps_per_s": 4.0}
    told = dry.estimate(
        recipe,
        [
            Points(step=1, time=110.0, values={"speed/steps_per_s": 1.0}),
            Points(step=2, time=111.0, values=speed),
            SampleMade(
                step=0, series="a", slot="0", media="audio", sha256="a" * 64, ext="wav", size=7, time=105.0
            ),
            SampleMade(
                step=2, series="a", slot="0", media="audio", sha256="b" * 64, ext="wav", size=500, time=112.0
            ),
            CheckpointSaved(step=2, path="x", size=1000, time=112.5),
            RunEnded(status="finished", time=113.0),
        ],
        began=100.0,
    )
    assert told["seconds_per_step"] == 0.25
    assert told["evaluations"] == 5
    assert told["evaluation_seconds"] == 2.0
    assert told["seconds"] == 10 + 99 * 0.25 + 5 * 2
    kept = told["checkpoints"]
    assert 2 <= kept <= 5
    assert told["disk"] >= kept * 1000 + 6 * 500
    assert told["disk"] < kept * 1000 + 6 * 500 + 10 * 300


def test_a_late_discriminator_is_said() -> None:
    recipe = build("codec", patch={"disc.start": 50})
    assert "step 50" in dry.notes(recipe, 100)[0]
    assert dry.notes(build("codec"), 100) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dry", "codec", "device=cuda:7"], "cuda:7"),
        (["dry", "codec", "run_dir=x"], "keeps nothing"),
        (["dry", "cgan", "size=tiny", "device=cpu", "data.batch=1500000"], "data.batch"),
        (["dry", "codec", "data.root=/nowhere/at/all"], "no such folder"),
    ],
)
def test_bad_input_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    told = capsys.readouterr().err.strip()
    assert said in told
    assert "\n" not in told


def test_memory_that_runs_out_is_named_with_a_way_out() -> None:
    told = dry._reason(
        [RunEnded(status="failed", reason="OutOfMemoryError: CUDA out of memory. Tried … (step 1)")]
    )
    assert told.startswith("out of memory: take a smaller size or a smaller data.batch")
