"""`python -m worker.launcher`: the whole product from one command (`make run`).

Starts the embedded broker (unless REDIS_URL names one), migrates, starts the server and the workers, prints
the address once the server answers, and keeps all of them running. Ctrl-C or SIGTERM ends all, in order:
trainers save and are marked stopped while the server still listens, then the rest goes. Queued runs go on at
the next start.
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from app import dispatch
from app.settings import LOOPBACK, BadSettings, Settings, load
from worker import broker, children, devices, process
from worker.children import Child, say
from worker.lock import Held, lock
from worker.settings import worker_settings

ANSWER_S = 60.0


class CannotStart(Exception):
    """The product cannot be started; the message is one line with the way out."""


class Stopped(Exception):
    """Ctrl-C or SIGTERM came while it was starting."""


class Launcher:
    """One home, one port, and the processes that serve them."""

    def __init__(self, settings: Settings, data: Sequence[Path], demo: bool) -> None:
        self.settings, self.data, self.demo = settings, list(data), demo
        self.children: list[Child] = []
        self._end = threading.Event()
        self._others: list[int] = []
        self._signals = 0
        self._last_signal = 0.0

    def run(self) -> int:
        """Until a signal ends it; the exit status."""
        home = self.settings.prepared().home
        try:
            held = lock(home / "launcher.lock")
        except Held as other:
            raise CannotStart(
                f"{home} is in use by another Nashboard{other}; stop it, or take another HOME_DIR"
            ) from None
        with held:
            port = free_port(self.settings.host, self.settings.port)
            process.adopt_orphans()
            self._others = process.descendants()
            before = {n: signal.signal(n, self._on_signal) for n in (signal.SIGINT, signal.SIGTERM)}
            try:
                self._start(home, port, held.fileno())
                while not self._end.wait(0.2):
                    for child in self.children:
                        child.mend()
            except Stopped:
                say("stopped before everything had started")
            finally:
                self._stop()
                for number, handler in before.items():
                    signal.signal(number, handler)
        return 0

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._signals == 0 or now - self._last_signal > 1.0:  # make and the terminal may both send one
            self._signals, self._last_signal = self._signals + 1, now
        self._end.set()

    def _start(self, home: Path, port: int, lock_fd: int) -> None:
        env = self._environment(home, port)
        url = self.settings.redis_url
        if not url:
            command, url = broker.prepare(home)
            self._add("broker", command, env, keep=(lock_fd,))  # the lock goes when the last writer has gone
            broker.wait(url, lambda: self.children[0].running)
        else:
            dispatch.check(url)
        env |= {"NASHBOARD_REDIS_URL": url}
        self._once("migrate", env)
        server = self._add(
            "server", [sys.executable, "-m", "app", "--host", self.settings.host, "--port", str(port)], env
        )
        self._add("worker", [sys.executable, "-m", "worker", "train"], env)
        if devices.gpus() and not env.get("NASHBOARD_WORKER_DEVICES"):
            self._add(
                "CPU worker",
                [sys.executable, "-m", "worker", "train"],
                env | {"NASHBOARD_WORKER_DEVICES": "cpu", "NASHBOARD_WORKER_AUTO": "0"},
            )
        self._add("chores worker", [sys.executable, "-m", "worker", "chores"], env)
        address = f"http://{shown(self.settings.host)}:{port}/"
        self._wait_for(server, port)
        if self.demo:
            try:
                said = self._once("demo", env)
            except CannotStart as problem:
                said = f"the demo pair could not be queued: {problem}"
            if said:
                say(said)
        print(f"Nashboard: {address}", flush=True)
        say("Ctrl-C stops everything; logs are in " + str(home / "logs"))

    def _environment(self, home: Path, port: int) -> dict[str, str]:
        roots = [str(p) for p in dict.fromkeys([*self.data, *self.settings.data_roots])]
        return {
            **os.environ,
            "NASHBOARD_HOME": str(home),
            "NASHBOARD_HOST": self.settings.host,
            "NASHBOARD_PORT": str(port),
            "NASHBOARD_DATA_ROOTS": os.pathsep.join(roots),
            "NASHBOARD_WORKER_URL": os.environ.get("NASHBOARD_WORKER_URL")
            or f"http://{shown(self.settings.host)}:{port}",
            "PYTHONUNBUFFERED": "1",
        }

    def _add(
        self, name: str, command: Sequence[str], env: dict[str, str], keep: tuple[int, ...] = ()
    ) -> Child:
        log = self.settings.home / "logs" / f"{name.replace(' ', '-')}.log"
        child = Child(name, command, dict(env), log, keep=keep)
        child.start()
        self.children.append(child)
        self._check()
        return child

    def _once(self, word: str, env: dict[str, str]) -> str:
        """Run `python -m worker WORD` to its end; what it said. Raises `CannotStart` with its last line."""
        done = subprocess.run(
            [sys.executable, "-m", "worker", word],
            env=env,
            cwd=children.ROOT,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )
        self._check()
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise CannotStart((lines[-1] if lines else f"`{word}` failed").removeprefix("nashboard: "))
        return done.stdout.strip()

    def _wait_for(self, server: Child, port: int) -> None:
        until = time.monotonic() + ANSWER_S
        while not answers(self.settings.host, port):
            self._check()
            if not server.running:
                raise CannotStart(f"the server ended: {server.last_line().removeprefix('nashboard: ')}")
            if time.monotonic() > until:
                raise CannotStart(f"the server did not answer within {ANSWER_S:g} s; see {server.log}")
            time.sleep(0.05)

    def _check(self) -> None:
        if self._end.is_set():
            raise Stopped

    def _stop(self) -> None:
        """End everything: workers first, so that trainers can save and say so, then server and broker."""
        workers = [c for c in self.children if "worker" in c.name]
        if workers:
            say("stopping; trainers save first (a second Ctrl-C does not wait for them)")
        for child in workers:
            if child.process is not None:
                process.tell(child.process, signal.SIGTERM)
        until = time.monotonic() + worker_settings().grace_s + 15.0
        while any(c.running for c in workers) and time.monotonic() < until and self._signals < 2:
            time.sleep(0.05)
        for child in [*workers, *reversed([c for c in self.children if c not in workers])]:
            child.stop(0.2 if child in workers or self._signals > 1 else 8.0)
        process.kill_descendants(spare=self._others)


def shown(host: str) -> str:
    """The host as it stands in an address that this machine can open."""
    name = "127.0.0.1" if host in ("0.0.0.0", "") else "::1" if host == "::" else host
    return f"[{name}]" if ":" in name else name


def free_port(host: str, port: int) -> int:
    """The port, if it can be listened on; a free one for 0. Raises `CannotStart`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as problem:
        raise CannotStart(
            f"HOST={host}: {getattr(problem, 'strerror', None) or problem}; take 127.0.0.1"
        ) from None
    with socket.socket(found[0], socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(found[4])
            probe.listen(1)
        except OSError as problem:
            raise CannotStart(
                f"port {port} on {host} cannot be used: {(problem.strerror or str(problem)).lower()}; "
                "take another with PORT=N"
            ) from None
        return int(probe.getsockname()[1])


def answers(host: str, port: int) -> bool:
    """Whether the server says that it is well."""
    connection = http.client.HTTPConnection(shown(host).strip("[]"), port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def data_folders(text: str) -> list[Path]:
    """The folders of DATA, full paths. Raises `CannotStart` for one that is not there."""
    found = []
    for part in (p for p in text.split(os.pathsep) if p.strip()):
        path = Path(part).expanduser().absolute()
        if not path.is_dir():
            raise CannotStart(f"DATA={part}: {'is a file' if path.exists() else 'there is no such folder'}")
        if not os.access(path, os.R_OK | os.X_OK):
            raise CannotStart(f"DATA={part}: permission denied")
        found.append(path)
    return found


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m worker.launcher", description="Start Nashboard as a whole."
    )
    made.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; other than loopback needs NASHBOARD_TOKEN"
    )
    made.add_argument("--port", default="8000", help="port to listen on; 0: a free one")
    made.add_argument("--home", default=".nashboard", help="folder of the database, runs and logs")
    made.add_argument("--data", default="", help="folder whose audio may be trained on; the form's default")
    made.add_argument(
        "--demo", default="1", help="1: queue the demo pair on an empty installation; 0: do not"
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 after a signal, 2 when it could not be started, with one line that says why."""
    told = parser().parse_args(argv)
    try:
        if not told.port.isdigit() or int(told.port) > 65535:
            raise CannotStart(f"PORT={told.port} is no port; take a number from 1 to 65535")
        worker_settings()  # what is wrong with it is said now, not by a worker that will not start
        data = data_folders(told.data)
        settings = load(home=told.home, host=told.host, port=int(told.port))
        if told.host not in LOOPBACK and not told.host.startswith("127.") and not settings.token:
            raise CannotStart(
                f"HOST={told.host} can be reached from other machines: set NASHBOARD_TOKEN to a secret first"
            )
        return Launcher(settings, data, told.demo.strip().lower() not in ("0", "no", "false", "off")).run()
    except (CannotStart, BadSettings, broker.NoBroker, dispatch.BrokerDown, OSError) as problem:
        print(f"nashboard: {problem}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
