"""The SVG of a page of results: points where they belong, a break where a value is not finite."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as Tree
from pathlib import Path

import pytest

from bench.results import gpu
from bench.results.curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, chart
from bench.results.journals import Log


def test_the_ends_of_a_curve_lie_at_the_corners() -> None:
    svg = chart("loss", "step", {"old": ([0, 10], [1.0, 3.0])})
    Tree.fromstring(svg)
    assert f'points="{LEFT:.1f},{HEIGHT - BOTTOM:.1f} {WIDTH - RIGHT:.1f},{TOP:.1f}"' in svg


def test_a_value_that_is_not_finite_breaks_the_line_and_is_counted() -> None:
    svg = chart("loss", "step", {"old": ([0, 1, 2, 3, 4], [1, 2, math.nan, 3, 4])})
    coloured = re.findall(r'points="([^"]*)" fill="none" stroke="#d9822b"', svg)
    assert [len(points.split()) for points in coloured] == [2, 2]
    assert "old (1 not finite)" in svg


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="no finite point"):
        chart("loss", "step", {"old": ([0], [math.nan])})


def test_names_are_escaped() -> None:
    assert "<b>" not in chart("<b>", "step", {"<b>": ([0, 1], [0, 1])})


def test_memory_is_the_most_within_each_run(tmp_path: Path) -> None:
    (tmp_path / "smi.txt").write_text("10 5, 0, 70\n12 900, 50, 80\n21 40, 1, 70\n22 60, 1, 70\n")
    (tmp_path / "paper.txt").write_text("9 codec 32-true\n20 cgan 32-true\n30 end\n")
    assert gpu.memory(tmp_path) == {"codec-32-true": 900, "cgan-32-true": 60}


def test_rate_passes_over_evaluations_and_a_cut_line(tmp_path: Path) -> None:
    times = [0, 9, 10, 10.1, 10.2, 14.2, 14.3, 14.4]
    lines = [
        json.dumps({"kind": "points", "step": i, "time": t, "values": {"loss/gen": 1.0}})
        for i, t in enumerate(times)
    ]
    (tmp_path / "events.jsonl").write_text("\n".join([*lines, '{"kind": "poi']))
    log = Log(folder=tmp_path, start=None)  # type: ignore[arg-type]
    assert gpu.rate(log) == pytest.approx(100.0)
