"""The guard before the application: token, host, origin, size of bodies, and the headers of every answer.

- With a token set, every page and endpoint needs it: ``Authorization: Bearer …``, or the cookie that the
  login form sets. Without one, only this machine is answered.
- The link of a blind test opens that test's page, sounds and answers, and nothing else: it is a secret of its own
  (docs/decisions/0010-blind-tests.md). The scripts of `static/js` are open, as the page needs them.
- On loopback the Host header must name this machine, so that no foreign name can be bound to it (DNS
  rebinding).
- A request that changes something must not come from another site's page (CSRF).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from urllib.parse import quote, urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Forbidden, Problem, TooLarge, Unauthorized
from app.replies import failure, wants_page
from app.settings import Settings, is_loopback

COOKIE = "nashboard_session"
OPEN = ("/healthz", "/login")
OPEN_UNDER = ("/static/css/", "/static/js/", "/static/icon.svg")
CAPABILITY = re.compile(
    r"/blind/[\w-]{32}(/audio/[\w-]{22})?|/api/blind/at/[\w-]{32}(/(begin|trial|answers|result))?", re.ASCII
)
"""Addresses that bear the secret of one blind test; whether there is such a test is for the endpoint to say."""
SAFE = ("GET", "HEAD", "OPTIONS")
DRAIN, DRAIN_S = 64 * 1024 * 1024, 10.0
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self'; "
        "script-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}


def cookie_value(token: str) -> str:
    """What the login's cookie holds: proof that the token was known, not the token."""
    return hmac.new(token.encode("utf-8", "replace"), b"nashboard session 1", hashlib.sha256).hexdigest()


def same(given: str, wanted: str) -> bool:
    """Whether two secrets are equal, in a time that tells nothing."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))


def _as_utf8(header: str) -> str:
    """What a sender wrote that encodes its headers as UTF-8; they are read as Latin-1."""
    return header.encode("latin-1", "replace").decode("utf-8", "replace")


class Guard:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        try:
            self._check_host(headers)
            bearer = self._check_token(scope, headers)
            if not bearer:
                self._check_origin(scope["method"], headers)
            limit = self._limit(scope["path"])
            await _check_length(headers, limit, receive)
        except Problem as problem:
            await self._refusal(scope, headers, problem)(scope, receive, dressed)
            return
        await self.app(scope, _counted(receive, limit), dressed)

    def _refusal(self, scope: Scope, headers: Headers, problem: Problem) -> Response:
        if problem.status == 401 and wants_page(scope["path"], headers.get("accept", "")):
            query = scope.get("query_string", b"").decode("latin-1")
            target = scope["path"] + (f"?{query}" if query else "")
            return RedirectResponse(f"/login?next={quote(target, safe='')}", 303)
        return failure(Request(scope), problem)

    def _check_host(self, headers: Headers) -> None:
        if not self.settings.loopback:
            return
        host = hostname(headers.get("host", ""))
        allowed = {self.settings.host.lower(), *(h.lower() for h in self.settings.allowed_hosts)}
        if host not in allowed and not is_loopback(host):
            raise Forbidden(
                f"this server answers for this machine only, not for the host {host!r:.80}; "
                "name it in NASHBOARD_ALLOWED_HOSTS if it is yours",
                code="bad_host",
            )

    def _check_token(self, scope: Scope, headers: Headers) -> bool:
        """Whether the request bears the token itself; raises `Unauthorized` if it may not go on."""
        token = self.settings.token
        if not token:
            if _foreign(scope):
                raise Forbidden(
                    "without NASHBOARD_TOKEN only this machine is answered", code="token_required"
                )
            return False
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            if same(given.strip(), token) or same(_as_utf8(given.strip()), token):
                return True
            raise Unauthorized("the token is wrong; give the server's NASHBOARD_TOKEN", headers=_CHALLENGE)
        path = scope["path"]
        if path in OPEN or path.startswith(OPEN_UNDER) or CAPABILITY.fullmatch(path):
            return False
        if not same(Request(scope).cookies.get(COOKIE, ""), cookie_value(token)):
            raise Unauthorized("a token is required: Authorization: Bearer …", headers=_CHALLENGE)
        return False

    def _check_origin(self, method: str, headers: Headers) -> None:
        if method in SAFE:
            return
        origin = headers.get("origin")
        if origin is None:
            if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
                return
        elif origin != "null" and (
            urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
            or hostname(urlsplit(origin).netloc) in {h.lower() for h in self.settings.allowed_hosts}
        ):
            return
        raise Forbidden(
            f"a page of another site ({origin or 'unnamed'}) may not change anything here", code="bad_origin"
        )

    def _limit(self, path: str) -> int:
        if path.startswith("/api/blobs/"):
            return self.settings.max_blob_bytes
        if path.startswith("/api/runs/") and path.endswith("/events"):
            return self.settings.max_batch_bytes
        if path in ("/doctor", "/api/diagnose"):
            return self.settings.max_batch_bytes
        if path in ("/api/bundles", "/bundles", "/doctor/bundle"):
            return self.settings.max_bundle_bytes
        return self.settings.max_json_bytes


_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="nashboard"'}


def hostname(netloc: str) -> str:
    """The host in ``host:port``, small letters, without brackets."""
    host = netloc.rsplit("@", 1)[-1].lower()
    if host.startswith("["):
        return host[1:].split("]", 1)[0]
    return host.rsplit(":", 1)[0] if ":" in host else host


def _foreign(scope: Scope) -> bool:
    """Whether the request comes from another machine; a caller without an IP address is a local socket."""
    try:
        address = ipaddress.ip_address((scope.get("client") or ("", 0))[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_loopback


def _too_large(size: str, limit: int) -> str:
    return f"the body has {size} bytes; the limit is {limit}"


async def _check_length(headers: Headers, limit: int, receive: Receive) -> None:
    given = headers.get("content-length", "")
    if given.isdigit() and int(given[:20]) > limit:
        await _drain(receive, int(given[:20]))
        raise TooLarge(_too_large(given[:20], limit), limit=limit)


async def _drain(receive: Receive, size: int) -> None:
    """Read what is still coming and forget it, so that the sender gets to read the answer."""
    seen = 0
    with anyio.move_on_after(DRAIN_S):
        while size <= DRAIN and seen <= DRAIN:
            message = await receive()
            seen += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body"):
                return


def _counted(receive: Receive, limit: int) -> Receive:
    """``receive`` that ends in 413 where a body without a declared length grows too large."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            if message.get("more_body"):
                await _drain(receive, seen)
            raise HTTPException(413, _too_large(f"more than {limit}", limit))
        return message

    return counted
