"""What a reader makes of a journal beside its series: sizes of the players, loss, planned length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from doctor.engine import diagnose
from doctor.reading import read, sizes_of
from nashboard.reporter import Reporter


def journal(folder: Path, facts: dict[str, Any], values: dict[str, float] | None = None) -> Path:
    reporter = Reporter(folder, trainer="codec", recipe={"loss": "hinge"}, total_steps=100, facts=facts)
    for step in range(10, 101, 10):
        reporter.points(step, values or {"loss/disc": 1.5, "loss/gen": 2.0})
    reporter.finish()
    return folder


def test_sizes_of_the_players_come_from_the_start_of_the_journal(tmp_path: Path) -> None:
    view = read(journal(tmp_path / "run", {"parameters": {"gen": 1_000, "disc": 60_000}}))
    assert view.facts.params == {"gen": 1_000.0, "disc": 60_000.0}
    assert (view.facts.adv_loss, view.facts.total_steps) == ("hinge", 100)
    found = [f for f in diagnose(view).findings if f.code == "capacity"]
    assert [f.severity for f in found] == ["info"]
    assert "G has 1,000 and D 60,000 parameters, a ratio of 0.0167" in found[0].claim


def test_a_run_without_a_discriminator_has_no_ratio(tmp_path: Path) -> None:
    diagnosis = diagnose(read(journal(tmp_path / "run", {"parameters": {"gen": 1_000, "disc": 0}})))
    assert diagnosis.could_not_look["capacity"] == ["disc/parameters"]


def test_series_of_sizes_are_read_too(tmp_path: Path) -> None:
    sizes = {"gen/parameters": 1_000.0, "disc/parameters": 2_000.0}
    diagnosis = diagnose(read(journal(tmp_path / "run", {}, sizes)))
    assert "capacity" in diagnosis.looked
    assert not diagnosis.findings


@pytest.mark.parametrize(
    "environment",
    [{}, {"parameters": 7}, {"parameters": None}, {"parameters": {"gen": True, "disc": "many"}}],
)
def test_what_is_no_size_is_none(environment: dict[str, Any]) -> None:
    assert sizes_of(environment) == {}


def test_params_is_another_spelling() -> None:
    assert sizes_of({"params": {"gen": 3, "disc": 4}}) == {"gen": 3.0, "disc": 4.0}
