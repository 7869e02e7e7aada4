"""The chart of an installation without runs."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from app import waiting
from recipes.bands import BadBands, Band


def drawn(bands: list[Band] | None, monkeypatch: pytest.MonkeyPatch) -> ElementTree.Element:
    def library(*_args: Any, **_named: Any) -> list[Band]:
        if bands is None:
            raise BadBands("broken")
        return bands

    monkeypatch.setattr(waiting, "library", library)
    return ElementTree.fromstring(waiting.chart("codec", "fixed", "tiny"))


def band(**more: Any) -> Band:
    return Band(
        **{
            "series": "loss/disc",
            "origin": "measured",
            "source": "runs",
            "x_to": 10.0,
            "low": 1.2,
            "high": 1.4,
        }
        | more
    )


def test_bands_are_drawn_by_origin_with_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        band(runs=("a", "b", "c")),
        band(origin="claimed", source="one", x_from=9.0, low=0.6, high=0.9),
        band(origin="claimed", source="two", x_from=9.0, low=0.5, high=0.8),
        band(origin="published", source="p"),
        band(series="eval/snr"),
        band(origin="claimed", source="one", x_from=30.0, x_to=40.0),
    ]
    svg = drawn(found, monkeypatch)
    polygons = svg.findall("polygon")
    assert [p.get("fill") for p in polygons] == ["var(--band-measured-fill)", "none"]
    assert [p.get("stroke-dasharray") for p in polygons] == [None, "4 3"]
    texts = [t.text for t in svg.findall("text")]
    assert "measured, 3 runs" in texts
    assert "claimed" in texts
    assert "answers 0" in texts
    for polygon in polygons:
        for point in (polygon.get("points") or "").split():
            x, y = map(float, point.split(","))
            assert waiting.LEFT <= x <= waiting.WIDTH - waiting.RIGHT
            assert waiting.TOP <= y <= waiting.HEIGHT - waiting.BOTTOM


@pytest.mark.parametrize("bands", [[], None])
def test_without_bands_the_dead_value_stands_alone(
    monkeypatch: pytest.MonkeyPatch, bands: list[Band] | None
) -> None:
    svg = drawn(bands, monkeypatch)
    assert svg.findall("polygon") == []
    assert "2.0" in (svg.get("aria-label") or "")


def test_a_band_outside_the_usual_range_stays_inside_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    svg = drawn([band(low=-3.0, high=6.0)], monkeypatch)
    ys = [float(p.split(",")[1]) for p in (svg.find("polygon").get("points") or "").split()]  # type: ignore[union-attr]
    assert min(ys) >= waiting.TOP
    assert max(ys) <= waiting.HEIGHT - waiting.BOTTOM
