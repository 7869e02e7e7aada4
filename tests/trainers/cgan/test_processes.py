"""The conditional GAN in two processes: one journal, whose losses are the means of both.

No loss equals one process's here: each process draws its own latents, and batch norm of the generator takes its
own rows (`tests/trainers/kit/test_processes.py` has the twin that does so in one process).
"""

from pathlib import Path
from typing import Any

import pytest

from nashboard import events, journal
from tests.trainers.kit.two import losses, one_journal, resumed_in_two, trained_in_two


def test_two_processes_end_with_one_journal(images: Path, tiny: dict[str, Any], tmp_path: Path) -> None:
    patch = {**tiny, "data.root": str(images), "trainer.max_steps": "4"}
    two = trained_in_two("cgan", patch, tmp_path / "two")
    one_journal(two, 4)
    assert losses(two).keys() >= {"loss/gen", "loss/disc"}
    seen = 0
    for event in journal.events(two):
        if isinstance(event, events.Points) and "ranks/loss_gen.0" in event.values:
            told, seen = event.values, seen + 1
            for player in ("gen", "disc"):
                each = [told[f"ranks/loss_{player}.{rank}"] for rank in (0, 1)]
                assert told[f"loss/{player}"] == pytest.approx(sum(each) / 2)
                assert each[0] != each[1], "rows and latents of its own"
    assert seen == 3


def test_three_and_three_steps_of_two_processes_are_six(
    images: Path, tiny: dict[str, Any], tmp_path: Path
) -> None:
    assert resumed_in_two("cgan", {**tiny, "data.root": str(images)}, tmp_path) == []
