"""A search as SQL, the same on SQLite and PostgreSQL; and the names that a search may use.

Knobs lie in the JSON of `Run.recipe`, nested, dotted or mixed; the database looks into it. Series are asked by their
summaries (last, lowest, highest value): no point is read.
"""

from __future__ import annotations

import itertools
import json
import math
import operator as operators
import threading
import time as clock
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Float, String, and_, case, cast, exists, false, func, not_, or_, select
from sqlalchemy.orm import Session

from app import query
from app.chunks import INFINITY, MINUS_INFINITY, NAN
from app.db import clean
from app.models import Run, Series
from app.query import BadQuery, Comparison, Field, Term, Word
from app.tables_diagnoses import StoredDiagnosis
from doctor.rulebook import RULES
from nashboard import vocabulary
from nashboard.events import ENDED, STATUSES
from recipes import TRAINERS
from recipes.base import flat, flattened

ACTIVE = ("queued", "running", "stopping")
VERDICTS = ("fail", "warn", "healthy", "unknown", "none")
OWN = {"seed": Run.seed, "step": Run.last_step, "steps": Run.total_steps}
KEPT_S, NEWEST = 20.0, 500
_VOCABULARY = frozenset(row.name for row in vocabulary.TABLE)
_BY_SIGN = {
    "<": operators.lt, "<=": operators.le, ">": operators.gt, ">=": operators.ge, "=": operators.eq, "!=": operators.ne,
}  # fmt: skip
_CODE = {math.inf: INFINITY, -math.inf: MINUS_INFINITY}


@dataclass(frozen=True)
class Names:
    """What a search may name: knobs, series, tags that there are."""

    knobs: tuple[str, ...]
    series: tuple[str, ...]
    tags: tuple[str, ...]


_kept: dict[str, tuple[float, Names]] = {}
_lock = threading.Lock()


def names(session: Session, fresh: bool = False) -> Names:
    """The names in use: of all series, and of knobs and tags of the newest 500 runs; up to 20 s old."""
    where = str(session.get_bind().engine.url)
    with _lock:
        found = _kept.get(where)
    if found and not fresh and clock.monotonic() - found[0] < KEPT_S:
        return found[1]
    knobs: set[str] = {k for cls in TRAINERS.values() for k in flat(cls())}
    tags: set[str] = set()
    newest = (
        select(Run.recipe, Run.tags).where(Run.deleted.is_(None)).order_by(Run.created.desc()).limit(NEWEST)
    )
    for recipe, given in session.execute(newest):
        knobs.update(flattened(recipe or {}))
        tags.update(given or ())
    series = tuple(sorted(session.scalars(select(Series.name).distinct())))
    made = Names(tuple(sorted(knobs)), series, tuple(sorted(tags)))
    with _lock:
        if len(_kept) > 8:
            _kept.clear()
        _kept[where] = (clock.monotonic(), made)
    return made


def conditions(session: Session, text: str) -> list[ColumnElement[bool]]:
    """What the search asks of a run, all of which has to hold. Raises `BadQuery`."""
    return [_condition(session, term) for term in query.parse(text)]


def _condition(session: Session, term: Term) -> ColumnElement[bool]:
    match term:
        case Word():
            found = worded(term.text)
        case Field():
            found = or_(*(_field(term, value) for value in term.values))
        case Comparison():
            found = _comparison(session, term)
    return not_(func.coalesce(found, false())) if term.negated else found


def worded(text: str) -> ColumnElement[bool]:
    """Whether name, id, project, trainer, preset, a tag or the notes hold the text, whatever the case."""
    columns = (Run.name, Run.id, Run.project, Run.trainer, Run.preset, cast(Run.tags, String), Run.notes)
    return or_(*(like(column, text) for column in columns))


def tagged(tag: str) -> ColumnElement[bool]:
    """Whether the run has this tag, whatever its case. Tags lie as a JSON list of strings."""
    return like(cast(Run.tags, String), json.dumps(clean(tag), ensure_ascii=False))


def like(column: Any, part: str) -> ColumnElement[bool]:
    """Whether the column holds the part, as it is spelled: no sign of it is a wildcard."""
    escaped = clean(part).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    found: ColumnElement[bool] = column.ilike(f"%{escaped}%", escape="\\")
    return found


def _field(term: Field, value: str) -> ColumnElement[bool]:
    key, lower = term.key, value.lower()
    if key == "tag":
        return tagged(value)
    if key == "status":
        return _status(term, lower)
    if key in ("verdict", "doctor"):  # two names of one question
        lower = "healthy" if lower == "ok" else lower
        _known(term, lower, VERDICTS)
        none = ~exists().where(StoredDiagnosis.run_id == Run.id)
        said = exists().where(StoredDiagnosis.run_id == Run.id, StoredDiagnosis.verdict == lower)
        return none if lower == "none" else said
    if key == "finding":
        lower = lower.replace("_", "-")
        _known(term, lower, tuple(r.code for r in RULES))
        code = like(cast(StoredDiagnosis.body, String), f'"code":"{lower}"')
        return exists().where(StoredDiagnosis.run_id == Run.id, code)
    if key in ("parent", "id", "group"):
        column = {"parent": Run.parent, "id": Run.id, "group": Run.group}[key]
        return column == clean(value)
    if key in ("name", "note"):
        return like({"name": Run.name, "note": Run.notes}[key], value)
    exact = {"preset": Run.preset, "size": Run.size, "project": Run.project, "trainer": Run.trainer}[key]
    return func.lower(exact) == func.lower(clean(value))


def _status(term: Field, value: str) -> ColumnElement[bool]:
    _known(term, value, (*STATUSES, "active", "ended"))
    several: dict[str, Sequence[str]] = {"active": ACTIVE, "ended": tuple(ENDED)}
    return Run.status.in_(several.get(value, (value,)))


def _known(term: Field, value: str, known: Sequence[str]) -> None:
    if value not in known:
        close = query.near(value, known)
        said = f"{value!r:.40} is no {term.key}; there are {', '.join(known)}"
        if len(known) > 12:
            said = f"the doctor has no rule {value!r:.40}; its rules are on the doctor's page"
        raise BadQuery(said, f"{term.key}:{value}", term.at, f"{term.key}:{close}" if close else "")


def _comparison(session: Session, term: Comparison) -> ColumnElement[bool]:
    name = term.name
    if not term.summary and name in OWN:
        if term.number is None or not math.isfinite(term.number):
            raise BadQuery(f"{name} is a number", f"{name}{term.operator}{term.text}", term.at)
        return _held(cast(OWN[name], Float), term.operator, term.number)
    known = names(session)
    if not (name in known.series or name in known.knobs):
        known = names(session, fresh=True)
    if name in known.series and (term.summary or name not in known.knobs):
        return _series(term)
    if name in known.knobs and not term.summary:
        return _knob(session, term)
    usual = name if name in _VOCABULARY else _usual(name)
    if usual in known.series or usual in _VOCABULARY:
        return _series(replace(term, name=usual))  # by another name, or a series that nobody has reported yet
    possible = known.series if term.summary else (*known.knobs, *known.series)
    close = query.near(name, possible)
    what = "series" if term.summary else "knob or series"
    raise BadQuery(f"no run here has a {what} of this name", name, term.at, close)


def _usual(name: str) -> str:
    """A series' name in the vocabulary where this is one of its other names, with or without its group."""
    found = vocabulary.canonical(name)
    return vocabulary.canonical(name.rpartition("/")[2]) if found == name and "/" in name else found


def _held(column: Any, sign: str, number: float) -> ColumnElement[bool]:
    found: ColumnElement[bool] = _BY_SIGN[sign](column, number)
    return and_(column.is_not(None), found)


def _series(term: Comparison) -> ColumnElement[bool]:
    mine = (Series.run_id == Run.id, Series.name == clean(term.name), Series.count > 0)
    number = term.number
    if number is None:
        raise BadQuery(f"{term.name} is a series: it is compared with a number", term.text, term.at)
    summary = term.summary
    if summary == "best":
        better = vocabulary.describe(term.name).better or vocabulary.describe(_usual(term.name)).better
        if better not in ("down", "up"):
            said = f"nobody has said whether high or low is better for {term.name}; use min() or max()"
            raise BadQuery(said, f"best({term.name})", term.at)
        summary = "min" if better == "down" else "max"
    if summary in ("min", "max"):
        column = Series.low if summary == "min" else Series.high
        return (
            exists().where(*mine, _held(column, term.operator, number)) if math.isfinite(number) else false()
        )
    if not math.isfinite(number):
        if term.operator not in ("=", "!="):
            raise BadQuery(
                f"{term.text} is only equal or not", f"{term.name}{term.operator}{term.text}", term.at
            )
        here = Series.last_code == (NAN if math.isnan(number) else _CODE[number])
        return exists().where(*mine, here if term.operator == "=" else ~here)
    return exists().where(*mine, Series.last_code == 0, _held(Series.last_value, term.operator, number))


def paths(name: str) -> list[tuple[str, ...]]:
    """The ways in which a dotted name may lie in JSON: nested, flat, and what lies between, at most 16."""
    parts = name.split(".")
    if len(parts) > 5:
        return [tuple(parts), (name,)]
    out = []
    for cuts in itertools.product((True, False), repeat=len(parts) - 1):
        path = [parts[0]]
        for part, cut in zip(parts[1:], cuts, strict=True):
            if cut:
                path.append(part)
            else:
                path[-1] += f".{part}"
        out.append(tuple(path))
    return out


@dataclass(frozen=True)
class Leaf:
    """A place in the recipe's JSON, as this database asks for it."""

    kind: ColumnElement[Any]
    text: ColumnElement[Any]
    sqlite: bool

    @property
    def number(self) -> ColumnElement[Any]:
        """The value where it is a number, else NULL. CASE keeps a text from being cast, which PostgreSQL refuses."""
        kinds = ("integer", "real") if self.sqlite else ("number",)
        return case((self.kind.in_(kinds), cast(self.text, Float)), else_=None)

    def is_text(self, text: str) -> ColumnElement[bool]:
        """Whether it is this text, or the boolean or nothing of this name, whatever the case."""
        same = func.lower(cast(self.text, String)) == func.lower(clean(text))
        lower = text.lower()
        if lower in ("true", "false"):
            boolean = self.kind == lower if self.sqlite else and_(self.kind == "boolean", same)
            return or_(boolean, and_(self.kind.in_(("text", "string")), same))
        if lower in ("none", "null"):
            return or_(self.kind == "null", and_(self.kind.in_(("text", "string")), same))
        return and_(self.kind.in_(("text", "string")), same)


def leaves(session: Session, name: str) -> list[Leaf]:
    """The places where a knob may lie in a run's recipe."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    found = []
    for path in paths(name):
        if sqlite:
            spelled = "$" + "".join(f'."{part}"' for part in path)
            kind, text = func.json_type(Run.recipe, spelled), func.json_extract(Run.recipe, spelled)
        else:
            place = func.json_extract_path(Run.recipe, *path)
            kind, text = func.json_typeof(place), func.json_extract_path_text(Run.recipe, *path)
        found.append(Leaf(kind, text, sqlite))
    return found


def knob_number(session: Session, name: str) -> ColumnElement[Any]:
    """A knob's value as a number, NULL where it has none."""
    numbers = [leaf.number for leaf in leaves(session, name)]
    return func.coalesce(*numbers) if len(numbers) > 1 else numbers[0]


def _knob(session: Session, term: Comparison) -> ColumnElement[bool]:
    held: list[ColumnElement[bool]] = []
    there: list[ColumnElement[bool]] = []
    for leaf in leaves(session, term.name):
        there.append(leaf.kind.is_not(None))
        if term.number is not None and math.isfinite(term.number):
            held.append(_held(leaf.number, "=" if term.operator == "!=" else term.operator, term.number))
        if term.operator in ("=", "!="):
            held.append(func.coalesce(leaf.is_text(term.text), false()))
    if not held:
        raise BadQuery(f"no knob is {term.text}", f"{term.name}{term.operator}{term.text}", term.at)
    if term.operator == "!=":
        return and_(or_(*there), not_(func.coalesce(or_(*held), false())))
    return or_(*held)
