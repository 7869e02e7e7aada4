"""Small drawings: well-formed, escaped, broken at what is no number, empty without falling over."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from app import sparks


def parsed(svg):
    assert "style=" not in svg
    return ElementTree.fromstring(str(svg))


def test_a_curve_breaks_at_what_is_no_number():
    root = parsed(sparks.sparkline([0, 1, 2, 3, 4, 5], [1, 2, math.nan, math.inf, 3, 2], key="B"))
    lines = root.findall("polyline")
    assert [len(line.get("points").split()) for line in lines] == [2, 2]
    assert {line.get("stroke") for line in lines} == {"var(--run-b)"}


@pytest.mark.parametrize("ys", [[], [math.nan], [2.0], [2.0, 2.0, 2.0]])
def test_nothing_one_point_and_a_flat_line_are_drawn(ys):
    root = parsed(sparks.sparkline(range(len(ys)), ys))
    assert root.get("viewBox") == "0 0 140 34"
    assert len(root) > 0


def test_the_noise_of_a_curve_that_stands_still_looks_like_noise():
    def height(ys, **more):
        line = parsed(sparks.sparkline(range(len(ys)), ys, **more)).find("polyline")
        at = [float(p.split(",")[1]) for p in line.get("points").split()]
        return max(at) - min(at)

    still, moving = [2.0, 2.004, 1.996, 2.0], [2.0, 1.6, 1.4, 1.3]
    assert height(still) == pytest.approx(24)
    assert height(still, least=0.2) < 1
    assert height(moving, least=0.2) == pytest.approx(24)


def test_a_live_run_leaves_room_for_what_is_to_come_and_ends_in_the_accent():
    root = parsed(sparks.sparkline([0, 10], [1, 2], live=True, x_high=40))
    end = root.find("circle")
    assert float(end.get("cx")) == pytest.approx(2 + 132 / 4)
    assert end.get("fill") == "var(--accent)"


def test_words_are_escaped():
    assert parsed(sparks.sparkline([0, 1], [1, 2], label='"<b>')).get("aria-label") == '"<b>'


def test_a_band_lies_behind_the_curve():
    root = parsed(sparks.sparkline([0, 1], [1, 2], band=[(0, 0, 1), (1, 1, 3)]))
    assert [e.tag for e in root] == ["polygon", "polyline", "circle"]


@pytest.mark.parametrize("origin", ["measured", "published", "claimed"])
def test_values_sit_where_they_are(origin):
    root = parsed(sparks.position({"A": 2.0, "B": 1.34, "C": None, "D": math.nan}, 1.27, 1.41, origin))
    places = [float(p.get("transform")[10:].split()[0]) for p in root.findall("path") if p.get("transform")]
    box = root.find("rect")
    left, right = float(box.get("x")), float(box.get("x")) + float(box.get("width"))
    assert len(places) == 2
    assert places[0] > right
    assert left < places[1] < right
    assert root.get("aria-label") == f"A, B against the {origin} range"


def test_a_range_of_one_number_still_has_a_box():
    root = parsed(sparks.position({}, 2.0, 2.0, "claimed"))
    assert float(root.find("rect").get("width")) >= 2
