"""The help page: what it says about bands, what cannot be, dead values, sizes, states and keys."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from app.pages import help as module
from nashboard.events import STATUSES
from recipes import TRAINERS, compose
from recipes.bands import impossible


def test_the_ceiling_is_worked_out_and_holds(client: Any, parse: Callable[[str], Any]) -> None:
    section = parse(client.get("/help").text).one("section", id="ceiling")
    table = {r.all("td")[0].words(): r.all("td")[1].words() for r in section.one("tbody").all("tr")}
    assert table["93 %"] == "23.1 dB"
    assert table["96 %"] == "28.0 dB"
    assert table["99 %"] == "40.0 dB"
    # the best output at 93 % is the reference turned down: nothing of that level is nearer
    assert impossible(93) == pytest.approx(10 * math.log10(1 / (1 - 0.93) ** 2))
    assert "23.1 dB" in section.words()


def test_claims_that_contradict_themselves_are_named_as_claims(
    client: Any, parse: Callable[[str], Any]
) -> None:
    claims = parse(client.get("/help").text).one("section", id="ceiling").all("li", class_="claimed")
    assert any("20 to 28 dB at 93 to 96 %" in c.words() for c in claims)
    assert all("Impossible" in c.words() and "The codec document" in c.words() for c in claims)


def test_dead_values_follow_from_their_formulas(client: Any, parse: Callable[[str], Any]) -> None:
    section = parse(client.get("/help").text).one("section", id="two")
    values = {r.all("td")[0].words(): r.all("td")[1].words() for r in section.one("tbody").all("tr")}
    assert values == {"hinge": "2.0", "BCE, vanilla": "1.386", "least squares": "1.0"}
    assert max(0, 1 - 0) + max(0, 1 + 0) == float(values["hinge"])
    assert round(2 * math.log(2), 3) == float(values["BCE, vanilla"])


def test_all_origins_sizes_and_states_are_explained(client: Any, parse: Callable[[str], Any]) -> None:
    page = parse(client.get("/help").text)
    assert [d.words() for d in page.one("section", id="bands").all("dt")] == [
        "Measured",
        "Published",
        "Claimed",
    ]
    assert [name for name, _ in module.STATES] == list(STATUSES)
    sizes = page.one("section", id="sizes").all("dt")
    assert len(sizes) == sum(len(compose.sizes(t)) for t in TRAINERS)
    assert "no description" not in page.one("section", id="sizes").words()


def test_the_contents_lead_to_their_sections(client: Any, parse: Callable[[str], Any]) -> None:
    page = parse(client.get("/help").text)
    links = [a.attrs["href"][1:] for a in page.one("nav", class_="toc").all("a")]
    assert links == [s.attrs["id"] for s in page.one("main").all("section")]


def test_the_keys_are_those_that_the_scripts_know(client: Any, parse: Callable[[str], Any]) -> None:
    from pathlib import Path

    page = parse(client.get("/help").text)
    keys = {k.words() for k in page.one("section", id="keyboard").all("kbd")}
    scripts = " ".join(p.read_text("utf-8") for p in (Path(__file__).parents[3] / "static/js").glob("*.js"))
    for key in ("?", "/", "x", "c"):
        assert key in keys
        assert re.search(rf"(['\"]{re.escape(key)}['\"]|\b{re.escape(key)}):", scripts), key
