"""`nashboard.init` in scripts: however a script ends, its run has ended, and the rest is sent."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nashboard
from nashboard import journal
from nashboard.events import BadEvent
from nashboard.journal import JournalError

if TYPE_CHECKING:
    from tests.nashboard.conftest import Server

ROOT = Path(__file__).parents[2]


def read(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for _, line in journal.read(folder)]


def script(text: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a script that has ``nashboard`` and ``run``, journaled in ``folder/run``."""
    (folder / "script.py").write_text(f"import nashboard, os, sys\nrun = nashboard.init(dir='run')\n{text}\n")
    return subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_run_in_a_few_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = nashboard.init(project="p", name="My run!", config={"lr": 1e-4}, tags=["a"])
    assert (run.dir, run.url, run.stop_requested) == (Path("runs/My-run"), "", False)
    run.log({"loss": 2.0})
    run.log({"loss": 1.0})
    run.log({"loss": 0.5}, step=10)
    run.log({"loss": 0.25})
    run.audio("audio/x", [0.0, 0.5], rate_hz=8000)
    run.image("image/x", [[1, 2]], step=3, slot=1)
    run.note("done")
    run.finish()
    run.finish("failed")
    started, *points, sound, picture, note, ended = read(run.dir)
    assert (started["run"], started["project"], started["tags"]) == (run.id, "p", ["a"])
    assert started["recipe"] == {"lr": 1e-4}
    assert [p["step"] for p in points] == [0, 1, 10, 11]
    assert (sound["step"], picture["step"], picture["slot"]) == (11, 3, "1")
    assert (note["text"], ended["status"]) == ("done", "finished")


def test_folders_are_never_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = []
    for _ in range(3):
        with nashboard.init(name="same") as run:
            folders.append(run.dir)
    assert folders == [Path("runs/same"), Path("runs/same-2"), Path("runs/same-3")]
    with nashboard.init() as run:
        assert run.dir == Path("runs") / run.id
    with nashboard.init(name="../../etc") as run:
        assert run.dir == Path("runs/etc")
    with nashboard.init(id="abc") as run:
        assert (run.id, run.dir) == ("abc", Path("runs/abc"))


def test_a_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with nashboard.init(name="long", config={"a": 1}) as first:
        first.log({"loss": 2.0}, step=41)
    with nashboard.init(name="long", resume=True) as again:
        again.log({"loss": 1.0})
    assert (again.id, again.dir) == (first.id, first.dir)
    lines = read(first.dir)
    assert [line["kind"] for line in lines] == ["run_started", "points", "run_ended"] * 2
    assert (lines[3]["recipe"], lines[3]["resumed_from"], lines[4]["step"]) == ({"a": 1}, 41, 42)


def test_mistakes_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no run to go on with"):
        nashboard.init(name="nothing", resume=True)
    with pytest.raises(ValueError, match="resume needs to know which run"):
        nashboard.init(resume=True)
    with pytest.raises(TypeError, match="config is a dict, a dataclass or a namespace, not 5"):
        nashboard.init(config=5)
    with pytest.raises(ValueError, match="looks like http"):
        nashboard.init(dir="x", url="localhost")
    with pytest.raises(BadEvent, match=r"project of 300 characters"):
        nashboard.init(dir="x", project="p" * 300)
    assert list(tmp_path.iterdir()) == []
    nashboard.init(dir="x").finish()
    with pytest.raises(FileExistsError, match="choose another folder, or resume"):
        nashboard.init(dir="x")
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(JournalError, match="the run's folder cannot be made"):
        nashboard.init()


def test_configurations_of_scripts(tmp_path: Path) -> None:
    with nashboard.init(dir=tmp_path / "a", config=argparse.Namespace(lr=0.1), tags="one"):
        pass
    assert (read(tmp_path / "a")[0]["recipe"], read(tmp_path / "a")[0]["tags"]) == ({"lr": 0.1}, ["one"])


@pytest.mark.parametrize(
    ("text", "status", "reason", "code"),
    [
        ("run.log({'a': 1})", "finished", "", 0),
        ("run.log({'a': 1}); raise ValueError('boom')", "failed", "ValueError: boom", 1),
        ("run.log({'a': 1}); sys.exit(0)", "finished", "", 0),
        ("raise KeyboardInterrupt", "stopped", "interrupted from the keyboard", -signal.SIGINT),
        ("run.finish('stopped', 'enough'); raise ValueError('later')", "stopped", "enough", 1),
        ("try: 1 / 0\nexcept ZeroDivisionError: pass", "finished", "", 0),
    ],
)
def test_a_script_that_ends_ends_its_run(
    tmp_path: Path, text: str, status: str, reason: str, code: int
) -> None:
    done = script(text, tmp_path)
    last = read(tmp_path / "run")[-1]
    assert (last["kind"], last["status"], last["reason"]) == ("run_ended", status, reason)
    assert done.returncode == code


def test_the_end_of_a_script_sends_the_rest(server: Server, tmp_path: Path) -> None:
    done = script("for i in range(500): run.log({'a': i / 3})", tmp_path, NASHBOARD_URL=server.url)
    assert (done.returncode, done.stderr) == (0, "")
    (lines,) = server.runs.values()
    assert len(lines) == 502
    assert json.loads(lines[-1])["kind"] == "run_ended"


def test_a_dead_server_costs_one_warning_and_no_time(tmp_path: Path) -> None:
    done = script("run.log({'a': 1})\nprint(run.url)", tmp_path, NASHBOARD_URL="http://127.0.0.1:9")
    assert done.returncode == 0
    assert done.stdout.startswith("http://127.0.0.1:9/runs/")
    told = done.stderr.splitlines()
    assert len(told) == 2
    assert "cannot reach http://127.0.0.1:9 (Connection refused)" in told[0]
    assert "python -m nashboard push run --to http://127.0.0.1:9" in told[1]


def test_children_leave_the_run_alone(tmp_path: Path) -> None:
    done = script(
        "import multiprocessing\n"
        "if os.fork() == 0: sys.exit(3)\n"
        "os.wait()\n"
        "def work(n):\n"
        "    try: run.log({'a': 1})\n"
        "    except OSError as problem: return type(problem).__name__\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(work, range(2)))\n"
        "run.log({'a': 1})",
        tmp_path,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "['JournalClosed', 'JournalClosed']\n", "")
    assert [line["kind"] for line in read(tmp_path / "run")] == ["run_started", "points", "run_ended"]


def test_a_full_disk_at_the_end_is_one_line(tmp_path: Path) -> None:
    done = script(
        "import resource\n"
        "size = os.path.getsize('run/events.jsonl')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))",
        tmp_path,
    )
    assert done.returncode == 0
    (told,) = done.stderr.splitlines()
    assert "run/events.jsonl: cannot be written, there is no room" in told


def test_importing_loads_only_the_standard_library() -> None:
    code = (
        "import sys; before = set(sys.modules); import nashboard; nashboard.push\n"
        "import nashboard.__main__, nashboard.uplink, nashboard.media\n"
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("['nashboard']\n", "")


def test_a_script_without_a_server_does_not_load_urllib() -> None:
    code = "import sys, nashboard; print('urllib.request' in sys.modules, 'http.client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "False False\n"
