"""The Listen page: its runs by key, what is gone is told, and what to choose from where nothing was asked for."""

from __future__ import annotations

import hashlib

import pytest

from app import db, ingest, runs
from nashboard import events


@pytest.fixture
def sounding(make_run):
    def make(name="heard"):
        run_id = make_run()
        digest = hashlib.sha256(name.encode()).hexdigest()
        with db.transaction() as session:
            seq = runs.get(session, run_id).next_seq
            made = events.SampleMade(
                seq=seq, time=1.7e9, step=0, series="reconstruction", slot="s", media="audio", sha256=digest,
                ext="wav", size=4, facts={}, caption="",
            )  # fmt: skip
            ingest.apply(session, run_id, [made], 1.7e9)
        return run_id

    return make


def test_runs_are_heard_by_key_in_the_order_asked_for(client, parse, sounding):
    a, b = sounding("a"), sounding("b")
    page = parse(client.get("/listen", params={"runs": f"{b},{a}"}).text)
    assert page.one("div", id="heard").attrs["data-ids"] == f"{b},{a}"
    section = page.one("section", id="listen")
    assert "hidden" not in section.attrs
    assert section.one("h1").words() == "Listen"
    axes = [b.attrs["data-value"] for b in section.all("button") if b.attrs.get("data-set") == "freq"]
    assert axes == ["log", "mel", "linear"]


def test_a_run_that_is_gone_is_told_and_left_out(client, parse, sounding):
    a = sounding()
    page = parse(client.get("/listen", params={"runs": f"{a},nosuch"}).text)
    assert page.one("div", id="heard").attrs["data-ids"] == a
    assert "There is no run 'nosuch' here" in page.one("div", class_="told").words()


def test_without_runs_those_with_sound_can_be_chosen(client, parse, sounding, make_run):
    silent, a = make_run(), sounding()
    page = parse(client.get("/listen").text)
    values = [box.attrs["value"] for box in page.all("input", name="runs")]
    assert a in values
    assert silent not in values


def test_nothing_to_hear_yet(client, parse, make_run):
    make_run()
    assert "There is nothing to hear yet" in parse(client.get("/listen").text).one("h3").words()
