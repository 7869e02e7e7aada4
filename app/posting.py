"""Posting JSON to somebody else's server: signed, without redirects, and to no address that only this machine can ask.

Clouds answer at link-local addresses with the machine's own keys; an address that leads there is refused after its
name is resolved, and the connection goes to what was resolved, so that a name cannot change its mind in between.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import socket
import ssl
import time as clock
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from nashboard import __version__

TIMEOUT_S = 10.0
METADATA = ("100.100.100.200", "fd00:ec2::254", "168.63.129.16")
PASSING = (408, 425, 429)


class BadTarget(ValueError):
    """An address that nothing may be posted to; the message says why."""


@dataclass(frozen=True)
class Told:
    """What came of a message: taken or not, the answer's status (0: none), in words, whether to try again."""

    ok: bool
    status: int
    said: str
    again: bool = False


def check(url: str) -> str:
    """``url`` if something can be posted to it. Raises `BadTarget`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadTarget(f"{url!r:.80} is no address; give one as https://example.org/hook") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise BadTarget(f"{url!r:.80} is no http or https address; give one as https://example.org/hook")
    if not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
        raise BadTarget(
            "the address holds a blank or a sign that no address can hold; write it percent-encoded"
        )
    if parts.username or parts.password:
        raise BadTarget("the address holds a user name or password; use NASHBOARD_WEBHOOK_SECRET instead")
    return url


def link_local(address: str) -> bool:
    """Whether an IP address is link-local or one where a cloud tells a machine its own keys."""
    found = ipaddress.ip_address(address.split("%", 1)[0])
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_link_local or str(found) in METADATA


def post(
    url: str, body: dict[str, Any], delivery: str, secret: str = "", allow_link_local: bool = False
) -> Told:
    """Post ``body`` as JSON; ``delivery`` names the message, the same at every try. Never raises for the network."""
    try:
        parts = urlsplit(check(url))
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        address = resolved(host, port, allow_link_local)
    except BadTarget as problem:
        return Told(False, 0, str(problem))
    except (OSError, UnicodeError) as problem:
        return Told(False, 0, f"the host of the webhook is not found ({problem})", again=True)
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    connection = _To(host, port, address, secure)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, data, headers(data, delivery, secret))
        answer = connection.getresponse()
        answer.read(4096)
    except (OSError, http.client.HTTPException) as problem:
        return Told(False, 0, f"it does not answer ({problem or type(problem).__name__})", again=True)
    finally:
        connection.close()
    if 200 <= answer.status < 300:
        return Told(True, answer.status, f"it was taken ({answer.status})")
    again = answer.status >= 500 or answer.status in PASSING
    also = "; redirects are not followed" if 300 <= answer.status < 400 else ""
    return Told(False, answer.status, f"it answered {answer.status} {answer.reason}"[:200] + also, again)


def headers(data: bytes, delivery: str, secret: str, now: float | None = None) -> dict[str, str]:
    """The headers; with a secret, the signature of ``timestamp.body``, so that an old message cannot be sent again."""
    stamp = str(int(clock.time() if now is None else now))
    found = {
        "Content-Type": "application/json",
        "User-Agent": f"nashboard/{__version__}",
        "X-Nashboard-Delivery": delivery,
        "X-Nashboard-Timestamp": stamp,
    }
    if secret:
        signed = hmac.new(secret.encode(), f"{stamp}.".encode() + data, hashlib.sha256).hexdigest()
        found["X-Nashboard-Signature"] = f"sha256={signed}"
    return found


def resolved(host: str, port: int, allow_link_local: bool) -> tuple[Any, ...]:
    """(family, socket address) to connect to. Raises `BadTarget` where any address of the host is link-local."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for _family, _kind, _proto, _name, place in found:
        if not allow_link_local and link_local(str(place[0])):
            raise BadTarget(
                f"{host} leads to {place[0]}, an address of this machine's cloud or link only; it is refused "
                "(NASHBOARD_WEBHOOK_LINK_LOCAL=1 allows it)"
            )
    return found[0][0], found[0][4]


class _To(http.client.HTTPConnection):
    """A connection to an address that was resolved before, with the name in Host and in TLS."""

    def __init__(self, host: str, port: int, address: tuple[Any, ...], secure: bool) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S)
        self.default_port = 443 if secure else 80
        self._address, self._secure = address, secure

    def connect(self) -> None:
        family, place = self._address
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(TIMEOUT_S)
            plain.connect(place)
            self.sock = (
                ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)
                if self._secure
                else plain
            )
        except BaseException:
            plain.close()
            raise
