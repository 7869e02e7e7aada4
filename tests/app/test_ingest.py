"""Ingest: idempotent by seq, one transaction a batch, and nothing of a bad one."""

from __future__ import annotations

import json
import math
import threading
import time

import pytest

from app import batches, blobs, chunks, db, ingest, reading, records, runs
from app.errors import BadInput, Conflict, NotFound
from nashboard import events
from nashboard.events import Points


def line(seq: int, kind: str = "points", **body) -> bytes:
    if kind == "points":
        body = {"step": seq, "values": {"s": float(seq)}, **body}
    return json.dumps({"seq": seq, "time": 1.7e9 + seq, "kind": kind, **body}).encode() + b"\n"


@pytest.fixture
def run_id(make_run) -> str:
    return make_run(status="queued", trainer="codec")


@pytest.fixture
def post(database, run_id):
    def posted(*lines: bytes, kind: str = batches.LINES):
        with db.transaction() as session:
            return ingest.ingest(session, run_id, b"".join(lines), kind)

    return posted


def stored(run_id: str, name: str = "s") -> list[float]:
    with db.reading() as session:
        try:
            return reading.whole(session, run_id, name).value.tolist()
        except NotFound:
            return []


def shown(run_id: str):
    with db.reading() as session:
        return runs.get(session, run_id)


def test_a_repeated_batch_is_a_no_op(post, run_id) -> None:
    lines = [line(n) for n in range(5)]
    assert post(*lines).next_seq == 5
    assert post(*lines).next_seq == 5
    assert stored(run_id) == [0, 1, 2, 3, 4]
    assert shown(run_id).counts == {"points": 5}


def test_of_a_partial_overlap_only_the_new_part_is_filed(post, run_id) -> None:
    post(line(0), line(1))
    assert post(line(0), line(1), line(2), line(3)).next_seq == 4
    assert stored(run_id) == [0, 1, 2, 3]


def test_a_gap_is_answered_by_the_old_next_seq(post, run_id) -> None:
    post(line(0))
    assert post(line(2), line(3)).next_seq == 1
    assert post(line(1), line(3)).next_seq == 2
    assert stored(run_id) == [0, 1]


def test_an_empty_batch_is_a_sign_of_life(post, run_id) -> None:
    before = time.time()
    receipt = post()
    assert (receipt.next_seq, receipt.stop, receipt.wants) == (0, False, [])
    assert shown(run_id).heartbeat >= before
    assert shown(run_id).status == "queued"


def test_an_unknown_kind_is_counted_shown_and_passed_over(post, run_id) -> None:
    receipt = post(line(0), line(1, "hologram", depth=3), line(2, "hologram"), line(3))
    assert receipt.next_seq == 4
    assert shown(run_id).counts == {"points": 2, "unknown": {"hologram": 2}}
    post(line(4, "hologram"))
    assert shown(run_id).counts["unknown"] == {"hologram": 3}


def test_nan_and_infinities_survive(post, run_id) -> None:
    post(*(line(n, values={"s": v}) for n, v in enumerate(["NaN", "Infinity", "-Infinity", 1])))
    values = stored(run_id)
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf, 1.0]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"{not json}\n", "not JSON"),
        (b'{"seq": 1, "time": 1, "kind": "points", "step": 1, "values": {"s": NaN}}\n', "line 2"),
        (b"[1, 2]\n", "line 2"),
        (b"null\n", "line 2"),
        (line(1, values={"s": "high"}), "'high'"),
        (line(1, values={"s": True}), "True"),
        (line(1, values={"s": None}), "None"),
        (line(1, values={"s": 10**400}), "line 2"),
        (line(1, step="1"), "step"),
        (line(1, step=2**60), "step"),
        (line(1, step=1.5), "step"),
        (line(1, values={"": 1.0}), "name"),
        (line(1, values={"s\0": 1.0}), "name"),
        (line(1, values={"s" * 300: 1.0}), "name"),
        (b'{"seq": -1, "time": 1, "kind": "points", "step": 1, "values": {}}\n', "seq"),
        (b'{"seq": true, "time": 1, "kind": "points", "step": 1, "values": {}}\n', "seq"),
        (b'{"seq": 1, "time": 1}\n', "kind"),
        (b'{"seq": 1, "time": "NaN", "kind": "note_written", "text": ""}\n', "time"),
        (b'{"seq": 1, "time": 1e300, "kind": "note_written", "text": ""}\n', "time"),
        (b'{"seq": 1, "time": "soon", "kind": "note_written", "text": ""}\n', "soon"),
        (b"\xff\xfe\n", "line 2"),
        (b"[" * 100_000 + b"\n", "line 2"),
        (line(1, "run_ended", status="exploded"), "exploded"),
        (line(1, "checkpoint_saved", step=1, path="x" * 501, size=1), "path"),
    ],
)  # fmt: skip
def test_a_malformed_line_is_named_and_nothing_of_its_batch_is_stored(
    post, run_id, bad: bytes, said: str
) -> None:
    with pytest.raises(BadInput) as caught:
        post(line(0), bad, line(2))
    problem = caught.value
    assert problem.message.startswith("line 2")
    assert said in problem.message
    assert len(problem.message) < 600
    assert (problem.code, problem.more["line"]) == ("bad_line", 2)
    assert stored(run_id) == []
    assert shown(run_id).next_seq == 0


def test_the_sender_goes_on_by_replacing_the_line(post, run_id) -> None:
    with pytest.raises(BadInput):
        post(line(0), b"torn\n", line(2))
    told = line(1, "log_line", text="line 1 was not taken", level="error")
    assert post(line(0), told, line(2)).next_seq == 3
    assert stored(run_id) == [0, 2]


def test_the_columnar_batch_gives_the_same_points(post, run_id) -> None:
    batch = {
        "seq": [0, 1, 2],
        "time": [1.0, 2.0, 3],
        "step": [0, 1, 2],
        "series": {"s": [1.5, None, "NaN"], "other": [None, 7, None]},
    }
    receipt = post(json.dumps(batch).encode(), kind=batches.COLUMNS)
    assert receipt.next_seq == 3
    values = stored(run_id)
    assert values[0] == 1.5
    assert math.isnan(values[1])
    assert stored(run_id, "other") == [7]
    with db.reading() as session:
        assert reading.whole(session, run_id, "other").step.tolist() == [1]
    assert post(json.dumps(batch).encode(), kind=f"{batches.COLUMNS}; charset=utf-8").next_seq == 3
    assert len(stored(run_id)) == 2
    assert post(b"", kind=batches.COLUMNS).next_seq == 3


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ("[]", "object"),
        ("{", "JSON"),
        ('{"seq": 1}', "seq must be a list"),
        ('{"seq": [0], "time": [], "step": [0], "series": {}}', "same length"),
        ('{"seq": [0], "time": [1], "step": [0], "series": {"s": [1, 2]}}', "s has 2 values"),
        ('{"seq": [0], "time": [1], "step": [0], "series": []}', "series"),
        ('{"seq": [0], "time": [1], "step": [0.5], "series": {"s": [1]}}', "step"),
        ('{"seq": [0], "time": [1], "step": [0], "series": {"s": ["much"]}}', "much"),
    ],
)
def test_a_malformed_columnar_batch_is_named(post, run_id, batch: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        post(batch.encode(), kind=batches.COLUMNS)
    assert stored(run_id) == []


def test_points_become_chunks_and_stay_in_order(post, run_id, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "SIZE", 50)
    seq = 0
    for size in [1, 3, 7, 20, 40, 130, 2, 1, 49, 50, 51] + [1] * 70:
        post(*(line(seq + n, values={"s": float(seq + n), "rare": 1.0} if n == 0 else {"s": float(seq + n)})
               for n in range(size)))  # fmt: skip
        seq += size
    assert stored(run_id) == list(range(seq))
    with db.reading() as session:
        by_name = {s.name: s for s in reading.series(session, run_id)}
    assert (by_name["s"].count, by_name["s"].high, by_name["s"].last_step) == (seq, seq - 1, seq - 1)
    assert by_name["rare"].count == 81


def test_pieces_stay_few_when_points_come_one_at_a_time(post, run_id) -> None:
    from sqlalchemy import func, select

    from app.models import Piece
    from app.points import MAX_PIECES

    for n in range(100):
        post(line(n))
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Piece)) <= MAX_PIECES
    assert stored(run_id) == list(range(100))


def started(seq: int, run: str, **fields) -> bytes:
    return events.encode(events.RunStarted(seq=seq, time=1.7e9, run=run, **fields)).encode() + b"\n"


def test_run_started_makes_a_queued_run_running_and_tells_of_it(post, run_id) -> None:
    post(
        started(
            0, run_id, name="named", project="p", trainer="codec", preset="old", size="tiny", seed=3,
            recipe={"disc": {"lr": 1e-4}}, environment={"host": "here"}, command=["codec", "seed=3"],
            tags=["t"], total_steps=600, parent="abc",
        )
    )  # fmt: skip
    run = shown(run_id)
    assert (run.status, run.name, run.project, run.preset, run.seed) == ("running", "named", "p", "old", 3)
    assert (run.recipe, run.total_steps, run.tags) == ({"disc": {"lr": 1e-4}}, 600, ["t"])
    assert run.started is not None
    assert (run.environment, run.command, run.parent) == ({"host": "here"}, ["codec", "seed=3"], "abc")


def test_run_ended_sets_the_status_and_the_reason(post, run_id) -> None:
    end = line(2, "run_ended", status="failed", reason="CUDA out of memory", step=1)
    post(started(0, run_id), line(1), end)
    run = shown(run_id)
    assert (run.status, run.reason, run.last_step) == ("failed", "CUDA out of memory", 1)
    assert run.ended is not None


def test_a_folder_pushed_later_keeps_its_times(post, run_id) -> None:
    post(line(0, "run_started", run=run_id), line(1), line(2, "run_ended", status="finished"))
    with db.reading() as session:
        run = runs.get(session, run_id)
        assert (run.started, run.ended) == (1.7e9, 1.7e9 + 2)


def test_a_clock_that_runs_ahead_is_held_at_now(post, run_id) -> None:
    ahead = {"time": time.time() + 1e6}
    post(line(0, "run_started", run=run_id, **ahead), line(1, "run_ended", status="failed", **ahead))
    with db.reading() as session:
        run = runs.get(session, run_id)
        assert run.started is not None
        assert run.ended is not None
        assert run.started <= run.ended <= time.time()


def test_a_resumed_run_goes_on_and_is_marked(post, run_id) -> None:
    post(started(0, run_id), line(1), line(2, "run_ended", status="stopped"))
    post(started(3, run_id, resumed_from=1), line(4, step=2))
    run = shown(run_id)
    assert (run.status, run.ended, run.last_step) == ("running", None, 2)
    with db.reading() as session:
        (mark,) = records.marks(session, run_id)
    assert (mark.step, mark.name) == (1, "resumed")


def test_a_journal_of_another_run_or_trainer_is_refused(post, run_id) -> None:
    with pytest.raises(Conflict, match="of run 'somebody'"):
        post(started(0, "somebody"))
    with pytest.raises(Conflict, match="trainer 'codec'"):
        post(started(0, run_id, trainer="vae"))
    assert shown(run_id).next_seq == 0


def test_an_unknown_run_is_told_the_way_out(database) -> None:
    with db.transaction() as session, pytest.raises(NotFound, match="POST /api/runs") as caught:
        ingest.ingest(session, "nobody", b"")
    assert caught.value.code == "unknown_run"


def test_a_lost_run_comes_back_and_still_stops(post, run_id) -> None:
    post(started(0, run_id))
    with db.transaction() as session:
        runs.request_stop(session, run_id)
    assert post().stop is True
    with db.transaction() as session:
        runs.set_status(session, runs.get(session, run_id), "lost", "silence")
    assert post().stop is True
    assert (shown(run_id).status, shown(run_id).reason) == ("stopping", "")


def sample(seq: int, digest: str, ext: str = "wav") -> bytes:
    return line(
        seq, "sample_made", step=seq, series="audio/recon", slot="0", media="audio", sha256=digest, ext=ext,
        size=3, facts={"peak_dbfs": "-Infinity"}, caption="c",
    )  # fmt: skip


def test_the_receipt_asks_for_what_is_missing(post, run_id) -> None:
    import hashlib

    here, there = (hashlib.sha256(b).hexdigest() for b in (b"one", b"two"))
    with db.transaction() as session:
        blobs.put(session, here, b"one")
    assert post(sample(0, here), sample(1, there), sample(2, there)).wants == [there]
    assert post().wants == [there]
    with db.transaction() as session:
        blobs.put(session, there, b"two")
    assert post().wants == []
    with db.reading() as session:
        found = records.samples(session, run_id, "audio/recon", "0")
    assert [(s.step, s.sha256, s.missing) for s in found] == [
        (0, here, False),
        (1, there, False),
        (2, there, False),
    ]
    assert found[0].facts == {"peak_dbfs": "-Infinity"}


def test_every_other_event_is_kept(post, run_id) -> None:
    saved = {"step": 5, "size": 10, "best": {"eval/mel": 0.5}}
    post(
        line(0, "mark", step=1, name="adversarial", label="D joins"),
        line(1, "distribution", step=1, series="logits", edges=[0, 1, 2], counts=[3, "NaN"]),
        line(2, "table", step=1, name="skipped", columns=["file"], rows=[["a.wav"]]),
        line(3, "note_written", text="well"),
        line(4, "log_line", text="hello\x00", stream="stdout"),
        line(5, "checkpoint_saved", path="/r/a.pt", **saved),
        line(6, "checkpoint_saved", path="/r/b.pt", kept=["/r/b.pt"], **saved),
    )
    with db.reading() as session:
        kinds = [(r.kind, r.name, r.step) for r in records.records(session, run_id)]
        (console,) = records.lines(session, run_id)
        kept = {c.path: c.present for c in records.checkpoints(session, run_id)}
        (histogram,) = records.distributions(session, run_id)
    assert kinds == [
        ("mark", "adversarial", 1), ("distribution", "logits", 1), ("table", "skipped", 1),
        ("note_written", "", None),
    ]  # fmt: skip
    assert console.stream == "stdout"
    assert "\0" not in console.text
    assert kept == {"/r/a.pt": False, "/r/b.pt": True}
    assert histogram.body["counts"] == [3, "NaN"]


def test_two_senders_at_once_file_each_line_once(run_id, database) -> None:
    lines = [line(n) for n in range(200)]

    def send() -> None:
        for start in range(0, 200, 20):
            with db.transaction() as session:
                ingest.ingest(session, run_id, b"".join(lines[start : start + 20]))

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored(run_id) == list(range(200))


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_point_takes_few_bytes_for_good(post, run_id, settings) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    found = [
        Points(
            seq=n,
            time=1.7e9 + n / 20 + float(rng.uniform(0, 0.01)),
            step=n,
            values={"s": float(np.float32(v))},
        )
        for n, v in enumerate(rng.normal(size=102_400))
    ]
    for start in range(0, len(found), 12_800):
        with db.transaction() as session:
            ingest.apply(session, run_id, found[start : start + 12_800])
    db.dispose()
    assert (settings.home / "nashboard.db").stat().st_size / len(found) < 14
