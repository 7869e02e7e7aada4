"""What a listener of a blind test is given, trial by trial, and what they answer. Nothing here names a source."""

from __future__ import annotations

import math
import random
import secrets
import time as clock
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import blind, blindresults, db
from app.errors import BadInput, Conflict, NotFound
from app.tables_blind import BlindListener, BlindSound, BlindTest, BlindTrial

MOST_LISTENERS, NAME = 200, 60
QUESTIONS = {
    "abx": "Which of the two is X?",
    "preference": "Which do you prefer?",
    "mushra": "How close is each to the reference? 100: no difference that you can hear.",
}
SAME = "same"


def listener(session: Session, test: BlindTest, listener_id: str) -> BlindListener | None:
    """Whose browser this is, where it has begun this very test."""
    found = session.get(BlindListener, listener_id) if 0 < len(listener_id) <= 64 else None
    return found if found is not None and found.test_id == test.id else None


def begin(session: Session, test: BlindTest, name: str = "") -> BlindListener:
    """A new listener with their first trial.

    Raises:
        Conflict: the test is closed, full, or for one person who has begun.
        BadInput: a name that is too long.
    """
    _still_open(test)
    name = db.clean(" ".join(name.split()))
    if len(name) > NAME:
        raise BadInput(f"the name has {len(name)} characters; the limit is {NAME}", field="name")
    number = session.scalar(select(func.count()).where(BlindListener.test_id == test.id)) or 0
    if test.alone and number:
        raise Conflict(
            "this test is for one person, and it was begun in another browser; go on there, or make a new test",
            code="taken",
        )
    if number >= MOST_LISTENERS:
        raise Conflict(f"this test has its {MOST_LISTENERS} listeners already", code="full")
    made = BlindListener(
        id=secrets.token_urlsafe(24), test_id=test.id, number=number + 1, name=name, begun=clock.time()
    )
    session.add(made)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict("somebody else began at the same moment; try again", code="busy") from None
    _serve(session, test, made, 0)
    return made


def _still_open(test: BlindTest) -> None:
    if test.closed is not None:
        raise Conflict("this test is closed: no more answers are taken", code="closed")


def plan(test: BlindTest, number: int, trial: int) -> tuple[dict[str, Any], dict[str, str]]:
    """(slot, {label: key}) of a listener's trial: the same for the same seed, listener and trial.

    Slots come in turn, each block of them shuffled. ABX: A and B stay for a listener, X is a fair coin of its own in
    each trial, so that the binomial test is exact. Preference and ratings: shuffled anew in each trial.
    """
    block, place = divmod(trial, len(test.slots))
    order = list(range(len(test.slots)))
    _chance(test, number, "slots", block).shuffle(order)
    slot = test.slots[order[place]]
    keys = [s["key"] for s in test.sources]
    chance = _chance(test, number, "trial", trial)
    if test.kind == "abx":
        _chance(test, number, "pair").shuffle(keys)
        return slot, {"A": keys[0], "B": keys[1], "X": chance.choice(keys)}
    if test.kind == "preference":
        chance.shuffle(keys)
        pair = {"A": keys[0], "B": keys[1]}
        open_too = blind.REFERENCE in slot["clips"] and blind.REFERENCE not in keys
        return slot, ({"R": blind.REFERENCE} if open_too else {}) | pair
    keys = [*keys, blind.REFERENCE, blind.ANCHOR]
    chance.shuffle(keys)
    return slot, {"R": blind.REFERENCE} | {str(n): key for n, key in enumerate(keys, 1)}


def _chance(test: BlindTest, *what: object) -> random.Random:
    return random.Random("/".join(map(str, (test.seed, *what))))


def _serve(session: Session, test: BlindTest, who: BlindListener, number: int) -> None:
    slot, hidden = plan(test, who.number, number)
    trial = BlindTrial(
        id=secrets.token_urlsafe(16),
        listener_id=who.id,
        number=number,
        slot=slot["slot"],
        hidden=hidden,
        served=clock.time(),
    )
    session.add(trial)
    session.flush()
    session.add_all(
        BlindSound(opaque=secrets.token_urlsafe(16), trial_id=trial.id, label=label, key=key,
                   noise=secrets.randbelow(2**31))
        for label, key in hidden.items()
    )  # fmt: skip
    session.flush()


def current(session: Session, who: BlindListener) -> BlindTrial | None:
    """The trial that waits for this listener's answer; None once they have finished."""
    return session.scalar(
        select(BlindTrial)
        .where(BlindTrial.listener_id == who.id, BlindTrial.answered.is_(None))
        .order_by(BlindTrial.number)
        .limit(1)
    )


def state(session: Session, test: BlindTest, who: BlindListener | None) -> dict[str, Any]:
    """What the page of the test says before and between trials."""
    return {
        "kind": test.kind,
        "level": test.level,
        "alone": test.alone,
        "trials": test.trials,
        "closed": test.closed is not None,
        "begun": who is not None,
        "answered": 0 if who is None else done(session, who),
        "finished": who is not None and who.finished is not None,
    }


def done(session: Session, who: BlindListener) -> int:
    """How many trials this listener has answered."""
    wanted = select(func.count()).where(BlindTrial.listener_id == who.id, BlindTrial.answered.is_not(None))
    return session.scalar(wanted) or 0


def trial_json(session: Session, test: BlindTest, who: BlindListener) -> dict[str, Any]:
    """The trial that waits: its opaque id, its labels with the addresses of their sounds, the question.

    Raises:
        Conflict: the test is closed, or the listener has finished.
    """
    _still_open(test)
    trial = current(session, who)
    if trial is None:
        raise Conflict("all trials of this test are answered", code="finished")
    rows = session.execute(select(BlindSound.label, BlindSound.opaque).where(BlindSound.trial_id == trial.id))
    opaque: dict[str, str] = {row[0]: row[1] for row in rows}
    return {
        "trial": trial.id,
        "number": trial.number + 1,
        "trials": test.trials,
        "kind": test.kind,
        "question": QUESTIONS[test.kind],
        "sounds": [
            {"label": label, "url": f"/blind/{test.token}/audio/{opaque[label]}"}
            for label in sorted(opaque, key=_place)
        ],
    }


def _place(label: str) -> tuple[int, int, str]:
    """The open reference first, then by number or letter."""
    return (int(label != "R"), int(label) if label.isdigit() else 0, label)


def audio(session: Session, test: BlindTest, opaque: str) -> bytes:
    """The WAV file behind an opaque address of this test. Raises `NotFound`, `Conflict`."""
    sound = session.get(BlindSound, opaque) if opaque.isascii() and len(opaque) <= 64 else None
    trial = session.get(BlindTrial, sound.trial_id) if sound is not None else None
    who = session.get(BlindListener, trial.listener_id) if trial is not None else None
    if sound is None or trial is None or who is None or who.test_id != test.id:
        raise NotFound("there is no such sound in this test", code="unknown_sound")
    _still_open(test)
    slot = next(s for s in test.slots if s["slot"] == trial.slot)
    return blind.rendered(session, slot, sound.key, sound.noise)


def answer(
    session: Session, test: BlindTest, who: BlindListener, trial_id: str, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Keep an answer and serve the next trial; the last one of a test for one person closes it.

    Raises:
        NotFound: a trial that this listener was not given.
        Conflict: it is answered already, or the test is closed.
        BadInput: no answer to this kind of question.
    """
    _still_open(test)
    trial = session.get(BlindTrial, trial_id) if trial_id.isascii() and len(trial_id) <= 64 else None
    if trial is None or trial.listener_id != who.id:
        raise NotFound("this trial is none of yours; load the page again to go on", code="unknown_trial")
    kept = _checked(test, trial, given)
    now = clock.time()
    # of two answers at once the first counts, whatever the database
    changed = session.execute(
        update(BlindTrial)
        .where(BlindTrial.id == trial.id, BlindTrial.answered.is_(None))
        .values(answer=kept, answered=now)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(changed, CursorResult) or changed.rowcount != 1:
        raise Conflict(f"trial {trial.number + 1} is answered already; answers are final", code="answered")
    session.expire(trial)
    if trial.number + 1 < test.trials:
        _serve(session, test, who, trial.number + 1)
    else:
        who.finished = now
        session.flush()
        if test.alone:
            blindresults.close(session, test)
    return state(session, test, who)


def _checked(test: BlindTest, trial: BlindTrial, given: Mapping[str, Any]) -> dict[str, Any]:
    choice, ratings = given.get("choice"), given.get("ratings")
    if test.kind != "mushra":
        allowed = ("A", "B", SAME) if test.kind == "preference" else ("A", "B")
        if choice not in allowed or ratings is not None:
            raise BadInput(f"answer with one choice: {', '.join(allowed)}", field="choice")
        return {"choice": choice}
    wanted = [label for label in trial.hidden if label != "R"]
    if choice is not None or not isinstance(ratings, dict) or set(ratings) != set(wanted):
        raise BadInput(f"rate each of {', '.join(wanted)}, and nothing else", field="ratings")
    for label, value in ratings.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not 0 <= value <= 100:
            raise BadInput(f"the rating of {label} is no number from 0 to 100", field="ratings")
    return {"ratings": {label: float(ratings[label]) for label in wanted}}
