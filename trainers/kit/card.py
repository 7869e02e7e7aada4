"""Data cards of audio: what a folder holds, measured on its files as they are, and what a person should know of it.

A trainer's hook (`trainers/<name>/card.py`) says which files it reads and on which side of its split each lies;
`audio` measures them and states problems. Nothing here is resampled, normalised or cut before it is measured.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from trainers.kit.audio import Clip, Skipped

FULL = 0.999
RUN = 3  # so many samples at full scale in a row are a flat top, fewer a peak
CLIPPED = 1e-4  # share of a file's samples in flat tops from which it counts as clipped
SILENT = 1e-4  # peak; -80 dBFS as in `trainers.kit.audio`
QUIET_DB = -60.0
MOSTLY = 0.8
FRAME_S = 0.02
BLOCK = 1 << 18
BUDGET_S = 90.0
MOST = 20_000
NAMED = 20
HEARD, HEARD_S = 6, 5.0
SIDES = ("train", "eval")
SPLIT_WORDS = (
    "train",
    "test",
    "eval",
    "val",
    "valid",
    "dev",
    "wav",
    "wavs",
    "clean",
    "noisy",
    "audio",
    "data",
)
BY_NAME = re.compile(r"((?:p|s|spk|speaker|id)?\d{2,6})[_-].+", re.IGNORECASE)


@dataclass(frozen=True)
class Item:
    """A file of the data: ``name`` inside the folder, ``side`` train or eval, "" for one that only takes part.

    ``sides`` of more than one side: a file that is cut in two.
    """

    name: str
    path: Path
    sides: tuple[str, ...]
    speaker: str = ""


@dataclass(frozen=True)
class Measured:
    """What a file is: ``clipped`` and ``quiet`` are shares of its samples and of its frames of 20 ms."""

    rate_hz: int
    channels: int
    seconds: float
    peak: float
    clipped: float
    quiet: float
    digest: str


@dataclass(frozen=True)
class Trouble:
    """Something that a person should know before training. ``level``: warn or fail; ``items`` name the first of them."""

    code: str
    level: str
    title: str
    text: str
    items: tuple[str, ...] = ()
    count: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "items": list(self.items[:NAMED]), "count": self.count or len(self.items)}


def measure(path: Path) -> Measured:
    """A file, read once in blocks. Raises `soundfile.LibsndfileError` or `OSError`."""
    sha = hashlib.sha256()
    peak, flat, quiet, frames, samples = 0.0, 0, 0, 0, 0
    with soundfile.SoundFile(path) as file:
        rate, channels = file.samplerate, file.channels
        frame = max(1, int(FRAME_S * rate))
        for wave in file.blocks(max(frame, BLOCK // frame * frame), dtype="float32", always_2d=True):
            sha.update(np.ascontiguousarray(wave, "<f4").tobytes())
            finite = np.nan_to_num(wave, nan=0.0, posinf=1.0, neginf=-1.0)
            level = np.abs(finite)
            peak = max(peak, float(level.max(initial=0.0)))
            flat += flat_tops(level)
            samples += level.size
            whole = len(finite) // frame
            if whole:
                power = np.square(finite[: whole * frame], dtype=np.float64).reshape(whole, -1).mean(1)
                quiet += int((power < 10 ** (QUIET_DB / 10)).sum())
                frames += whole
    seconds = samples / channels / rate if samples else 0.0
    sha.update(f"{rate} {channels}".encode())
    return Measured(
        rate, channels, seconds, peak, flat / samples if samples else 0.0,
        quiet / frames if frames else float(peak < SILENT), sha.hexdigest(),
    )  # fmt: skip


def flat_tops(level: np.ndarray) -> int:
    """How many samples of ``[T, channels]`` magnitudes lie in runs of `RUN` or more at full scale."""
    full = level >= FULL
    if not full.any():
        return 0
    found = 0
    for column in full.T:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], column.astype(np.int8), [0]])))
        lengths = edges[1::2] - edges[::2]
        found += int(lengths[lengths >= RUN].sum())
    return found


def items_of(root: Path, train: Iterable[Clip], held: Iterable[Clip], prefix: str = "") -> list[Item]:
    """The files of a split, each once; clips are stretches of them."""
    sides: dict[str, set[str]] = defaultdict(set)
    speakers: dict[str, str] = {}
    for side, clips in zip(SIDES, (train, held), strict=True):
        for clip in clips:
            sides[clip.id].add(side)
            speakers[clip.id] = clip.speaker
    return [
        Item(prefix + name, root / name, tuple(s for s in SIDES if s in sides[name]), speakers[name])
        for name in sorted(sides)
    ]


def guessed(items: Sequence[Item]) -> dict[str, str]:
    """{name: speaker} from folders or the beginning of file names, where both agree with speech corpora; else {}."""
    for how in (_folder_of, _prefix_of):
        found = {i.name: how(i.name) for i in items}
        counts = Counter(found.values())
        if all(found.values()) and len(counts) > 1 and max(counts.values()) > 1:
            return found
    return {}


def _folder_of(name: str) -> str:
    parts = [p for p in name.split("/")[:-1] if p.lower() not in SPLIT_WORDS]
    return parts[0] if parts else ""


def _prefix_of(name: str) -> str:
    match = BY_NAME.fullmatch(name.rsplit("/", 1)[-1])
    return match[1] if match else ""


@dataclass
class Found:
    """All that was measured of some files."""

    measured: dict[str, Measured] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    left: int = 0


def survey(items: Sequence[Item], budget_s: float = BUDGET_S) -> Found:
    """Measure files in an even order until the time is up; ``left`` counts those that it did not reach."""
    found, until = Found(), time.monotonic() + budget_s
    order = sorted(items, key=lambda i: hashlib.sha256(i.name.encode()).digest())
    for at, item in enumerate(order):
        if at >= MOST or (at and time.monotonic() > until):
            found.left = len(order) - at
            break
        try:
            found.measured[item.name] = measure(item.path)
        except (soundfile.LibsndfileError, OSError, RuntimeError) as problem:
            found.broken[item.name] = str(problem)
    return found


def audio(
    items: Sequence[Item], skipped: Sequence[Skipped], out: Path, *, rate_hz: int, budget_s: float = BUDGET_S
) -> dict[str, Any]:
    """The card of audio files: facts, counts, durations, troubles and clips to hear, which are written to ``out``."""
    found = survey(items, budget_s)
    known = found.measured
    troubles = [t for check in CHECKS for t in check(items, known)]
    troubles += speakers_in_both(items)
    if skipped:
        kinds = Counter(re.sub(r"\d[\d.e+-]*", "…", s.reason).split(":")[0] for s in skipped)
        told = ", ".join(f"{n} {kind}" for kind, n in kinds.most_common(4))
        names = tuple(f"{s.path}: {s.reason}" for s in skipped)
        troubles.append(Trouble("skipped", "warn", "Files that are not used", told, names, len(skipped)))
    rates = Counter(f"{m.rate_hz} Hz" for m in known.values())
    layouts = Counter(
        {1: "mono", 2: "stereo"}.get(m.channels, f"{m.channels} channels") for m in known.values()
    )
    spoken = Counter(i.speaker for i in items if i.speaker)
    seconds = {
        s: sum(known[i.name].seconds for i in items if i.name in known and s in i.sides) for s in SIDES
    }
    facts = [
        ["Rates", _told(rates)],
        ["Trained at", f"{rate_hz} Hz" + ("" if set(rates) <= {f"{rate_hz} Hz"} else ", resampled to it")],
        ["Channels", _told(layouts)],
        ["Speakers", f"{len(spoken)} named" if spoken else "none named"],
        ["Loudest peak", _db(max((m.peak for m in known.values()), default=0.0))],
        ["Silence", f"{100 * _mean([m.quiet for m in known.values()]):.0f} % of the frames below −60 dBFS"],
    ]
    return {
        "kind": "audio",
        "facts": facts,
        "counts": [
            ["Files", *(sum(s in i.sides for i in items) for s in SIDES)],
            ["Minutes", *(round(seconds[s] / 60, 2) for s in SIDES)],
        ],
        "durations": durations(items, known),
        "troubles": [t.to_dict() for t in troubles],
        "samples": heard(items, known, out),
        "measured": len(known),
        "found": len(items) + len(skipped),
        "left": found.left,
    }


def clipped(items: Sequence[Item], known: dict[str, Measured]) -> list[Trouble]:
    """Files with flat tops at full scale."""
    bad = sorted((m.clipped, n) for n, m in known.items() if m.clipped >= CLIPPED)[::-1]
    names = tuple(f"{n}: {100 * share:.2f} % of its samples" for share, n in bad)
    text = f"{len(bad)} of {len(known)} files have flat tops at full scale: distortion that a network learns to make."
    return [Trouble("clipped", "warn", "Clipped files", text, names, len(bad))] if bad else []


def silent(items: Sequence[Item], known: dict[str, Measured]) -> list[Trouble]:
    """Files without sound, or with little of it."""
    bad = sorted(n for n, m in known.items() if m.peak < SILENT)
    mostly = sorted(n for n, m in known.items() if m.peak >= SILENT and m.quiet > MOSTLY)
    found = []
    if bad:
        text = f"{len(bad)} of {len(known)} files stay below −80 dBFS."
        found.append(Trouble("silent", "warn", "Silent files", text, tuple(bad), len(bad)))
    if mostly:
        text = f"{len(mostly)} files are silent for more than {100 * MOSTLY:.0f} % of their length: many crops hold nothing."
        found.append(Trouble("quiet", "warn", "Mostly silent files", text, tuple(mostly), len(mostly)))
    return found


def twice(items: Sequence[Item], known: dict[str, Measured]) -> list[Trouble]:
    """Files with the same samples, and those among them on both sides of the split."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if item.name in known and known[item.name].peak >= SILENT:
            groups[known[item.name].digest].append(item)
    return same([g for g in groups.values() if len(g) > 1], "files", "samples")


def same(groups: Sequence[Sequence[Item]], what: str, content: str) -> list[Trouble]:
    """Troubles of groups of equal items."""
    across = [g for g in groups if len({s for i in g for s in i.sides}) > 1]
    within = [g for g in groups if g not in across]
    found = []
    if across:
        text = (
            f"{what.capitalize()} with the same {content} lie in training and in evaluation, {_groups(len(across))}: scores "
            "will look better than they are."
        )
        names = tuple(" = ".join(f"{i.name} ({'+'.join(i.sides)})" for i in g) for g in across)
        found.append(Trouble("leak", "fail", "The same in training and evaluation", text, names, len(across)))
    if within:
        extra = sum(len(g) - 1 for g in within)
        text = f"{extra} {what} repeat the {content} of another one on the same side of the split."
        names = tuple(" = ".join(i.name for i in g) for g in within)
        found.append(Trouble("duplicates", "warn", "Duplicates", text, names, len(within)))
    return found


def _groups(n: int) -> str:
    return "one group of them" if n == 1 else f"{n} groups of them"


CHECKS: tuple[Callable[[Sequence[Item], dict[str, Measured]], list[Trouble]], ...] = (twice, clipped, silent)


def speakers_in_both(items: Sequence[Item]) -> list[Trouble]:
    """Speakers on both sides of a split; one speaker alone is no leak, there is nobody else to hold out."""
    named = {i.name: i.speaker for i in items if i.speaker}
    guess = {} if named else guessed(items)
    who = named or guess
    if len(set(who.values())) < 2:
        return []
    sides: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if who.get(item.name):
            sides[who[item.name]] |= set(item.sides)
    bad = tuple(sorted(s for s, found in sides.items() if len(found) > 1))
    if not bad:
        return []
    how = (
        " as folders and file names tell them; a manifest.csv with path and speaker would keep them apart"
        if guess
        else ""
    )
    text = f"{len(bad)} of {len(sides)} speakers are in training and in evaluation{how}."
    return [Trouble("speakers", "warn", "Speakers on both sides of the split", text, bad, len(bad))]


def durations(items: Sequence[Item], known: dict[str, Measured]) -> dict[str, Any]:
    """Histogram of the files' seconds by side: ``{"edges", "train", "eval", "low", "middle", "high"}``."""
    every = np.array([m.seconds for m in known.values()])
    if not len(every):
        return {}
    edges = np.linspace(0, max(float(every.max()), 0.1), 25)
    by = {
        s: np.histogram([known[i.name].seconds for i in items if i.name in known and s in i.sides], edges)[
            0
        ].tolist()
        for s in SIDES
    }
    low, middle, high = (round(float(v), 3) for v in np.quantile(every, (0, 0.5, 1)))
    return {"edges": [round(float(e), 3) for e in edges], **by, "low": low, "middle": middle, "high": high}


def heard(items: Sequence[Item], known: dict[str, Measured], out: Path) -> list[dict[str, Any]]:
    """A few clips of at most 5 s, of both sides and the worst clipped one, as files in ``out``."""
    chosen: list[Item] = []
    for side, most in zip(SIDES, (HEARD - 2, 2), strict=True):
        mine = [i for i in items if i.name in known and side in i.sides and known[i.name].peak >= SILENT]
        chosen += [mine[k * len(mine) // most] for k in range(min(most, len(mine)))]
    worst = max(items, key=lambda i: known[i.name].clipped if i.name in known else 0.0, default=None)
    if worst is not None and worst.name in known and known[worst.name].clipped >= CLIPPED:
        chosen.insert(0, worst)
    told = []
    for at, item in enumerate(dict.fromkeys(chosen)):
        m = known[item.name]
        wave, _ = soundfile.read(item.path, frames=int(HEARD_S * m.rate_hz), dtype="float32", always_2d=True)
        soundfile.write(out / f"clip-{at}.wav", wave[:, :2], m.rate_hz, subtype="FLOAT")
        notes = [
            "+".join(item.sides),
            item.speaker,
            f"{m.rate_hz} Hz",
            f"{m.seconds:.1f} s",
            f"peak {_db(m.peak)}",
        ]
        notes += ["clipped"] if m.clipped >= CLIPPED else []
        told.append(
            {
                "file": f"clip-{at}.wav",
                "media": "audio",
                "ext": "wav",
                "name": item.name,
                "caption": ", ".join(n for n in notes if n),
            }
        )
    return told


def _told(counts: Counter[str]) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{name} ({n})" for name, n in counts.most_common(5)) or "none"


def _db(peak: float) -> str:
    return f"{20 * np.log10(peak):.1f} dBFS".replace("-", "−") if peak > 0 else "none"


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
