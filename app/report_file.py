"""The report as one file: its styles, script, sounds and pictures in it, opened from disk with no server or network.

Its own content security policy lets nothing be loaded from anywhere, and only this script run, by its digest.
"""

from __future__ import annotations

import base64
import hashlib
import time as clock

from markupsafe import escape

from app import words
from app.report import Report
from app.static import FOLDER

STYLES = ("tokens", "app", "doctor", "report")


def written(report: Report, body: str, icons: str) -> str:
    """The document; ``body`` is the rendered part of the page, ``icons`` the sprite that it draws from."""
    script = (FOLDER / "js" / "report.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    styles = "\n".join((FOLDER / "css" / f"{name}.css").read_text("utf-8") for name in STYLES)
    made = words.iso(clock.time()).replace("T", " ").removesuffix("Z")[:16]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(report.title)} · Nashboard</title>\n<style>\n{styles}\n</style>\n</head>\n"
        f'<body>\n{icons}\n<main class="report-file"><h1>{escape(report.title)}</h1>\n'
        f'<p class="made">A report by Nashboard, made {made} UTC. The file holds all that it shows.</p>\n'
        f"{body}\n</main>\n<script>{script}</script>\n</body>\n</html>\n"
    )
