"""The API of runs, as a script uses it."""

from __future__ import annotations

import json
import math

import pytest
from sqlalchemy import event

from app import db

LINES = {"Content-Type": "application/x-ndjson"}


def post(client, run_id: str, *events: dict):
    body = "".join(json.dumps(e) + "\n" for e in events)
    return client.post(f"/api/runs/{run_id}/events", content=body, headers=LINES)


def point(seq: int, **values) -> dict:
    return {"seq": seq, "time": 1.7e9 + seq, "kind": "points", "step": seq, "values": values}


def test_a_run_from_registration_to_its_points(client) -> None:
    made = client.post(
        "/api/runs", json={"id": "abc", "name": "first", "trainer": "codec", "seed": 1, "odd": 1}
    )
    assert (made.status_code, made.json()["status"]) == (201, "queued")
    assert client.post("/api/runs", json={"id": "abc", "trainer": "codec"}).status_code == 200
    other = client.post("/api/runs", json={"id": "abc", "trainer": "vae"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")
    assert post(client, "abc").json() == {"next_seq": 0, "stop": False, "wants": []}
    start = {"seq": 0, "time": 1.7e9, "kind": "run_started", "run": "abc", "recipe": {"a": "NaN"}}
    receipt = post(client, "abc", start, point(1, **{"loss/disc": 2.0}), point(2, **{"loss/disc": "NaN"}))
    assert receipt.json()["next_seq"] == 3
    run = client.get("/api/runs/abc").json()
    assert (run["status"], run["recipe"], run["last_step"]) == ("running", {"a": "NaN"}, 2)
    (row,) = client.get("/api/runs/abc/series").json()["series"]
    assert (row["name"], row["title"], row["count"], row["last_value"]) == (
        "loss/disc",
        "Discriminator loss",
        2,
        "NaN",
    )
    curves = client.get("/api/runs/abc/points", params={"series": "loss/disc", "width": 100}).json()
    (curve,) = curves["series"]
    assert (curve["step"], curve["value"], curve["nonfinite"]) == ([1], [2.0], [[2, "NaN", 1]])
    assert (curve["shown"], curve["total"], curve["exact"]) == (2, 2, True)
    assert client.get("/api/runs").json()["total"] == 1


def test_points_between_steps_and_values_at_one(client, make_run) -> None:
    run_id = make_run({"s": [float(n) for n in range(100)], "progress/epoch": [n / 10 for n in range(100)]})
    asked = {"series": "s", "from": 10, "to": 12}
    (curve,) = client.get(f"/api/runs/{run_id}/points", params=asked).json()["series"]
    assert curve["step"] == [10, 11, 12]
    at = client.get(f"/api/runs/{run_id}/at", params={"series": "s,none", "at": 50}).json()
    assert at == {"run": run_id, "step": 50, "values": {"s": 50.0, "none": None}}
    epoch = client.get(f"/api/runs/{run_id}/at", params={"series": "s", "at": 2, "axis": "epoch"}).json()
    assert (epoch["step"], epoch["values"]) == (20, {"s": 20.0})
    late = client.get(f"/api/runs/{run_id}/at", params={"series": "s", "at": 99, "axis": "epoch"}).json()
    assert (late["step"], late["values"]) == (None, {"s": None})
    newest = client.get(f"/api/runs/{run_id}/at", params={"series": "s"}).json()
    assert newest["values"] == {"s": 99.0}


def test_what_people_write_on_a_run(client, make_run) -> None:
    run_id = make_run()
    changed = client.patch(
        f"/api/runs/{run_id}", json={"tags": ["good"], "notes": "n", "name": "x", "archived": True}
    )
    assert (changed.json()["tags"], changed.json()["notes"], changed.json()["name"]) == (["good"], "n", "x")
    assert client.get("/api/runs").json()["total"] == 0
    assert client.get("/api/runs", params={"archived": True, "tag": "good"}).json()["total"] == 1
    wrong = client.patch(f"/api/runs/{run_id}", json={"tags": "good", "colour": 1})
    assert wrong.status_code == 422
    knobs = {p["knob"]: p for p in wrong.json()["error"]["problems"]}
    assert set(knobs) == {"tags", "colour"}
    assert knobs["tags"]["value"] == "good"


def test_a_run_is_deleted_once_it_is_over(client, make_run) -> None:
    active, over = make_run(), make_run(status="finished")
    assert client.delete(f"/api/runs/{active}").status_code == 409
    assert client.delete(f"/api/runs/{over}").status_code == 204
    assert client.get(f"/api/runs/{over}").status_code == 404
    assert client.delete(f"/api/runs/{over}").json()["error"]["code"] == "unknown_run"


def test_a_malformed_batch_names_line_and_value(client, make_run) -> None:
    run_id = make_run()
    answer = post(client, run_id, point(1, s=1.0), point(2, s="much"))
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["line"], error["seq"]) == (422, "bad_line", 2, 2)
    assert "'much'" in error["message"]
    assert post(client, run_id).json()["next_seq"] == 1


def test_a_batch_as_any_simple_client_sends_it(client, make_run) -> None:
    run_id = make_run()
    for n, kind in enumerate(("application/json", "text/plain", "application/x-www-form-urlencoded", "")):
        headers = {"Content-Type": kind} if kind else {}
        answer = client.post(
            f"/api/runs/{run_id}/events", content=json.dumps(point(n + 1, s=1)), headers=headers
        )
        assert answer.json()["next_seq"] == n + 2
    odd = client.post(
        f"/api/runs/{run_id}/events", content=b"x", headers={"Content-Type": "multipart/form-data"}
    )
    assert (odd.status_code, odd.json()["error"]["code"]) == (415, "unsupported_type")
    squeezed = client.post(f"/api/runs/{run_id}/events", content=b"x", headers={"Content-Encoding": "gzip"})
    assert squeezed.status_code == 415


def test_findings_have_their_place(client, make_run) -> None:
    told = client.get(f"/api/runs/{make_run()}/findings").json()
    assert (told["verdict"], told["first_fail_step"], told["findings"]) == ("unknown", None, [])
    assert told["could_not_look"]["disc-zero"] == ["loss/disc"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/series",
        "/points?series=s",
        "/at?series=s",
        "/findings",
        "/samples",
        "/checkpoints",
        "/records",
        "/log",
    ],
)
def test_an_unknown_run_is_a_404_everywhere(client, path: str) -> None:
    answer = client.get(f"/api/runs/nobody{path}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_run")
    assert "'nobody'" in answer.json()["error"]["message"]


def test_an_unknown_series_is_named(client, make_run) -> None:
    answer = client.get(f"/api/runs/{make_run()}/points", params={"series": "nope"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_series")
    assert client.get(f"/api/runs/{make_run()}/points", params={"series": ","}).status_code == 422


def test_what_a_run_has_beside_its_points(client, make_run) -> None:
    run_id = make_run()
    digest = "0" * 64
    sample = {
        "step": 3,
        "series": "audio/recon",
        "slot": "0",
        "media": "audio",
        "sha256": digest,
        "ext": "wav",
        "size": 1,
    }
    rows = [
        {"kind": "sample_made", **sample, "facts": {"peak_dbfs": -1.5}},
        {"kind": "mark", "step": 1, "name": "warm-up"},
        {"kind": "table", "step": 1, "name": "skipped", "columns": ["file"], "rows": [["a"]]},
        {"kind": "log_line", "text": "hello"},
        {"kind": "log_line", "text": "world", "stream": "stderr"},
        {"kind": "checkpoint_saved", "step": 3, "path": "/r/3.pt", "size": 9},
    ]
    receipt = post(client, run_id, *({"seq": n, "time": 1.7e9, **row} for n, row in enumerate(rows, 1)))
    assert receipt.json()["wants"] == [digest]
    (found,) = client.get(f"/api/runs/{run_id}/samples", params={"slot": "0", "step": 3}).json()["samples"]
    assert (found["url"], found["facts"]) == (None, {"peak_dbfs": -1.5})
    assert client.get(f"/api/runs/{run_id}/samples", params={"series": "other"}).json()["samples"] == []
    records = client.get(f"/api/runs/{run_id}/records").json()["records"]
    assert [(r["kind"], r["name"]) for r in records] == [("mark", "warm-up"), ("table", "skipped")]
    assert (
        client.get(f"/api/runs/{run_id}/records", params={"kind": "table"}).json()["records"] == records[1:]
    )
    log = client.get(f"/api/runs/{run_id}/log").json()
    assert [line["text"] for line in log["lines"]] == ["hello", "world"]
    assert client.get(f"/api/runs/{run_id}/log", params={"after": log["next"]}).json()["lines"] == []
    kept = client.get(f"/api/runs/{run_id}/checkpoints").json()
    assert (kept["size"], kept["checkpoints"][0]["present"]) == (9, True)


def test_lost_extremes_cannot_be(client, make_run) -> None:
    values = [math.sin(n / 50) for n in range(5000)]
    values[1234] = 99.0
    run_id = make_run({"s": values})
    (curve,) = client.get(f"/api/runs/{run_id}/points", params={"series": "s", "width": 50}).json()["series"]
    assert not curve["exact"]
    assert 99.0 in curve["value"]
    assert curve["total"] == 5000


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_full_disk_is_told_and_the_sender_goes_on_when_there_is_room(client, make_run) -> None:
    run_id = make_run()
    full = "PRAGMA max_page_count = 1"  # SQLite answers as if the disk were full; it never cuts what is there

    def limit(connection, record, proxy) -> None:
        connection.execute(full)

    event.listen(db.engine(), "checkout", limit)
    note = {"seq": 1, "time": 1.7e9, "kind": "note_written", "text": "x" * 200_000}
    answer = post(client, run_id, note)
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "disk_full")
    event.remove(db.engine(), "checkout", limit)
    full = "PRAGMA max_page_count = 1000000"
    db.dispose()
    assert post(client, run_id).json()["next_seq"] == 1
    assert post(client, run_id, note).json()["next_seq"] == 2
