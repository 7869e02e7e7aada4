"""Bundles over HTTP: handing one to a server, and fetching one that a server makes."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from nashboard.bundle import BLOCK
from nashboard.client import Client, Trouble

PATIENCE_S = 600.0
"""A server reads and files a bundle, or makes one, before it answers."""


class Carrier(Client):
    """A client that waits for bundles; see `nashboard.client.Client`."""

    def __init__(self, url: str, token: str | None = None) -> None:
        super().__init__(url, token, timeout=PATIENCE_S)

    def send(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Opens the bundle at the server; its answer. Raises `Trouble`, and OSError when the file cannot be read."""
        file_path = Path(path)
        name = urllib.parse.quote(file_path.name, safe="")
        with file_path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            answer = self._call("POST", f"/api/bundles?name={name}", file, "application/zip", size)
        try:
            found = json.loads(answer)
            return {"runs": list(found["runs"]), "notes": list(found["notes"])}
        except (ValueError, LookupError, TypeError, RecursionError) as problem:
            raise Trouble("foreign", f"the answer of {self.url} says nothing of runs ({problem!r})") from None

    def found(self, runs: list[str]) -> list[dict[str, Any]]:
        """What these runs tell of the place where they ran (`nashboard.scrub`), as the server finds it."""
        asked = urllib.parse.urlencode({"runs": ",".join(runs)})
        answer = self._call("GET", f"/api/bundle/about?{asked}", b"", "application/json")
        try:
            rows = json.loads(answer)["found"]
            return [{name: row[name] for name in ("what", "text", "times")} for row in rows]
        except (ValueError, LookupError, TypeError, RecursionError) as problem:
            raise Trouble("foreign", f"the answer of {self.url} tells no findings ({problem!r})") from None

    def fetch(self, runs: list[str], out: str | os.PathLike[str], strip: bool = True) -> int:
        """Has the server pack runs into the file ``out``; its size. Raises `Trouble`, OSError."""
        asked = urllib.parse.urlencode({"runs": ",".join(runs), "strip": str(strip).lower()})
        headers = {"User-Agent": "nashboard-sdk", "Accept": "application/zip"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(f"{self.url}/api/bundle?{asked}", headers=headers)
        target = Path(out)
        part = target.with_name(f"{target.name}.part")
        try:
            with part.open("wb") as file:
                self._into(request, file)
                size = file.tell()
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
        return size

    def _into(self, request: urllib.request.Request, file: Any) -> None:
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                length, got = answer.headers.get("Content-Length"), 0
                while data := answer.read(BLOCK):
                    file.write(data)
                    got += len(data)
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise self._told(refusal) from None
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as problem:
            reason = getattr(problem, "reason", None) or problem
            raise Trouble("unreachable", f"cannot reach {self.url} ({reason})") from None
        if length is not None and length.isdigit() and got != int(length):
            raise Trouble("unreachable", f"{self.url} sent {got} of {length} bytes; try again")
