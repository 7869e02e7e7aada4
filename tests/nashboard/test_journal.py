"""The journal: lines without gaps, whatever happens to the process that writes them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nashboard import events, journal
from nashboard.events import LogLine, NoteWritten, Points
from nashboard.journal import BadJournal, Journal, JournalBusy, JournalClosed, JournalError, JournalFull


def lines(folder: Path) -> list[bytes]:
    return (folder / "events.jsonl").read_bytes().split(b"\n")[:-1]


def test_events_get_their_place_and_time(tmp_path: Path) -> None:
    times = iter([5.0, 6.25])
    with Journal(tmp_path / "new" / "run", clock=lambda: next(times)) as made:
        assert made.append(NoteWritten(text="a")) == NoteWritten(seq=0, time=5.0, text="a")
        assert made.append(NoteWritten(text="b")) == NoteWritten(seq=1, time=6.25, text="b")
        assert made.next_seq == 2
    assert list(journal.events(tmp_path / "new" / "run")) == [
        NoteWritten(seq=0, time=5.0, text="a"),
        NoteWritten(seq=1, time=6.25, text="b"),
    ]


def test_a_line_is_in_the_file_before_append_returns(tmp_path: Path) -> None:
    with Journal(tmp_path) as made:
        made.append(NoteWritten(text="a"))
        assert len(lines(tmp_path)) == 1


def test_reading_begins_anywhere_and_leaves_out_a_torn_end(run_dir: Path) -> None:
    with (run_dir / "events.jsonl").open("ab") as file:
        file.write(b'{"seq":21,')
    assert [seq for seq, _ in journal.read(run_dir, 18)] == [18, 19, 20]
    assert [seq for seq, _ in journal.read(run_dir / "events.jsonl", 20)] == [20]
    assert journal.last_step(run_dir) == 19
    assert journal.started(run_dir).run == "0123456789ab"


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(1, 400))
def test_a_crash_at_any_byte_costs_only_the_torn_line(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("crash")
    with Journal(folder) as made:
        for step in range(8):
            made.append(Points(step=step, values={"a": step / 3}) if step % 2 else NoteWritten(text="é"))
    path = folder / "events.jsonl"
    whole = path.read_bytes()
    left = whole[: max(len(whole) - cut, 0)]
    path.write_bytes(left)
    kept = sum(left.startswith(b"".join(whole.splitlines(True)[: n + 1])[:-1]) for n in range(8))
    with Journal(folder) as again:
        assert again.next_seq == kept
        assert again.append(NoteWritten(text="on")).seq == kept
    assert lines(folder)[:kept] == whole.splitlines()[:kept]
    assert [json.loads(line)["seq"] for line in lines(folder)] == list(range(kept + 1))


def test_a_tail_of_zeros_left_by_a_power_cut_is_cut(run_dir: Path) -> None:
    with (run_dir / "events.jsonl").open("ab") as file:
        file.write(bytes(512))
    with Journal(run_dir) as again:
        assert (again.next_seq, again.repaired) == (21, 512)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"seq":5,"time":1,"kind":"note_written","text":"x"}\n', "line 1 has seq 5, not 0"),
        (b"hello\n", "line 1 is no event"),
        (b"\n", "line 1 is no event"),
    ],
)
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "events.jsonl").write_bytes(content)
    with pytest.raises(BadJournal, match=message):
        Journal(tmp_path)
    assert (tmp_path / "events.jsonl").read_bytes() == content


def test_lines_of_newer_kinds_count_and_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b'{"seq":0,"time":1,"kind":"dream"}\n{"seq":1,"kind":"dream"}')
    with Journal(tmp_path) as again:
        assert (again.next_seq, again.repaired) == (2, 0)
        again.append(NoteWritten(text="x"))
    assert [e.seq for e in journal.events(tmp_path)] == [2]


def test_a_damaged_line_in_the_middle_is_named(run_dir: Path) -> None:
    text = (run_dir / "events.jsonl").read_bytes().replace(b'"step":3,', b'"step":x,')
    (run_dir / "events.jsonl").write_bytes(text)
    with pytest.raises(BadJournal, match="line 5: not JSON"):
        list(journal.events(run_dir))


def test_a_journal_that_does_not_begin_a_run_is_told(tmp_path: Path) -> None:
    with Journal(tmp_path) as made:
        made.append(NoteWritten(text="x"))
    with pytest.raises(BadJournal, match="does not begin with run_started"):
        journal.started(tmp_path)


def test_many_threads_leave_no_gap(tmp_path: Path) -> None:
    made = Journal(tmp_path)
    given: list[list[int]] = [[] for _ in range(8)]

    def write(number: int) -> None:
        for step in range(100):
            given[number].append(made.append(Points(step=step, values={f"a/{number}": step / 7})).seq)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.close()
    assert sorted(seq for seqs in given for seq in seqs) == list(range(800))
    assert all(seqs == sorted(seqs) for seqs in given)
    read = list(journal.events(tmp_path))
    assert [e.seq for e in read] == list(range(800))
    assert [e.time for e in read] == sorted(e.time for e in read)


def test_a_second_writer_is_refused(run_dir: Path) -> None:
    with Journal(run_dir) as made:
        with pytest.raises(JournalBusy, match="another process is writing this journal"):
            Journal(run_dir)
        code = f"from nashboard.journal import Journal, JournalBusy\ntry: Journal({str(run_dir)!r})\n"
        done = subprocess.run(
            [sys.executable, "-c", code + "except JournalBusy: print('busy')"], capture_output=True, text=True
        )
        assert (done.stdout, done.stderr) == ("busy\n", "")
        assert made.append(NoteWritten(text="still mine")).seq == 21
    Journal(run_dir).close()


def test_a_killed_writer_leaves_the_journal_free_and_whole(tmp_path: Path) -> None:
    code = (
        "import sys; from nashboard.journal import Journal; from nashboard.events import Points\n"
        f"j = Journal({str(tmp_path)!r}); s = 0\n"
        "while True:\n"
        "    j.append(Points(step=s, values={'a': s / 3})); s += 1\n"
        "    if s == 200: print('on', flush=True)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer.stdout:
        assert writer.stdout.readline() == "on\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait(10)
    with Journal(tmp_path) as again:
        assert again.next_seq >= 200
        again.append(NoteWritten(text="resumed"))
    assert [e.seq for e in journal.events(tmp_path)] == list(range(again.next_seq))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_cannot_write_and_does_not_hold_the_lock(run_dir: Path) -> None:
    made = Journal(run_dir)
    read_end, write_end = os.pipe()
    gate_out, gate_in = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(gate_in)
        try:
            made.append(NoteWritten(text="from the child"))
            os.write(write_end, b"written")
        except JournalClosed:
            os.write(write_end, b"closed")
        os.read(gate_out, 1)
        os._exit(0)
    os.close(write_end)
    os.close(gate_out)
    assert os.read(read_end, 20) == b"closed"
    assert made.append(NoteWritten(text="from the parent")).seq == 21
    made.close()
    Journal(run_dir).close()  # while the child still lives
    os.close(gate_in)
    assert os.waitpid(child, 0)[1] == 0
    os.close(read_end)
    assert len(lines(run_dir)) == 22


FULL = """
import resource, sys
from nashboard.events import Points
from nashboard.journal import Journal, JournalFull
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
made = Journal(sys.argv[1])
try:
    for step in range(1000):
        made.append(Points(step=step, values={"loss/disc": 2.0}))
except JournalFull as full:
    print(full)
before = made.next_seq
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(made.append(Points(step=0, values={})).seq == before)
"""


def test_a_full_disk_is_loud_and_leaves_whole_lines(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True)
    assert done.stderr == ""
    told, goes_on = done.stdout.splitlines()
    assert "events.jsonl: cannot be written, there is no room" in told
    assert str(tmp_path) in told
    assert goes_on == "True"
    assert [e.seq for e in journal.events(tmp_path)] == list(range(len(lines(tmp_path))))
    assert len(lines(tmp_path)) > 5


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_without_room_is_told_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").symlink_to("/dev/full")
    made = Journal(tmp_path)
    with pytest.raises(JournalFull) as full:
        made.append(NoteWritten(text="x"))
    assert str(full.value).startswith(f"{tmp_path / 'events.jsonl'}: cannot be written, there is no room")
    assert made.next_seq == 0
    made.close()


def test_a_place_where_no_folder_can_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(JournalError, match="cannot be opened"):
        Journal(tmp_path / "file" / "run")
    (tmp_path / "events.jsonl").mkdir()
    with pytest.raises(JournalError, match="cannot be opened"):
        Journal(tmp_path)


def test_after_closing_nothing_is_written(tmp_path: Path) -> None:
    made = Journal(tmp_path)
    made.end(events.RunEnded(status="finished"))
    assert made.closed
    made.close()
    with pytest.raises(JournalClosed):
        made.append(LogLine(text="late"))
    assert len(lines(tmp_path)) == 1


def test_nobody_comes_after_the_last_line(tmp_path: Path) -> None:
    made = Journal(tmp_path)
    begun, over = threading.Event(), []

    def chatter() -> None:
        try:
            while True:
                made.append(LogLine(text="x"))
                begun.set()
        except JournalClosed as closed:
            over.append(closed)

    threads = [threading.Thread(target=chatter) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    made.end(events.RunEnded(status="stopped"))
    for thread in threads:
        thread.join(10)
    assert len(over) == 4
    *_, last = journal.events(tmp_path)
    assert isinstance(last, events.RunEnded)


def test_an_event_too_long_for_a_line_is_refused(tmp_path: Path) -> None:
    with Journal(tmp_path) as made:
        with pytest.raises(events.BadEvent, match="the limit of a line"):
            made.append(NoteWritten(text="x" * events.MAX_LINE))
        assert made.next_seq == 0
