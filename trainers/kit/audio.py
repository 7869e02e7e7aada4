"""Audio folders: found and decoded once. `trainers.kit.crops` splits and samples what this module reads.

Every file of a folder becomes a clip at one rate, mono or stereo, in a `Bank`, a single float32 array in
memory, or memory-mapped from the cache when it is large. Whatever cannot be used is named and passed over,
never silently; if nothing is left, `BadInput` says why.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from nashboard.reporter import Reporter
from trainers.kit import stereo
from trainers.kit.demo import cache_home, demo_folder, stereo_folder
from trainers.kit.errors import BadInput

Wave = NDArray[np.float32]
EXTENSIONS = (".wav", ".flac", ".ogg", ".mp3")
SILENT_PEAK = 1e-4  # -80 dBFS, three steps of 16 bits
FORMAT = 1
IN_MEMORY = 512 * 2**20  # bytes of decoded samples; a larger bank is memory-mapped


@dataclass(frozen=True)
class Clip:
    """A stretch of a file and its place in the bank. ``id`` is the path inside the folder, with slashes."""

    id: str
    speaker: str
    start: int
    length: int
    offset: int = 0


@dataclass(frozen=True)
class Skipped:
    """A file that is not used, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Bank:
    """All clips of a folder: ``samples`` is one array ``[total]``, of stereo ``[total, 2]``, at ``rate_hz``."""

    root: str
    rate_hz: int
    samples: Wave
    clips: tuple[Clip, ...]
    skipped: tuple[Skipped, ...]

    def wave(self, clip: Clip) -> Wave:
        """The samples ``[clip.length]`` or ``[clip.length, 2]`` of a clip; a view."""
        return self.samples[clip.start : clip.start + clip.length]


def tell(reporter: Reporter, bank: Bank, step: int) -> None:
    """Reports how many files of a bank were skipped, and names them with the reasons."""
    tell_skipped(reporter, bank.skipped, step)


def tell_skipped(reporter: Reporter, skipped: Sequence[Skipped], step: int) -> None:
    """Reports how many files were skipped, and names them with the reasons."""
    reporter.points(step, {"data/skipped": len(skipped)})
    if skipped:
        reporter.table("skipped_files", step, ["path", "reason"], [[s.path, s.reason] for s in skipped])
        print(f"{len(skipped)} files skipped, first {skipped[0].path}: {skipped[0].reason}")


def find(root: str) -> tuple[Path, list[str], list[Skipped]]:
    """The folder, the paths of its audio files inside it, sorted, and the subfolders that cannot be read.

    Raises:
        BadInput: for a folder that is missing, unreadable or without audio.
    """
    folder = Path(root)
    if not folder.exists():
        raise BadInput(f"data.root {root!r}: there is no such folder")
    if not folder.is_dir():
        raise BadInput(f"data.root {root!r} is a file; name the folder that holds it")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise BadInput(f"data.root {root!r} cannot be read: give yourself permission or name another folder")
    closed: list[OSError] = []
    paths = [
        (Path(where) / name).relative_to(folder).as_posix()
        for where, _, names in os.walk(folder, onerror=closed.append)
        for name in names
        if name.lower().endswith(EXTENSIONS) and not name.startswith(".")
    ]
    if not paths:
        raise BadInput(f"data.root {root!r} holds no wav, flac, ogg or mp3 file")
    return folder, sorted(paths), [Skipped(str(e.filename), f"folder: {e.strerror}") for e in closed]


def speakers(folder: Path) -> dict[str, str]:
    """{path: speaker} from ``manifest.csv`` (columns ``path`` and ``speaker``); empty where it gives none."""
    try:
        with open(folder / "manifest.csv", newline="", encoding="utf-8-sig") as f:
            rows = list(csv.DictReader(f))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise BadInput(f"{folder / 'manifest.csv'} cannot be read: {problem}") from problem
    return {
        row["path"].strip().replace("\\", "/"): row["speaker"].strip()
        for row in rows
        if row.get("path") and row.get("speaker")
    }


def decode(
    path: Path,
    rate_hz: int,
    *,
    shortest: int,
    rms: float,
    channels: int = 1,
    mono: str = "double",
    name: str = "",
) -> Wave | str:
    """One file as float32 at ``rate_hz``, set to the level ``rms`` (0: as it is).

    ``[T]`` with the channels averaged, or for two ``channels`` ``[T, 2]`` as `stereo.as_stereo` makes it of
    ``mono`` and ``name``.

    Returns:
        the samples, or the reason why the file cannot be used.
    """
    try:
        with soundfile.SoundFile(path) as f:
            found_hz = f.samplerate
            wave = f.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError, RuntimeError) as problem:
        return f"cannot be read: {str(problem).removeprefix(f'Error opening {str(path)!r}: ').rstrip('.')}"
    wave = wave.mean(axis=1) if channels == 1 else stereo.as_stereo(wave, name, mono)
    if not len(wave):
        return "empty: it holds no samples"
    bad = int(np.count_nonzero(~np.isfinite(wave)))
    if bad:
        return f"{bad} of {wave.size} samples are NaN or infinite"
    peak = float(np.abs(wave).max())
    if peak < SILENT_PEAK:
        return f"silent: its peak is {peak:.1e}"
    if found_hz != rate_hz:
        wave = soxr.resample(wave, found_hz, rate_hz)
    if len(wave) < shortest:
        return f"too short: {len(wave)} samples at {rate_hz} Hz, fewer than a crop of {shortest}"
    if rms:
        wave = wave * (rms / np.sqrt(np.mean(np.square(wave, dtype=np.float64))))
    return wave.astype(np.float32)


@dataclass(frozen=True)
class Folder:
    """What is to be decoded and how; ``shortest`` is the least length of a clip in samples."""

    path: Path
    files: list[str]
    speakers: dict[str, str]
    rate_hz: int
    shortest: int
    rms: float
    channels: int = 1
    mono: str = "double"

    def size(self) -> int:
        """Bytes of all samples once decoded, by the files' headers."""
        seconds = 0.0
        for name in self.files:
            try:
                seconds += soundfile.info(self.path / name).duration
            except (soundfile.LibsndfileError, OSError, RuntimeError):
                continue  # `decode` gives the reason
        return int(seconds * self.rate_hz) * 4 * self.channels

    def key(self) -> str:
        """Names the decoded content: changes with any file's size or time, and with how it is decoded."""
        facts = [
            (name, s.st_size, s.st_mtime_ns)
            for name, s in ((name, (self.path / name).stat()) for name in self.files)
        ]
        what = [FORMAT, str(self.path.resolve()), self.rate_hz, self.shortest, self.rms, facts, self.speakers]
        if self.channels > 1:
            what += [self.channels, self.mono]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:24]

    def decode(self, keep: Callable[[Wave], object]) -> tuple[tuple[Clip, ...], tuple[Skipped, ...]]:
        """Decodes all files in order and gives each wave to ``keep``."""
        clips: list[Clip] = []
        gone = (name for name in self.speakers if not (self.path / name).is_file())
        skipped = [Skipped(name, "named in manifest.csv, but not there") for name in gone]
        start = 0
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            for name, wave in zip(self.files, pool.map(self._one, self.files), strict=True):
                if isinstance(wave, str):
                    skipped.append(Skipped(name, wave))
                    continue
                clips.append(Clip(name, self.speakers.get(name, ""), start, len(wave)))
                start += len(wave)
                keep(wave)
        return tuple(clips), tuple(skipped)

    def _one(self, name: str) -> Wave | str:
        return decode(
            self.path / name,
            self.rate_hz,
            shortest=self.shortest,
            rms=self.rms,
            channels=self.channels,
            mono=self.mono,
            name=name,
        )


def load(
    root: str, rate_hz: int, *, shortest: int = 1, rms: float = 0.0, channels: int = 1, mono: str = "double"
) -> Bank:
    """Decodes a folder at ``rate_hz``; an empty ``root`` is the built-in demo speech. Channels as in `decode`.

    Raises:
        BadInput: as in `find`, if all files were skipped, or if the cache cannot be written.
    """
    if not root:
        demo = stereo_folder(rate_hz) if channels == 2 else demo_folder(rate_hz)
        return load(str(demo), rate_hz, shortest=shortest, rms=rms, channels=channels, mono=mono)
    path, files, closed = find(root)
    folder = Folder(path, files, speakers(path), rate_hz, shortest, rms, channels, mono)
    if folder.size() > IN_MEMORY:
        samples, clips, skipped = _mapped(folder)
    else:
        waves: list[Wave] = []
        clips, skipped = folder.decode(waves.append)
        samples = np.concatenate(waves) if waves else np.zeros(0, np.float32)
    if not clips:
        first = "; ".join(f"{s.path}: {s.reason}" for s in skipped[:3])
        more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
        raise BadInput(
            f"data.root {root!r}: none of its {len(skipped)} files can be used ({first}{more}); "
            "add other files, or lower data.crop where they are too short"
        )
    return Bank(root, rate_hz, samples, clips, (*closed, *skipped))


def _mapped(folder: Folder) -> tuple[Wave, tuple[Clip, ...], tuple[Skipped, ...]]:
    """The bank of a large folder from the cache, decoded into it first where it is not there yet."""
    final = cache_home() / "banks" / folder.key()
    try:
        if not (final / "clips.json").is_file():
            final.parent.mkdir(parents=True, exist_ok=True)
            making = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
            try:
                with open(making / "samples.f32", "wb") as out:
                    clips, skipped = folder.decode(lambda wave: out.write(wave.tobytes()))
                listed = {"clips": [asdict(c) for c in clips], "skipped": [asdict(s) for s in skipped]}
                (making / "clips.json").write_text(json.dumps(listed), encoding="utf-8")
                if not final.exists():  # else another trainer was first
                    making.rename(final)
            finally:
                shutil.rmtree(making, ignore_errors=True)
        listed = json.loads((final / "clips.json").read_text(encoding="utf-8"))
        mapped = bool(listed["clips"])
        samples: Wave = (
            np.memmap(final / "samples.f32", np.float32, "r") if mapped else np.zeros(0, np.float32)
        )
        if folder.channels > 1:
            samples = samples.reshape(-1, folder.channels)
    except OSError as problem:
        raise BadInput(
            f"the decoded audio cannot be kept in {final.parent}: {problem.strerror}; make room there, "
            "or set NASHBOARD_HOME to a folder with room"
        ) from problem
    return samples, tuple(Clip(**c) for c in listed["clips"]), tuple(Skipped(**s) for s in listed["skipped"])
