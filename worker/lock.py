"""One launcher a home: a lock on a file, held as long as any process has it open."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO


class Held(Exception):
    """Somebody holds the lock; the text tells who, or is empty."""


def lock(path: Path, patience_s: float = 10.0) -> IO[str]:
    """The open file with the lock on it. Raises `Held`.

    Where the launcher that took it is gone and only its broker still ends, it is waited for.
    """
    file = path.open("a+")
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            file.seek(0)
            text = file.read().strip()
            if time.monotonic() > until or (text.isdigit() and Path(f"/proc/{text}").exists()):
                file.close()
                raise Held(f" (process {text})" if text.isdigit() else "") from None
        time.sleep(0.1)
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
