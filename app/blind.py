"""Blind listening tests: ABX, preference and ratings, made from runs at steps; who may hear what, and when it ends.

Nothing that a listener is sent says what a sound is: a trial has labels and opaque addresses, and its sounds are
written anew (`app.blindaudio`). Names, answers and results are sealed until the test is closed. See
docs/decisions/0010-blind-tests.md.
"""

from __future__ import annotations

import secrets
import time as clock
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import blindaudio, blobs, db, listening, runs
from app.blindaudio import Sound
from app.errors import BadInput, NotFound
from app.plots import keyed
from app.tables_blind import BlindTest

KINDS = {"abx": "ABX", "preference": "A/B preference", "mushra": "MUSHRA-like rating"}
LEVELS = {"same": "same gain", "matched": "loudness matched"}
KEYS = "ABCDEFGH"
REFERENCE, ANCHOR = "R", "L"
LEAST_ANCHORED = 4000
MOST_TRIALS, MOST_SLOTS, MOST_SECONDS = 200, 24, 120.0
MOST_SEED = 2**48
NOTE = 200


@dataclass(frozen=True)
class Asked:
    """A source as asked for: a run at a step (None: its last with sound), or that run's reference."""

    run: str
    step: int | None = None
    reference: bool = False


def get(session: Session, test_id: str) -> BlindTest:
    """The test. Raises `NotFound`."""
    found = session.get(BlindTest, test_id) if test_id.isascii() and test_id.isalnum() else None
    if found is None:
        raise NotFound(
            f"there is no blind test {test_id!r:.40}; it may have been deleted", code="unknown_test"
        )
    return found


def by_token(session: Session, token: str) -> BlindTest:
    """The test of a listener's link. Raises `NotFound`, which repeats nothing of the link."""
    clean = token.isascii() and token.isprintable() and len(token) <= 64
    found = session.scalar(select(BlindTest).where(BlindTest.token == token)) if clean else None
    if found is None:
        raise NotFound(
            "there is no blind test at this link; ask who sent it whether it is whole", code="unknown_test"
        )
    return found


def listing(session: Session) -> list[BlindTest]:
    """All tests, the newest first."""
    return list(session.scalars(select(BlindTest).order_by(BlindTest.created.desc()).limit(500)))


def remove(session: Session, test_id: str) -> None:
    """Deletes a test with all answers; points that it filed stay with their runs. Raises `NotFound`."""
    session.delete(get(session, test_id))


def create(
    session: Session,
    kind: str,
    sources: Sequence[Asked],
    *,
    slots: Sequence[str] = (),
    trials: int = 16,
    level: str = "same",
    alone: bool = True,
    seed: int | None = None,
    note: str = "",
) -> BlindTest:
    """A new test, open for listeners.

    Raises:
        BadInput: whatever of it cannot be, named with the way out.
        NotFound: a run that is not here.
    """
    if kind not in KINDS:
        raise BadInput(f"{kind!r:.40} is no kind of test; there are {', '.join(KINDS)}", field="kind")
    if level not in LEVELS:
        raise BadInput(f"{level!r:.40} is no level; there are {', '.join(LEVELS)}", field="level")
    if not 1 <= trials <= MOST_TRIALS:
        raise BadInput(f"{trials} trials were asked for; give 1 to {MOST_TRIALS}", field="trials")
    if seed is not None and not 0 <= seed < MOST_SEED:
        raise BadInput(f"a seed is a whole number from 0 to {MOST_SEED - 1}", field="seed")
    if len(note) > NOTE:
        raise BadInput(f"the note has {len(note)} characters; the limit is {NOTE}", field="note")
    named, found = _sources(session, kind, sources)
    test = BlindTest(
        id=secrets.token_hex(6),
        token=secrets.token_urlsafe(24),
        kind=kind,
        level=level,
        alone=alone,
        trials=trials,
        seed=secrets.randbelow(MOST_SEED) if seed is None else seed,
        sources=named,
        slots=_slots(session, kind, level, named, found, slots),
        note=db.clean(" ".join(note.split())),
        created=clock.time(),
    )
    session.add(test)
    session.flush()
    return test


def _sources(
    session: Session, kind: str, asked: Sequence[Asked]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(sources as they are kept, what can be heard of their runs by slot)."""
    least, most = (1, len(KEYS)) if kind == "mushra" else (2, 2)
    if not least <= len(asked) <= most:
        wanted = f"1 to {most} sources" if kind == "mushra" else "exactly two sources"
        raise BadInput(f"{KINDS[kind]} needs {wanted}; {len(asked)} were given", field="sources")
    if kind == "mushra" and any(a.reference for a in asked):
        raise BadInput("the reference is in every rating by itself, named and hidden", field="sources")
    if sum(a.reference for a in asked) > 1:
        raise BadInput("the reference against itself is no test; choose a run", field="sources")
    known = [runs.get(session, i) for i in dict.fromkeys(a.run for a in asked)]
    place = {run.id: (key, run) for key, run in keyed(known).items()}
    found = listening.heard(session, known)["slots"]
    named: list[dict[str, Any]] = []
    for n, a in enumerate(asked):
        at, run = place[a.run]
        name = run.name or run.id
        if a.reference:
            named.append({"key": REFERENCE, "at": REFERENCE, "run": a.run, "name": f"reference of {name}",
                          "step": None, "epoch": None})  # fmt: skip
            continue
        takes = {t["step"]: t for s in found for t in s["sources"].get(at, ())}
        if not takes:
            raise BadInput(f"the run {name!r:.80} has no sound to test", field="sources")
        step = max(takes) if a.step is None else a.step
        if step not in takes:
            there = ", ".join(map(str, sorted(takes)[-12:]))
            raise BadInput(
                f"the run {name!r:.80} has no sound at step {step}; it has {there}", field="sources"
            )
        named.append({"key": KEYS[n], "at": at, "run": a.run, "name": name, "step": step,
                      "epoch": takes[step]["epoch"]})  # fmt: skip
    if len({(s["run"], s["step"]) for s in named}) < len(named):
        raise BadInput("a source was given twice; choose another run or another step", field="sources")
    return named, found


def _slots(
    session: Session,
    kind: str,
    level: str,
    named: Sequence[dict[str, Any]],
    found: Sequence[dict[str, Any]],
    wanted: Sequence[str],
) -> list[dict[str, Any]]:
    """The slots in which all sources can be heard, with their clips, their common length, and their gains."""
    there = [s["slot"] for s in found]
    for slot in wanted:
        if slot not in there:
            raise BadInput(f"there is no slot {slot!r:.80} with sound in these runs", field="slots")
    made, left = [], []
    for entry in found:
        slot = entry["slot"]
        if wanted and slot not in wanted:
            continue
        try:
            made.append(_slot(session, kind, level, named, entry))
        except BadInput as problem:
            if wanted:
                raise
            left.append(problem.message)
    if not made:
        raise BadInput("; ".join(left[:3]) or "these runs share no slot with sound", field="slots")
    if len(made) > MOST_SLOTS:
        raise BadInput(
            f"{len(made)} slots could be heard; a test takes {MOST_SLOTS} at most: choose some", field="slots"
        )
    return made


def _slot(
    session: Session, kind: str, level: str, named: Sequence[dict[str, Any]], entry: dict[str, Any]
) -> dict[str, Any]:
    slot, by_run = entry["slot"], entry["sources"]
    clips: dict[str, str] = {}
    for source in named:
        takes = by_run.get(source["at"], ())
        take = next((t for t in takes if source["key"] == REFERENCE or t["step"] == source["step"]), None)
        clips[source["key"]] = _digest(take, f"{source['name']!r:.80} in slot {slot!r:.80}")
    reference = next(iter(by_run.get(REFERENCE, ())), None)
    if kind == "mushra" or (kind == "preference" and reference is not None and entry["same"]):
        clips.setdefault(REFERENCE, _digest(reference, f"the reference of slot {slot!r:.80}"))
    if REFERENCE in clips and not entry["same"]:
        raise BadInput(f"the runs were given different references in slot {slot!r:.80}", field="slots")
    mine = [clips[s["key"]] for s in named]
    if len(set(mine)) < len(mine):
        raise BadInput(f"in slot {slot!r:.80} two sources are the same sound, byte by byte", field="slots")
    sounds = {k: blindaudio.decoded(blobs.read(session, d), f"a sound of slot {slot!r:.80}")
              for k, d in clips.items()}  # fmt: skip
    rates = {s.rate_hz for s in sounds.values()}
    shapes = {len(s.samples) for s in sounds.values()}
    if len(rates) > 1:
        there = " and ".join(f"{r / 1000:g} kHz" for r in sorted(rates))
        raise BadInput(
            f"the sounds of slot {slot!r:.80} have {there}: a test is of one sampling rate, as resampling could be "
            "what is heard; bring them to one rate where they are made",
            field="slots",
        )
    if len(shapes - {1}) > 1:
        there = " and ".join(map(str, sorted(shapes)))
        raise BadInput(f"the sounds of slot {slot!r:.80} have {there} channels", field="slots")
    rate, frames = rates.pop(), min(s.frames for s in sounds.values())
    if kind == "mushra" and rate < LEAST_ANCHORED:
        raise BadInput(
            f"the sounds of slot {slot!r:.80} have {rate} Hz: a muffled anchor needs {LEAST_ANCHORED} Hz or more",
            field="slots",
        )
    if frames / rate > MOST_SECONDS:
        raise BadInput(f"the sounds of slot {slot!r:.80} last over {MOST_SECONDS:.0f} s", field="slots")
    form = {"slot": slot, "clips": clips, "frames": frames, "channels": max(shapes), "rate_hz": rate}
    return form | {"gains": _gains(kind, level, sounds, form)}


def _digest(take: dict[str, Any] | None, what: str) -> str:
    if take is None:
        raise BadInput(f"there is no sound of {what}", field="slots")
    if take["url"] is None:
        raise BadInput(f"the sound of {what} is still on its way; try again in a moment", field="slots")
    return str(take["url"]).rsplit("/", 1)[-1]


def _gains(kind: str, level: str, sounds: dict[str, Sound], form: dict[str, Any]) -> dict[str, float]:
    same = {k: blindaudio.alike(s, form["frames"], form["channels"]) for k, s in sounds.items()}
    if kind == "mushra":
        same[ANCHOR] = blindaudio.low_passed(same[REFERENCE])
    return blindaudio.matched(same) if level == "matched" else dict.fromkeys(same, 0.0)


def rendered(session: Session, slot: dict[str, Any], key: str, noise: int) -> bytes:
    """The WAV file of a source in a slot, as long and as many channels as all others of the slot. Raises `NotFound`."""
    digest = slot["clips"][REFERENCE if key == ANCHOR else key]
    try:
        sound = blindaudio.decoded(blobs.read(session, digest), "the sound")
    except NotFound:
        raise NotFound(
            "this sound is no longer on the server; whoever made the test may have deleted its run",
            code="unknown_sound",
        ) from None
    sound = blindaudio.alike(sound, slot["frames"], slot["channels"])
    if key == ANCHOR:
        sound = blindaudio.low_passed(sound)
    return blindaudio.written(sound, slot["gains"][key], noise)
