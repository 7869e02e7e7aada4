"""Run bundles: runs in one file (``.nashboard.zip``) that any Nashboard opens.

A zip with ``manifest.json`` (format, version, the runs, sha256 and size of every other member),
``runs/<id>/events.jsonl``, ``runs/<id>/run.json``, for a bundle made by a server ``runs/<id>/findings.json``,
``samples/<sha256>.<ext>`` of all runs, and where asked ``runs/<id>/checkpoints/<name>``.

A bundle comes from somebody else. Nothing is ever unpacked to a name that it gives, and number, size and compression
of its members are limited before anything is read; sizes and digests are checked while it is.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from nashboard.events import MAX_LINE
from nashboard.strict import BadEvent, dumps, loads

FORMAT, VERSION, SUFFIX = "nashboard-bundle", 1, ".nashboard.zip"
MANIFEST = "manifest.json"
BLOCK = 256 * 1024
NAME = re.compile(
    r"samples/[0-9a-f]{64}\.[a-z0-9]{1,10}"
    r"|runs/[A-Za-z0-9_-]{1,32}/(?:events\.jsonl|run\.json|findings\.json|checkpoints/[\w][\w.+=@-]{0,200})"
)


@dataclass(frozen=True)
class Limits:
    """What a bundle may be: members, bytes unpacked, a member's compression where it is larger than ``small``."""

    members: int = 50_000
    directory: int = 8 * 1024 * 1024
    unpacked: int = 32 * 1024**3
    text: int = 32 * 1024 * 1024
    ratio: int = 200
    small: int = 16 * 1024 * 1024


LIMITS = Limits()


class BadBundle(ValueError):
    """A file that is no bundle that can be opened; the message is one line that names it and what is wrong."""


class Writer:
    """Writes a bundle to ``file``, a member at a time; `close` adds the manifest, without which it is none."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True)
        self.members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, parts: Iterable[bytes], *, packed: bool = True) -> int:
        """A member of these bytes; ``packed``: compressed. Its size."""
        if NAME.fullmatch(name) is None:
            raise BadBundle(f"{name!r:.120} cannot be a member of a bundle")
        digest, size = hashlib.sha256(), 0
        with self._zip.open(_info(name, packed), "w", force_zip64=True) as file:
            for part in parts:
                file.write(part)
                digest.update(part)
                size += len(part)
        self.members[name] = {"sha256": digest.hexdigest(), "size": size}
        return size

    def add_file(self, name: str, path: Path, *, packed: bool = True) -> int:
        """A member with a file's bytes. Raises OSError where it cannot be read."""
        with path.open("rb") as file:
            return self.add(name, iter(lambda: file.read(BLOCK), b""), packed=packed)

    def close(self, runs: list[dict[str, Any]], **about: Any) -> None:
        """Writes the manifest and the end."""
        manifest = {"format": FORMAT, "version": VERSION, "made": round(time.time(), 3), **about,
                    "runs": runs, "members": self.members}  # fmt: skip
        with self._zip.open(_info(MANIFEST, True), "w") as file:
            file.write(dumps(manifest).encode())
        self._zip.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError, ValueError):  # what is broken off here has no manifest: it is no bundle
            self._zip.close()


def _info(name: str, packed: bool) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    info.external_attr = 0o644 << 16
    return info


class Bundle:
    """Opens a bundle and reads its manifest; ``label`` is what messages call it.

    Raises:
        BadBundle: no zip, cut short, no bundle, of a newer version, or more than ``limits`` allow.
        OSError: the file cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str], label: str = "", limits: Limits = LIMITS) -> None:
        self.label, self._limits = label or Path(path).name, limits
        self._file = open(path, "rb")  # noqa: SIM115 (closed by `close`)
        try:
            self._end()
            try:
                self._zip = zipfile.ZipFile(self._file)
            except (zipfile.BadZipFile, ValueError, RuntimeError, struct.error) as problem:
                raise self._bad(f"is cut short or damaged ({problem})") from None
            self._infos = self._checked()
            self.manifest = self._manifest()
        except BaseException:
            self._file.close()
            raise

    @property
    def runs(self) -> list[str]:
        """The ids of the runs in it."""
        return [run["id"] for run in self.manifest["runs"]]

    def names(self, under: str = "") -> list[str]:
        """The members whose names begin so."""
        return [name for name in self._infos if name.startswith(under)]

    def size(self, name: str) -> int:
        """A member's bytes, unpacked."""
        return self._infos[name].file_size

    def parts(self, name: str) -> Iterator[bytes]:
        """A member's bytes, block by block; its size and digest are known to be right once they have all come."""
        told = self.manifest["members"][name]
        digest, size = hashlib.sha256(), 0
        for part in self._read(name):
            size += len(part)
            if size > told["size"]:
                raise self._bad(f"has more bytes in {name} than its manifest says ({told['size']})")
            digest.update(part)
            yield part
        if size != told["size"] or digest.hexdigest() != told["sha256"]:
            raise self._bad(f"is damaged: the bytes of {name} are not those that its manifest names")

    def verify(self) -> None:
        """Reads every member once. Raises `BadBundle` for the first that is not what the manifest says."""
        for name in self._infos:
            for _ in self.parts(name):
                pass

    def lines(self, run: str) -> Iterator[bytes]:
        """The lines of a run's journal, without their ends; a line longer than a journal's may be is refused."""
        name, rest = f"runs/{run}/events.jsonl", b""
        for part in self.parts(name):
            *whole, rest = (rest + part).split(b"\n")
            if len(rest) > MAX_LINE:
                raise self._bad(f"has a line of more than {MAX_LINE} bytes in {name}")
            yield from whole
        if rest:
            raise self._bad(f"has a torn last line in {name}")

    def about(self, run: str) -> dict[str, Any]:
        """A run's ``run.json``."""
        found = self._object(f"runs/{run}/run.json", b"".join(self.parts(f"runs/{run}/run.json")))
        if not isinstance(found, dict):
            raise self._bad(f"holds no object in runs/{run}/run.json")
        return found

    def close(self) -> None:
        self._zip.close()
        self._file.close()

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _bad(self, what: str) -> BadBundle:
        return BadBundle(f"{self.label!r:.120} {what}")

    def _end(self) -> None:
        """Looks at the zip's last record before anything is read by it: its directory is held in memory whole."""
        self._file.seek(0, os.SEEK_END)
        size = self._size = self._file.tell()
        reach = min(size, 65_557)
        self._file.seek(size - reach)
        tail = self._file.read(reach)
        self._file.seek(0)
        head = self._file.read(4)
        self._file.seek(0)
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < 22:
            if head == b"PK\x03\x04":
                raise self._bad("is cut short: the zip has no end; copy it again")
            raise self._bad(f"is no bundle: not a zip file; `nashboard pack` makes one (…{SUFFIX})")
        _, _, _, members, directory = struct.unpack_from("<HHHHI", tail, at + 4)
        wide = at - 76  # a large zip's own record stands there, its locator of 20 bytes between the two
        if wide >= 0 and tail[wide : wide + 4] == b"PK\x06\x06":
            members, directory = struct.unpack_from("<QQ", tail, wide + 32)
        elif members == 0xFFFF or directory == 0xFFFFFFFF:
            raise self._bad("is damaged: the zip's end cannot be read")
        self._within(members, directory)

    def _within(self, members: int, directory: int) -> None:
        limits = self._limits
        if members > limits.members or directory > limits.directory:
            raise self._bad(f"has {members} members; the limit is {limits.members}: pack fewer runs at once")

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        """The members by name, after all that their directory says of them was looked at."""
        limits, found = self._limits, {}
        infos = self._zip.infolist()
        self._within(len(infos), 0)
        total = sum(i.file_size for i in infos)
        if sum(i.compress_size for i in infos) > self._size:
            raise self._bad("is damaged: its members lie over one another")
        if total > limits.unpacked:
            raise self._bad(
                f"unpacks to {total} bytes; the limit is {limits.unpacked}: pack fewer runs at once"
            )
        for info in infos:
            name = info.filename
            if name in found:
                raise self._bad(f"has two members called {name!r:.120}")
            if name != MANIFEST and NAME.fullmatch(name) is None:
                raise self._bad(f"holds {name!r:.120}, which no bundle holds: nothing of it was opened")
            if info.flag_bits & 1:
                raise self._bad("is encrypted; a bundle is not")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self._bad(f"packs {name} in a way that a bundle does not (method {info.compress_type})")
            if info.file_size > limits.small and info.file_size > limits.ratio * max(info.compress_size, 1):
                raise self._bad(
                    f"packs {info.file_size} bytes of {name} into {info.compress_size}: more than "
                    f"{limits.ratio} to 1 is taken for a bomb"
                )
            if name.endswith(".json") and info.file_size > limits.text:
                raise self._bad(f"has {info.file_size} bytes in {name}; the limit is {limits.text}")
            found[name] = info
        return found

    def _manifest(self) -> dict[str, Any]:
        info = self._infos.pop(MANIFEST, None)
        if info is None:
            raise self._bad(f"is no bundle: it has no {MANIFEST}")
        found = self._object(MANIFEST, b"".join(self._read(MANIFEST, info)))
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise self._bad(f"is no bundle: its {MANIFEST} does not say {FORMAT}")
        version = found.get("version")
        if version != VERSION:
            raise self._bad(
                f"is a bundle of version {version!r:.20}; this Nashboard opens version {VERSION}: update it"
            )
        members, runs = found.get("members"), found.get("runs")
        if not isinstance(members, dict) or not isinstance(runs, list) or not runs:
            raise self._bad(f"is no bundle: its {MANIFEST} lists no runs or no members")
        for name, told in members.items():
            fits = (
                isinstance(told, dict)
                and type(told.get("size")) is int
                and isinstance(told.get("sha256"), str)
            )
            if not fits:
                raise self._bad(f"says nothing sound of {name!r:.120} in its {MANIFEST}")
        if odd := sorted(set(members) ^ set(self._infos)):
            where = "is missing" if odd[0] in members else f"is not in its {MANIFEST}"
            raise self._bad(f"is damaged: {odd[0]!r:.120} {where}")
        ids = [run.get("id") if isinstance(run, dict) else None for run in runs]
        for run in ids:
            if not isinstance(run, str) or f"runs/{run}/events.jsonl" not in members:
                raise self._bad(f"lists a run {run!r:.40} without a journal")
            if f"runs/{run}/run.json" not in members:
                raise self._bad(f"lists a run {run!r:.40} without its run.json")
        if len(set(ids)) != len(ids):
            raise self._bad("lists a run twice")
        return found

    def _read(self, name: str, info: zipfile.ZipInfo | None = None) -> Iterator[bytes]:
        try:
            with self._zip.open(info or self._infos[name]) as file:
                while part := file.read(BLOCK):
                    yield part
        except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError) as problem:
            if isinstance(problem, BadBundle):
                raise
            raise self._bad(f"is damaged in {name} ({problem})") from None
        except zlib.error as problem:
            raise self._bad(f"is damaged in {name} ({problem})") from None

    def _object(self, name: str, data: bytes) -> Any:
        try:
            return loads(data)
        except (BadEvent, UnicodeDecodeError) as problem:
            raise self._bad(f"holds no JSON in {name} ({problem!s:.120})") from None
