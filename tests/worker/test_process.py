"""Processes that end with their starter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from worker import owner, process

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def wait_for(look, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if look():
            return True
        time.sleep(0.02)
    return False


def test_what_it_left_in_its_session_is_killed(tmp_path: Path) -> None:
    script = f"import subprocess; p = subprocess.Popen({SLEEP!r}); print(p.pid, flush=True)"
    with (tmp_path / "log").open("wb") as log:
        started = process.spawn([sys.executable, "-c", script], env=os.environ, log=log, cwd=tmp_path)
    assert wait_for(lambda: process.has_exited(started))
    left = int((tmp_path / "log").read_text())
    assert Path(f"/proc/{left}").exists()
    assert process.reap(started) == 0
    assert wait_for(lambda: not owner._started(left))


def test_it_dies_when_its_starter_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, sys, time; from pathlib import Path; from worker import process\n"
        f"p = process.spawn({SLEEP!r}, env=os.environ, log=-3, cwd=Path('.'))\n"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert starter.stdout
    with starter.stdout:
        pid = int(starter.stdout.readline())
    assert owner._started(pid)
    starter.kill()
    starter.wait()
    assert wait_for(lambda: not owner._started(pid)), "the process outlived its starter"


def test_signals_reach_the_living_only(tmp_path: Path) -> None:
    started = process.spawn(SLEEP, env=os.environ, log=subprocess.DEVNULL, cwd=tmp_path)
    assert started.pid in process.descendants()
    process.tell(started, signal.SIGTERM)
    assert wait_for(lambda: process.has_exited(started))
    process.tell(started, signal.SIGTERM)
    assert process.reap(started) == -signal.SIGTERM
    process.kill_group(started)
    assert started.pid not in process.descendants()


def test_an_owner_is_alive_dead_or_out_of_sight() -> None:
    me = owner.me("box")
    host, pid, start, place = me.split(":")
    assert (host, pid) == ("box", str(os.getpid()))
    assert owner.alive(me) is True
    assert owner.alive(f"{host}:{pid}:{int(start) - 1}:{place}") is False
    assert owner.alive(f"{host}:{pid}:{start}:elsewhere") is None
    assert owner.alive("nonsense") is None
    assert owner.host_of(me) == "box"
