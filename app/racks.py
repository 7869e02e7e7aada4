"""Which charts a page shows and in which order: main ones, each sub-discriminator, all others by group."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from nashboard.vocabulary import GROUPS, TABLE, Series, describe

MAIN = (
    "loss/disc",
    "loss/feat",
    "eval/snr",
    "eval/si_sdr",
    "eval/amplitude",
    "eval/mel",
    "disc/grad_norm",
    "disc/sign_acc",
    "loss/gen",
)
SIGNS = "sign_acc"
SCORES = 6
_SUB = re.compile(r"disc/([^/]+)/(.+)")
_PART = re.compile(r"([a-z]+?)_?(\d+)(.*)")
_NAMES = {"mpd": "period {}", "stft": "STFT {}", "msd": "scale {}", "mrd": "window {}"}


@dataclass(frozen=True)
class Rack:
    """A named row of charts; ``small`` ones are small multiples."""

    key: str
    title: str
    charts: tuple[Series, ...]
    small: bool = False


@dataclass(frozen=True)
class Subs:
    """The sub-discriminators that these runs share: (series, short name) each."""

    keys: tuple[str, ...]
    title: str
    charts: tuple[tuple[Series, str], ...]


def main(have: Iterable[str], trainers: Collection[str]) -> tuple[Series, ...]:
    """The first charts. ``trainers`` are those of the runs that are ours; none for somebody else's program.

    The codec has a fixed set, in its frame before the first point. Other trainers have their losses, then the
    evaluations in which one direction is better, then what tells how D is; others what there is of all this.
    """
    names = set(have)
    if "codec" in trainers:
        return tuple(describe(n) for n in MAIN)
    scores = [row.name for row in TABLE if row.name in names and row.name.startswith("eval/") and row.better]
    first = [n for n in ("loss/disc", "loss/gen") if trainers or n in names]
    found = [
        *first,
        *scores[:SCORES],
        *(n for n in MAIN if n in names and n not in (*first, *scores[:SCORES])),
    ]
    return tuple(describe(n) for n in found or sorted(n for n in names if not _is_sign(n))[:6])


def _is_sign(name: str) -> bool:
    match = _SUB.fullmatch(name)
    return match is not None and match[2] == SIGNS


def others(have: Iterable[str], shown: Iterable[Series]) -> tuple[Rack, ...]:
    """All other series by the vocabulary's groups; those of sub-discriminators by what they measure."""
    left = sorted(set(have) - {row.name for row in shown})
    groups: dict[str, list[Series]] = {}
    parts: dict[str, list[Series]] = {}
    for name in left:
        match = _SUB.fullmatch(name)
        if match and not _is_sign(name):
            parts.setdefault(match[2], []).append(describe(name))
        elif not match:
            groups.setdefault(name.split("/", 1)[0] if "/" in name else "", []).append(describe(name))
    order = [*GROUPS, *sorted(g for g in groups if g not in GROUPS)]
    racks = [
        Rack(g or "none", GROUPS.get(g, g or "Without a group"), tuple(groups[g]))
        for g in order
        if g in groups
    ]
    for metric, rows in sorted(parts.items()):
        title = rows[0].title.split(":")[0] + " of each sub-discriminator"
        racks.append(
            Rack(f"disc-{metric}".replace(".", "-"), title, tuple(sorted(rows, key=_order)), small=True)
        )
    return tuple(racks)


def subs(have: Mapping[str, Iterable[str]], kinds: Mapping[str, str]) -> tuple[Subs, ...]:
    """Sign accuracy of each sub-discriminator, runs of the same parts side by side in one chart.

    ``have`` gives each key's series, ``kinds`` its discriminator in words.
    """
    by_parts: dict[tuple[str, ...], list[str]] = {}
    for key, series in have.items():
        parts = sorted(n.split("/")[1] for n in series if _is_sign(n))
        if parts:
            by_parts.setdefault(tuple(parts), []).append(key)
    found = []
    for names, keys in by_parts.items():
        charts = sorted((describe(f"disc/{p}/{SIGNS}") for p in names), key=_order)
        title = ", ".join(dict.fromkeys(kinds.get(k, "") for k in keys if kinds.get(k)))
        found.append(Subs(tuple(keys), title, tuple((row, short(row.name)) for row in charts)))
    return tuple(found)


def short(name: str) -> str:
    """A sub-discriminator in words: "mpd2" as "period 2", "stft2048" as "STFT 2048"."""
    match = _SUB.fullmatch(name)
    part = match[1] if match else name
    pieces = _PART.fullmatch(part)
    if pieces is None or pieces[1] not in _NAMES:
        return part
    number = int(pieces[2]) + 1 if pieces[1] == "msd" else pieces[2]
    return _NAMES[pieces[1]].format(number) + pieces[3].replace("_", " ")


def _order(row: Series) -> tuple[str, int, str]:
    match = _SUB.fullmatch(row.name)
    pieces = _PART.fullmatch(match[1]) if match else None
    return (pieces[1], int(pieces[2]), pieces[3]) if pieces else (row.name, 0, "")
