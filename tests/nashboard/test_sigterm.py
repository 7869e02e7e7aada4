"""SIGTERM on a script that made its run with `nashboard.init`: the run has stopped, and the script's own ways stay."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nashboard import journal

ROOT = Path(__file__).parents[2]
READY = "print('ready', flush=True)\n    import time; time.sleep(30)\n"
ALONE = "run = nashboard.init(dir='run')\nrun.log({'loss/gen': 1.0})\nif True:\n    " + READY


def terminated(text: str, folder: Path) -> int:
    """Runs a script until it says that it is ready, sends it SIGTERM; its exit status."""
    (folder / "script.py").write_text(f"import nashboard, os, signal, sys\n{text}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = subprocess.Popen(
        [sys.executable, "script.py"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    while "ready" not in started.stdout.readline():
        assert started.poll() is None
    started.send_signal(signal.SIGTERM)
    status = started.wait(timeout=30)
    started.stdout.close()
    return status


def last(folder: Path) -> dict[str, Any]:
    lines = [json.loads(line) for _, line in journal.read(folder)]
    return dict(lines[-1])


@pytest.mark.parametrize("text", [ALONE, f"with nashboard.init(dir='run') as run:\n    {READY}"])
def test_the_run_has_stopped_and_says_why(tmp_path: Path, text: str) -> None:
    assert terminated(text, tmp_path) == 128 + signal.SIGTERM
    end = last(tmp_path / "run")
    assert (end["kind"], end["status"], end["reason"]) == ("run_ended", "stopped", "ended by SIGTERM")


def test_every_run_of_the_process_has_stopped(tmp_path: Path) -> None:
    assert terminated(f"other = nashboard.init(dir='other')\n{ALONE}", tmp_path) == 143
    assert [last(tmp_path / name)["status"] for name in ("run", "other")] == ["stopped", "stopped"]


def test_a_handler_of_the_script_is_left_alone(tmp_path: Path) -> None:
    own = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
    assert terminated(own + ALONE, tmp_path) == 7


def test_after_the_end_the_signal_is_as_it_was(tmp_path: Path) -> None:
    text = "run = nashboard.init(dir='run')\nrun.finish()\nif True:\n    " + READY
    assert terminated(text, tmp_path) == -signal.SIGTERM
    assert last(tmp_path / "run")["status"] == "finished"


def test_a_forked_child_ends_by_the_signal_and_leaves_the_run_to_its_parent(tmp_path: Path) -> None:
    text = (
        "run = nashboard.init(dir='run')\npid = os.fork()\nif not pid:\n    import time\n    time.sleep(30)\n"
        "import time; time.sleep(0.5)\nos.kill(pid, signal.SIGTERM)\n"
        "_, status = os.waitpid(pid, 0)\nassert os.WTERMSIG(status) == signal.SIGTERM\n"
        "run.log({'loss/gen': 1.0})\nif True:\n    " + READY
    )
    assert terminated(text, tmp_path) == 143
    assert last(tmp_path / "run")["status"] == "stopped"
