"""The launcher alone, with members that only wait: they do not outlive it, whichever way they were started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.trainers.kit.two import ROOT, marked

LAUNCH = """
import sys
from trainers.kit import launch
from trainers.kit.signals import Signals
with Signals() as signals:
    sys.exit(launch.start("tests.trainers.kit.waits", sys.argv[2:], 2, sys.argv[1], signals))
"""
LONGEST = 120.0  # seconds; on a busy machine


@pytest.mark.parametrize("start", ["spawn", "torchrun"])
def test_members_do_not_outlive_a_launcher_that_is_killed(start: str, tmp_path: Path) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCH, start, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MARK": str(tmp_path)},
    )
    try:
        until = time.monotonic() + LONGEST
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert {p.name for p in tmp_path.iterdir()} == {"0", "1"}
        assert len(marked(tmp_path)) >= 3 + (start == "torchrun"), "launcher, two members, torchrun's agent"
        launcher.kill()
        assert launcher.wait(10) == -signal.SIGKILL
        until = time.monotonic() + LONGEST / 4
        while (left := marked(tmp_path)) and time.monotonic() < until:
            time.sleep(0.05)
        assert left == []
    finally:
        launcher.kill()
        launcher.wait()
        for pid in marked(tmp_path):  # a failed test leaves nothing behind
            os.kill(pid, signal.SIGKILL)
