"""The bands of each trainer: what was claimed, published and measured, from the files in ``recipes/bands``.

``TRAINER-claimed.yaml`` and ``TRAINER-published.yaml`` are written by hand, ``TRAINER-measured.yaml`` by
`save` from the envelopes of reference runs, ``TRAINER-published-logs.yaml`` and ``TRAINER-log-NAME.yaml`` by
`recipes.publishedlogs` from public logs; the last are drawn only where somebody asks for them. A file holds
``tables``: what their bands share, then the bands.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from recipes.band import ORIGINS, Band, Point, band_from, impossible
from recipes.envelopes import measure
from recipes.verdicts import Verdict, verdict

__all__ = [
    "ORIGINS",
    "BadBands",
    "Band",
    "Point",
    "Verdict",
    "claimed_points",
    "files",
    "impossible",
    "library",
    "load",
    "measure",
    "save",
    "verdict",
]

FOLDER = Path(__file__).parent / "bands"


class BadBands(ValueError):
    """A file of bands that cannot be used; the message names the file and the entry."""


def library(trainer: str, preset: str | None = None, size: str | None = None) -> list[Band]:
    """The bands of a trainer, claimed first and measured last.

    Claimed and published ones are the whole trainer's; measured ones only those of ``size`` (none without a
    size), and of ``preset`` where one is given.
    """
    found = []
    for origin in ORIGINS:
        for band in _bands(trainer, origin):
            theirs = origin != "measured" or (band.size == size and preset in (None, band.preset))
            if theirs:
                found.append(band)
    return found


def claimed_points(trainer: str, series: str | None = None) -> list[Point]:
    """Values that the trainer's document says were logged; all, or those of one series."""
    path = FOLDER / f"{trainer}-claimed.yaml"
    if not path.is_file():
        return []
    return [p for p in _read(path, _stamp(path))[1] if series in (None, p.series)]


def load(path: Path | str) -> list[Band]:
    """The bands of a file. Raises `BadBands` with the file and the entry."""
    path = Path(path)
    try:
        stamp = _stamp(path)
    except OSError as error:
        raise BadBands(f"{path}: cannot be read: {error.strerror}") from None
    return list(_read(path, stamp)[0])


HEAD = "Written from the journals of the runs that each table names; make them anew, do not edit."


def save(bands: Iterable[Band], path: Path | str, head: str = HEAD) -> None:
    """Write bands and the runs that they come from; `load` gives them back. The file is replaced whole.

    ``head`` stands in a comment above them.
    """
    path = Path(path)
    tables: dict[tuple[Any, ...], dict[str, Any]] = {}
    shared = ("origin", "trainer", "preset", "size", "x", "source", "side", "name", "data", "runs")
    for band in bands:
        row = {k: v for k, v in band.to_dict().items() if k != "label"}
        same = {k: row.pop(k) for k in shared}
        table = tables.setdefault(tuple(str(v) for v in same.values()), {**same, "bands": []})
        if band.points:
            for name in ("x_from", "x_to", "low", "high"):
                del row[name]
        table["bands"].append({k: v for k, v in row.items() if v not in ("", None, [], {})})
    rows = [{k: v for k, v in table.items() if v not in ("", [])} for table in tables.values()]
    text = f"# {head}\n" + yaml.safe_dump(
        {"tables": rows}, sort_keys=False, width=110, default_flow_style=None
    )
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text, "utf-8")
    os.replace(beside, path)


def files() -> list[Path]:
    """The files of the library, by name."""
    return sorted(FOLDER.glob("*.yaml"))


def _bands(trainer: str, origin: str) -> list[Band]:
    paths = [FOLDER / f"{trainer}-{origin}.yaml"]
    if origin == "published":
        paths.insert(0, FOLDER / f"{trainer}-published-logs.yaml")
    found = [b for path in paths if path.is_file() for b in _read(path, _stamp(path))[0]]
    return [b for b in found if b.origin == origin]


def _stamp(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_mtime_ns, about.st_size


@lru_cache(maxsize=64)
def _read(path: Path, stamp: tuple[int, int]) -> tuple[tuple[Band, ...], tuple[Point, ...]]:
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadBands(f"{path}: {' '.join(str(error).split())}") from None
    tables = data.get("tables") if isinstance(data, dict) else None
    if not isinstance(tables, list):
        raise BadBands(f"{path}: there must be a list of tables")
    bands: list[Band] = []
    points: list[Point] = []
    for number, table in enumerate(tables, 1):
        where = f"{path}, table {number}"
        if not isinstance(table, dict):
            raise BadBands(f"{where}: it must be names with values")
        shared = {k: v for k, v in table.items() if k not in ("bands", "logged")}
        mine = [_entry(where, row, shared, band_from) for row in table.get("bands") or []]
        bands += _with_impossible(mine)
        points += [_entry(where, row, _for_point(shared), _point) for row in table.get("logged") or []]
    return tuple(bands), tuple(points)


def _entry(where: str, row: Any, shared: dict[str, Any], make: Any) -> Any:
    if not isinstance(row, dict):
        raise BadBands(f"{where}: {row!r} must be names with values")
    try:
        return make({**shared, **row})
    except (ValueError, TypeError) as error:
        raise BadBands(f"{where}, {row.get('series', 'an entry without series')}: {error}") from None


def _for_point(shared: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in shared.items() if k in ("source", "note", "side")}


def _point(values: dict[str, Any]) -> Point:
    return Point(**{("x" if k == "epoch" else k): v for k, v in values.items()})


def _with_impossible(bands: list[Band]) -> list[Band]:
    """Claimed SNR ranges with a note where the amplitude that the same table claims forbids them."""
    amplitude = {(b.x, b.x_to): b for b in bands if b.series == "eval/amplitude" and b.origin == "claimed"}
    out = []
    for band in bands:
        beside = amplitude.get((band.x, band.x_to)) if band.series == "eval/snr" else None
        note = _forbidden(band, beside) if beside else ""
        out.append(_noted(band, note) if note else band)
    return out


def _forbidden(snr: Band, amplitude: Band) -> str:
    low, high = sorted((impossible(amplitude.low), impossible(amplitude.high)))
    if snr.high <= low + 0.05:
        return ""
    ends = f"at {amplitude.low:g} % amplitude no output exceeds {impossible(amplitude.low):.1f} dB SNR"
    ends += f", at {amplitude.high:g} % {impossible(amplitude.high):.1f} dB"
    claim = f"{snr.low:g} to {snr.high:g} dB at {amplitude.low:g} to {amplitude.high:g} % amplitude"
    if snr.low > high:
        return f"Impossible: {claim} is claimed, but {ends}."
    return f"Impossible in part: {claim} is claimed, but {ends}."


def _noted(band: Band, note: str) -> Band:
    values = {**band.to_dict(), "x_to": band.x_to, "low": band.low, "high": band.high}
    values.pop("label")
    return band_from({**values, "note": f"{band.note} {note}".strip()})
