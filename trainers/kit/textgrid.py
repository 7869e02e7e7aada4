"""Praat's TextGrid files, long and short text form: the intervals of one tier."""

from __future__ import annotations

import math
import re
from pathlib import Path

from trainers.kit.errors import BadInput

TIERS = ("phones", "phonemes", "phone", "phoneme", "MAU")
# A number, or a text in quotes, in which a quote is doubled: what is left of the long form without its labels.
TOKEN = re.compile(r'"((?:[^"]|"")*)"|(?<![\w\[])([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w\]])')


def intervals(path: Path) -> list[tuple[float, float, str]]:
    """(start, end, label) of each interval of the phones' tier, in seconds; labels may be empty.

    Raises:
        BadInput: for a file that is empty, no TextGrid, without such a tier, or with times out of order.
    """
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(f"{path} cannot be read: {getattr(problem, 'strerror', None) or problem}") from problem
    if not text.strip():
        raise BadInput(f"{path} is empty; a TextGrid has a tier of phones, or remove the file")
    tiers = _tiers([q.replace('""', '"') if q or not n else float(n) for q, n in TOKEN.findall(text)], path)
    for name in TIERS:
        if name in tiers:
            return _ordered(tiers[name], path, name)
    found = ", ".join(tiers) or "none"
    raise BadInput(f"{path} has no tier named {' or '.join(TIERS[:2])} (tiers: {found})")


def _tiers(tokens: list[str | float], path: Path) -> dict[str, list[tuple[float, float, str]]]:
    if tokens[:2] != ["ooTextFile", "TextGrid"]:
        raise BadInput(f"{path} is no TextGrid: it must begin with ooTextFile and TextGrid")
    tiers: dict[str, list[tuple[float, float, str]]] = {}
    at = 2
    while at < len(tokens):
        if tokens[at] not in ("IntervalTier", "TextTier"):
            at += 1
            continue
        kind, head = tokens[at], tokens[at + 1 : at + 5]
        if len(head) < 4 or not isinstance(head[0], str) or not isinstance(head[3], float):
            raise BadInput(f"{path}: the TextGrid breaks off in a tier's head")
        width = 3 if kind == "IntervalTier" else 2
        at += 5
        rows = tokens[at : at + width * int(head[3])]
        at += width * int(head[3])
        if kind == "TextTier":
            continue
        if len(rows) < width * int(head[3]):
            raise BadInput(f"{path}: the tier {head[0]!r} announces {int(head[3])} intervals and breaks off")
        each = [rows[i : i + 3] for i in range(0, len(rows), 3)]
        if any(isinstance(a, str) or isinstance(b, str) or not isinstance(c, str) for a, b, c in each):
            raise BadInput(f"{path}: the tier {head[0]!r} holds something else than times with labels")
        tiers[head[0]] = [(float(a), float(b), str(c)) for a, b, c in each]
    return tiers


def _ordered(rows: list[tuple[float, float, str]], path: Path, tier: str) -> list[tuple[float, float, str]]:
    if not any(label.strip() for _, _, label in rows):
        raise BadInput(f"{path}: the tier {tier!r} of the TextGrid is empty")
    before = 0.0
    for start, end, label in rows:
        if not (math.isfinite(end) and before - 1e-4 <= start <= end):
            raise BadInput(f"{path}: {label!r} from {start:g} to {end:g} s does not follow {before:g} s")
        before = end
    return rows
