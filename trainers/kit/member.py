"""One of the processes that `trainers.kit.launch` starts: it keeps in touch with the launcher by a folder.

The folder holds, for each rank, a file once it hears signals and one once it has ended, and where the journal
lies. The launcher holds a lock there for as long as it lives: its members die with it. Needs no torch.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

FOLDER = "NASHBOARD_TEAM"
LEASH = "leash"


def spawned(environment: Mapping[str, str], words: Sequence[str]) -> None:
    """Where multiprocessing begins: the environment of one rank, then `main`."""
    os.environ.update(environment)
    sys.exit(main(words))


def main(words: Sequence[str]) -> int:
    """Runs ``main(words[1:])`` of the module ``words[0]``; its status goes into the folder, 0 is returned.

    (torchrun would call any other status a crash, at length.)
    """
    module, *rest = words
    folder = Path(os.environ[FOLDER])
    with suppress(PermissionError):  # Ctrl-C at the terminal means the launcher, which passes it on once
        os.setpgid(0, 0)
    threading.Thread(target=_held, args=(folder / LEASH,), daemon=True).start()
    if os.environ["RANK"] != "0":
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process
    status = int(import_module(module).main(rest))
    _put(f"ended.{os.environ['RANK']}", {"status": status})
    return 0


def _held(leash: Path) -> None:
    with open(leash, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
    os._exit(1)  # the launcher has died, or sees this process as lost


def inside() -> bool:
    """Whether this process was started by `trainers.kit.launch`."""
    return FOLDER in os.environ


def ready() -> None:
    """Signals are heard from here on."""
    if inside():
        _put(f"ready.{os.environ['RANK']}", {"pid": os.getpid()})


def begun(run_dir: Path) -> None:
    """The journal of the run is begun."""
    if inside():
        _put("run", {"run_dir": str(run_dir.absolute())})


def _put(name: str, facts: Mapping[str, Any]) -> None:
    path = Path(os.environ[FOLDER]) / name
    making = path.with_name(f".{name}.part")
    making.write_text(json.dumps(facts), encoding="utf-8")
    making.replace(path)


def told(folder: Path, name: str) -> dict[str, Any]:
    """What a member has put there; {} while it has not."""
    try:
        found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    except OSError:
        return {}
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
