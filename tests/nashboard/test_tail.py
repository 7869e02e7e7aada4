"""Following a journal that grows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nashboard.events import NoteWritten
from nashboard.journal import Journal
from nashboard.tail import Tail


def test_lines_come_within_both_limits(run_dir: Path) -> None:
    tail = Tail(run_dir)
    first = tail.take(1, 1 << 20)
    assert len(first) == 1
    assert first[0].startswith(b'{"seq":0')
    assert len(tail.take(7, 1 << 20)) == 7
    assert len(tail.take(100, 200)) == 2
    assert len(tail.take(100, 1)) == 1  # a line longer than the limit comes alone
    assert tail.seq == 11
    assert tail.more
    assert len(tail.take(100, 1 << 20)) == 10
    assert not tail.more
    assert tail.take(100, 1 << 20) == []


def test_what_is_written_later_is_seen_and_a_torn_line_is_waited_for(tmp_path: Path) -> None:
    tail = Tail(tmp_path)
    with pytest.raises(FileNotFoundError):
        tail.take(1, 1)
    assert not tail.more
    with Journal(tmp_path) as made:
        made.append(NoteWritten(text="a"))
        assert len(tail.take(9, 999)) == 1
        with (tmp_path / "events.jsonl").open("ab") as file:
            file.write(b'{"half')
            file.flush()
            assert tail.take(9, 999) == []
            file.write(b'":1}\n')
            file.flush()
        assert tail.take(9, 999) == [b'{"half":1}\n']


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)), max_size=8))
def test_it_goes_to_any_line(tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[int, int]]) -> None:
    folder = tmp_path_factory.mktemp("tail")
    with Journal(folder) as made:
        for number in range(21):
            made.append(NoteWritten(text="é" * number))
    whole = (folder / "events.jsonl").read_bytes().splitlines(keepends=True)
    tail = Tail(folder)
    for seq, count in moves:
        assert tail.seek(seq)
        assert tail.take(count, 1 << 20) == whole[seq : seq + count]
        assert tail.offset == sum(map(len, whole[: tail.seq]))
    assert not tail.seek(22)
    assert tail.seq == 21
