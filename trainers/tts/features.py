"""Mel magnitudes, F0, energy and durations in frames of a corpus: computed once, kept in the cache.

A cache entry is a folder of float32 files, memory-mapped, and an index. It is named by all that it depends on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray

from recipes.tts import Data, Mel, Tts
from trainers.kit import dsp, dtw, f0
from trainers.kit.audio import Skipped
from trainers.kit.demo import cache_home
from trainers.kit.errors import BadInput
from trainers.kit.reading import PAUSE, Reading, read_aloud
from trainers.tts import corpus, demo
from trainers.tts.corpus import Corpus, Spoken

VERSION = 2
LATE = 0.1  # seconds by which durations may end after the recording
EARLY = 1.0  # … or before it; the rest is a pause
Wave = NDArray[np.float32]


@dataclass(frozen=True)
class Utterance:
    """One recording: its phonemes with durations in frames, and where its frames lie in the tables."""

    id: str
    text: str
    path: str
    phonemes: tuple[str, ...]
    durations: tuple[int, ...]
    start: int
    frames: int


@dataclass(frozen=True)
class Features:
    """``mel`` magnitudes ``[all frames, n_mels]``, ``tracks`` ``[all frames, 2]``: F0 in Hz and energy."""

    utterances: tuple[Utterance, ...]
    mel: NDArray[np.float32]
    tracks: NDArray[np.float32]
    source: str
    skipped: tuple[Skipped, ...]


def features(recipe: Tts) -> Features:
    """The features of a recipe's data, from the cache or made now.

    Raises:
        BadInput: for data that cannot be used, naming the file, or a cache that cannot be written.
    """
    data, mel = recipe.data, recipe.mel
    made = data.root == ""
    found = corpus.read(data, str(demo.folder()) if made else data.root)
    source = demo.SOURCE if made else found.source
    spec: list[Any] = [
        VERSION,
        data.rate_hz,
        mel.n_fft,
        mel.hop,
        mel.n_mels,
        mel.low,
        mel.high,
        data.max_seconds,
    ]
    spec += [source, data.voice if source == corpus.SOURCES["dtw"] else ""]
    key = hashlib.sha256(json.dumps([spec, found.stamp]).encode()).hexdigest()[:24]
    final = cache_home() / "tts" / key
    try:
        if not (final / "index.json").is_file():
            final.parent.mkdir(parents=True, exist_ok=True)
            making = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=final.parent))
            try:
                _make(making, found, data, mel)
                if not final.exists():  # else another trainer was first
                    making.rename(final)
            finally:
                shutil.rmtree(making, ignore_errors=True)
        index = json.loads((final / "index.json").read_text("utf-8"))
    except OSError as problem:
        raise BadInput(
            f"the features cannot be kept in {final.parent}: {problem.strerror}; make room there, or set "
            "NASHBOARD_HOME to a folder with room"
        ) from problem
    utterances = tuple(
        Utterance(**{**u, "phonemes": tuple(u["phonemes"]), "durations": tuple(u["durations"])})
        for u in index["utterances"]
    )
    table = np.memmap(final / "mel.f32", np.float32, "r").reshape(-1, mel.n_mels)
    tracks = np.memmap(final / "tracks.f32", np.float32, "r").reshape(-1, 2)
    skipped = tuple(Skipped(**s) for s in index["skipped"])
    return Features(utterances, table, tracks, source, skipped)


def _make(folder: Path, found: Corpus, data: Data, mel: Mel) -> None:
    utterances: list[dict[str, Any]] = []
    skipped = [asdict(s) for s in found.skipped]
    aligned = found.source == corpus.SOURCES["dtw"]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        readings: list[Reading] = []
        if aligned:
            readings = read_aloud([s.text for s in found.spoken], data.voice, Path(scratch))
        start = 0
        with open(folder / "mel.f32", "wb") as mels, open(folder / "tracks.f32", "wb") as tracks:
            for i, spoken in enumerate(found.spoken):
                wave = decode(spoken.path, data.rate_hz)
                seconds = len(wave) / data.rate_hz
                if seconds > data.max_seconds:
                    reason = f"{seconds:.1f} s, longer than data.max_seconds {data.max_seconds:g}"
                    skipped.append(asdict(Skipped(str(spoken.path.relative_to(found.folder)), reason)))
                    continue
                rows, energy = spectra(wave, data.rate_hz, mel)
                if aligned:
                    sound = decode(Path(scratch) / f"{i:05d}.wav", data.rate_hz)
                    phonemes, bounds = _aligned(readings[i], sound, rows, data.rate_hz, mel)
                else:
                    phonemes, bounds = _bounds(spoken, seconds, data.rate_hz, mel.hop)
                hz = f0.track(wave, data.rate_hz, mel.hop, len(rows))
                phonemes, durations = _durations(phonemes, bounds, len(rows))
                mels.write(rows.tobytes())
                tracks.write(np.stack([hz, energy], 1).astype(np.float32).tobytes())
                path = str(spoken.path.absolute())
                row = Utterance(spoken.id, spoken.text, path, phonemes, durations, start, len(rows))
                utterances.append(asdict(row))
                start += len(rows)
    if len(utterances) < 2:
        raise BadInput(
            f"data.root {str(found.folder)!r}: {len(utterances)} of its {len(found.spoken)} recordings can be used; "
            "training and evaluation need one each: raise data.max_seconds or add recordings"
        )
    index = {"utterances": utterances, "skipped": skipped}
    (folder / "index.json").write_text(json.dumps(index, ensure_ascii=False), "utf-8")


def decode(path: Path, rate_hz: int) -> Wave:
    """One recording ``[T]`` at ``rate_hz``, channels averaged; NaN and infinity stay, to be seen later.

    Raises:
        BadInput: for a file that is corrupt, empty or shorter than 0.1 s.
    """
    try:
        with soundfile.SoundFile(path) as f:
            found_hz = f.samplerate
            wave = f.read(dtype="float32", always_2d=True).mean(axis=1)
    except (soundfile.LibsndfileError, OSError, RuntimeError) as problem:
        told = str(problem).removeprefix(f"Error opening {str(path)!r}: ").rstrip(".")
        raise BadInput(f"{path} cannot be read: {told}") from problem
    if len(wave) < 0.1 * found_hz:
        raise BadInput(
            f"{path} holds {len(wave)} samples, less than 0.1 s: remove it and its line in metadata.csv"
        )
    if found_hz != rate_hz:
        wave = soxr.resample(wave, found_hz, rate_hz)
    return np.ascontiguousarray(wave, np.float32)


@torch.no_grad()
def spectra(wave: Wave, rate_hz: int, mel: Mel) -> tuple[Wave, Wave]:
    """(mel magnitudes ``[frames, n_mels]``, energy ``[frames]``: the norm of each frame's spectrum)."""
    magnitude = dsp.stft(torch.from_numpy(wave), mel.n_fft, mel.hop).abs()
    filters = dsp.mel_filters(rate_hz, mel.n_fft, mel.n_mels, magnitude, low=mel.low, high=mel.high)
    return (filters @ magnitude).T.contiguous().numpy(), magnitude.norm(dim=0).numpy()


def _bounds(spoken: Spoken, seconds: float, rate_hz: int, hop: int) -> tuple[tuple[str, ...], Any]:
    """(phonemes, their bounds in frames) of given durations; what they leave of the recording is a pause."""
    ends = np.cumsum(spoken.seconds)
    if ends[-1] > seconds + LATE or ends[-1] < seconds - EARLY:
        raise BadInput(
            f"{spoken.path} lasts {seconds:.2f} s and its durations {ends[-1]:.2f} s: they belong to something else"
        )
    bounds = np.concatenate([[0.0], ends]) * rate_hz / hop
    if ends[-1] < seconds - hop / rate_hz:
        return (*spoken.phonemes, PAUSE), np.append(bounds, seconds * rate_hz / hop)
    return spoken.phonemes, bounds


def _aligned(
    reading: Reading, sound: Wave, rows: Wave, rate_hz: int, mel: Mel
) -> tuple[tuple[str, ...], Any]:
    """(phonemes, bounds in frames of the recording) by time warping from eSpeak NG's reading of the text."""
    theirs, _ = spectra(sound, rate_hz, mel)
    i, j = dtw.path(dtw.distances(cepstra(theirs), cepstra(rows)))
    at = np.asarray(reading.bounds) / reading.rate_hz * rate_hz / mel.hop
    return reading.phonemes, dtw.carried(at, i, j)


def cepstra(mel: NDArray[Any], count: int = 16) -> NDArray[np.float64]:
    """Cepstra ``[frames, count]`` of mel magnitudes, each normalised over the utterance: to compare speakers."""
    logs = np.log(np.maximum(np.nan_to_num(mel, nan=0.0, posinf=0.0), dsp.FLOOR)).astype(np.float64)
    n = logs.shape[1]
    basis = np.cos(np.pi / n * (np.arange(n) + 0.5)[:, None] * np.arange(count)[None])
    found = logs @ basis
    return (found - found.mean(0)) / np.maximum(found.std(0), 1e-6)


def _durations(
    phonemes: tuple[str, ...], bounds: NDArray[np.float64], frames: int
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Whole frames that add up to all of them."""
    edges = np.clip(np.round(bounds), 0, frames).astype(int)
    edges[0], edges[-1] = 0, frames
    return phonemes, tuple(int(d) for d in np.diff(np.maximum.accumulate(edges)))
