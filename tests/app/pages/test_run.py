"""The Run page in every state: what is said, what can be done, what is there before the first point."""

from __future__ import annotations

import json
import time

import pytest

from app import db, findings, ingest, runs
from nashboard import events
from recipes import compose
from recipes.base import flat, nested

HTML = {"accept": "text/html"}


def recipe(preset="fixed", **patch):
    return nested(flat(compose.build("codec", preset, "tiny", patch)))


@pytest.fixture
def ours(make_run):
    """A run of the codec with some points."""

    def made(status="running", steps=4, **more):
        points = (
            {"loss/disc": [1.9] * steps, "progress/epoch": [s / 60 for s in range(steps)]} if steps else None
        )
        fields = {
            "trainer": "codec",
            "preset": "fixed",
            "size": "tiny",
            "seed": 3,
            "recipe": recipe(),
            "name": "mine",
        }
        return make_run(points, status, **{**fields, **more})

    return made


@pytest.fixture
def got(client, parse):
    def get(url, status=200):
        answer = client.get(url, headers=HTML)
        assert answer.status_code == status, answer.text[:400]
        return parse(answer.text)

    return get


def tell(run_id, *found):
    with db.transaction() as session:
        seq = runs.get(session, run_id).next_seq
        made = [kind(seq=seq + i, time=1.7e9, **fields) for i, (kind, fields) in enumerate(found)]
        ingest.apply(session, run_id, made, 1.7e9)


def buttons(page):
    """What can be pressed in the head, without what only a browser without scripts shows."""
    head = page.one(id="head")
    plain = {
        id(b) for part in head.all() if "no-js" in part.attrs.get("class", "") for b in (part, *part.all())
    }
    return [b.words() for b in head.all() if b.tag in ("button", "a") and b.words() and id(b) not in plain]


def test_a_running_run(got, ours):
    page = got(f"/runs/{ours()}")
    assert page.one("h1").words() == "mine"
    assert page.one(id="head").attrs["data-status"] == "running"
    assert buttons(page) == ["Pack", "Fork", "Stop and save"]
    words = page.one(id="head").words()
    assert "step 3 / 600" in words
    assert "recipe codec · fixed · tiny" in words
    assert "seed 3" in words
    assert next(e.attrs["data-series"] for e in page.all() if "data-series" in e.attrs) == "loss/disc"


def test_a_queued_run_says_how_many_are_before_it(got, ours):
    first, second = ours("queued", 0), ours("queued", 0)
    assert "Next in the queue" in got(f"/runs/{first}").one(id="head").words()
    page = got(f"/runs/{second}")
    assert "1 run before it in the queue" in page.one(id="head").words()
    assert "Take off the queue" in buttons(page)


def test_a_run_without_a_point_yet(got, ours):
    words = got(f"/runs/{ours(steps=0)}").words()
    assert "The trainer runs and has reported no point yet" in words
    assert "No sample yet" in words
    assert "No checkpoint yet" in words


def test_a_stopping_run_cannot_be_stopped_again(got, ours):
    run = ours()
    with db.transaction() as session:
        runs.request_stop(session, run)
    page = got(f"/runs/{run}")
    assert "Stopping" in page.one(id="head").words()
    assert "Stop and save" not in buttons(page)


def test_a_failed_run_says_why_with_its_last_lines(got, ours):
    run = ours()
    lines = [(events.LogLine, {"text": f"line {i}", "stream": "stderr", "level": "error"}) for i in range(20)]
    tell(run, *lines, (events.RunEnded, {"status": "failed", "reason": "CUDA out of memory", "step": 3}))
    head = got(f"/runs/{run}").one(id="head")
    assert "CUDA out of memory. It left no checkpoint to start again from." in head.words()
    shown = head.one("pre").words()
    assert "line 19" in shown
    assert "line 7" not in shown


def test_a_lost_run_says_since_when_and_what_to_do(got, ours):
    run = ours()
    tell(run, (events.CheckpointSaved, {"step": 2, "path": "/x/2.pt", "size": 10, "kept": ["/x/2.pt"]}))
    with db.transaction() as session:
        runs.get(session, run).heartbeat = time.time() - 240
        runs.sweep_lost(session)
    page = got(f"/runs/{run}")
    words = page.one(id="head").words()
    assert "No sign of life since" in words
    assert "returns to running by itself" in words
    assert "Start again from step 2" in buttons(page)


def test_a_stopped_run_can_start_again_and_be_put_away(got, ours):
    run = ours()
    tell(
        run,
        (
            events.CheckpointSaved,
            {"step": 3, "path": "/x/3.pt", "size": 2_000_000, "best": {"eval/mel": 0.5}, "kept": ["/x/3.pt"]},
        ),
        (events.RunEnded, {"status": "stopped", "reason": "asked to stop"}),
    )
    page = got(f"/runs/{run}")
    assert buttons(page) == ["Pack", "Fork", "Start again from step 3", "Archive", "Delete…"]
    saved = page.one(id="saved").words()
    assert "2.0 MB" in saved
    assert "eval/mel 0.500" in saved
    assert [
        b.attrs["data-delete-checkpoint"] for b in page.all("button") if "data-delete-checkpoint" in b.attrs
    ]


def test_a_finished_run_does_not_go_on_and_one_without_a_recipe_cannot_fork(got, ours, make_run):
    assert "Start again" not in got(f"/runs/{ours('finished')}").one(id="head").words()
    page = got(f"/runs/{make_run({'train/loss': [1.0]}, 'finished', name='script')}")
    assert buttons(page) == ["Pack", "Archive", "Delete…"]
    assert "this run told no recipe" in page.one(id="config").words()
    assert not page.all(id="fork")
    assert page.one(id="board").attrs["data-default-x"] == "step"


def test_changed_knobs_come_first_and_the_command_makes_the_same_run(got, ours):
    run = ours(recipe=recipe(**{"disc.lr": 3e-4, "seed": 3}))
    section = got(f"/runs/{run}").one(id="config")
    assert "2 of" in section.words()
    assert "disc.lr 3e-4 preset: 1e-3" in section.words()
    command = section.one(id="command").words()
    assert command.startswith("python -m trainers codec preset=fixed size=tiny")
    assert "disc.lr=0.0003" in command or "disc.lr=3e-4" in command


def test_the_pair_the_parent_and_forks_are_offered(got, ours):
    old = ours(preset="old", recipe=recipe("old"), group="g", name="old one")
    fixed = ours(group="g", name="fixed one")
    child = ours(parent=fixed, name="child")
    page = got(f"/runs/{fixed}")
    assert page.one(id="head").all("a", class_="btn")[0].attrs["href"] == f"/compare?runs={old},{fixed}"
    assert page.one(id="head").all("a", class_="btn")[0].words() == "Compare with its pair"
    offered = [o.words() for o in page.one(id="differs-from").all("option")]
    assert offered[:2] == ["pair: old one", "fork: child"]
    mine = got(f"/runs/{child}")
    assert mine.one(id="head").all("a", class_="btn")[0].words() == "Compare with its parent"
    assert mine.one(id="head").all("a", class_="btn")[0].attrs["href"] == f"/compare?runs={fixed},{child}"


def test_what_differs_from_another_run(got, ours):
    a, b = ours(), ours(preset="old", recipe=recipe("old"), name="other")
    words = got(f"/runs/{a}/differs?from={b}").words()
    assert "disc.kind mpd_stft msd_grouped" in words
    assert got(f"/runs/{a}/differs?from=nosuch", 404)


def test_samples_are_slots_by_steps(got, ours):
    run = ours()
    sample = {"media": "audio", "sha256": "0" * 64, "ext": "wav", "size": 3, "facts": {"rate_hz": 8000}}
    takes = [("reference", 0), *(("reconstruction", s) for s in range(8))]
    tell(run, *((events.SampleMade, {"step": s, "series": n, "slot": "clip 1", **sample}) for n, s in takes))
    grid = got(f"/runs/{run}").one(id="samples-grid")
    assert "reference step 0" not in grid.words()
    assert grid.all("div", class_="sgrid")[0].attrs["data-columns"] == "6"
    assert grid.words().count("on its way") == 6


def test_notes_tables_marks_and_unknown_kinds_are_told(got, ours):
    run = ours()
    tell(
        run,
        (events.NoteWritten, {"text": "PESQ is missing", "step": 2}),
        (events.Mark, {"step": 1, "name": "adversarial", "label": "D starts"}),
        (
            events.Table,
            {"step": 0, "name": "skipped files", "columns": ["file", "why"], "rows": [["a.wav", "silent"]]},
        ),
    )
    with db.transaction() as session:
        row = runs.get(session, run)
        row.counts = {**row.counts, "unknown": {"hologram": 3}}
    words = got(f"/runs/{run}").one(id="told").words()
    assert "PESQ is missing" in words
    assert "adversarial D starts" in words
    assert "skipped files step 0, 1 row" in words
    assert "a.wav silent" in words
    assert "hologram 3 events, passed over" in words


def test_files_passed_over_stand_open_and_tables_that_are_drawn_are_folded(got, ours):
    run = ours()
    scatter = {
        "name": "pesq_scatter",
        "columns": ["item", "kind", "pesq", "predicted"],
        "rows": [["x", "est", 2.0, 2.5]],
    }
    files = {
        "name": "skipped_files",
        "columns": ["path", "reason"],
        "rows": [["b.wav", "shorter than a window"]],
    }
    tell(
        run,
        *((events.Table, {"step": step, **scatter}) for step in (0, 40)),
        (events.Table, {"step": 0, **files}),
    )
    told = got(f"/runs/{run}").one(id="told")
    words = told.words()
    assert "Files passed over 1 file of the data, at step 0 path reason b.wav shorter than a window" in words
    assert "2 tables drawn above; here with their numbers" in words
    folded = told.all("details")
    assert [d.attrs.get("data-keep") for d in folded] == ["drawn", "pesq_scatter 40", "pesq_scatter 0"]
    assert not any("open" in d.attrs for d in folded)


def test_the_console_shows_its_end_and_the_whole_is_a_text(got, client, ours):
    run = ours()
    tell(run, *((events.LogLine, {"text": f"line {i} <b>", "stream": "stdout"}) for i in range(450)))
    page = got(f"/runs/{run}")
    lines = page.one(id="lines")
    assert len(lines.all("span", class_="ln")) == 400
    assert lines.attrs["data-after"] == str(5 + 449)
    assert "the last 400 lines" in page.words()
    text = client.get(f"/runs/{run}/log.txt")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text.splitlines() == [f"line {i} <b>" for i in range(450)]


def test_an_unknown_run_is_a_page_with_a_way_out(got):
    for path in (
        "/runs/nosuch",
        "/runs/nosuch/log.txt",
        "/runs/nosuch/part/head",
        "/runs/nosuch/differs?from=x",
    ):
        page = got(path, 404)
        assert "nosuch" in page.words()
        assert page.all("a", href="/")


@pytest.mark.parametrize("part", ["head", "racks", "samples", "saved", "told"])
def test_parts_are_the_same_as_in_the_page(client, parse, ours, part):
    run = ours("finished")
    ids = {"head": "head", "racks": "racks", "samples": "samples-grid", "saved": "saved", "told": "told"}
    alone = parse(client.get(f"/runs/{run}/part/{part}", headers=HTML).text).one(id=ids[part])
    whole = parse(client.get(f"/runs/{run}", headers=HTML).text).one(id=ids[part])
    assert alone.words() == whole.words()


def test_an_unknown_part_is_not_found(client, ours):
    assert client.get(f"/runs/{ours()}/part/secret").status_code == 404


def test_words_of_people_are_text(got, ours):
    page = got(f"/runs/{ours(name='<img src=x onerror=alert(1)>', notes='</textarea><b>', tags=['<i>'])}")
    assert page.one("h1").words() == "<img src=x onerror=alert(1)>"
    assert page.one("textarea").words() == "</textarea><b>"
    assert not page.all("img")


def test_what_fork_offers_is_every_knob_with_its_value_and_help(got, ours):
    page = got(f"/runs/{ours()}")
    options = {o.attrs.get("value"): o for o in page.one(id="fork-add").all("option")}
    assert options["disc.lr"].attrs["data-value"] == "1e-3"
    assert options["disc.lr"].attrs["data-help"]
    assert options["loss"].attrs["data-choices"] == "hinge|least_squares"
    assert "preset" not in options


class TestFindings:
    STUCK = {"loss/disc": [2.0] * 3000}

    @pytest.fixture
    def looked(self, make_run):
        """A run that the doctor has looked at."""

        def made(*args, **fields):
            run_id = make_run(*args, **fields)
            findings.look(run_id)
            return run_id

        return made

    def test_a_run_that_told_nothing_is_being_looked_at(self, ours, got):
        words = got(f"/runs/{ours(steps=0)}").one(id="findings").words()
        assert "looking" in words
        assert "Nothing that a rule reads has been reported yet" in words

    def test_the_page_waits_for_no_diagnosis(self, make_run, got, monkeypatch):
        run_id = make_run(self.STUCK, "finished", recipe={"loss": "hinge"})
        monkeypatch.setattr(findings, "diagnose", None)
        words = got(f"/runs/{run_id}").one(id="findings").words()
        assert "The doctor has not looked at this run yet" in words

    def test_a_sick_run_offers_its_remedy_with_the_patch(self, looked, got):
        run_id = looked(
            self.STUCK, "finished", trainer="codec", preset="old", size="tiny", recipe=recipe("old")
        )
        part = got(f"/runs/{run_id}/part/findings").one(id="findings")
        assert part.attrs["aria-live"] == "polite"
        assert "fail" in part.one(class_="hd").words()
        remedy = part.all("button", **{"data-treat": "disc-stuck"})[0]
        assert json.loads(remedy.attrs["data-patch"])["disc.init"] == "kaiming"
        got(f"/runs/{run_id}").one("dialog", id="fork")

    def test_a_foreign_run_has_findings_and_no_remedy_to_launch(self, looked, got):
        run_id = looked(self.STUCK, "finished", trainer="", recipe={"loss": "hinge"})
        part = got(f"/runs/{run_id}/part/findings").one(id="findings")
        assert "disc-stuck" in part.words()
        assert [b.attrs["data-finding"] for b in part.all("button")] == ["disc-stuck"]

    def test_a_child_says_what_it_treats_and_whether_it_did(self, looked, got):
        parent = looked(self.STUCK, "finished", trainer="codec", recipe=recipe("old"), name="sick")
        facts = {"trainer": "codec", "recipe": recipe(), "parent": parent, "treats": "disc-stuck"}
        for values, status, says in (
            ([2.0] * 3000, "finished", "open it is found here as well"),
            (
                [1.2] * 3000,
                "finished",
                "treated not found up to step 2,999; loss/disc is 1.200 at step 2,999",
            ),
            ([1.2] * 30, "running", "not yet judged not found in its 29 steps; the rule spoke at step"),
            ([], "queued", "not yet judged the rule could not look: loss/disc was not reported"),
        ):
            child = looked({"loss/disc": values} if values else None, status, **facts)
            words = got(f"/runs/{child}/part/findings").one(id="findings").words()
            assert "This run treats disc-stuck of sick" in words
            assert says in words
        words = got(f"/runs/{parent}/part/findings").one(class_="tried").words()
        assert [words.count(state) for state in ("open", "treated", "not yet judged")] == [1, 1, 2]

    def test_a_finding_opens_with_its_charts_values_and_the_nearest_samples(self, looked, got, client):
        run_id = looked(self.STUCK, "finished", trainer="codec", recipe=recipe("old"))
        body = got(f"/runs/{run_id}/finding/disc-stuck").one(id="finding-body")
        assert int(body.attrs["data-from"]) <= int(body.attrs["data-step"])
        assert [t.attrs["data-series"] for t in body.all("section", class_="tile")] == ["loss/disc"]
        assert "2.000" in body.one("table").words()
        assert "No sample was made" in body.words()
        assert body.all("button", **{"data-treat": "disc-stuck"})
        away = got(f"/runs/{run_id}/finding/disc-stuck?away=1").one(id="finding-body")
        assert not away.all("button", **{"data-treat": "disc-stuck"})
        assert client.get(f"/runs/{run_id}/finding/u-turn").status_code == 404

    def test_brackets_lie_on_the_chart_s_axis(self, looked, client):
        run_id = looked(self.STUCK, "finished", trainer="codec", recipe=recipe("old"))
        asked = f"/api/figures?runs={run_id}&series=loss/disc,loss/gen&x=step&width=400"
        figures = client.get(asked).json()["figures"]
        (mark,) = figures["loss/disc"]["layout"]["meta"]["findings"]
        assert (mark["label"], mark["code"], mark["severity"], mark["open"]) == (
            "F1",
            "disc-stuck",
            "fail",
            True,
        )
        assert mark["from"] == mark["step"] < 200
        assert 2900 < mark["to"] <= 2999
