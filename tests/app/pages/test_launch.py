"""The Launch page: what can be chosen, what is said back, and that bad input keeps every value."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from app import db, runs
from app.pages.launch import claims, total_steps
from recipes import compose
from recipes.base import knobs

HTML = {"accept": "text/html", "content-type": "application/x-www-form-urlencoded"}
SHOWN = ("shown", "codec tiny old fixed")
PAIR = [("trainer", "codec"), ("size", "tiny"), ("preset", "old"), ("preset", "fixed"), SHOWN]


def post(client: Any, pairs: list[tuple[str, str]], path: str = "/launch") -> Any:
    return client.post(path, content=urlencode(pairs), headers=HTML, follow_redirects=False)


def field(page: Any, name: str) -> Any:
    """The input or select of this name."""
    return next(e for e in [*page.all("input", name=name), *page.all("select", name=name)])


def everything() -> list[Any]:
    with db.reading() as session:
        return list(runs.listing(session))


def test_the_form_has_the_pair_chosen_and_every_knob(client: Any, parse: Callable[[str], Any]) -> None:
    page = parse(client.get("/launch").text)
    form = page.one("form", id="launch")
    assert (form.attrs["method"], form.attrs["action"]) == ("post", "/launch")
    ticked = [b.attrs["value"] for b in form.all("input", name="preset") if "checked" in b.attrs]
    assert ticked == ["old", "fixed"]
    names = {k.name for k in knobs(compose.build("codec", "old"))} - {"preset", "size", "seed"}
    assert {e.attrs.get("name") for e in [*form.all("input"), *form.all("select")]} >= {
        f"knob:{n}" for n in names
    }
    assert page.one("button", id="go").words().startswith("Launch pair")
    assert [p.words() for p in page.one("div", id="commands").all("pre")] == [
        "python -m trainers codec preset=old size=tiny run_dir=runs/codec-old-s0",
        "python -m trainers codec preset=fixed size=tiny run_dir=runs/codec-fixed-s0",
    ]
    assert page.all("div", class_="banner") == []


def test_every_field_has_a_label_and_every_description_is_there(
    client: Any, parse: Callable[[str], Any]
) -> None:
    page = parse(client.get("/launch").text)
    ids = {e.attrs["id"] for e in page.all() if "id" in e.attrs}
    labelled = {e.attrs["for"] for e in page.all("label") if "for" in e.attrs}
    wrapped = {id(i) for label in page.all("label") for i in label.all("input")}
    for e in [*page.all("input"), *page.all("select")]:
        if e.attrs.get("type") != "hidden":
            named = e.attrs.get("id") in labelled or "aria-label" in e.attrs or id(e) in wrapped
            assert named, e.attrs
        assert set(e.attrs.get("aria-describedby", "").split()) <= ids, e.attrs


def test_what_differs_between_the_presets_is_shown(client: Any, parse: Callable[[str], Any]) -> None:
    page = parse(client.get("/launch").text)
    table = page.one("table", class_="chg")
    found = {
        r.all("td")[0].words(): [c.words() for c in r.all("td")[1:]] for r in table.one("tbody").all("tr")
    }
    assert found["disc.lr"] == ["1e-4", "1e-3"]
    assert found["feat_weight"] == ["2", "10"]
    assert "preset" not in found


def test_claims_of_a_preset_are_labelled_as_claims(client: Any, parse: Callable[[str], Any]) -> None:
    page = parse(client.get("/launch").text)
    said = [e.words() for e in page.one("fieldset", class_="presets").all("span", class_="claimed")]
    assert said
    assert all(text.startswith("Claimed") for text in said)
    assert claims("Claimed: a. Measured at size tiny: b. Published: c.") == (
        ("claimed", "Claimed: a."),
        ("measured", "Measured at size tiny: b."),
        ("published", "Published: c."),
    )
    assert claims("It always works.") == (("claimed", "It always works."),)
    assert claims("") == ()


def test_a_query_fills_the_form(client: Any, parse: Callable[[str], Any]) -> None:
    page = parse(client.get("/launch?preset=fixed&size=small&seed=7&name=n&knob:trainer.max_steps=20").text)
    assert [b.attrs["value"] for b in page.all("input", name="preset") if "checked" in b.attrs] == ["fixed"]
    assert field(page, "seed").attrs["value"] == "7"
    assert "Launch run" in page.one("button", id="go").words()
    command = page.one("div", id="commands").words()
    assert all(
        w in command for w in ("preset=fixed", "size=small", "seed=7", "trainer.max_steps=20", "runs/n-s7")
    )
    assert page.all("span", class_="side-in") == []


BAD = [
    ("seed", "-1"), ("name", '"><script>'), ("tags", "a, b"), ("project", "p"), ("knob:disc.lr", "1e33"),
    ("knob:trainer.max_steps", "three thousand"), ("side:old:feat_weight", "minus"), ("knob:data.root", "/nowhere"),
    ("knob:gen.beta1", "2"), ("knob:loss", "least_squares"),
]  # fmt: skip


@pytest.mark.parametrize("path", ["/launch", "/launch/preview"])
def test_bad_input_stands_beside_its_field_and_nothing_that_was_typed_is_lost(
    client: Any, parse: Callable[[str], Any], path: str
) -> None:
    answer = post(client, [*PAIR, *BAD], path)
    assert answer.status_code == (422 if path == "/launch" else 200)
    page = parse(answer.text)
    for name, text in BAD:
        e = field(page, name)
        chosen = [o.words() for o in e.all("option") if "selected" in o.attrs]
        assert (chosen or [e.attrs.get("value")]) == [text], name
    wrong = {
        "seed",
        "knob:disc.lr",
        "knob:trainer.max_steps",
        "side:old:feat_weight",
        "knob:data.root",
        "knob:gen.beta1",
    }
    marked = {e.attrs["name"] for e in page.all() if e.attrs.get("aria-invalid") == "true"}
    assert marked == wrong
    top = page.one("div", id="troubles")
    assert "6 fields need a change before this can start. Nothing was launched." in top.words()
    links = [a.attrs["href"].removeprefix("#") for a in top.all("a")]
    assert len(links) == 6
    assert all(page.all(id=link) for link in links)
    assert (
        "'three thousand' is not a whole number" in page.one("div", id="err-knob-trainer-max-steps").words()
    )
    assert "old: 'minus' is not a number" in page.one("div", id="err-knob-feat-weight").words()
    assert any("gen.beta1" in d.words() and "open" in d.attrs for d in page.all("details", class_="group"))
    assert "<script>" not in answer.text.replace('<script type="module"', "")
    assert everything() == []


def test_no_preset_too_many_presets_and_strange_words(client: Any, parse: Callable[[str], Any]) -> None:
    none = parse(post(client, [("trainer", "codec"), ("size", "tiny"), ("shown", "codec tiny")]).text)
    assert "no preset is chosen" in none.one("div", id="troubles").words()
    shown = ("shown", "codec tiny old fixed dac-plain")
    three = parse(post(client, [*PAIR[:-1], ("preset", "dac-plain"), shown]).text)
    assert "3 presets are chosen" in three.one("div", id="troubles").words()
    odd = parse(client.get("/launch?trainer=<b>&preset=<i>&size=<u>&knob:<p>=1").text)
    assert odd.one("div", id="troubles").words().count("there is no") == 3


def test_a_pair_is_launched_and_leads_to_its_comparison(client: Any, launchable: Any) -> None:
    sent = [
        *PAIR,
        ("name", "first"),
        ("seed", "3"),
        ("tags", "x, y"),
        ("knob:trainer.max_steps", "20"),
        ("side:old:disc.lr", "2e-4"),
    ]
    answer = post(client, sent)
    made = {run.preset: run for run in everything()}
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/compare?runs={made['old'].id},{made['fixed'].id}"
    assert made["old"].group == made["fixed"].group != ""
    assert {r.name for r in made.values()} == {"first old", "first fixed"}
    assert all(r.tags == ["x", "y"] and r.seed == 3 for r in made.values())
    assert all(r.recipe["trainer"]["max_steps"] == 20 for r in made.values())
    assert (made["old"].recipe["disc"]["lr"], made["fixed"].recipe["disc"]["lr"]) == (2e-4, 1e-3)


def test_one_run_leads_to_its_page(client: Any, launchable: Any) -> None:
    answer = post(
        client, [("trainer", "codec"), ("size", "tiny"), ("preset", "fixed"), ("shown", "codec tiny fixed")]
    )
    assert answer.headers["location"] == f"/runs/{everything()[0].id}"


def test_the_scripts_way_by_the_api_makes_the_same(
    client: Any, launchable: Any, parse: Callable[[str], Any]
) -> None:
    sent = [*PAIR, ("knob:trainer.max_steps", "20"), ("side:old:disc.lr", "2e-4"), ("seed", "3")]
    form = parse(post(client, sent, "/launch/preview").text).one("form", id="launch")
    answer = client.post(form.attrs["data-path"], json=json.loads(form.attrs["data-body"]))
    assert answer.status_code == 201
    by_api = everything()
    post(client, sent)
    by_form = [r for r in everything() if r.id not in {a.id for a in by_api}]
    recipes = [{r.preset: r.recipe for r in some} for some in (by_api, by_form)]
    assert recipes[0] == recipes[1]
    assert answer.json()["url"].startswith("/compare?runs=")


def test_presets_chosen_anew_without_script_are_shown_before_anything_is_launched(
    client: Any, launchable: Any, parse: Callable[[str], Any]
) -> None:
    sent = [
        ("trainer", "codec"),
        ("size", "small"),
        ("preset", "fixed"),
        SHOWN,
        ("knob:trainer.max_steps", "7"),
    ]
    answer = post(client, sent)
    page = parse(answer.text)
    assert answer.status_code == 200
    assert "Nothing was launched yet." in page.one("div", id="troubles").words()
    assert field(page, "shown").attrs["value"] == "codec small fixed"
    assert field(page, "knob:trainer.max_steps").attrs["value"] == "7"
    assert everything() == []
    again = [(n, v) for n, v in sent if n != "shown"] + [("shown", "codec small fixed")]
    assert post(client, again).status_code == 303


def test_a_broker_that_is_down_is_said_and_every_value_stays(
    client: Any, settings: Any, parse: Callable[[str], Any]
) -> None:
    from app import settings as module

    module.use(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    answer = post(client, [*PAIR, ("name", "kept"), ("knob:trainer.max_steps", "9")])
    page = parse(answer.text)
    assert answer.status_code == 503
    assert "Nothing was launched." in page.one("div", id="troubles").words()
    assert field(page, "name").attrs["value"] == "kept"
    assert field(page, "knob:trainer.max_steps").attrs["value"] == "9"
    assert everything() == []


def test_allowed_folders_are_said_and_suggested(
    client: Any, launchable: Any, parse: Callable[[str], Any]
) -> None:
    root = launchable.data_roots[0]
    (root / "clips").mkdir()
    (root / "clips/a.wav").write_bytes(b"")
    page = parse(client.get("/launch").text)
    assert str(root) in page.one("p", id="help-data-root").words()
    assert [o.attrs["value"] for o in page.one("datalist", id="folders").all("option")] == [
        str(root / "clips")
    ]
    assert field(page, "knob:data.root").attrs["value"] == str(root), "the folder of make run DATA=DIR"
    demo = parse(client.get("/launch", params={"knob:data.root": ""}).text)
    assert field(demo, "knob:data.root").attrs["value"] == ""


def test_the_first_allowed_folder_is_where_the_form_begins(
    client: Any, launchable: Any, parse: Callable[[str], Any]
) -> None:
    root = launchable.data_roots[0]

    def begins(path: str = "/launch") -> str:
        return str(field(parse(client.get(path).text), "knob:data.root").attrs["value"])

    assert begins() == "", "a folder without audio is no beginning"
    (root / "a.wav").write_bytes(b"")
    assert begins() == str(root)
    assert begins("/launch?knob:data.root=") == ""
    assert begins("/launch?knob:data.root=/else") == "/else"


def test_how_long_it_takes_goes_by_runs_that_finished_here(
    client: Any, database: Any, make_run: Callable[..., str], parse: Callable[[str], Any]
) -> None:
    assert "not known yet" in parse(client.get("/launch").text).one("aside").words()
    with database.transaction() as session:
        for preset, seconds in (("old", 30.0), ("fixed", 60.0)):
            run = runs.create(session, trainer="codec", preset=preset, size="tiny", status="finished")
            run.started, run.ended, run.last_step = 100.0, 100.0 + seconds, 300
    side = parse(client.get("/launch").text).one("aside").words()
    assert "about 2 min 00 s, by 2 finished runs" in side
    assert "600 each" in side


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True)
def test_the_form_asks_the_database_twice(client: Any, counted: Callable[[], Any]) -> None:
    with counted() as queries:
        client.get("/launch")
    assert len(queries) == 2


def test_steps_are_counted_as_the_trainer_counts_them() -> None:
    assert total_steps(compose.build("codec", "old", "tiny", {"trainer.max_steps": 20})) == 20
    assert (
        total_steps(
            compose.build("codec", "old", "tiny", {"trainer.max_epochs": 3, "trainer.steps_per_epoch": 5})
        )
        == 15
    )


def test_an_oversized_form_is_refused_in_words(client: Any) -> None:
    answer = post(client, [*PAIR, *((f"knob:x{i}", "1") for i in range(2100))])
    assert answer.status_code in (400, 413, 422)
    assert "Traceback" not in answer.text


def test_what_the_doctor_questions_in_a_recipe_stands_beside_its_knob(client, parse):
    page = parse(client.get("/launch?trainer=codec&preset=old&size=tiny").text)
    lint = page.one(**{"data-part": "lint:disc.init"})
    assert "D may not leave its dead value" in lint.words()
    fix = lint.one("button")
    assert json.loads(fix.attrs["data-fix"]) == {
        "disc.init": "kaiming",
        "disc.lr": 1e-3,
        "disc.input_gain": 5.0,
    }
    assert fix.words().startswith("Set ")
    assert page.one(**{"data-undo-at": "disc.init"}).attrs["role"] == "status"
    calm = parse(client.get("/launch?trainer=codec&preset=fixed&size=tiny").text)
    assert calm.one(**{"data-part": "lint:disc.init"}).words() == ""
