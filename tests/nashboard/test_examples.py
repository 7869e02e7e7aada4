"""The examples run, from any folder, with nothing but the standard library."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from nashboard import journal

if TYPE_CHECKING:
    from tests.nashboard.conftest import Server

ROOT = Path(__file__).parents[2]


def example(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """``-S`` hides every installed package."""
    return subprocess.run(
        [sys.executable, "-S", str(ROOT / "examples" / "log_anything.py")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_log_anything_offline(tmp_path: Path) -> None:
    done = example(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    kinds = Counter(e.kind for e in journal.events(tmp_path / "runs" / "see-saw"))
    assert kinds == {"run_started": 1, "points": 200, "sample_made": 8, "note_written": 1, "run_ended": 1}


def test_log_anything_with_a_server(server: Server, tmp_path: Path) -> None:
    done = example(tmp_path, NASHBOARD_URL=server.url)
    assert (done.returncode, done.stderr) == (0, "")
    ((run, lines),) = server.runs.items()
    assert f"{server.url}/runs/{run}" in done.stdout
    assert len(lines) == 211
    assert len(server.blobs) == 8
