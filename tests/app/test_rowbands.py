"""The measured band of a row: in the run's steps, and the verdict in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app import rowbands
from app.models import Run
from app.rowbands import Bands
from app.sketches import Sketch
from recipes.bands import BadBands, Band

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
    found = [band(origin="claimed", runs=(), preset=""), band("fixed")]

    def library(trainer: str, preset: str, size: str) -> list[Band]:
        assert preset == "fixed"
        return found if size == "tiny" else []

    monkeypatch.setattr(rowbands, "library", library)
    return found


def curve(values: list[float], every: int = 60) -> Sketch:
    return Sketch(np.arange(0, every * len(values), every), np.array(values))


def test_the_reference_presets_band_stands_behind_every_run(known: list[Band]) -> None:
    found = Bands().of(run(), "loss/disc")
    assert found.band is known[1]
    assert found.edges[0] == (60.0, 1.2, 1.8)
    assert found.edges[-1] == (600.0, 1.0, 1.4)
    assert len(found.edges) == rowbands.POINTS


def test_the_verdict_counts_in_epochs(known: list[Band]) -> None:
    found = Bands().of(run(), "loss/disc")
    said = found.verdict(curve([2.3] * 11))
    assert said is not None
    assert (said.strong, said.tone) == ("above measured", "warn")
    assert said.rest.startswith("since epoch 1, now by 0.9")
    inside = found.verdict(curve([2.0, 1.5, 1.3, 1.3, 1.3]))
    assert inside is not None
    assert inside.rest == "inside measured since epoch 1."
    assert found.verdict(None) is None


def test_a_dead_discriminator_is_called_stuck_with_or_without_a_band(known: list[Band]) -> None:
    for size in ("tiny", "paper"):
        one = run()
        one.size, one.recipe = size, {**RECIPE, "loss": "hinge"}
        said = Bands().of(one, "loss/disc").verdict(curve([2.0] * 6))
        assert said is not None
        assert (said.strong, said.tone, said.rest) == ("stuck at 2.000", "fail", "since epoch 0.")


def test_what_the_number_says_already_is_not_said_again(known: list[Band]) -> None:
    one = run()
    one.size = "paper"
    assert Bands().of(one, "loss/disc").verdict(curve([1.5, 1.2])) is None
    assert Bands().of(run(), "loss/disc").verdict(curve([1.5])) is None


@pytest.mark.parametrize(
    "fields", [{"size": "paper"}, {"trainer": "script"}, {"recipe": {}}, {"recipe": {"trainer": 3}}]
)
def test_without_a_measured_band_there_is_none(known: list[Band], fields: dict[str, Any]) -> None:
    one = run()
    for name, value in fields.items():
        setattr(one, name, value)
    found = Bands().of(one, "loss/disc")
    assert (found.band, tuple(found.edges)) == (None, ())


def test_a_broken_file_of_bands_is_no_band(monkeypatch: pytest.MonkeyPatch) -> None:
    def library(*_args: Any, **_named: Any) -> list[Band]:
        raise BadBands("broken")

    monkeypatch.setattr(rowbands, "library", library)
    assert Bands().of(run(), "loss/disc").band is None


def test_a_set_up_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(rowbands, "library", lambda trainer, preset, size: asked.append(size) or [])
    bands = Bands()
    for _ in range(3):
        bands.of(run(), "loss/disc")
    assert asked == ["tiny"]
