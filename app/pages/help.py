"""The help page: what bands and labels mean, what cannot be, what a loss of 2.0 says, sizes, states, keys."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app import db, drafts, words
from app.pages.common import Page, base, render
from recipes import TRAINERS, compose
from recipes.bands import BadBands, Band, impossible, library

router = APIRouter()

AMPLITUDES = (85.0, 93.0, 96.0, 97.0, 99.0)
STATES = (
    ("queued", "waits for a worker; a resumed run waits for the machine that holds its checkpoint"),
    ("running", "reports; its trainer is alive"),
    ("stopping", "was asked to stop: it ends its step, saves a checkpoint and stops"),
    ("finished", "came to the end that its recipe asked for"),
    ("stopped", "ended early because somebody asked, with a checkpoint to go on from"),
    ("failed", "its trainer ended with an error; the reason and its last lines are on the run"),
    (
        "lost",
        "has given no sign of life for most of a minute; if it is alive, it comes back by itself",
    ),
)
DEAD = (
    ("hinge", "2.0", "max(0, 1 − 0) + max(0, 1 + 0)"),
    ("BCE, vanilla", words.number(2 * math.log(2), 4), "2 ln 2"),
    ("least squares", "1.0", "(1 − 0)² + 0²"),
)


@dataclass(frozen=True)
class Ceiling:
    """The most SNR that an amplitude allows."""

    amplitude: str
    snr: str


@dataclass(frozen=True)
class Size:
    """A size of a trainer, in its file's words."""

    trainer: str
    name: str
    text: str


@dataclass(frozen=True)
class Claim:
    """A claimed range that contradicts another claim of the same table."""

    text: str
    source: str


@dataclass(frozen=True, kw_only=True)
class HelpPage(Page):
    """All of it is text but for a few tables that are worked out."""

    template: ClassVar[str] = "help.html"
    ceilings: tuple[Ceiling, ...]
    sizes: tuple[Size, ...]
    claims: tuple[Claim, ...]
    states: tuple[tuple[str, str], ...] = STATES
    dead: tuple[tuple[str, str, str], ...] = DEAD


@router.get("/help")
def help_page(request: Request) -> Response:
    """The page."""
    with db.reading() as session:
        common = base(request, session, "Help")
    return render(
        HelpPage(
            **common,
            ceilings=tuple(Ceiling(f"{a:g} %", f"{words.fixed(impossible(a), 1)} dB") for a in AMPLITUDES),
            sizes=tuple(Size(t, s, drafts.size_text(t, s)) for t in TRAINERS for s in compose.sizes(t)),
            claims=tuple(Claim(_note(b), b.source) for t in TRAINERS for b in _claimed(t)),
        )
    )


def _claimed(trainer: str) -> list[Band]:
    try:
        return [b for b in library(trainer) if b.origin == "claimed" and "Impossible" in b.note]
    except BadBands:
        return []


def _note(band: Band) -> str:
    return band.note[band.note.index("Impossible") :]
