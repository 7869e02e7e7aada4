"""Where a launch by page or API may read data from: only below the allowed roots, after resolving symlinks.

The command line is not bound by this; whoever has a shell can read the files anyway.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from recipes.base import BadRecipe, Problem, Recipe, knobs

AUDIO = frozenset({".wav", ".flac", ".ogg", ".mp3"})
KNOB = "data.root"
MOST_ENTRIES = 200_000


def check(recipe: Recipe, roots: Sequence[Path]) -> None:
    """Raise `BadRecipe` unless every path of the recipe is empty, or allowed and there.

    ``data.root`` must be a folder that holds what the trainer reads; any other path must exist.
    """
    wrong = []
    for knob in knobs(recipe):
        if knob.path and knob.value:
            reads = type(recipe).reads if knob.name == KNOB else ""
            if trouble := trouble_with(str(knob.value), roots, reads):
                wrong.append(Problem(knob.name, knob.value, trouble))
    if wrong:
        raise BadRecipe(wrong)


def trouble_with(value: str, roots: Sequence[Path], reads: str = "audio") -> str:
    """What is wrong with a path, or "". Nothing is said about paths outside the roots but that.

    ``reads``: what the folder must hold, ``audio`` or ``images``; "" for any file or folder.
    """
    if "\x00" in value:
        return f"{value!r} is no path"
    path = Path(value).expanduser()
    if not path.is_absolute():
        return f"{value!r} is not a full path; write it from the root, such as {_example(roots)}"
    try:
        real = path.resolve()
        allowed = [Path(root).expanduser().resolve() for root in roots]
    except (OSError, RuntimeError) as problem:
        return f"{value!r} cannot be followed: {problem}"
    if not any(real == root or real.is_relative_to(root) for root in allowed):
        if not allowed:
            return (
                f"{value!r} is not allowed: no data folder is. Start with `make run DATA=DIR`, or set "
                "NASHBOARD_DATA_ROOTS; empty means the built-in demo set"
            )
        listed = ", ".join(str(root) for root in roots)
        return (
            f"{value!r} is outside the allowed data folders ({listed}); "
            "allow it with `make run DATA=DIR` or NASHBOARD_DATA_ROOTS"
        )
    try:
        if not real.exists():
            return f"{value!r} does not exist"
        if not os.access(real, os.R_OK | (os.X_OK if real.is_dir() else 0)):
            return f"{value!r} cannot be read by the server's user; change its permissions"
        return _trouble_inside(value, real, reads) if reads else ""
    except OSError as problem:
        return f"{value!r} cannot be read: {problem.strerror or problem}"


def _trouble_inside(value: str, real: Path, reads: str) -> str:
    if not real.is_dir():
        return f"{value!r} is a file; name the folder that holds it"
    seen = 0
    for _, _, files in os.walk(real):
        seen += len(files)
        # sets of images come in files of many names, so any file will do; the trainer looks closer
        if files and (reads != "audio" or any(os.path.splitext(name)[1].lower() in AUDIO for name in files)):
            return ""
        if seen > MOST_ENTRIES:
            return f"{value!r} has no audio among its first {MOST_ENTRIES} files"
    if seen:
        return f"{value!r} holds {seen} files but no wav, flac, ogg or mp3"
    return (
        f"{value!r} is empty; put {'wav, flac, ogg or mp3 files' if reads == 'audio' else 'the data'} there"
    )


def _example(roots: Sequence[Path]) -> str:
    return str(roots[0]) if roots else "/data/speech"
