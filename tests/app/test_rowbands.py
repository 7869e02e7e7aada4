"""The measured band of a row: in the run's steps, and the verdict in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app import rowbands
from app.models import Run
from app.rowbands import Bands
from app.sketches import Sketch
from recipes.bands import Band

RECIPE = {"trainer": {"max_epochs": 10, "steps_per_epoch": 60}}


def band(preset: str = "fixed", **more: Any) -> Band:
    given = {
        "series": "loss/disc",
        "origin": "measured",
        "source": "test",
        "points": ((1, 1.2, 1.8), (10, 1.0, 1.4)),
        "preset": preset,
        "size": "tiny",
        "trainer": "codec",
        "runs": ("a", "b"),
    }
    return Band(**(given | more))


def run(**fields: Any) -> Run:
    return Run(id="r", trainer="codec", preset="old", size="tiny", recipe=RECIPE, **fields)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[Band]:
    found = [band("old"), band("fixed"), band(origin="claimed", runs=(), preset="")]
    monkeypatch.setattr(rowbands, "library", lambda trainer, size: found if size == "tiny" else [])
    return found


def test_the_reference_presets_band_stands_behind_every_run(known: list[Band]) -> None:
    found = Bands().of(run(), "loss/disc")
    assert found.band is known[1]
    assert found.edges[0] == (60.0, 1.2, 1.8)
    assert found.edges[-1] == (600.0, 1.0, 1.4)


def test_the_verdict_counts_in_epochs(known: list[Band]) -> None:
    found = Bands().of(run(), "loss/disc")
    stuck = Sketch(np.arange(0, 601, 60), np.full(11, 2.0))
    assert found.verdict(stuck) == "Above measured since epoch 1, now by 0.6"
    assert found.verdict(None) == ""


@pytest.mark.parametrize(
    "fields", [{"size": "paper"}, {"trainer": "script"}, {"recipe": {}}, {"recipe": {"trainer": 3}}]
)
def test_without_a_measured_band_there_is_none(known: list[Band], fields: dict[str, Any]) -> None:
    one = run()
    for name, value in fields.items():
        setattr(one, name, value)
    found = Bands().of(one, "loss/disc")
    assert found.edges == ()
    assert found.verdict(Sketch(np.array([1]), np.array([2.0]))) == ""


def test_a_set_up_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(rowbands, "library", lambda trainer, size: asked.append(size) or [])
    bands = Bands()
    for _ in range(3):
        bands.of(run(), "loss/disc")
    assert asked == ["tiny"]
