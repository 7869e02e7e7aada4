"""Talking to a Nashboard server over HTTP: three calls, and every way they can fail.

No call follows a redirect (the token would go along), and addresses are told without user names and queries.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import IO, Any

from nashboard.receipt import BadReceipt, Receipt

TIMEOUT_S = 10.0
SLOWEST = 1024 * 1024  # bytes a second that a server is given time for when a sample is sent
MAX_ANSWER = 4 * 1024 * 1024
LINES = "application/x-ndjson"


class BadAddress(ValueError):
    """A URL that is no server's address; the message says what is wrong with it."""


class Trouble(Exception):
    """The server could not be reached, or did not do what was asked.

    ``kind`` is ``unreachable``, ``token``, ``unknown_run``, ``too_large``, ``refused`` (the server finds the
    contents wrong), ``conflict``, ``foreign`` (the answer is not a Nashboard server's) or ``server``.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any) -> None:
        return None


_KINDS = {401: "token", 403: "token", 404: "unknown_run", 409: "conflict", 413: "too_large"}
_REFUSED = (400, 415, 422)


class Client:
    """Calls to the server at ``url`` with a token.

    Raises:
        BadAddress: when ``url`` is not http or https with a host, or carries a user name or a query,
            or when the token cannot be sent.
    """

    def __init__(self, url: str, token: str | None = None, timeout: float = TIMEOUT_S) -> None:
        self.url = address(url)
        self.loopback = is_loopback(urllib.parse.urlsplit(self.url).hostname or "")
        self.token = (token or os.environ.get("NASHBOARD_TOKEN") or "").strip()
        if not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise BadAddress(
                "the server's token holds characters that no token can hold: see NASHBOARD_TOKEN"
            )
        self._timeout = timeout
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if self.loopback:  # proxies of the environment are for the world outside this machine
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def post_events(self, run_id: str, lines: bytes) -> Receipt:
        """Sends lines of the journal; none at all are a heartbeat. Raises `Trouble`."""
        answer = self._call("POST", f"/api/runs/{_quoted(run_id)}/events", lines, LINES)
        try:
            return Receipt.from_dict(json.loads(answer))
        except (BadReceipt, ValueError, RecursionError) as problem:
            raise Trouble("foreign", f"the answer of {self.url} is no receipt ({problem})") from None

    def create_run(self, start: dict[str, Any]) -> None:
        """Registers a run that the server does not know; one that it knows is left as it is."""
        try:
            self._call("POST", "/api/runs", json.dumps(start).encode(), "application/json")
        except Trouble as trouble:
            if trouble.kind == "conflict":
                return
            if trouble.kind == "unknown_run":
                raise Trouble(
                    "foreign", f"{self.url} is not a Nashboard server: it has no /api/runs"
                ) from None
            raise

    def put_blob(self, digest: str, path: Path) -> None:
        """Sends a sample's bytes. Raises `Trouble`, and OSError when the file cannot be read."""
        size = path.stat().st_size
        with path.open("rb") as file:
            self._call("PUT", f"/api/blobs/{digest}", file, "application/octet-stream", size)

    def _call(
        self, method: str, path: str, body: bytes | IO[bytes], kind: str, size: int | None = None
    ) -> bytes:
        headers = {"Content-Type": kind, "Accept": "application/json", "User-Agent": "nashboard-sdk"}
        headers["Content-Length"] = str(len(body) if isinstance(body, bytes) else size)
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        try:
            timeout = self._timeout + (size or 0) / SLOWEST
            with self._opener.open(request, timeout=timeout) as answer:
                return self._read(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise self._told(refusal) from None
        except (OSError, http.client.HTTPException) as problem:
            reason = getattr(problem, "reason", None) or problem
            raise Trouble("unreachable", f"cannot reach {self.url} ({_reason(reason)})") from None

    def _read(self, answer: Any) -> bytes:
        """The answer's body, within the timeout as a whole: a server that drips must not hold the uplink."""
        until, parts, size = time.monotonic() + self._timeout, [], 0
        while part := answer.read1(65536):
            parts.append(part)
            size += len(part)
            if size > MAX_ANSWER:
                raise Trouble("foreign", f"the answer of {self.url} is longer than a receipt can be")
            if time.monotonic() > until:
                raise Trouble("unreachable", f"{self.url} did not finish its answer in {self._timeout:g} s")
        return b"".join(parts)

    def _told(self, refusal: urllib.error.HTTPError) -> Trouble:
        code = refusal.code
        if code in (401, 403):
            return Trouble("token", self._token_told(code))
        if 300 <= code < 400:
            return Trouble(
                "foreign",
                f"{self.url} answers with a redirect ({code}), which is not followed: give the final address",
            )
        message = self._message(refusal)
        if code in _REFUSED:
            return Trouble("refused", f"{self.url} refuses it ({code}{message})")
        return Trouble(_KINDS.get(code, "server"), f"{self.url} answers {code}{message}")

    def _token_told(self, code: int) -> str:
        what = "refuses the token" if self.token else "wants a token and none was given"
        return f"{self.url} {what} ({code}): set NASHBOARD_TOKEN to the one that the server was started with"

    def _message(self, refusal: urllib.error.HTTPError) -> str:
        """The server's own words, if it answered in the house's shape of errors."""
        try:
            told = json.loads(self._read(refusal))["error"]["message"]
        except (
            OSError,
            http.client.HTTPException,
            ValueError,
            LookupError,
            TypeError,
            RecursionError,
            Trouble,
        ):
            return ""
        return f": {told!s:.300}"


def _quoted(run_id: str) -> str:
    return urllib.parse.quote(run_id, safe="")


def _reason(reason: Any) -> str:
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    return str(getattr(reason, "strerror", None) or reason or type(reason).__name__)


def address(url: str) -> str:
    """``url`` as scheme, host, port and path without a slash at its end. Raises `BadAddress`."""
    try:
        parts = urllib.parse.urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as problem:
        raise BadAddress(f"the server's address cannot be read: {problem}") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise BadAddress(
            f"the server's address carries a user name, a query or a fragment: give only "
            f"{parts.scheme}://{host}{_port(port)}, and the token in NASHBOARD_TOKEN"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise BadAddress(f"{url!r:.100} is no server's address: it looks like http://127.0.0.1:8000")
    if not url.isascii() or any(c.isspace() or ord(c) < 33 for c in url.strip()):
        raise BadAddress(f"{url!r:.100} is no server's address: it holds characters that no address can hold")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def _port(port: int | None) -> str:
    return f":{port}" if port else ""


def is_loopback(host: str) -> bool:
    """Whether ``host`` names this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
