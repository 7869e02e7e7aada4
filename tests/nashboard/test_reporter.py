"""The reporter: each call is one line, bad values are told at once, and an ended run has ended."""

from __future__ import annotations

import json
import math
import os
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nashboard import events, journal
from nashboard.client import BadAddress
from nashboard.events import BadEvent
from nashboard.journal import Journal, JournalBusy, JournalClosed
from nashboard.reporter import Reporter, ending

if TYPE_CHECKING:
    from tests.nashboard.conftest import Server


def read(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for _, line in journal.read(folder)]


def test_every_call_is_a_line(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with Reporter(
        folder,
        name="a",
        project="p",
        trainer="codec",
        preset="old",
        size="tiny",
        seed=1,
        recipe={"disc": {"lr": 1e-4}},
    ) as reporter:
        reporter.points(1, {"loss/disc": 2, "loss/gen": math.nan})
        made = reporter.audio("audio/recon", 1, [0.0, 1.5], rate_hz=8000, slot=2, caption="two")
        reporter.image("image/mel", 1, [[0, 255]], slot="a")
        reporter.distribution("disc/logits", 1, [0, 1, 2], [3, math.inf])
        reporter.table("skipped", 1, ["file", "why"], [[Path("a.wav"), "silent"]])
        reporter.mark(1, "phase", "adversarial")
        reporter.note("looks good")
        reporter.log("one\ntwo", level="warning")
        (folder / "1.pt").write_bytes(bytes(10))
        reporter.checkpoint(1, folder / "1.pt", best={"eval/mel": 0.5}, kept=[folder / "1.pt"])
    started, points, sample, image, bins, table, mark, note, one, two, checkpoint, ended = read(folder)
    assert re.fullmatch(r"[0-9a-f]{12}", started["run"])
    assert started["run"] == reporter.id
    assert {k: started[k] for k in ("name", "project", "trainer", "preset", "size", "seed", "recipe")} == {
        "name": "a",
        "project": "p",
        "trainer": "codec",
        "preset": "old",
        "size": "tiny",
        "seed": 1,
        "recipe": {"disc": {"lr": 1e-4}},
    }
    assert started["environment"]["run_dir"] == str(folder)
    assert (points["step"], points["values"]) == (1, {"loss/disc": 2.0, "loss/gen": "NaN"})
    assert (sample["slot"], sample["ext"], sample["media"], sample["caption"]) == ("2", "wav", "audio", "two")
    assert sample["facts"]["clipped_share"] == 0.5
    assert sample["seq"] == made.seq == 2
    assert (folder / "samples" / f"{sample['sha256']}.wav").stat().st_size == sample["size"]
    assert (image["ext"], image["facts"]["width"]) == ("png", 2)
    assert bins["counts"] == [3.0, "Infinity"]
    assert table["rows"] == [["a.wav", "silent"]]
    assert (mark["name"], mark["label"]) == ("phase", "adversarial")
    assert (note["text"], note["step"]) == ("looks good", None)
    assert [(line["text"], line["level"]) for line in (one, two)] == [("one", "warning"), ("two", "warning")]
    assert (checkpoint["size"], checkpoint["kept"]) == (10, [str(folder / "1.pt")])
    assert (ended["kind"], ended["status"], ended["reason"], ended["step"]) == (
        "run_ended",
        "finished",
        "",
        1,
    )
    assert [line["seq"] for line in read(folder)] == list(range(12))


def test_numbers_of_other_libraries_are_taken(tmp_path: Path) -> None:
    np, torch = pytest.importorskip("numpy"), pytest.importorskip("torch")
    with Reporter(tmp_path) as reporter:
        reporter.points(
            np.int64(3),
            {
                "a": np.float32(0.5),
                "b": torch.tensor(0.25, requires_grad=True),
                "c": np.float64("inf"),
                "d": True,
            },
        )
    assert read(tmp_path)[1]["values"] == {"a": 0.5, "b": 0.25, "c": "Infinity", "d": 1.0}


@pytest.mark.parametrize(
    ("step", "values", "message"),
    [
        (1, {"a b/": 1.0}, "'a b/' cannot name a series"),
        (1, {5: 1.0}, "5 cannot name a series"),
        (1, {"a": "high"}, "a: 'high' is text, not a number; a note"),
        (1, {"a": None}, "a: None is not one number"),
        (1, {"a": [1, 2]}, r"a: \[1, 2\] is not one number"),
        (1, {"a": 10**400}, "is not one number"),
        (1.5, {"a": 1.0}, "a step is a whole number, not 1.5"),
        ("1", {"a": 1.0}, "a step is a whole number, not '1'"),
        (2**60, {"a": 1.0}, "is out of range"),
    ],
)
def test_bad_points_are_told_and_leave_no_line(tmp_path: Path, step: Any, values: Any, message: str) -> None:
    with Reporter(tmp_path) as reporter:
        with pytest.raises((TypeError, ValueError), match=message):
            reporter.points(step, values)
        assert len(read(tmp_path)) == 1


def test_bad_events_are_told_and_leave_no_line(tmp_path: Path) -> None:
    with Reporter(tmp_path) as reporter:
        with pytest.raises(BadEvent, match="2 edges and 2 counts"):
            reporter.distribution("a", 1, [0, 1], [1, 2])
        with pytest.raises(BadEvent, match="not as long as its columns"):
            reporter.table("t", 1, ["a"], [[1, 2]])
        with pytest.raises(ValueError, match="cannot name a series"):
            reporter.audio("", 1, [0.0], rate_hz=8000)
        with pytest.raises(BadEvent, match=r"slot of 300 characters, the limit is 200"):
            reporter.image("a", 1, [[1]], slot="x" * 300)
        assert len(read(tmp_path)) == 1


def test_long_text_is_shortened_and_says_so(tmp_path: Path) -> None:
    with Reporter(tmp_path) as reporter:
        reporter.log("x" * 20_000)
    assert read(tmp_path)[1]["text"].endswith("x … (3616 more characters)")


def test_a_folder_with_a_run_is_not_written_to_unasked(run_dir: Path) -> None:
    before = (run_dir / "events.jsonl").read_bytes()
    with pytest.raises(FileExistsError, match="is another run's journal: choose another folder, or resume"):
        Reporter(run_dir)
    with pytest.raises(ValueError, match="holds run 0123456789ab, which cannot go on as run ffffffffffff"):
        Reporter(run_dir, resume=True, run_id="f" * 12)
    assert (run_dir / "events.jsonl").read_bytes() == before


def test_a_folder_with_other_files_is_fine(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    Reporter(tmp_path).finish()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_bad_input_makes_no_files(tmp_path: Path) -> None:
    with pytest.raises(BadAddress):
        Reporter(tmp_path / "run", url="127.0.0.1:8000")
    with pytest.raises(BadEvent, match=r"run_started.name of 300 characters"):
        Reporter(tmp_path / "run", name="x" * 300)
    with pytest.raises(BadEvent, match=r"run_started.run"):
        Reporter(tmp_path / "run", run_id="../x")
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_run_goes_on_where_it_was(run_dir: Path) -> None:
    with (run_dir / "events.jsonl").open("ab") as file:
        file.write(b'{"seq":21,"ti')
    with Reporter(run_dir, resumed_from=15, recipe={"a": 2}) as reporter:
        assert reporter.id == "0123456789ab"
        reporter.points(16, {"loss/disc": 1.0})
    lines = read(run_dir)
    assert [line["seq"] for line in lines] == list(range(25))
    started, torn = lines[21:23]
    assert (started["resumed_from"], started["name"], started["trainer"]) == (15, "first", "codec")
    assert (started["seed"], started["recipe"]) == (3, {"a": 2})
    assert torn["text"] == "the journal ended in a torn line; 13 bytes were cut"


def test_a_run_whose_first_line_was_torn_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"seq":0,"ti')
    with Reporter(tmp_path, resume=True):
        assert read(tmp_path)[0]["kind"] == "run_started"


def test_the_launcher_gives_the_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASHBOARD_RUN", "aaaaaaaaaaaa")
    with Reporter(tmp_path / "a") as reporter:
        assert reporter.id == "aaaaaaaaaaaa"
    with Reporter(tmp_path / "b", run_id="bbbbbbbbbbbb") as reporter:
        assert reporter.id == "bbbbbbbbbbbb"


def test_only_the_first_end_counts(tmp_path: Path) -> None:
    reporter = Reporter(tmp_path)
    reporter.points(7, {"a": 1.0})
    reporter.finish("stopped", "asked to")
    reporter.finish("finished")
    with pytest.raises(JournalClosed):
        reporter.points(8, {"a": 1.0})
    last = read(tmp_path)[-1]
    assert (last["status"], last["reason"], last["step"], reporter.ended) == (
        "stopped",
        "asked to",
        7,
        "stopped",
    )
    with pytest.raises(ValueError, match="a run ends as one of finished, stopped, failed, not 'lost'"):
        Reporter(tmp_path / "b").finish("lost")


@pytest.mark.parametrize(
    ("problem", "status", "reason"),
    [
        (None, "finished", ""),
        (SystemExit(0), "finished", ""),
        (SystemExit(), "finished", ""),
        (SystemExit(3), "failed", "SystemExit: 3"),
        (KeyboardInterrupt(), "stopped", "interrupted from the keyboard"),
        (ValueError("boom"), "failed", "ValueError: boom"),
    ],
)
def test_an_exception_is_the_reason(problem: BaseException | None, status: str, reason: str) -> None:
    assert ending(problem) == (status, reason)


def test_an_exception_inside_ends_it_as_failed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Reporter(tmp_path):
        _ = 1 / 0
    assert read(tmp_path)[-1]["reason"] == "ZeroDivisionError: division by zero"


def test_a_second_reporter_of_a_running_folder_is_refused(tmp_path: Path) -> None:
    with Reporter(tmp_path), pytest.raises(JournalBusy):
        Reporter(tmp_path, resume=True)


def test_a_stop_may_come_from_inside(tmp_path: Path) -> None:
    with Reporter(tmp_path) as reporter:
        assert not reporter.stop_requested
        assert reporter.flush(0)
        reporter.request_stop()
        assert reporter.stop_requested


def test_with_a_server_everything_arrives(server: Server, tmp_path: Path) -> None:
    server.token = "s3cret"
    with Reporter(tmp_path, url=server.url + "/", token="s3cret", name="n", recipe={"a": 1}) as reporter:
        reporter.points(1, {"loss/disc": 2.0})
        assert reporter.flush(10)
        assert len(server.runs[reporter.id]) == 2
        server.stop = True
        reporter.points(2, {"loss/disc": 2.0})
        assert reporter.flush(10)
        assert reporter.stop_requested
        reporter.audio("audio/x", 1, [0.5], rate_hz=8000)
    assert [json.loads(line) for line in server.runs[reporter.id]] == read(tmp_path)
    assert len(server.blobs) == 1
    assert server.registered[0]["recipe"] == {"a": 1}
    assert "s3cret" not in (tmp_path / "events.jsonl").read_text()


def test_a_call_never_waits_for_the_network(server: Server, tmp_path: Path) -> None:
    server.hold.clear()
    reporter = Reporter(tmp_path, url=server.url)
    values = {f"loss/{n}": float(n) for n in range(10)}
    begun = time.monotonic()
    for step in range(2000):
        reporter.points(step, values)
    assert time.monotonic() - begun < 2.0
    assert len(read(tmp_path)) == 2001
    server.hold.set()
    reporter.finish()
    assert len(server.runs[reporter.id]) == 2002


def test_threads_may_report_at_once(tmp_path: Path) -> None:
    with Reporter(tmp_path) as reporter:
        threads = [
            threading.Thread(target=lambda n=n: [reporter.points(s, {f"a/{n}": s / 3}) for s in range(100)])
            for n in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [line["seq"] for line in read(tmp_path)] == list(range(602))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_neither_writes_nor_ends_the_run(server: Server, tmp_path: Path) -> None:
    reporter = Reporter(tmp_path, url=server.url)
    assert reporter.flush(10)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            reporter.points(1, {"a": 1.0})
        except JournalClosed:
            reporter.finish("failed", "child")
            status = 0
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    reporter.points(2, {"a": 1.0})
    reporter.finish()
    assert [line["kind"] for line in read(tmp_path)] == ["run_started", "points", "run_ended"]
    assert len(server.runs[reporter.id]) == 3


def test_the_journals_of_others_are_read_as_a_whole(tmp_path: Path) -> None:
    with Reporter(tmp_path) as reporter:
        reporter.points(0, {"a": math.inf})
    assert [type(e) for e in journal.events(tmp_path)] == [events.RunStarted, events.Points, events.RunEnded]
    with Journal(tmp_path) as again:
        assert again.next_seq == 3
