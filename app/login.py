"""The form that takes the token from a person and gives their browser a cookie."""

from __future__ import annotations

import asyncio
import html
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.pages.common import theme
from app.security import COOKIE, cookie_value, same
from app.settings import get_settings

router = APIRouter(include_in_schema=False)
KEPT_S = 30 * 24 * 3600
WRONG_S = 0.5


@router.get("/login")
def form(request: Request, next: str = "/") -> Response:
    """The form; where no token is set there is nothing to log in to."""
    if not get_settings().token:
        return RedirectResponse("/", 303)
    return HTMLResponse(_page(request, local(next)), headers={"Cache-Control": "no-store"})


@router.post("/login")
async def login(request: Request) -> Response:
    """Right: the cookie, and on to the page that was asked for. Wrong: the form again, after a moment."""
    given = parse_qs(
        (await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=9
    )
    target = local(given.get("next", ["/"])[0])
    token = get_settings().token
    if not token:
        return RedirectResponse("/", 303)
    if not same(given.get("token", [""])[0].strip(), token):
        await asyncio.sleep(WRONG_S)  # guessing is slow, and other requests go on meanwhile
        page = _page(request, target, "That is not the server's token.")
        return HTMLResponse(page, 401, {"Cache-Control": "no-store"})
    answer = RedirectResponse(target, 303)
    answer.set_cookie(
        COOKIE,
        cookie_value(token),
        max_age=KEPT_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


def local(target: str) -> str:
    r"""``target`` if it is a path on this server, else the front page: ``//host`` and ``/\host`` lead off."""
    plain = target.startswith("/") and target[1:2] not in ("/", "\\") and target.isprintable()
    return target if plain and target.isascii() else "/"


def _page(request: Request, target: str, wrong: str = "") -> str:
    chosen = theme(request)
    dressed = f' data-theme="{chosen}"' if chosen else ""
    said = f'<p class="err" role="alert">{html.escape(wrong)}</p>' if wrong else ""
    return f"""<!doctype html>
<html lang="en"{dressed}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Log in · Nashboard</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/css/tokens.css">
<link rel="stylesheet" href="/static/css/app.css">
</head>
<body>
<main class="page login" id="main">
<h1>Nashboard</h1>
<p>This server asks for its token, the value of NASHBOARD_TOKEN that it was started with.</p>
<form class="stack" method="post" action="/login">
<input type="hidden" name="next" value="{html.escape(target)}">
<label class="field">Token
<input class="in mono" type="password" name="token" required autofocus autocomplete="current-password"></label>
{said}
<button class="btn main" type="submit">Log in</button>
</form>
</main>
</body>
</html>
"""
