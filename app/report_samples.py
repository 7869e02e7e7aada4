"""Sounds and pictures of a report: the same slot on both sides, at the same epoch as nearly as there is."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app import blobs, listening, reading, records, words
from app.models import Run, Sample

MOST_SLOTS = 6
MOST_PICTURES = 8
ROOM = 16 * 1024 * 1024
"""Bytes of sound and pictures that a file of its own holds; as base64 they are a third more."""


@dataclass(frozen=True)
class Take:
    """A sound or a picture: whose (A, B or R), when, where its bytes are, what was measured on it."""

    key: str
    title: str
    when: str
    src: str
    told: str = ""


@dataclass(frozen=True)
class Slot:
    """The takes of one fixed input."""

    name: str
    caption: str
    takes: tuple[Take, ...]


@dataclass
class Clips:
    """The slots that can be heard, or seen, their ``bytes``, and how many were ``left_out`` for size."""

    slots: tuple[Slot, ...] = ()
    left_out: int = 0
    bytes: int = 0
    note: str = ""


def clips(session: Session, a: Run, b: Run, *, embed: bool = False) -> Clips:
    """Reference, A and B of each slot, at the last epoch that both have."""
    heard = listening.heard(session, [a, b])
    named = {"R": "Reference", "A": a.name or a.id, "B": b.name or b.id}
    found = Clips()
    slots: list[Slot] = []
    for slot in heard["slots"]:
        picked = _aligned(slot["sources"])
        if not {"A", "B"} <= set(picked):
            continue
        if len(slots) == MOST_SLOTS:
            found.left_out += 1
            continue
        wanted = [(key, take, take["url"].rsplit("/", 1)[-1]) for key, take in picked.items()]
        size = sum(blobs.find(session, digest).size for _, _, digest in wanted)
        if embed and found.bytes + size > ROOM:
            found.left_out += 1
            continue
        found.bytes += size
        takes = [Take(key, named[key], _when(take), _src(session, digest, embed), _told(take["facts"]))
                 for key, take, digest in wanted]  # fmt: skip
        slots.append(Slot(slot["slot"], slot["caption"], tuple(takes)))
        if not slot["same"]:
            found.note = (
                "The runs were given different references in a slot: they cannot be compared by ear there."
            )
    found.slots = tuple(slots)
    return found


def _aligned(sources: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """One take a source, in the order R, A, B: the last that is there, at the epoch that both sides have reached."""
    have = {key: [t for t in sources.get(key, []) if t["url"]] for key in ("R", "A", "B")}
    ends = [have[key][-1]["epoch"] for key in ("A", "B") if have[key]]
    picked = {}
    for key, takes in have.items():
        if not takes:
            continue
        take = takes[-1]
        if key != "R" and len(ends) == 2 and None not in ends:
            limit = min(ends)
            take = min(takes, key=lambda t: abs((t["epoch"] if t["epoch"] is not None else 1e9) - limit))
        picked[key] = take
    return picked


def _when(take: dict[str, Any]) -> str:
    epoch = take["epoch"]
    if epoch is not None:
        shown = words.number(epoch) if epoch % 1 else str(int(epoch))
        return f"epoch {shown}, step {words.count(take['step'])}"
    return f"step {words.count(take['step'])}"


def _told(facts: dict[str, Any]) -> str:
    parts = []
    if isinstance(facts.get("seconds"), int | float):
        parts.append(f"{words.fixed(facts['seconds'], 1)} s")
    if isinstance(facts.get("peak_dbfs"), int | float):
        parts.append(f"peak {words.fixed(facts['peak_dbfs'], 1)} dBFS")
    if isinstance(facts.get("lufs"), int | float):
        parts.append(f"{words.fixed(facts['lufs'], 1)} LUFS")
    share = facts.get("clipped_share")
    if isinstance(share, int | float) and share > 0:
        parts.append(f"{words.number(100 * share)} % clipped")
    return ", ".join(parts)


def pictures(session: Session, a: Run, b: Run, *, embed: bool = False, spent: int = 0) -> Clips:
    """The last picture of each slot that both sides have."""
    found = Clips()
    sides = [_last(session, run) for run in (a, b)]
    shared = sorted(set(sides[0]) & set(sides[1]), key=lambda k: (k[0], listening.natural(k[1])))
    slots: list[Slot] = []
    for place in shared:
        two = [side[place] for side in sides]
        size = sum(s.size for s in two)
        if len(slots) == MOST_PICTURES or (embed and spent + found.bytes + size > ROOM):
            found.left_out += 1
            continue
        found.bytes += size
        takes = []
        for key, run, sample in zip("AB", (a, b), two, strict=True):
            epoch = float(reading.on_axis(session, run.id, [sample.step], "epoch")[0])
            when = _when({"step": sample.step, "epoch": round(epoch, 2) if epoch == epoch else None})
            takes.append(Take(key, run.name or run.id, when, _src(session, sample.sha256, embed)))
        slots.append(Slot(f"{place[1]}", two[0].caption or two[1].caption, tuple(takes)))
    found.slots = tuple(slots)
    return found


def _last(session: Session, run: Run) -> dict[tuple[str, str], Sample]:
    images = [s for s in records.samples(session, run.id) if s.media == "image" and not s.missing]
    return {(s.series, s.slot): s for s in _by_step(images) if not listening.is_reference(s.series)}


def _by_step(samples: Sequence[Sample]) -> list[Sample]:
    return sorted(samples, key=lambda s: (s.step, s.seq))


def _src(session: Session, digest: str, embed: bool) -> str:
    if not embed:
        return f"/api/blobs/{digest}"
    kind = blobs.find(session, digest).media_type
    return f"data:{kind};base64,{base64.b64encode(blobs.read(session, digest)).decode()}"
