"""Folders below the allowed roots that the launch form suggests, with how much audio lies in each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app import words
from app.dataroots import AUDIO

DEEP, MOST, MOST_ENTRIES = 2, 30, 5000


@dataclass(frozen=True)
class Folder:
    """A folder with audio directly in it; ``note`` says how many files, by their names alone."""

    path: str
    note: str


def suggested(roots: Sequence[Path]) -> tuple[Folder, ...]:
    """At most 30 folders with audio, roots first, each branch at most 2 deep; unreadable ones are left out."""
    found: list[Folder] = []
    for root in roots:
        for path, files, more in _walk(root, 0):
            if files:
                found.append(
                    Folder(str(path), f"{words.count(files)}{' or more' if more else ''} audio files")
                )
            if len(found) == MOST:
                return tuple(found)
    return tuple(found)


def _walk(folder: Path, depth: int) -> Iterator[tuple[Path, int, bool]]:
    """(folder, audio files, whether counting was cut) of a folder and those below it, links not followed."""
    files, below, more = 0, [], False
    try:
        with os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number == MOST_ENTRIES:
                    more = True
                    break
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    below.append(Path(entry.path))
                elif os.path.splitext(entry.name)[1].lower() in AUDIO:
                    files += 1
    except OSError:
        return
    yield folder, files, more
    if depth < DEEP:
        for child in sorted(below):
            yield from _walk(child, depth + 1)
