"""The launch form as data: defaults of two presets, sides, changes, rulers, problems beside their fields."""

from __future__ import annotations

import pytest

from app import forms
from app.forms import Typed, groups, patches, place, ruler
from recipes import compose
from recipes.base import Knob, Problem, knobs


def of(*presets: str, size: str = "tiny") -> dict[str, tuple[Knob, ...]]:
    return {p: knobs(compose.build("codec", p, size)) for p in presets}


def fields(found: tuple[forms.Group, ...]) -> dict[str, forms.Field]:
    return {f.name: f for g in found for f in (*g.fields, *g.more)}


def test_every_knob_has_a_field_but_those_with_their_own_place() -> None:
    pair = of("old", "fixed")
    found = fields(groups(pair))
    assert set(found) == {k.name for k in pair["old"]} - set(forms.OWN_FIELD)
    assert all(f.label and f.help for f in found.values())
    assert len({f.id for f in found.values()}) == len(found)


def test_where_presets_agree_the_value_stands_and_where_not_each_side_says_its_own() -> None:
    found = fields(groups(of("old", "fixed")))
    agreed, differing = found["adv_weight"], found["disc.lr"]
    assert (agreed.text, agreed.default, agreed.differs, agreed.changed) == ("1", "1", False, False)
    assert (differing.text, differing.default, differing.differs) == ("", "", True)
    assert differing.placeholder == "1e-4 · 1e-3"
    assert [(s.letter, s.preset, s.default, s.input) for s in differing.sides] == [
        ("A", "old", "1e-4", "side:old:disc.lr"),
        ("B", "fixed", "1e-3", "side:fixed:disc.lr"),
    ]


def test_one_preset_has_no_sides() -> None:
    found = fields(groups(of("fixed")))
    assert all(not f.sides and not f.differs for f in found.values())
    assert found["disc.lr"].text == "1e-3"


def test_groups_that_differ_come_first_and_stand_open() -> None:
    found = groups(of("old", "fixed"))
    assert [any(f.differs for f in (*g.fields, *g.more)) for g in found][:2] == [True, True]
    assert all(g.open for g in found if any(f.differs for f in g.fields))
    assert next(g for g in found if any(f.name.startswith("trainer.") for f in g.fields)).open
    assert next(g for g in found if any(f.name == "quantizer.decay" for f in g.more)).open is False


def test_a_change_applies_to_both_and_a_side_wins() -> None:
    pair = of("old", "fixed")
    typed = Typed(
        {"disc.lr": "5e-4", "adv_weight": "2", "feat_weight": ""},
        {("old", "disc.lr"): "2e-4", ("fixed", "disc.lr"): " "},
    )
    assert patches(pair, typed) == {
        "old": {"disc.lr": "2e-4", "adv_weight": "2"},
        "fixed": {"disc.lr": "5e-4", "adv_weight": "2"},
    }


def test_what_stands_in_the_form_untouched_is_no_change() -> None:
    pair = of("old", "fixed")
    typed = Typed({f.name: f.text for f in fields(groups(pair)).values()})
    assert patches(pair, typed) == {"old": {}, "fixed": {}}
    assert not any(f.changed for f in fields(groups(pair, typed)).values())


def test_changed_fields_are_marked_and_counted() -> None:
    found = groups(of("old", "fixed"), Typed({"gen.beta1": "0.5"}, {("fixed", "disc.lr"): "1e-2"}))
    marked = {f.name for f in fields(found).values() if f.changed}
    assert marked == {"gen.beta1", "disc.lr"}
    generator = next(g for g in found if any(f.name == "gen.beta1" for f in g.fields))
    assert generator.open
    assert "1 changed" in generator.note


def test_a_problem_stands_at_its_field_or_at_its_side() -> None:
    pair = of("old", "fixed")
    typed = Typed({"disc.lr": "x"}, {("old", "disc.lr"): "y"})
    wrong = [("old", Problem("disc.lr", "y", "no y")), ("fixed", Problem("disc.lr", "x", "no x"))]
    found = fields(groups(pair, typed, wrong))["disc.lr"]
    assert (found.error, found.text) == ("no x", "x")
    assert [(s.error, s.text) for s in found.sides] == [("no y", "y"), ("", "")]


@pytest.mark.parametrize(
    ("value", "low", "high", "typical", "at"),
    [
        (0, 0, 10, [5], 0.0), (5, 0, 10, [5], 0.5), (10, 0, 10, [5], 1.0), (99, 0, 10, [5], 1.0),
        (-1, 0, 10, [5], 0.0), (1e-3, 0, 1, [1e-3], 4 / 7), (0, 0, 1, [1e-3], 0.0), (1, 0, 1, [1e-3], 1.0),
        (3, 3, 3, [3], 0.0), (0, -1, 1, [0], 0.5),
    ],
)  # fmt: skip
def test_a_place_on_a_ruler(value: float, low: float, high: float, typical: list[float], at: float) -> None:
    assert place(value, low, high, typical) == pytest.approx(at)


def test_a_ruler_has_the_presets_ticks_and_the_value() -> None:
    knob = next(k for k in of("old")["old"] if k.name == "disc.lr")
    found = ruler(knob, [1e-4, 1e-3], "AB", "1e-2")
    assert found is not None
    assert (found.low, found.high) == ("0", "1")
    assert [letter for _, letter in found.ticks] == ["A", "B"]
    assert found.value is not None
    assert found.ticks[0][0] < found.ticks[1][0] < found.value < 1
    alike = ruler(knob, [1e-3, 1e-3], "AB", "words")
    assert alike == forms.Ruler("0", "1", ((place(1e-3, 0, 1, [1e-3]), ""),), None)
    text = next(k for k in of("old")["old"] if k.name == "trainer.best_by")
    assert ruler(text, ["eval/mel"], "A", "eval/mel") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e9, "1e9"),
        (2.5e6, "2e6"),
        (50_000, "50k"),
        (1024, "1024"),
        (0.5, "0.5"),
        (0, "0"),
        (-10_000, "-10k"),
    ],
)
def test_limits_are_short(value: float, text: str) -> None:
    assert forms.short(value) == text
