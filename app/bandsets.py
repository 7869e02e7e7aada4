"""Sets of bands: those of the library, which are files and cannot be changed, and those that somebody made.

A set that is edited gets a new version; the old ones stay and can be looked at and brought back. As JSON a set is
``{"format": "nashboard-bands", "name", "note", "bands": [{series, origin, source, x, points | low, high, …}]}``; the
fields of a band are those of `recipes.band.Band`.
"""

from __future__ import annotations

import json
import time as clock
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import clean
from app.errors import BadInput, Conflict, NotFound
from app.tables_bands import BandSet, BandVersion
from recipes import bands as library
from recipes.band import Band, band_from

FORMAT = "nashboard-bands"
MOST_NAME, MOST_NOTE, MOST_BANDS, MOST_POINTS, MOST_SETS = 120, 4000, 500, 2000, 500


@dataclass(frozen=True)
class Set:
    """A set at one version. ``kept``: 0 for the library's, else how many versions there are."""

    id: str
    name: str
    trainer: str
    bands: tuple[Band, ...]
    note: str = ""
    version: int = 0
    kept: int = 0
    always: bool = False
    updated: float | None = None
    change: str = ""

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of its bands, the firmest first."""
        return tuple(o for o in reversed(library.ORIGINS) if any(b.origin == o for b in self.bands))

    @property
    def series(self) -> tuple[str, ...]:
        """The series that it has bands of, in their order."""
        return tuple(dict.fromkeys(b.series for b in self.bands))

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs or logs that its bands come from."""
        return tuple(dict.fromkeys(r for b in self.bands for r in b.runs))

    def json(self) -> dict[str, Any]:
        """As it is exported."""
        rows = [_spelled(b) for b in self.bands]
        return {"format": FORMAT, "name": self.name, "note": self.note, "bands": rows}


def _spelled(band: Band) -> dict[str, Any]:
    """A band's fields without those that say nothing; `band_from` gives it back."""
    row = {k: v for k, v in band.to_dict().items() if k != "label" and v not in ("", None, [], {})}
    if band.points:
        for name in ("x_from", "x_to", "low", "high"):
            row.pop(name, None)
    return row


def shipped() -> list[Set]:
    """The library's sets, by file; a broken file is left out, as charts leave it out."""
    found = []
    for path in library.files():
        try:
            bands = tuple(library.load(path))
        except library.BadBands:
            continue
        if bands:
            found.append(_shipped(path.stem, bands))
    return found


@lru_cache(maxsize=64)
def _shipped(stem: str, bands: tuple[Band, ...]) -> Set:
    trainer = stem.split("-")[0]
    return Set(stem, stem.replace("-", " "), trainer, bands)


def listing(session: Session) -> list[Set]:
    """All sets at their newest version: made ones by name, then the library's."""
    return [*stored(session), *shipped()]


def stored(session: Session) -> list[Set]:
    """The sets that somebody made, by name; one query."""
    wanted = (
        select(BandSet, BandVersion)
        .join(BandVersion, (BandVersion.set_id == BandSet.id) & (BandVersion.version == BandSet.version))
        .order_by(BandSet.name)
    )
    return [_set(row, version) for row, version in session.execute(wanted)]


def get(session: Session, set_id: str, version: int = 0) -> Set:
    """A set, at a version or its newest. Raises `NotFound`."""
    for found in shipped():
        if found.id == set_id:
            return found
    row = _row(session, set_id)
    kept = session.get(BandVersion, (set_id, version or row.version))
    if kept is None:
        raise NotFound(
            f"{row.name} has no version {version}; it has 1 to {row.version}", code="unknown_version"
        )
    return _set(row, kept)


def versions(session: Session, set_id: str) -> list[BandVersion]:
    """All versions of a set, the newest first."""
    wanted = select(BandVersion).where(BandVersion.set_id == set_id).order_by(BandVersion.version.desc())
    return list(session.scalars(wanted))


def add(session: Session, name: str, bands: Sequence[Band], note: str = "", always: bool = False) -> Set:
    """A new set. Raises `BadInput`, or `Conflict` for a name that is taken."""
    name, now = checked_name(name), clock.time()
    _free(session, name)
    checked(bands)
    if len(stored(session)) >= MOST_SETS:
        raise BadInput(f"there are {MOST_SETS} sets of bands; delete some first", field="name")
    row = BandSet(
        id=uuid.uuid4().hex[:12], name=name, trainer=_trainer(bands), always=always, version=1, created=now, updated=now
    )  # fmt: skip
    session.add(row)
    session.flush()
    kept = _version(row, 1, now, note, "made", bands)
    session.add(kept)
    session.flush()
    return _set(row, kept)


def edit(
    session: Session,
    set_id: str,
    *,
    name: str | None = None,
    note: str | None = None,
    bands: Sequence[Band] | None = None,
    always: bool | None = None,
    change: str = "",
) -> Set:
    """A new version with what is given; a set of which nothing but ``always`` changes keeps its version.

    Raises:
        BadInput: what is given cannot be kept.
        Conflict: the library's set, or a name that is taken.
        NotFound: there is no such set.
    """
    row = _row(session, set_id)
    before = session.get_one(BandVersion, (row.id, row.version))
    now = clock.time()
    if always is not None:
        row.always = always
    old = _set(row, before)
    new_name = old.name if name is None else checked_name(name)
    new_bands = old.bands if bands is None else tuple(bands)
    new_note = old.note if note is None else _note(note)
    if new_name != old.name:
        _free(session, new_name)
        row.name = new_name
    if new_bands != old.bands or new_note != old.note or new_name != old.name:
        checked(new_bands)
        row.version, row.updated, row.trainer = row.version + 1, now, _trainer(new_bands)
        pairs = {"name": new_name != old.name, "note": new_note != old.note, "bands": new_bands != old.bands}
        what = [word for word, changed in pairs.items() if changed]
        before = _version(row, row.version, now, new_note, change or f"edited: {', '.join(what)}", new_bands)
        session.add(before)
    session.flush()
    return _set(row, before)


def remove(session: Session, set_id: str) -> None:
    """Deletes a set with its versions. Raises `NotFound`, or `Conflict` for one of the library."""
    session.delete(_row(session, set_id))


def read(text: str | bytes) -> tuple[str, str, list[Band]]:
    """(name, note, bands) of an exported set. Raises `BadInput` with the place and the way out."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as problem:
        where = (
            f"line {problem.lineno}: {problem.msg}"
            if isinstance(problem, json.JSONDecodeError)
            else "not text"
        )
        raise BadInput(
            f"the file is no JSON ({where}); give a file that was exported here", field="file"
        ) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise BadInput(f'the JSON is no set of bands: it needs "format": "{FORMAT}"', field="file")
    for key in data:
        if key not in ("format", "name", "note", "bands"):
            raise BadInput(
                f"there is no {key!r:.40} in a set of bands; there are name, note, bands", field="file"
            )
    if not isinstance(data.get("note", ""), str) or not isinstance(data.get("name", ""), str):
        raise BadInput("name and note of a set of bands are texts", field="file")
    rows = data.get("bands")
    if not isinstance(rows, list) or not rows:
        raise BadInput('"bands" must be a list of bands, and not an empty one', field="file")
    found = [parsed(row, f"band {n}") for n, row in enumerate(rows, 1)]
    checked(found)
    return data.get("name", ""), data.get("note", ""), found


def parsed(row: Any, where: str) -> Band:
    """A band from plain data. Raises `BadInput` that begins with ``where``."""
    if not isinstance(row, dict):
        raise BadInput(f"{where}: {row!r:.60} must be names with values", field="bands")
    try:
        return band_from({k: v for k, v in row.items() if k != "label" and v is not None})
    except (ValueError, TypeError, OverflowError) as problem:
        series = row.get("series")
        named = f"{where}, {series:.80}" if isinstance(series, str) else where
        raise BadInput(f"{named}: {problem}", field="bands") from None


def checked(bands: Sequence[Band]) -> None:
    """Raises `BadInput` for no band, too many, or too long ones."""
    if not bands:
        raise BadInput("a set needs one band or more", field="bands")
    if len(bands) > MOST_BANDS:
        raise BadInput(f"there are {len(bands)} bands; the limit is {MOST_BANDS}", field="bands")
    for band in bands:
        if len(band.points) > MOST_POINTS:
            raise BadInput(
                f"the band of {band.series} has {len(band.points)} points; the limit is {MOST_POINTS}",
                field="bands",
            )


def checked_name(name: str) -> str:
    """The name without blanks around it. Raises `BadInput`."""
    name = " ".join(name.split())
    if not name or not name.isprintable():
        raise BadInput("a set of bands needs a name that can be read", field="name")
    if len(name) > MOST_NAME:
        raise BadInput(f"the name has {len(name)} characters; the limit is {MOST_NAME}", field="name")
    return name


def _note(note: str) -> str:
    note = clean(note.strip())
    if len(note) > MOST_NOTE:
        raise BadInput(f"the note has {len(note)} characters; the limit is {MOST_NOTE}", field="note")
    return note


def _row(session: Session, set_id: str) -> BandSet:
    if any(s.id == set_id for s in shipped()):
        raise Conflict(
            f"{set_id} belongs to the library and stays as it is; copy it to change it", code="shipped"
        )
    row = session.get(BandSet, set_id)
    if row is None:
        raise NotFound(f"there are no bands {set_id!r:.40}; they may have been deleted", code="unknown_bands")
    return row


def _free(session: Session, name: str) -> None:
    if session.scalar(select(BandSet.id).where(BandSet.name == name)):
        raise Conflict(
            f"there are bands called {name!r} already; take another name", code="name_taken", field="name"
        )


def _trainer(bands: Sequence[Band]) -> str:
    found = {b.trainer for b in bands}
    return found.pop() if len(found) == 1 else ""


def _version(
    row: BandSet, version: int, now: float, note: str, change: str, bands: Sequence[Band]
) -> BandVersion:
    body = {"bands": [_spelled(b) for b in bands]}
    return BandVersion(
        set_id=row.id, version=version, created=now, note=_note(note), change=clean(change, 400), body=body
    )


def _set(row: BandSet, kept: BandVersion) -> Set:
    bands = tuple(band_from(b) for b in kept.body["bands"])
    return Set(
        row.id, row.name, row.trainer, bands, kept.note, kept.version, row.version, row.always, kept.created,
        kept.change,
    )  # fmt: skip
