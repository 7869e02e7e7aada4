"""A trainer for the worker's tests: the run's name says what it does, so that no torch has to be loaded.

Words of the name: ``steps=N`` points and an end; ``hold`` until it is asked to stop; ``deaf`` to SIGTERM;
``mute`` ends without an end; ``refuse`` bad input; ``child`` leaves a process behind; ``early`` dies unheard.
``trial`` evaluates every other step: ``eval/mel`` is the distance of ``feat_weight`` from 3; far away it takes long.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nashboard


def main(words: list[str]) -> int:
    given = dict(w.split("=", 1) for w in words if "=" in w)
    does = dict(w.partition("=")[::2] for w in os.environ.get("NASHBOARD_NAME", "").split())
    print("fake trainer starts", flush=True)
    if "refuse" in does:
        print("nothing is right with seed=0", file=sys.stderr)
        return 2
    if "early" in does:
        os.kill(os.getpid(), signal.SIGKILL)
    run_dir = Path(given["run_dir"])
    resumed = None
    if "resume" in given:
        place = Path(given["resume"])
        saved = place if place.is_file() else sorted((place / "checkpoints").glob("*.pt"))[-1]
        resumed = int(saved.read_text())
    reporter = nashboard.Reporter(
        run_dir, url=given["url"], trainer="codec", resumed_from=resumed, total_steps=99
    )
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "deaf" in does else lambda *_: reporter.request_stop())
    seen = {
        k: os.environ.get(k) for k in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "REDIS_URL", "DATABASE_URL")
    }
    reporter.log(f"sees {seen} {given.get('device')}")
    if "child" in does:
        left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        (run_dir / "child").write_text(str(left.pid))
    print("the last words of the trainer", flush=True)
    step = resumed or 0
    until = time.monotonic() + 60
    while time.monotonic() < until:
        step += 1
        reporter.points(step, {"loss/disc": 2.0, "loss/gen": 1.0, "progress/epoch": step / 10})
        if "steps" in does and step >= int(does["steps"]):
            break
        if "trial" in does:
            far = abs(float(given.get("feat_weight", 10)) - 3)
            if step % 2 == 0:
                reporter.points(step, {"eval/mel": far + 1 / step})
            if step >= (6 if far < 4 else 120):
                break
        if "deaf" not in does and reporter.stop_requested:
            save(reporter, run_dir, step)
            reporter.finish("stopped", "it was asked to")
            return 0
        time.sleep(0.05)
    if "mute" in does:
        return 3
    save(reporter, run_dir, step)
    reporter.finish("finished")
    return 0


def save(reporter: nashboard.Reporter, run_dir: Path, step: int) -> None:
    path = run_dir / "checkpoints" / f"step-{step:08d}.pt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(str(step))
    reporter.checkpoint(step, path, kept=[path])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
