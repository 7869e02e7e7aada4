"""A verb of ``python -m trainers`` as errands and preflights use it: spawned, watched to its end, its outcome read."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from worker import console, devices, process
from worker.settings import worker_settings

ROOT = Path(__file__).resolve().parent.parent
SECRET = ("DATABASE_URL", "REDIS_URL", "NASHBOARD_DATABASE_URL", "NASHBOARD_REDIS_URL", "NASHBOARD_TOKEN")
LOG = "console.log"
LOOK_S = 1.0
MEDIA = {"audio": ("wav", "flac"), "image": ("png",)}
GONE = "its worker died while it ran; ask again"


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The verb's environment: no database, no broker, no GPU (training has those), half of the cores."""
    kept = {k: v for k, v in given.items() if k not in SECRET and not k.startswith("NASHBOARD_WORKER_")}
    threads = str(max(1, devices.cores() // 2))
    return {**kept, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": threads, "PYTHONUNBUFFERED": "1"}


def run(
    words: Sequence[str],
    folder: Path,
    env: dict[str, str],
    *,
    timeout_s: float,
    wanted: Callable[[], bool],
    ending: Callable[[], bool],
    killed: str = "",
) -> tuple[str, dict[str, Any] | None]:
    """Spawn a verb whose console lies in ``folder``: (why it failed, None), or ("", what it printed).

    ``wanted``: whether the row that asked is still there. ``killed``: what SIGKILL by another means, if anything.
    """
    command = [*(worker_settings().trainer_command or [sys.executable, "-m", "trainers"]), *words]
    with (folder / LOG).open("wb") as out:
        started = process.spawn(command, env=env, log=out, cwd=ROOT)
    why = _watch(started, timeout_s, wanted, ending)
    code = process.reap(started)
    if why:
        return why, None
    if code == -9 and killed:
        return killed, None
    if code:
        lines = console.last_lines(folder / LOG, count=400)
        said = next((line for line in reversed(lines) if line and not line.startswith(" ")), "")
        return said or f"it ended with status {code} and said nothing", None
    outcome = printed((folder / LOG).read_text("utf-8", "replace"))
    return ("", outcome) if outcome is not None else ("it printed no outcome", None)


def _watch(started: Any, timeout_s: float, wanted: Callable[[], bool], ending: Callable[[], bool]) -> str:
    """Until the verb has ended, or is ended for a reason: that reason, else ""."""
    until, look = time.monotonic() + timeout_s, 0.0
    while not process.has_exited(started):
        now = time.monotonic()
        why = "the worker was shut down; ask again" if ending() else ""
        if now > until:
            why = f"it was ended after {timeout_s:g} s"
        if now > look:
            look = now + LOOK_S
            if not wanted():
                why = "it was deleted"
        if why:
            process.kill_group(started)
            return why
        time.sleep(0.05)
    return ""


def printed(console_text: str) -> dict[str, Any] | None:
    """The last JSON object that stands on a line of its own; None where there is none."""
    for line in reversed(console_text.splitlines()):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                return found
    return None


def left(entry: Mapping[str, Any], folder: Path) -> bytes:
    """The bytes of a file that an outcome's entry names.

    Raises:
        ValueError: for an entry that names no file of the folder, or a kind of file that is no sample.
    """
    name, media, ext = (str(entry.get(k, "")) for k in ("file", "media", "ext"))
    path = folder / name
    if ext not in MEDIA.get(media, ()) or path.name != name or not path.is_file():
        raise ValueError(f"its outcome names {name!r:.60}, which is no sample that it left")
    return path.read_bytes()
