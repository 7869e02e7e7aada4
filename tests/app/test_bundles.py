"""Bundles made and opened by a server: the same run on the other side, marked, once, and nothing of a wrong one."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from app import blobs, bundles, db, findings, ingest, journals, opening, reading, records, runs
from app.errors import BadInput
from app.models import Run
from app.tables_bundles import Imported
from app.tables_notices import Notice
from nashboard import events
from nashboard.bundle import MANIFEST, Bundle
from nashboard.packing import pack as pack_folder
from tests.nashboard.test_bundle import HOST, WAVE, folder

DIGEST = hashlib.sha256(WAVE).hexdigest()


@pytest.fixture
def run_id(make_run: Any) -> str:
    """An ended run with points (NaN among them), a sample, a mark, a note, a table, console and checkpoint."""
    found: str = make_run(
        points={"loss/disc": [2.0 + n / 1e4 for n in range(9000)], "eval/snr": [1.0, float("nan"), -3.5]},
        name="old", trainer="codec", preset="old", size="tiny", seed=3, tags=["paper"], notes="mine",
        recipe={"disc.lr": 1e-4, "data.root": "/Users/marie/music"}, environment={"hostname": HOST},
    )  # fmt: skip
    more: list[events.Event] = [
        events.SampleMade(step=2, series="a", slot="0", media="audio", sha256=DIGEST, ext="wav", size=len(WAVE),
                          facts={"peak_dbfs": -1.0}),
        events.Mark(step=1, name="adversarial", label="D starts"),
        events.NoteWritten(text="from /Users/marie/x/notes.txt"),
        events.Table(step=2, name="skipped", columns=["file"], rows=[["/Users/marie/x/a.wav"]]),
        events.Distribution(step=2, series="logits/real", edges=[0.0, 1.0, 2.0], counts=[3.0, 4.0]),
        events.LogLine(text="on node-17"),
        events.CheckpointSaved(step=2, path="/Users/marie/runs/x/last.pt", size=7),
        events.RunEnded(status="finished", reason=""),
    ]  # fmt: skip
    with db.transaction() as session:
        at = runs.get(session, found).next_seq
        ingest.apply(
            session, found, [events.stamped(e, at + n, 1.7e9 + 9000 + n) for n, e in enumerate(more)]
        )
        blobs.put(session, DIGEST, WAVE)
    findings.look(found)
    return found


def made(path: Path, ids: list[str], strip: bool = True) -> Path:
    with path.open("wb") as file, db.reading() as session:
        bundles.pack(session, [runs.get(session, i) for i in ids], file, strip)
    return path


def everything(run_id: str) -> dict[str, Any]:
    """All that a run is, without line numbers and times of arrival."""
    with db.reading() as session:
        run = runs.get(session, run_id)
        points = {}
        for info in reading.series(session, run_id):
            p = reading.whole(session, run_id, info.name)
            points[info.name] = (p.step.tolist(), p.time.tolist(), np.nan_to_num(p.value, nan=-1e9).tolist())
        return {
            "fields": {n: getattr(run, n) for n in ("trainer", "preset", "size", "seed", "status", "last_step", "recipe")},
            "points": points,
            "records": [(r.kind, r.step, r.time, r.name, r.body) for r in records.records(session, run_id)],
            "samples": [(s.step, s.series, s.slot, s.sha256, s.facts, s.missing) for s in records.samples(session, run_id)],
            "lines": [(ln.text, ln.time) for ln in records.lines(session, run_id)],
            "checkpoints": [(c.step, c.path, c.size) for c in records.checkpoints(session, run_id)],
        }  # fmt: skip


def gone(run_id: str) -> None:
    with db.transaction() as session:
        runs.remove(session, run_id)


def test_a_run_comes_back_as_it_was(run_id: str, tmp_path: Path) -> None:
    path, before = made(tmp_path / "a.nashboard.zip", [run_id], strip=False), everything(run_id)
    gone(run_id)
    opened = opening.open_bundle(path, "a.nashboard.zip")
    assert [(r.source, r.id, r.state) for r in opened.rows] == [(run_id, run_id, "imported")]
    assert everything(run_id) == before
    with db.reading() as session:
        run = runs.get(session, run_id)
        assert (run.name, run.notes, run.host, run.run_dir) == ("old", "mine", "", "")
        assert run.tags == ["imported", "paper"]
        assert blobs.read(session, DIGEST) == WAVE
        row = bundles.origin(session, run_id)
        assert row is not None
        assert (row.source, row.file) == (run_id, "a.nashboard.zip")
        assert row.packed is not None
        assert findings.stored(session, [run_id], run.next_seq)


def test_the_same_bundle_twice_is_a_no_op_and_says_so(run_id: str, tmp_path: Path) -> None:
    path = made(tmp_path / "a.zip", [run_id])
    here = opening.open_bundle(path, "a.zip").rows[0]
    assert (here.state, here.id) == ("already", run_id)
    assert "is here already" in here.words
    gone(run_id)
    assert opening.open_bundle(path, "a.zip").rows[0].state == "imported"
    assert opening.open_bundle(path, "a.zip").rows[0].state == "already"
    with db.reading() as session:
        assert len(list(session.scalars(select(Run)))) == 1


def test_an_id_that_another_run_has_gives_a_new_one_once(run_id: str, tmp_path: Path, make_run: Any) -> None:
    path = made(tmp_path / "a.zip", [run_id])
    gone(run_id)
    make_run(points={"loss/disc": [9.0]}, id=run_id)
    row = opening.open_bundle(path, "a.zip").rows[0]
    assert row.state == "renamed"
    assert row.id != run_id
    assert everything(run_id)["points"]["loss/disc"][2] == [9.0]
    assert len(everything(row.id)["points"]["loss/disc"][2]) == 9000
    again = opening.open_bundle(path, "a.zip").rows[0]
    assert (again.state, again.id) == ("already", row.id)


def test_a_folder_and_its_run_here_are_the_same(tmp_path: Path, database: Any) -> None:
    source = folder(tmp_path / "old", "feedbeef0001")
    packed = pack_folder([source], tmp_path / "folder.zip").path
    first = opening.open_bundle(packed, "folder.zip").rows[0]
    assert (first.id, first.state, first.name) == ("feedbeef0001", "imported", "old one")
    server = made(tmp_path / "server.zip", [first.id])
    with Bundle(packed) as a, Bundle(server) as b:
        assert a.manifest["runs"][0]["content"] == b.manifest["runs"][0]["content"]
    assert opening.open_bundle(server, "server.zip").rows[0].state == "already"


def test_by_default_a_server_tells_nobodys_place(run_id: str, tmp_path: Path) -> None:
    with Bundle(made(tmp_path / "a.zip", [run_id])) as bundle:
        text = b"".join(b"".join(bundle.parts(n)) for n in bundle.names("runs/")).decode()
        assert bundle.names(f"runs/{run_id}/findings.json")
    for word in ("marie", "node-17", "/Users"):
        assert word not in text, word
    with db.reading() as session:
        survey = bundles.survey(session, [runs.get(session, run_id)])
    assert {(f["what"], f["text"]) for f in survey.found} >= {
        ("host name", "node-17"),
        ("path", "/Users/marie/x/a.wav"),
    }
    assert (survey.parts[0].points, survey.parts[0].samples, survey.parts[0].bytes) == (9003, 1, len(WAVE))


def test_a_run_that_goes_on_elsewhere_is_lost_here(tmp_path: Path, database: Any) -> None:
    source = folder(tmp_path / "old", "abc", ended=False)
    opening.open_bundle(pack_folder([source], tmp_path / "a.zip").path, "a.zip")
    with db.reading() as session:
        run = runs.get(session, "abc")
        assert (run.status, run.reason) == ("lost", "it had not ended when it was packed")


def test_nobody_is_notified_of_what_happened_elsewhere(
    tmp_path: Path, database: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app import webhooks

    told = settings.model_copy(update={"webhook": "http://127.0.0.1:9/x"})
    monkeypatch.setattr(webhooks, "get_settings", lambda: told)
    opening.open_bundle(pack_folder([folder(tmp_path / "a", "abc")], tmp_path / "a.zip").path, "a.zip")
    with db.reading() as session:
        assert list(session.scalars(select(Notice))) == []
        assert runs.get(session, "abc").status == "finished"


def test_several_runs_and_a_sample_that_is_missing(tmp_path: Path, database: Any) -> None:
    two = [folder(tmp_path / "a", "a"), folder(tmp_path / "b", "b")]
    packed = pack_folder(two, tmp_path / "two.zip").path
    opened = opening.open_bundle(packed, "two.zip")
    assert [(r.id, r.state) for r in opened.rows] == [("a", "imported"), ("b", "imported")]
    bare = tmp_path / "bare.zip"
    again = folder(tmp_path / "c", "c")
    next((again / "samples").iterdir()).unlink()
    pack_folder([again], bare)
    assert opening.open_bundle(bare, "bare.zip").notes == [
        "1 samples are not in the bundle: their bytes were missing where it was packed"
    ]


def rewritten(source: Path, target: Path, change: Any) -> Path:
    """A bundle whose journal ``change`` has rewritten, its manifest made to fit again."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        manifest = json.loads(old.read(MANIFEST))
        for name in old.namelist():
            if name == MANIFEST:
                continue
            data = change(old.read(name)) if name.endswith("events.jsonl") else old.read(name)
            manifest["members"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            new.writestr(name, data)
        new.writestr(MANIFEST, json.dumps(manifest))
    return target


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"seq":5', b'"seq":8', "line 6 has seq 8"),
        (b'"run":"abc"', b'"run":"xyz"', "line 1 is of run 'xyz'"),
        (
            b'"loss/disc":2.0',
            b'"../x":2.0',
            "cannot be read in line 2: points.values: '../x' cannot name a series",
        ),
        (b'"kind":"run_started"', b'"kind":"other"', "does not begin with run_started"),
        (b'"step":3', b'"step":"x"', "cannot be read in line 5"),
    ],
)
def test_a_wrong_journal_leaves_nothing_behind(
    tmp_path: Path, database: Any, old: bytes, new: bytes, said: str
) -> None:
    packed = pack_folder([folder(tmp_path / "a", "abc")], tmp_path / "a.zip", strip=False).path
    wrong = rewritten(packed, tmp_path / "wrong.zip", lambda data: data.replace(old, new, 1))
    with pytest.raises(BadInput, match="journal of run abc") as caught:
        opening.open_bundle(wrong, "wrong.zip")
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    with db.reading() as session:
        assert list(session.scalars(select(Run))) == []
        assert list(session.scalars(select(Imported))) == []


def test_what_breaks_off_half_way_is_taken_back(
    tmp_path: Path, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = pack_folder([folder(tmp_path / "a", "abc")], tmp_path / "a.zip").path

    def full(*_given: Any) -> None:
        raise OSError(28, "no space")

    with monkeypatch.context() as broken:
        broken.setattr(opening, "_end", full)
        with pytest.raises(OSError, match="no space"):
            opening.open_bundle(packed, "a.zip")
    with db.reading() as session:
        assert list(session.scalars(select(Run))) == []
    assert opening.open_bundle(packed, "a.zip").rows[0].state == "imported"


def test_the_api_gives_and_takes_bundles(client: Any, run_id: str) -> None:
    about = client.get("/api/bundle/about", params={"runs": run_id}).json()
    assert about["points"] == 9003
    assert {"what": "host name", "text": "node-17", "times": 1} in about["found"]
    answer = client.get("/api/bundle", params={"runs": run_id})
    assert answer.headers["content-disposition"] == f'attachment; filename="old-{run_id}.nashboard.zip"'
    assert int(answer.headers["content-length"]) == len(answer.content)
    gone(run_id)
    opened = client.post("/api/bundles", params={"name": "../x/a.nashboard.zip"}, content=answer.content)
    assert opened.status_code == 200
    assert opened.json()["runs"][0]["state"] == "imported"
    with db.reading() as session:
        assert session.get(Imported, run_id).file == "a.nashboard.zip"


@pytest.mark.parametrize(
    ("body", "said"), [(b"", "no bundle came"), (b"hello", "'x.zip' is no bundle: not a zip file")]
)
def test_the_api_says_what_is_wrong_in_a_line(client: Any, body: bytes, said: str) -> None:
    answer = client.post("/api/bundles", params={"name": "x.zip"}, content=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith(said)


def test_the_api_knows_no_other_runs(client: Any) -> None:
    assert client.get("/api/bundle", params={"runs": "nosuch"}).status_code == 404
    assert client.get("/api/bundle", params={"runs": ""}).status_code == 422
    assert client.get("/api/bundle/about", params={"runs": "nosuch"}).status_code == 404


def test_what_is_packed_is_read_a_part_at_a_time(run_id: str) -> None:
    with db.reading() as session:
        bodies = journals.bodies(session, runs.get(session, run_id))
        kinds = [body["kind"] for body in bodies]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_ended"
    assert kinds.count("points") == 9000
