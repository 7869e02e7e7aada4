"""A small server that plays Nashboard's part: well, badly, slowly or not at all."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from nashboard import events
from nashboard.events import Points
from nashboard.journal import Journal

Answer = tuple[int, bytes]


class Server:
    """Keeps runs as lists of lines and blobs by digest, as house rules ask of the real one.

    ``trouble(method, path)`` may answer in its place; ``refuses(line)`` makes a line unreadable to it;
    ``hold`` keeps every answer back until it is set.
    """

    def __init__(self) -> None:
        self.runs: dict[str, list[bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.registered: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.token: str | None = None
        self.stop = False
        self.max_bytes = 1 << 30
        self.trouble: Callable[[str, str], Answer | None] = lambda method, path: None
        self.refuses: Callable[[bytes], bool] = lambda line: False
        self.hold = threading.Event()
        self.hold.set()
        self.changed = threading.Condition()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.hold.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def wait(self, predicate: Callable[[], Any], timeout: float = 10.0) -> bool:
        """Waits until ``predicate()`` holds after some request."""
        with self.changed:
            return bool(self.changed.wait_for(predicate, timeout))

    def posts(self) -> list[bytes]:
        return [body for method, path, body in self.requests if path.endswith("/events")]

    def answer(self, method: str, path: str, body: bytes, token: str) -> Answer:
        if self.token and token != f"Bearer {self.token}":
            return 401, b'{"error": {"code": "token", "message": "wants a token"}}'
        special = self.trouble(method, path)
        if special is not None:
            return special
        parts = path.strip("/").split("/")
        if method == "POST" and parts == ["api", "runs"]:
            run = json.loads(body)
            if run["id"] in self.runs:
                return 409, b"{}"
            self.registered.append(run)
            self.runs[run["id"]] = []
            return 201, json.dumps(run).encode()
        if method == "PUT" and parts[:2] == ["api", "blobs"]:
            if hashlib.sha256(body).hexdigest() != parts[2]:
                return 422, b'{"error": {"message": "the digest differs"}}'
            self.blobs[parts[2]] = body
            return 204, b""
        return self._events(parts[2], body)

    def _events(self, run_id: str, body: bytes) -> Answer:
        if run_id not in self.runs:
            return 404, b'{"error": {"code": "unknown_run", "message": "no such run"}}'
        if len(body) > self.max_bytes:
            return 413, b"{}"
        lines = self.runs[run_id]
        batch = body.split(b"\n")[:-1]
        for number, line in enumerate(batch, 1):
            if self.refuses(line):
                return 422, json.dumps({"error": {"message": f"line {number} is bad"}}).encode()
        for line in batch:
            seq = json.loads(line)["seq"]
            if seq == len(lines):
                lines.append(line)
        made = [json.loads(line) for line in lines if b'"sample_made"' in line]
        wants = sorted({m["sha256"] for m in made} - set(self.blobs))
        receipt = {"next_seq": len(lines), "stop": self.stop, "wants": wants, "more": 1}
        return 200, json.dumps(receipt).encode()

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with server.changed:
                    server.requests.append((self.command, self.path, body))
                    server.headers.append(dict(self.headers))
                    server.changed.notify_all()
                server.hold.wait(20)
                with server.changed:
                    code, answer = server.answer(
                        self.command, self.path, body, self.headers.get("Authorization", "")
                    )
                    server.changed.notify_all()
                try:
                    self.send_response(code)
                    if 300 <= code < 400:
                        self.send_header("Location", answer.decode())
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except ConnectionError:
                    self.close_connection = True

            do_POST = do_PUT = do_GET = handle_any

            def log_message(self, *arguments: Any) -> None:
                pass

        return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the variables of whoever runs it."""
    for name in ("NASHBOARD_RUN", "NASHBOARD_URL", "NASHBOARD_TOKEN", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A folder with the journal of the run ``0123456789ab``: run_started and 20 points."""
    folder = tmp_path / "run"
    with Journal(folder) as journal:
        journal.append(events.RunStarted(run="0123456789ab", name="first", trainer="codec", seed=3))
        for step in range(20):
            journal.append(Points(step=step, values={"loss/disc": 2.0 - step / 100}))
    return folder
