"""The language of the Runs search: words and conditions that all have to fit, read into terms.

    cgan disc.lr<2e-4 best(eval/pesq)>2.5 tag:paper -status:failed name:"two words"

A bare word is looked for in name, id, project, trainer, preset, tags and notes. ``key:value`` asks one of `FIELDS`,
``key:a,b`` is a or b. ``name<number`` (also <= > >= = !=) asks a knob by its dotted name or a series by its last
value; ``best()``, ``min()`` and ``max()`` ask a series over the whole run. A minus in front turns a condition round.
Quotes hold blanks and signs together; a backslash in quotes keeps the next character. `app.querysql` makes SQL of it.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.errors import BadInput

FIELDS = (
    "tag", "status", "finding", "verdict", "doctor", "preset", "size", "project", "trainer", "parent", "name", "note", "id",
    "group",
)  # fmt: skip
OPERATORS = ("<=", ">=", "!=", "<", ">", "=")
SUMMARIES = ("last", "best", "min", "max")
MAX_TERMS, MAX_LENGTH = 32, 2000
_NAME = re.compile(r"[^\s\"<>=!():]+")
_SUMMED = re.compile(r"([A-Za-z]+)\(([^\s\"<>=!():]*)\)")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
NOT_FINITE = {
    "nan": math.nan,
    "inf": math.inf,
    "infinity": math.inf,
    "-inf": -math.inf,
    "-infinity": -math.inf,
}


class BadQuery(BadInput):
    """A search that cannot be read: names the token, where it stands (from 1), and what is near."""

    def __init__(self, said: str, token: str, at: int, near: str = "") -> None:
        hint = f"; did you mean {near}?" if near else ""
        super().__init__(
            f"{token!r:.80} at character {at + 1}: {said}{hint}",
            code="bad_query", field="q", token=token[:80], position=at + 1, near=near,
        )  # fmt: skip


@dataclass(frozen=True)
class Word:
    """Text that some column of the run has to hold, whatever the case."""

    text: str
    at: int
    negated: bool = False


@dataclass(frozen=True)
class Field:
    """One of `FIELDS` and the values of which one has to fit."""

    key: str
    values: tuple[str, ...]
    at: int
    negated: bool = False


@dataclass(frozen=True)
class Comparison:
    """A knob or a series against a value. ``number`` is None where ``text`` is not one; ``summary`` "" asks either."""

    name: str
    operator: str
    text: str
    number: float | None
    at: int
    summary: str = ""
    negated: bool = False


Term = Word | Field | Comparison


def near(word: str, known: Iterable[str], so_near: float = 0.6) -> str:
    """The known name that is nearest to a word, "" where none is near."""
    by_case = {k.lower(): k for k in known}
    found = difflib.get_close_matches(word.lower(), by_case, 1, so_near)
    return by_case[found[0]] if found else ""


def parse(text: str) -> tuple[Term, ...]:
    """The terms of a search, in order. Raises `BadQuery`."""
    if len(text) > MAX_LENGTH:
        raise BadQuery(f"a search of {len(text)} characters; the limit is {MAX_LENGTH}", text[:20], 0)
    terms: list[Term] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if len(terms) == MAX_TERMS:
            raise BadQuery(f"more than {MAX_TERMS} conditions", text[at:].split()[0], at)
        term, at = _term(text, at)
        terms.append(term)
    return tuple(terms)


def _term(text: str, start: int) -> tuple[Term, int]:
    negated = text[start] == "-" and start + 1 < len(text) and not text[start + 1].isspace()
    at = start + negated
    if text[at] == '"':
        value, end = _quoted(text, at)
        return Word(value, start, negated), _apart(text, end, start)
    summed = _SUMMED.match(text, at)
    if summed:
        return _summed(text, start, summed, negated)
    found = _NAME.match(text, at)
    if found is None:
        token = _token(text, start)
        raise BadQuery('a name is missing before it; text with such signs goes in "quotes"', token, start)
    name, end = found.group(), found.end()
    if end < len(text) and text[end] == ":":
        return _field(text, start, name, end + 1, negated)
    if end < len(text) and text[end] in "<>=!":
        return _compared(text, start, name, "", end, negated)
    if end < len(text) and not text[end].isspace():
        raise BadQuery('text with signs or quotes in it goes in "quotes"', _token(text, start), start)
    return Word(name, start, negated), end


def _summed(text: str, start: int, found: re.Match[str], negated: bool) -> tuple[Term, int]:
    summary, name, end = found.group(1).lower(), found.group(2), found.end()
    if summary not in SUMMARIES:
        raise BadQuery(
            f"the summaries of a series are {', '.join(f'{s}()' for s in SUMMARIES)}", found.group(), start,
            f"{close}({name})" if (close := near(summary, SUMMARIES)) else "",
        )  # fmt: skip
    if not name:
        raise BadQuery(f"{summary}() needs a series, as in {summary}(eval/pesq)", found.group(), start)
    if end >= len(text) or text[end] not in "<>=!":
        raise BadQuery("a comparison is missing after it, as in >2.5", found.group(), start)
    return _compared(text, start, name, summary, end, negated)


def _compared(
    text: str, start: int, name: str, summary: str, end: int, negated: bool
) -> tuple[Comparison, int]:
    operator = next((o for o in OPERATORS if text.startswith(o, end)), "")
    if not operator:
        raise BadQuery("a lone ! compares nothing; not equal is !=", _token(text, start), start, f"{name}!=…")
    value, after = _value(text, end + len(operator), start)
    quoted = text[end + len(operator) : end + len(operator) + 1] == '"'
    number = None if quoted else _number(value)
    if number is None and (operator not in ("=", "!=") or summary):
        raise BadQuery(
            f"{value!r:.40} is no number; {operator} compares numbers, as in 0.3 or 2e-4",
            text[start:after],
            start,
        )
    return Comparison(name, operator, value, number, start, summary, negated), after


def _number(text: str) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    return NOT_FINITE.get(text.lower())


def _field(text: str, start: int, key: str, at: int, negated: bool) -> tuple[Field, int]:
    if key.lower() not in FIELDS:
        raise BadQuery(
            f'{key!r:.40} is nothing to filter by; there are {", ".join(FIELDS)} (text with a colon goes in "quotes")',
            _token(text, start), start, f"{close}:…" if (close := near(key, FIELDS)) else "",
        )  # fmt: skip
    values: list[str] = []
    while True:
        value, at = _value(text, at, start, stop=",")
        values.append(value)
        if at >= len(text) or text[at] != ",":
            return Field(key.lower(), tuple(values), start, negated), at
        at += 1


def _value(text: str, at: int, start: int, stop: str = "") -> tuple[str, int]:
    """The value at ``at``, quoted or up to a blank or a sign in ``stop``, and where it ends."""
    if at < len(text) and text[at] == '"':
        value, end = _quoted(text, at)
        return value, end if text[end : end + 1] and text[end] in stop else _apart(text, end, start)
    end = at
    while end < len(text) and not text[end].isspace() and text[end] not in stop:
        if text[end] == '"':
            raise BadQuery("quotes stand round a whole value", _token(text, start), start)
        end += 1
    if end == at:
        raise BadQuery("a value is missing after it", text[start:at], start)
    return text[at:end], end


def _quoted(text: str, at: int) -> tuple[str, int]:
    """The text in the quotes that open at ``at``, and where it goes on behind them."""
    out: list[str] = []
    end = at + 1
    while end < len(text):
        if text[end] == "\\" and end + 1 < len(text):
            end += 1
        elif text[end] == '"':
            if not out:
                raise BadQuery("nothing stands in the quotes", '""', at)
            return "".join(out), end + 1
        out.append(text[end])
        end += 1
    raise BadQuery("the quotes are not closed", text[at : at + 40], at)


def _apart(text: str, end: int, start: int) -> int:
    if end < len(text) and not text[end].isspace():
        raise BadQuery("a blank is missing after the quotes", _token(text, start), start)
    return end


def _token(text: str, start: int) -> str:
    return (text[start:].split(maxsplit=1) or [""])[0]


def quoted(value: str) -> str:
    """A value as the language spells it, in quotes where it needs them: what `parse` reads back as it was."""
    if value and not re.search(r"[\s\"\\,<>=!():]", value) and not value.startswith("-"):
        return value
    inner = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'
