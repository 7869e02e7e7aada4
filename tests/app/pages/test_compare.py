"""The Compare page: which runs, in which words; parts for the script; the table as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from recipes import compose
from recipes.base import flat, nested

HTML = {"accept": "text/html"}


def recipe(preset):
    return nested(flat(compose.build("codec", preset, "tiny", {"trainer.steps_per_epoch": 2})))


@pytest.fixture
def pair(make_run):
    points = {"loss/disc": [2.0] * 5, "eval/snr": [1.0] * 5, "progress/epoch": [s / 2 for s in range(5)],
              "disc/msd0/sign_acc": [0.5] * 5, "speed/items_per_s": [9.0] * 5}  # fmt: skip
    common = {"trainer": "codec", "size": "tiny", "seed": 3}
    old = make_run(points, "finished", preset="old", name="first old", recipe=recipe("old"), **common)
    fixed = make_run(points, "running", preset="fixed", name="first fixed", recipe=recipe("fixed"), **common)
    return [old, fixed]


@pytest.fixture
def got(client, parse):
    def get(url, status=200):
        answer = client.get(url, headers=HTML)
        assert answer.status_code == status, answer.text[:400]
        return parse(answer.text)

    return get


def test_an_old_run_and_a_fixed_one_are_old_against_fixed(got, pair):
    page = got(f"/compare?runs={','.join(pair)}")
    assert page.one("h1").words() == "Old against fixed"
    assert "codec, tiny, seed 3, same data and evaluation set" in page.words()
    keys = [b.attrs["data-toggle-run"] for b in page.all("button") if "data-toggle-run" in b.attrs]
    assert keys == ["A", "B"]
    heads = [th.words() for th in page.one(id="at-table").all("th")]
    assert heads[1].startswith("A Old (")
    assert "B New (last, epoch 2 )" in [h.replace(")", " )") for h in heads] or heads[3].startswith("B New (")


def test_the_charts_of_the_issue_come_first_and_all_others_in_sections(got, pair):
    page = got(f"/compare?runs={','.join(pair)}")
    series = [e.attrs["data-series"] for e in page.all() if "data-series" in e.attrs]
    assert series[:6] == ["loss/disc", "loss/feat", "eval/snr", "eval/si_sdr", "eval/amplitude", "eval/mel"]
    assert len(series) == len(set(series))
    assert {"disc/msd0/sign_acc", "speed/items_per_s", "progress/epoch"} <= set(series)
    assert "MSD, grouped" in page.words()


def test_runs_of_one_preset_are_compared_by_name(got, make_run):
    ids = [make_run({"loss/disc": [1.0]}, trainer="codec", preset="fixed", name=f"try {i}") for i in range(3)]
    page = got(f"/compare?runs={','.join(ids)}")
    assert page.one("h1").words() == "3 runs compared"
    assert "try 2" in page.one(id="at-table").words()


def test_runs_may_be_named_once_each_as_a_form_does(got, pair):
    assert got(f"/compare?runs={pair[0]}&runs={pair[1]}").one("h1").words() == "Old against fixed"


def test_no_run_is_a_choice(got, pair, make_run):
    make_run({"loss/disc": [1.0]}, name="in a group", group="g1")
    make_run({"loss/disc": [1.0]}, name="its pair", group="g1")
    page = got("/compare")
    assert page.one("h1").words() == "Compare"
    links = [a.attrs["href"] for a in page.all("a")]
    assert sum(link.startswith("/compare?runs=") and "," in link for link in links) == 1
    boxes = [i.attrs["value"] for i in page.all("input", name="runs")]
    assert set(pair) <= set(boxes)


def test_an_empty_installation_says_what_to_do(got):
    page = got("/compare")
    assert "nothing to compare yet" in page.words()
    assert page.all("a", href="/launch", class_="btn")


def test_an_unknown_run_is_a_page_with_a_way_out(got, client):
    page = got("/compare?runs=nosuch", 404)
    assert "'nosuch'" in page.words()
    assert page.all("a", href="/")
    assert client.get("/compare?runs=nosuch").json()["error"]["code"] == "unknown_run"


def test_one_bad_id_among_good_ones_is_told_and_the_others_are_shown(got, pair):
    page = got(f"/compare?runs={pair[0]},nosuch,{pair[1]}")
    assert page.one("h1").words() == "Old against fixed"
    assert "There is no run 'nosuch' here" in page.words()


def test_markup_in_an_id_is_text(got, pair):
    page = got(f"/compare?runs={pair[0]},%3Cscript%3Ealert(1)%3C/script%3E")
    assert "'<script>alert(1)</script>'" in page.words()
    assert not [s for s in page.all("script") if "alert" in s.words()]


def test_the_same_run_twice_is_shown_once(got, pair):
    page = got(f"/compare?runs={pair[0]},{pair[0]}")
    assert page.one("h1").words() == "1 run compared"
    assert f"{pair[0]} was named twice and is shown once" in page.words()


def test_any_number_of_runs_has_keys_of_their_own(got, make_run):
    ids = [make_run({"loss/disc": [1.0]}, name=f"r{i}") for i in range(28)]
    page = got(f"/compare?runs={','.join(ids)}")
    assert page.one("h1").words() == "28 runs compared"
    keys = [b.attrs["data-toggle-run"] for b in page.all("button") if "data-toggle-run" in b.attrs]
    assert keys[:9] == list("ABCDEFGHI")
    assert keys[15:19] == ["P", "Q", "S", "T"]  # R is the reference's
    assert keys[24:] == ["Z", "A2", "B2", "C2"]
    assert len([r for r in page.one(id="scores-table").all("tr") if "data-row" in r.attrs]) == 28
    assert not page.one(id="at-table").words()


def test_a_queued_pair_has_its_frame_before_its_first_point(got, make_run):
    ids = [make_run(status="queued", trainer="codec", preset=p, recipe=recipe(p)) for p in ("old", "fixed")]
    page = got(f"/compare?runs={','.join(ids)}")
    assert next(e.attrs["data-series"] for e in page.all() if "data-series" in e.attrs) == "loss/disc"
    assert page.one(id="board").attrs["data-default-x"] == "epoch"
    assert "no data yet" in page.one(id="at-table").words()


def test_a_script_of_somebody_else_is_compared_by_step(got, make_run):
    run = make_run({"train/loss": [3.0, 2.0]}, name="script")
    page = got(f"/compare?runs={run}")
    assert page.one(id="board").attrs["data-default-x"] == "step"
    assert "script told no recipe" in page.words()


@pytest.mark.parametrize("part", ["legend", "racks", "table", "differs"])
def test_parts_are_the_same_as_in_the_page(client, parse, pair, part):
    ids = {"legend": "legend", "racks": "racks", "table": "at-table", "differs": "differs"}
    asked = f"runs={','.join(pair)}&at=1"
    alone = parse(client.get(f"/compare/{part}?{asked}", headers=HTML).text).one(id=ids[part])
    whole = parse(client.get(f"/compare?{asked}", headers=HTML).text).one(id=ids[part])
    assert alone.words() == whole.words()


def test_what_differs_is_in_the_page(got, pair):
    section = got(f"/compare?runs={','.join(pair)}").one(id="differs").words()
    assert "feat_weight 2 10" in section
    assert "disc.kind" in section
    assert "mel_weight" not in section


def test_the_table_is_there_for_a_browser_without_script(got, pair):
    page = got(f"/compare?runs={','.join(pair)}&at=1")
    form = page.one(id="at-form")
    assert form.one("input", name="runs").attrs["value"] == ",".join(pair)
    assert [b.attrs["value"] for b in form.all("button", name="at")] == ["1", "5", "10", "last", "best"]
    (row,) = [r for r in page.one(id="at-table").all("tr") if r.attrs.get("data-metric") == "loss/disc"]
    assert [td.words() for td in row.all("td") if "data-key" in td.attrs] == ["2.00", "2.00"]


@pytest.mark.parametrize("at", ["soon", "-3", "nan"])
def test_a_moment_that_is_none_is_said(got, pair, at):
    page = got(f"/compare?runs={','.join(pair)}&at={at}", 422)
    assert f"'{at}' is no moment: give an epoch such as 10, last or best" in page.words()


def test_an_unknown_part_is_not_found(client, pair):
    assert client.get(f"/compare/secret?runs={pair[0]}").status_code == 404


def test_the_table_as_csv_has_every_digit(client, pair):
    answer = client.get(f"/compare/table.csv?runs={','.join(pair)}&at=1")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    snr = [r for r in rows if r["series"] == "eval/snr"]
    assert snr[0]["A Old (epoch 1)"] == "1.0"
    assert "claimed" in {r["origin"] for r in snr}


def test_the_number_of_queries_does_not_grow_with_points(client, counted, make_run, pair):
    with counted() as few:
        client.get(f"/compare?runs={','.join(pair)}", headers=HTML)
    assert len(few) < 150


def test_each_score_says_its_distance_to_the_baseline(got, make_run):
    snr, mel = ([1.0, 9.0, 4.0], [2.0, 3.0, 5.0]), ([0.9, 0.3, 0.5], [0.8, 0.7, 0.6])
    ids = [
        make_run({"eval/snr": snr[n], "eval/mel": mel[n], "loss/disc": [2.0] * 3}, "finished") for n in (0, 1)
    ]
    page = got(f"/compare?runs={','.join(ids)}&base={ids[0]}")
    lines = {r.attrs["data-row"]: r for r in page.one(id="scores-table").all("tr") if "data-row" in r.attrs}
    assert "baseline" in lines["A"].words()
    assert [s.words() for s in lines["B"].all("span", class_="delta")] == [
        "0",
        "+1.0",
        "−4.0",
        "+0.100",
        "+0.300",
    ]
    assert len(lines["A"].all("td", class_="lead")) == 3  # its best SNR and both its mels


def test_saved_views_are_links_where_nothing_is_chosen(got, client):
    client.post("/api/views", json={"name": "<b>mine</b>", "query": "runs=a,b&x=epoch"})
    section = got("/compare").one(id="views")
    assert [(a.words(), a.attrs["href"]) for a in section.all("a")] == [
        ("<b>mine</b>", "/compare?runs=a,b&x=epoch")
    ]


def test_pairs_of_one_seed_are_held_against_each_other(got, client, make_run):
    ids = []
    for preset, snr in (("old", 1.0), ("fixed", 6.0)):
        for seed in (0, 1, 2):
            points = {
                "eval/snr": [0.0, snr + seed * (1 + 0.1 * (preset == "fixed"))],
                "progress/epoch": [0.0, 1.0],
            }
            ids.append(make_run(points, "finished", trainer="codec", preset=preset, seed=seed))
    page = got(f"/compare?runs={','.join(ids)}")
    row = page.one("tr", **{"data-paired": "eval/snr"})
    assert row.attrs["data-state"] == "shown"
    assert "+5.1 ± 0.2 dB over 3 seeds: shown" in row.words()
    part = client.get(f"/compare/paired?runs={ids[0]},{ids[3]}&at=1", headers=HTML)
    assert "one seed: cannot say" in part.text
    refused = client.get(f"/compare/paired?runs={','.join(ids)}&group=no.knob")
    assert refused.status_code == 422
    assert "no.knob" in refused.json()["error"]["message"]


def test_without_pairs_nothing_is_said_of_them(got, make_run):
    ids = [make_run({"loss/disc": [1.0]}, preset="old", seed=s) for s in (0, 1)]
    assert "Is the difference real" not in got(f"/compare?runs={','.join(ids)}").words()
