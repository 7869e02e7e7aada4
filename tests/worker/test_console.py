"""The ends of consoles and journals."""

from __future__ import annotations

from pathlib import Path

from nashboard import events
from nashboard.journal import Journal
from worker import console


def test_last_lines_are_plain_and_from_this_attempt(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    path.write_bytes(b"an earlier attempt\n")
    start = path.stat().st_size
    with path.open("ab") as out:
        out.write(b"\x1b[31mred\x1b[0m\r\n\n 10%\r 50%\r100%|####|\r\nbad \xff byte\nno newline")
    assert console.last_lines(path, start) == ["red", "100%|####|", "bad \ufffd byte", "no newline"]
    assert console.last_lines(path, start, 1) == ["no newline"]
    assert console.last_lines(tmp_path / "none") == []


def test_the_end_of_a_journal(tmp_path: Path) -> None:
    assert console.ending(tmp_path) == console.Ending(0, None)
    with Journal(tmp_path) as book:
        book.append(events.RunStarted(run="a" * 12))
        book.append(events.Points(step=1, values={"loss/disc": 2.0}))
    assert console.ending(tmp_path) == console.Ending(2, None)
    with Journal(tmp_path) as book:
        book.append(events.RunEnded(status="stopped", reason="asked"))
    end = console.ending(tmp_path)
    assert (end.lines, end.ended and end.ended.status) == (3, "stopped")
    with (tmp_path / "events.jsonl").open("ab") as out:
        out.write(b'{"seq": 3, "time": 1, "kind": "new_thing"}\n{"seq": 4, "ti')
    assert console.ending(tmp_path) == console.Ending(4, None)
