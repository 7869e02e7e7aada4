"""What came of a blind test: counts, p-values and means in words, as JSON, and as points of the runs.

Sealed until the test is closed. Only listeners who finished count: the number of trials was fixed before.
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from app import blindaudio, blindstats, db, runs
from app.errors import Conflict, NotFound
from app.live import bell
from app.points import Pending
from app.tables_blind import BlindListener, BlindTest, BlindTrial
from nashboard.events import Points

REFERENCE = "hidden reference"
SERIES = {"abx": "listen/abx_p", "preference": "listen/preference", "mushra": "listen/mushra"}
POOLED = {
    "abx": "Pooled over listeners: it asks whether somebody hears a difference, not who. If nobody does, every answer "
    "is a fair coin and the pooled p is exact.",
    "preference": "Pooled over listeners: it takes all trials as independent, but those of one listener are not, so "
    "the pooled p is too small where few listeners gave many answers. The count of listeners beside it does not have "
    "that fault.",
    "mushra": "MUSHRA-like, not ITU-R BS.1534 compliant: no training, no second anchor, no controlled room. Means are "
    "over the listeners' own means; intervals are Student's t over listeners.",
}


@dataclass(frozen=True)
class Heard:
    """One listener's answered trials."""

    who: BlindListener
    trials: tuple[BlindTrial, ...]

    @property
    def name(self) -> str:
        return self.who.name or f"listener {self.who.number}"


def close(session: Session, test: BlindTest) -> bool:
    """Take no more answers, open the results, and file them with the runs; whether it was still open."""
    changed = session.execute(
        update(BlindTest)
        .where(BlindTest.id == test.id, BlindTest.closed.is_(None))
        .values(closed=clock.time())
        .execution_options(synchronize_session=False)
    )
    if not isinstance(changed, CursorResult) or changed.rowcount != 1:
        return False
    session.refresh(test)
    for run_id, points in sorted(_values(session, test).items()):
        _file(session, test, run_id, sorted(points))
    return True


def _values(session: Session, test: BlindTest) -> dict[str, list[tuple[int, float]]]:
    """(step, value) of each run that was heard; none where nobody finished."""
    found = _counted(heard(session, test))
    values: dict[str, float] = {}
    keys = [s["key"] for s in test.sources]
    if test.kind == "abx":
        right, of = _right(found)
        values = dict.fromkeys(keys, blindstats.upper(right, of)) if of else {}
    elif test.kind == "preference":
        won = _wins(found, keys)
        decided = sum(won.values())
        values = {k: won[k] / decided for k in keys} if decided else {}
    else:
        kept = [h for h in found if not _screened(h)] or found
        values = {k: row.mean for k in keys if (row := _rated(kept, k)) is not None}
    made: dict[str, list[tuple[int, float]]] = {}
    for source in test.sources:
        if source["step"] is not None and source["key"] in values:
            made.setdefault(source["run"], []).append((source["step"], values[source["key"]]))
    return made


def _file(session: Session, test: BlindTest, run_id: str, points: Iterable[tuple[int, float]]) -> None:
    """Points of the server's own beside those of the journal: the run's ``next_seq`` and last step stay as they are."""
    try:
        runs.get(session, run_id, lock=True)
    except NotFound:
        return  # deleted meanwhile: the test's own tables still have the answers
    pending = Pending()
    for step, value in points:
        now = test.closed or clock.time()
        pending.add(Points(seq=0, time=now, step=step, values={SERIES[test.kind]: value}))
    pending.store(session, run_id)
    db.after_commit(session, lambda: bell.ring(run_id))


def heard(session: Session, test: BlindTest) -> list[Heard]:
    """All listeners with their answered trials."""
    listeners = session.scalars(
        select(BlindListener).where(BlindListener.test_id == test.id).order_by(BlindListener.number)
    )
    trials: dict[str, list[BlindTrial]] = {}
    wanted = (
        select(BlindTrial)
        .join(BlindListener, BlindListener.id == BlindTrial.listener_id)
        .where(BlindListener.test_id == test.id, BlindTrial.answered.is_not(None))
        .order_by(BlindTrial.number)
    )
    for trial in session.scalars(wanted):
        trials.setdefault(trial.listener_id, []).append(trial)
    return [Heard(who, tuple(trials.get(who.id, ()))) for who in listeners]


def _counted(found: Sequence[Heard]) -> list[Heard]:
    return [h for h in found if h.who.finished is not None]


def is_right(trial: BlindTrial) -> bool:
    """Whether an ABX trial's answer names the sound that X is."""
    return bool(trial.hidden[(trial.answer or {})["choice"]] == trial.hidden["X"])


def _right(found: Sequence[Heard]) -> tuple[int, int]:
    answers = [is_right(t) for h in found for t in h.trials]
    return sum(answers), len(answers)


def _wins(found: Sequence[Heard], keys: Sequence[str]) -> dict[str, int]:
    won = dict.fromkeys(keys, 0)
    for h in found:
        for trial in h.trials:
            choice = (trial.answer or {})["choice"]
            if choice in trial.hidden:
                won[trial.hidden[choice]] += 1
    return won


def _given(h: Heard, key: str) -> list[float]:
    """A listener's ratings of a source, hidden reference and anchor among them."""
    return [
        float((t.answer or {})["ratings"][label])
        for t in h.trials
        for label, k in t.hidden.items()
        if k == key and label != "R"
    ]


def _screened(h: Heard) -> bool:
    return blindstats.screened(_given(h, "R"))


def _rated(found: Sequence[Heard], key: str) -> blindstats.Ratings | None:
    """Over the listeners' means; over the trials where there is one listener alone."""
    each = [given for h in found if (given := _given(h, key))]
    if not each:
        return None
    return blindstats.ratings(each[0] if len(each) == 1 else [sum(g) / len(g) for g in each])


def sealed(test: BlindTest) -> None:
    """Raises `Conflict` while the test is open."""
    if test.closed is None:
        raise Conflict("the results are sealed until the test is closed", code="sealed")


def summary(session: Session, test: BlindTest) -> dict[str, Any]:
    """Everything of a closed test: words, sources, a line for each listener, the pooled result. Raises `Conflict`."""
    sealed(test)
    found = heard(session, test)
    counted = _counted(found)
    lines = [
        {"number": h.who.number, "name": h.name, "answered": len(h.trials), "counted": h in counted,
         **(_brief(test, h) if h in counted else {"words": "not finished, left out"})}
        for h in found
    ]  # fmt: skip
    pooled = _facts(test, counted) if counted else {"words": "Nobody finished: there is no result."}
    if test.kind == "preference" and len(counted) > 1:
        pooled |= _majorities(test, counted)
    return {
        "kind": test.kind,
        "sources": sources_of(test),
        "listeners": lines,
        "counted": len(counted),
        "pooled": pooled,
        "caveat": POOLED[test.kind] if len(counted) > 1 or test.kind == "mushra" else "",
    }


def _brief(test: BlindTest, h: Heard) -> dict[str, Any]:
    facts = _facts(test, [h])
    return facts | {"words": facts.get("brief", facts["words"])}


def own(session: Session, test: BlindTest, who: BlindListener) -> dict[str, Any]:
    """What a listener who has finished is told: their own result; names once the test is closed. Raises `Conflict`."""
    if who.finished is None:
        raise Conflict("the result comes when all trials are answered", code="unfinished")
    mine = next(h for h in heard(session, test) if h.who.id == who.id)
    if test.closed is None:
        return {"closed": False, "words": _unnamed(test, mine), "sources": [], "trials": []}
    facts = _facts(test, [mine])
    return {"closed": True, **facts, "sources": sources_of(test), "trials": [_told(t) for t in mine.trials]}


def _told(trial: BlindTrial) -> dict[str, Any]:
    return {"number": trial.number + 1, "slot": trial.slot, "hidden": trial.hidden, **(trial.answer or {})}


def _unnamed(test: BlindTest, h: Heard) -> str:
    if test.kind == "abx":
        return str(_facts(test, [h])["words"])
    if test.kind == "preference":
        same = sum((t.answer or {})["choice"] == "same" for t in h.trials)
        return (
            f"{len(h.trials) - same} preferences and {same} times no difference, in {len(h.trials)} trials."
        )
    return f"{len(h.trials)} trials rated."


def added(test: BlindTest) -> dict[str, str]:
    """What a rating has beside the runs, by key: the hidden reference and the anchor, which says where it ends."""
    if test.kind != "mushra":
        return {}
    cuts = {blindaudio.anchor_hz(slot.get("rate_hz", 48_000)) / 1000 for slot in test.slots}
    return {"R": REFERENCE, "L": f"low anchor ({' and '.join(f'{c:g}' for c in sorted(cuts))} kHz)"}


def sources_of(test: BlindTest) -> list[dict[str, Any]]:
    rows = [{k: s[k] for k in ("key", "run", "name", "step", "epoch")} for s in test.sources]
    rows += [{"key": k, "run": "", "name": n, "step": None, "epoch": None} for k, n in added(test).items()]
    return rows


def _facts(test: BlindTest, found: Sequence[Heard]) -> dict[str, Any]:
    """The result of some listeners' answers together, with ``words``."""
    keys = [s["key"] for s in test.sources]
    names = {s["key"]: f"{s['name']}" + (f" at step {s['step']}" if s["step"] is not None else "")
             for s in test.sources} | added(test)  # fmt: skip
    if test.kind == "abx":
        right, of = _right(found)
        p = blindstats.upper(right, of)
        brief = f"{right} of {of} right, p = {p_text(p)}."
        counts = {"right": right, "of": of, "p": p, "powers": powers(of), "brief": brief}
        return counts | {"words": f"{brief} {power_words(of)}"}
    if test.kind == "preference":
        won = _wins(found, keys)
        ties = sum(len(h.trials) for h in found) - sum(won.values())
        p = blindstats.sign_test(*won.values())
        return {"won": won, "ties": ties, "p": p, "words": _preferred(won, ties, p, names)}
    rows = {k: _rated(found, k) for k in [*keys, "R", "L"]}
    flagged = [h.name for h in found if _screened(h)]
    facts: dict[str, Any] = {"rated": {k: _row(r) for k, r in rows.items() if r}, "flagged": flagged}
    kept = [h for h in found if not _screened(h)]
    if flagged and kept:
        facts["without_flagged"] = {k: _row(r) for k in rows if (r := _rated(kept, k))}
    best = sorted(((r.mean, k) for k, r in rows.items() if r), reverse=True)
    words = ", ".join(f"{names[k]} {mean:.0f}" for mean, k in best)
    if flagged:
        words += f". Post-screening: {', '.join(flagged)} rated the hidden reference below 90 in over 15 % of the trials"
    return facts | {"words": f"Mean ratings: {words}."}


def _row(found: blindstats.Ratings) -> dict[str, Any]:
    return {"count": found.count, "mean": found.mean, "median": found.median, "half": found.half}


def _majorities(test: BlindTest, counted: Sequence[Heard]) -> dict[str, Any]:
    """How many listeners preferred each source more often, and the sign test over listeners."""
    first, second = (s["key"] for s in test.sources)
    each = [_wins([h], [first, second]) for h in counted]
    for_first = sum(w[first] > w[second] for w in each)
    for_second = sum(w[second] > w[first] for w in each)
    p = blindstats.sign_test(for_first, for_second)
    return {"majorities": {first: for_first, second: for_second}, "majorities_p": p}


def _preferred(won: dict[str, int], ties: int, p: float, names: dict[str, str]) -> str:
    decided = sum(won.values())
    first = max(won, key=lambda k: won[k])
    tied = f"; {ties} {'tie' if ties == 1 else 'ties'} left out" if ties else ""
    if not decided:
        return f"No preference in {ties} trials."
    level = len(set(won.values())) == 1
    said = "Each was preferred" if level else f"{names[first]} was preferred"
    return f"{said} {won[first]} of {decided} times, p = {p_text(p)} (sign test, two-sided{tied})."


def powers(trials: int) -> dict[str, float]:
    """Power of an ABX test for listeners who are right in 70 and in 90 % of the trials."""
    return {"0.7": blindstats.power(trials, 0.7), "0.9": blindstats.power(trials, 0.9)}


def power_words(trials: int) -> str:
    """What a number of trials can show, in words."""
    least = blindstats.needed(trials)
    if least is None:
        return (
            f"With {trials} trials even all right is no proof (p ≤ 0.05 cannot be reached): take 5 or more."
        )
    found = powers(trials)
    return (
        f"With {trials} trials {least} right are needed for p ≤ 0.05: a listener who is right 70 % of the time is "
        f"found in {_percent(found['0.7'])}, one who is right 90 % of the time in {_percent(found['0.9'])}."
    )


def _percent(share: float) -> str:
    if 0.0 < share < 0.005:
        return "less than 1 %"
    return "over 99 %" if 0.995 <= share < 1.0 else f"{100 * share:.0f} %"


def p_text(p: float) -> str:
    """A p-value with two digits; "< 0.0001" below that."""
    return f"{p:.2g}" if p >= 0.0001 else "< 0.0001"
