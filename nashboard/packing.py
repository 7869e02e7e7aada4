"""Packing run folders into a bundle, and a bundle's runs into folders: from journal and samples, no server needed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nashboard import __version__, journal
from nashboard import events as ev
from nashboard.bundle import BLOCK, SUFFIX, BadBundle, Bundle, Writer
from nashboard.content import Content
from nashboard.scrub import Scrubber

SAMPLE = "samples/{sha256}.{ext}"


@dataclass
class Told:
    """What was packed of a run, and what of it was not there."""

    id: str
    name: str = ""
    events: int = 0
    status: str = ""
    samples: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Packed:
    """The bundle that was written. ``found`` is what tells of the place (`Scrubber.told`), hidden where ``stripped``."""

    path: Path
    size: int
    runs: tuple[Told, ...]
    found: tuple[dict[str, Any], ...]
    stripped: bool


def pack(
    run_dirs: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str] | None = None,
    *,
    strip: bool = True,
    checkpoints: bool = False,
) -> Packed:
    """Writes the runs of these folders into one bundle at ``out``, by default named after the first folder.

    A run that still trains is packed as far as its journal is. A file that was there is replaced once all is written.

    Raises:
        BadBundle: a folder without a journal, one whose journal is damaged, or two of one run.
        OSError: a file that cannot be read or written.
    """
    folders = [Path(d) for d in run_dirs]
    target = Path(out) if out is not None else Path(f"{folders[0].resolve().name or 'run'}{SUFFIX}")
    if target.is_dir():
        raise BadBundle(
            f"{str(target)!r} is a folder: give the file to write, such as {target / 'run'}{SUFFIX}"
        )
    part = target.with_name(f"{target.name}.part")
    scrubber = Scrubber()
    told: list[Told] = []
    try:
        with part.open("wb") as file, Writer(file) as writer:
            rows = []
            for folder in folders:
                run, row = _folder(writer, folder, scrubber, strip, checkpoints)
                told.append(run)
                rows.append(row)
            writer.close(rows, by=f"nashboard {__version__}", stripped=strip)
        size = part.stat().st_size
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return Packed(target, size, tuple(told), tuple(scrubber.told()), strip)


def _folder(
    writer: Writer, folder: Path, scrubber: Scrubber, strip: bool, checkpoints: bool
) -> tuple[Told, dict[str, Any]]:
    try:
        begun = journal.started(folder)
    except FileNotFoundError:
        raise BadBundle(f"{str(folder)!r} holds no events.jsonl: give the folder of a run") from None
    except journal.BadJournal as problem:
        raise BadBundle(str(problem)) from None
    where = journal.path_of(folder).parent
    run, content = Told(begun.run, begun.name), Content()
    if f"runs/{run.id}/run.json" in writer.members:
        raise BadBundle(f"{str(folder)!r} is of run {run.id} again: give each run once")
    samples: dict[str, str] = {}
    kept: list[str] = []

    def lines() -> Iterator[bytes]:
        for number, line in journal.read(folder):
            try:
                data = ev.loads(line)
                event = ev.from_dict(data)
            except ev.UnknownKind:
                event = None
            except ev.BadEvent as problem:
                raise BadBundle(f"{journal.path_of(folder)}, line {number + 1}: {problem}") from None
            if data["seq"] != number:
                raise BadBundle(
                    f"{journal.path_of(folder)}, line {number + 1} has seq {data['seq']}, not {number}: a damaged journal"
                )
            run.events += 1
            match event:
                case None | ev.Points():
                    pass
                case ev.RunStarted() if event.run != run.id:
                    raise BadBundle(
                        f"{journal.path_of(folder)}, line {number + 1} is of run {event.run!r}, the others of {run.id!r}"
                    )
                case ev.SampleMade():
                    samples[event.sha256] = event.ext
                case ev.CheckpointSaved():
                    kept[:] = [*(event.kept or kept), event.path]
                case ev.RunEnded():
                    run.status = event.status
                case _:
                    pass
            if event is not None:
                content.take(event)
            if isinstance(event, ev.Points):
                yield line + b"\n"
                continue
            shown = scrubber.event(data)
            yield (ev.dumps(shown).encode() if strip else line) + b"\n"

    base = f"runs/{run.id}"
    writer.add(f"{base}/events.jsonl", lines())
    _samples(writer, where, samples, run)
    if checkpoints:
        _checkpoints(writer, where, kept, base, run)
    about = ev.to_dict(begun)
    for name in ("seq", "time", "kind", "run", "resumed_from"):
        del about[name]
    about = {"id": run.id, "status": run.status, "started": begun.time, **about}
    about |= {"recipe": begun.recipe, "environment": begun.environment}
    if strip:
        about = scrubber.event(about)
    writer.add(f"{base}/run.json", [ev.dumps(about).encode()])
    names = ("id", "name", "trainer", "preset", "size", "seed", "status")
    row = {n: about.get(n) for n in names}
    return run, row | {"events": run.events, "points": content.points, "content": content.digest()}


def _samples(writer: Writer, where: Path, samples: dict[str, str], run: Told) -> None:
    for digest, ext in samples.items():
        name = SAMPLE.format(sha256=digest, ext=ext)
        path = where / "samples" / f"{digest}.{ext}"
        if name in writer.members:
            run.samples.append(digest)
        elif _sound(path, digest):
            writer.add_file(name, path, packed=ext == "wav")
            run.samples.append(digest)
        else:
            run.missing.append(digest)


def _sound(path: Path, digest: str) -> bool:
    """Whether the file is there with the bytes that its name says."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while part := file.read(BLOCK):
                found.update(part)
    except OSError:
        return False
    return found.hexdigest() == digest


def _checkpoints(writer: Writer, where: Path, kept: Sequence[str], base: str, run: Told) -> None:
    """The checkpoints that are still there, by their own names; only files that lie in the run's folder."""
    root = where.resolve()
    for told in dict.fromkeys(kept):
        path = (where / told).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            continue
        name = f"{base}/checkpoints/{path.name}"
        if name not in writer.members:
            writer.add_file(name, path, packed=False)
            run.checkpoints.append(path.name)


def unpack(bundle: Bundle, folder: str | os.PathLike[str]) -> list[Path]:
    """The bundle's runs as run folders below ``folder``, each named by its id, for tools that read run folders.

    Names are made here, none is taken from the bundle. Raises `BadBundle`: a folder of that name is there already.
    """
    bundle.verify()
    made: list[Path] = []
    for run in bundle.runs:
        target = Path(folder) / run
        if target.exists():
            raise BadBundle(f"{str(target)!r} is there already: give another folder")
        used: dict[str, None] = {}
        for line in bundle.lines(run):
            if b'"sample_made"' in line:
                event = ev.decode(line)
                if isinstance(event, ev.SampleMade):
                    used[SAMPLE.format(sha256=event.sha256, ext=event.ext)] = None
        (target / "samples").mkdir(parents=True)
        _write(bundle, f"runs/{run}/events.jsonl", target / journal.NAME)
        have = set(bundle.names("samples/"))
        for name in used:
            if name in have:
                _write(bundle, name, target / name)
        for name in bundle.names(f"runs/{run}/checkpoints/"):
            (target / "checkpoints").mkdir(exist_ok=True)
            _write(bundle, name, target / "checkpoints" / name.rsplit("/", 1)[-1])
        made.append(target)
    return made


def _write(bundle: Bundle, name: str, path: Path) -> None:
    with path.open("xb") as file:
        for part in bundle.parts(name):
            file.write(part)
