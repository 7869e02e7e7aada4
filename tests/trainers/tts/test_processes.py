"""Speech in two processes: one journal, whose generator's losses are those of one process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainers.kit.two import losses, one_journal, resumed_in_two, trained_in_two
from tests.trainers.tts.conftest import TINY

# each process draws its own dropout, and the stretches that its discriminator sees
SAME = {
    "gen.dropout": 0.0,
    "gen.predictor_dropout": 0.0,
    "adv_weight": 0.0,
    "data.batch": 4,
    "trainer.max_steps": 4,
}


def test_two_processes_report_what_one_does(run: Callable[..., Any], corpus: Path, tmp_path: Path) -> None:
    alone = run(SAME)
    assert alone.status == 0, alone.err
    two = trained_in_two("tts", {**TINY, **SAME, "data.root": str(corpus)}, tmp_path / "two")
    one_journal(two, 4)
    expected, found = losses(alone.run_dir), losses(two)
    assert found.keys() == expected.keys() >= {"loss/gen", "loss/mel", "loss/duration"}
    for name in found.keys() - {"loss/disc", "loss/adv"}:
        assert found[name] == pytest.approx(expected[name], rel=2e-3, abs=1e-5), name


def test_three_and_three_steps_of_two_processes_are_six(corpus: Path, tmp_path: Path) -> None:
    assert resumed_in_two("tts", {**TINY, "data.root": str(corpus)}, tmp_path) == []
