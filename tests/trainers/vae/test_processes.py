"""The AudioVAE in two processes: one journal; what does not depend on each one's own noise is one process's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainers.kit.two import losses, one_journal, resumed_in_two, trained_in_two
from tests.trainers.vae.conftest import TINY


def test_two_processes_report_what_one_does(vae: Callable[..., Any], sounds: Path, tmp_path: Path) -> None:
    patch = {**TINY, "data.batch": 4, "trainer.max_steps": 4}
    alone = vae(patch)
    assert alone.status == 0, alone.err
    two = trained_in_two("vae", {**patch, "data.root": str(sounds)}, tmp_path / "two")
    one_journal(two, 4)
    expected, found = losses(alone.run_dir), losses(two)
    assert found.keys() == expected.keys() >= {"loss/gen", "loss/kl"}
    # the first step's divergence comes before any noise of a latent; all else hears it, in each process another
    assert found["loss/kl"][1] == pytest.approx(expected["loss/kl"][1], rel=1e-4)
    assert found["loss/gen"] == pytest.approx(expected["loss/gen"], rel=0.3)


def test_three_and_three_steps_of_two_processes_are_six(sounds: Path, tmp_path: Path) -> None:
    assert resumed_in_two("vae", {**TINY, "data.root": str(sounds)}, tmp_path) == []
