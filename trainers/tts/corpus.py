"""Folders of read speech in LJSpeech's layout: texts, recordings, and phonemes with durations where they are given.

    metadata.csv            id|text|normalised text, no header; the last column is what is said
    wavs/ID.wav             or .flac
    TextGrid/ID.TextGrid    optional, also beside the wavs or anywhere under TextGrid/
    durations/ID.json       optional: {"phones": [...], "seconds": [...]}
    durations.json          optional: {ID: {"phones": [...], "seconds": [...]}, …}

What does not fit is an error that names the file: nothing is passed over but recordings without a text.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes.tts import Data
from trainers.kit import textgrid
from trainers.kit.audio import Skipped
from trainers.kit.errors import BadInput
from trainers.kit.reading import checked
from trainers.tts.symbols import from_labels

ENDINGS = (".wav", ".flac")
SOURCES = {"textgrid": "TextGrid", "json": "JSON", "dtw": "DTW-aligned"}


@dataclass(frozen=True)
class Spoken:
    """A text and its recording; ``phonemes`` with their ``seconds``, both empty where they must be aligned."""

    id: str
    text: str
    path: Path
    phonemes: tuple[str, ...] = ()
    seconds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Corpus:
    """All utterances of a folder; ``source`` names where durations come from, ``stamp`` what was read."""

    folder: Path
    spoken: tuple[Spoken, ...]
    source: str
    skipped: tuple[Skipped, ...]
    stamp: tuple[Any, ...]


def read(data: Data, root: str) -> Corpus:
    """The folder ``root``. Raises `BadInput` for what is missing or does not fit, with file and value."""
    folder = Path(root)
    if not folder.is_dir():
        what = "is a file; name the folder that holds it" if folder.exists() else "there is no such folder"
        raise BadInput(f"data.root {root!r}: {what}")
    texts = _texts(folder)
    kind = _kind(folder, data.durations)
    given, files = _given(folder, kind)
    spoken = []
    for name, (text, line) in texts.items():
        path = next((p for e in ENDINGS if (p := folder / "wavs" / f"{name}{e}").is_file()), None)
        if path is None:
            raise BadInput(
                f"{folder / 'metadata.csv'}, line {line}: {name!r} has a text but no recording wavs/{name}.wav"
            )
        where = f"{folder / 'metadata.csv'}, line {line}"
        phonemes, seconds = given(name, where)
        spoken.append(Spoken(name, checked(text, where), path, tuple(phonemes), tuple(seconds)))
    extra = sorted(p for p in (folder / "wavs").iterdir() if p.suffix.lower() in ENDINGS)
    skipped = tuple(
        Skipped(f"wavs/{p.name}", "no text in metadata.csv") for p in extra if p.stem not in texts
    )
    used = [folder / "metadata.csv", *files, *(s.path for s in spoken)]
    stamp = tuple((str(p), s.st_size, s.st_mtime_ns) for p, s in ((p, p.stat()) for p in used))
    return Corpus(folder, tuple(spoken), SOURCES[kind], skipped, stamp)


def _texts(folder: Path) -> dict[str, tuple[str, int]]:
    """{id: (text, line)} of metadata.csv."""
    path = folder / "metadata.csv"
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise BadInput(f"data.root {str(folder)!r} holds no metadata.csv (id|text|normalised text)") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(f"{path} cannot be read: {problem}") from problem
    if not (folder / "wavs").is_dir():
        raise BadInput(f"data.root {str(folder)!r} holds no folder wavs with the recordings")
    texts: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, *columns = (c.strip() for c in line.split("|"))
        if not columns or not columns[-1]:
            raise BadInput(f"{path}, line {number}: {line[:60]!r} is not id|text or id|text|normalised text")
        if not name or "/" in name or "\\" in name or name.startswith("."):
            raise BadInput(f"{path}, line {number}: {name!r} is no name of a recording")
        if name in texts:
            raise BadInput(f"{path}, line {number}: {name!r} is there twice, first in line {texts[name][1]}")
        texts[name] = columns[-1], number
    if len(texts) < 2:
        raise BadInput(f"{path} has {len(texts)} texts; training and evaluation need one each")
    return texts


def _grids(folder: Path) -> dict[str, Path]:
    places = [folder / "TextGrid", folder / "textgrid", folder / "wavs"]
    found = [p for place in places for p in sorted(place.rglob("*")) if p.suffix.lower() == ".textgrid"]
    return {p.stem: p for p in found}


def _kind(folder: Path, asked: str) -> str:
    if asked != "auto":
        return asked
    if _grids(folder):
        return "textgrid"
    return "json" if (folder / "durations.json").is_file() or (folder / "durations").is_dir() else "dtw"


Given = Callable[[str, str], tuple[list[str], list[float]]]


def _given(folder: Path, kind: str) -> tuple[Given, list[Path]]:
    """(what gives an utterance its phonemes and seconds, the files that it reads)."""
    if kind == "dtw":
        return lambda name, where: ([], []), []
    if kind == "textgrid":
        grids = _grids(folder)

        def from_grid(name: str, where: str) -> tuple[list[str], list[float]]:
            if name not in grids:
                raise BadInput(f"{where}: {name!r} has no TextGrid/{name}.TextGrid, others have one")
            rows = textgrid.intervals(grids[name])
            first = [rows[0][0]] if rows[0][0] > 0 else []
            labels = [""] * len(first) + [label for _, _, label in rows]
            return from_labels(labels, str(grids[name])), [*first, *(b - a for a, b, _ in rows)]

        return from_grid, list(grids.values())
    one = folder / "durations.json"
    whole = _json(one) if one.is_file() else {}
    each = sorted((folder / "durations").glob("*.json")) if (folder / "durations").is_dir() else []

    def from_json(name: str, where: str) -> tuple[list[str], list[float]]:
        path = folder / "durations" / f"{name}.json"
        if not path.is_file() and name not in whole:
            raise BadInput(
                f"{where}: {name!r} has no durations, neither in durations.json nor durations/{name}.json"
            )
        found, source = (_json(path), str(path)) if path.is_file() else (whole[name], f"{one}, {name!r}")
        said: dict[str, Any] = found if isinstance(found, dict) else {}
        phones, seconds = said.get("phones") or [], said.get("seconds") or []
        lists = isinstance(phones, list) and isinstance(seconds, list)
        if not lists or not phones or not all(isinstance(p, str) for p in phones):
            raise BadInput(f'{source}: it must hold lists "phones" and "seconds" that are not empty')
        if len(phones) != len(seconds):
            raise BadInput(f"{source}: {len(phones)} phones and {len(seconds)} seconds; one belongs to each")
        bad = next(
            (s for s in seconds if isinstance(s, bool) or not isinstance(s, int | float) or not s >= 0), None
        )
        if bad is not None:
            raise BadInput(f"{source}: {bad!r} is no duration in seconds")
        return from_labels(phones, source), [float(s) for s in seconds]

    return from_json, ([one] if whole else []) + each


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise BadInput(f"{os.fspath(path)} cannot be read: {problem}") from problem
