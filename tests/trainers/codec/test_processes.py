"""The codec in two processes: one journal, the losses and the codebooks of one process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainers.kit.two import losses, one_journal, resumed_in_two, trained_in_two

SAME = {
    "quantizer.dropout": "0",
    "data.batch": "4",
    "trainer.max_steps": "4",
}  # dropout would be each one's own


def test_two_processes_report_what_one_does(
    codec: Callable[..., Any], tiny: tuple[str, ...], audio: Path, tmp_path: Path
) -> None:
    alone = codec(*(f"{k}={v}" for k, v in SAME.items()))
    assert alone.status == 0, alone.err
    patch = {**dict(word.split("=", 1) for word in tiny), "data.root": str(audio), **SAME}
    two = trained_in_two("codec", patch, tmp_path / "two")
    one_journal(two, 4)
    expected = losses(alone.run_dir)
    assert losses(two).keys() == expected.keys() >= {"loss/gen", "loss/disc", "loss/vq"}
    for name, values in losses(two).items():
        assert values == pytest.approx(expected[name], rel=1e-4, abs=1e-5), name


def test_three_and_three_steps_of_two_processes_are_six(
    tiny: tuple[str, ...], audio: Path, tmp_path: Path
) -> None:
    patch = {**dict(word.split("=", 1) for word in tiny), "data.root": str(audio)}
    assert resumed_in_two("codec", patch, tmp_path) == []
