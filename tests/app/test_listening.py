"""What can be heard: slots in the order people count, references, the true step of each take."""

from __future__ import annotations

import hashlib
import json

import pytest

from app import blobs, db, ingest, listening, runs
from nashboard import events


@pytest.fixture
def database_kind():
    return "sqlite"


def add(run_id, samples, *, media="audio", send=True):
    """samples: (step, series, slot, bytes)."""
    with db.transaction() as session:
        seq = runs.get(session, run_id).next_seq
        found = []
        for i, (step, series, slot, data) in enumerate(samples):
            digest = hashlib.sha256(data).hexdigest()
            facts = {"peak_dbfs": -3.0, "rate_hz": 8000, "seconds": 2.0}
            found.append(
                events.SampleMade(
                    seq=seq + i, time=1.7e9, step=step, series=series, slot=slot, media=media, sha256=digest,
                    ext="wav", size=len(data), facts=facts, caption="george",
                )
            )  # fmt: skip
        ingest.apply(session, run_id, found, 1.7e9)
        if send:
            for _, _, _, data in samples:
                blobs.put(session, hashlib.sha256(data).hexdigest(), data)


def heard(*ids):
    with db.reading() as session:
        found = listening.heard(session, [runs.get(session, i) for i in ids])
    json.dumps(found, allow_nan=False)
    return found


def test_slots_hold_the_reference_and_every_runs_takes(make_run):
    points = {"progress/epoch": [s / 2 for s in range(5)]}
    a, b = make_run(points), make_run(points)
    add(
        a,
        [
            (0, "reference", "clip 1", b"ref"),
            (0, "reconstruction", "clip 1", b"a0"),
            (2, "reconstruction", "clip 1", b"a2"),
        ],
    )
    add(b, [(0, "reference", "clip 1", b"ref"), (4, "reconstruction", "clip 1", b"b4")])
    (slot,) = heard(a, b)["slots"]
    assert slot["same"] is True
    assert slot["caption"] == "george"
    assert [t["step"] for t in slot["sources"]["A"]] == [0, 2]
    assert [(t["step"], t["epoch"]) for t in slot["sources"]["B"]] == [(4, 2.0)]
    assert slot["sources"]["R"][0]["url"] == f"/api/blobs/{hashlib.sha256(b'ref').hexdigest()}"
    assert slot["sources"]["A"][0]["facts"]["peak_dbfs"] == -3.0


def test_slots_are_in_the_order_people_count(make_run):
    run = make_run()
    add(run, [(0, "reconstruction", f"clip {n}", b"%d" % n) for n in (10, 2, 1)])
    assert [s["slot"] for s in heard(run)["slots"]] == ["clip 1", "clip 2", "clip 10"]


def test_different_references_in_one_slot_are_told(make_run):
    a, b = make_run(), make_run()
    add(a, [(0, "reference", "s", b"one")])
    add(b, [(0, "reference", "s", b"two")])
    assert heard(a, b)["slots"][0]["same"] is False


def test_a_take_whose_bytes_are_on_their_way_has_no_address(make_run):
    run = make_run()
    add(run, [(0, "reconstruction", "s", b"later")], send=False)
    take = heard(run)["slots"][0]["sources"]["A"][0]
    assert take["url"] is None
    assert take["epoch"] is None


def test_a_step_that_came_twice_counts_once_and_images_are_not_heard(make_run):
    run = make_run()
    add(run, [(3, "reconstruction", "s", b"first")])
    add(run, [(3, "reconstruction", "s", b"again")])
    add(run, [(3, "grid", "t", b"png")], media="image")
    (slot,) = heard(run)["slots"]
    (take,) = slot["sources"]["A"]
    assert take["url"].endswith(hashlib.sha256(b"again").hexdigest())


def test_nothing_to_hear(make_run, client):
    run = make_run()
    assert heard(run)["slots"] == []
    assert client.get("/api/listen", params={"runs": run}).json()["runs"][0]["key"] == "A"
    assert client.get("/api/listen", params={"runs": "nosuch"}).status_code == 404


def test_a_point_of_a_chart_is_a_step_of_each_run(make_run, client):
    a = make_run({"progress/epoch": [s / 2 for s in range(5)]})
    b = make_run({"progress/epoch": [s / 4 for s in range(5)]})
    bare = make_run({"loss/disc": [1.0, 1.0]})

    def steps(**asked):
        return client.get("/api/steps", params={"runs": f"{a},{b},{bare}", **asked})

    assert steps(x="epoch", at=1.0).json() == {"steps": {"A": 2.0, "B": 4.0, "C": None}}
    assert steps(x="epoch", at=0.75).json()["steps"]["A"] == 1.5
    assert steps(at=3).json()["steps"] == {"A": 3.0, "B": 3.0, "C": 1.0}, "past its end a run is at its end"
    assert steps(x="bark", at=1).status_code == 422
    assert steps(x="epoch", at="inf").status_code == 422
    assert client.get("/api/steps", params={"runs": "nosuch", "at": 1}).status_code == 404
