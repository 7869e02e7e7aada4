"""The built-in demo speech: a few minutes by eSpeak NG, several voices, sentences of our own.

It is made once, in seconds, and kept under ``$NASHBOARD_HOME/demo`` (or ``~/.cache/nashboard/demo``), one
folder a rate, with a ``manifest.csv`` that names the speakers. Two trainers that start at once may both make
it; the first one's folder stays, whole, because it appears by a single rename.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
import soxr

from trainers.kit import stereo
from trainers.kit.errors import BadInput
from trainers.kit.speak import NO_WHEEL

VERSION = 1
WAY_OUT = "install it with `pip install espeakng-loader`, or name a folder of audio files with data.root=DIR"

# Name, eSpeak NG voice and variant, words a minute, pitch. Variants f2, f3, f5 and Alicia are left out: their
# samples differ from process to process.
VOICES = (
    ("ada", "en-us+f4", 165, 55),
    ("bruno", "en-gb-x-rp+m1", 150, 40),
    ("chiara", "en-gb-scotland+f1", 170, 60),
    ("dmitri", "en-us+m3", 160, 35),
    ("elif", "en-gb-x-gbcwmd+linda", 155, 65),
    ("farid", "en-029+m2", 150, 50),
    ("greta", "en-us-nyc+steph", 175, 50),
    ("hugo", "en-gb-x-gbclan+m7", 160, 45),
    ("ines", "en-gb-x-rp+belinda", 145, 55),
    ("jonas", "en-us+m5", 170, 50),
)
SENTENCES = (
    "The ferry leaves the harbour before the fog has lifted.",
    "Seven yellow kites were flying over the empty car park.",
    "Please put the heavy box of books beside the kitchen door.",
    "Nobody expected the clock in the old tower to start again.",
    "She measured the length of the table twice and cut once.",
    "A small fox crossed the road and vanished into the hedge.",
    "The baker opens at five, long before the first bus arrives.",
    "We could hear rain on the tin roof throughout the night.",
    "Fresh paint makes even a narrow hallway look brighter.",
    "Turn left at the chapel and follow the river for a mile.",
    "His notebook was full of sketches of bridges and birds.",
    "The orchestra tuned quickly while the audience sat down.",
    "Thick smoke rose from the chimney of the house on the hill.",
    "They grow beans, garlic and purple carrots behind the school.",
    "What was the name of the village where we changed trains?",
    "The judge asked both players to shake hands and begin.",
    "Cold water from the spring ran over smooth grey stones.",
    "I would rather walk home than wait another hour for a taxi.",
    "Every shelf in the workshop holds jars of screws and springs.",
    "A generator that is never challenged has no reason to improve.",
    "The museum keeps its oldest maps in a dark, quiet room.",
    "Zoe brought enough cheese and bread for a dozen people.",
    "When the wind dropped, the sails hung loose and useless.",
    "Our neighbour plays the same slow waltz each Thursday evening.",
    "Count backwards from twenty before you open the envelope.",
    "The last page of the letter had been torn off and burnt.",
    "Bright snow covered the vineyard for the first time in years.",
    "He fixed the radio with a paper clip and a lot of patience.",
    "Above the valley two eagles circled without moving a wing.",
    "Is there a shorter way to the station from this square?",
)
EACH = 15  # sentences a voice


def cache_home() -> Path:
    """Where made things are kept: ``$NASHBOARD_HOME``, else ``~/.cache/nashboard``."""
    home = os.environ.get("NASHBOARD_HOME")
    return Path(home) if home else Path.home() / ".cache" / "nashboard"


def lines() -> list[dict[str, str | int]]:
    """What is said: each voice speaks every second sentence, so that voices share texts pairwise."""
    return [
        {
            "file": f"{name}_{i:02d}.wav",
            "speaker": name,
            "text": SENTENCES[(2 * i + v) % len(SENTENCES)],
            "voice": voice,
            "rate": rate,
            "pitch": pitch,
        }
        for v, (name, voice, rate, pitch) in enumerate(VOICES)
        for i in range(EACH)
    ]


def demo_folder(rate_hz: int) -> Path:
    """The folder of demo speech at ``rate_hz``, made if it is not there yet.

    Raises:
        BadInput: without eSpeak NG's wheel, or where the cache cannot be written.
    """
    return _once(f"speech-v{VERSION}-{rate_hz}", lambda folder: _make(folder, rate_hz))


def stereo_folder(rate_hz: int) -> Path:
    """The demo speech in stereo: each voice speaks two lines at once, from two places; made from `demo_folder`."""
    mono = demo_folder(rate_hz)
    return _once(f"stereo-v{VERSION}-{rate_hz}", lambda folder: _mix(mono, folder))


def _once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name in the cache, made whole if it is not there yet."""
    final = cache_home() / "demo" / name
    if (final / "manifest.csv").is_file():
        return final
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
    except OSError as problem:
        raise BadInput(
            f"the demo speech cannot be kept in {final.parent}: {problem.strerror}; "
            "set NASHBOARD_HOME to a folder that can be written"
        ) from problem
    try:
        make(making)
        try:
            making.rename(final)
        except OSError as problem:  # another trainer was first: its folder is as good as ours
            if not (final / "manifest.csv").is_file():
                raise BadInput(f"{final} is no demo speech and stands in its way: remove it") from problem
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return final


def _mix(mono: Path, folder: Path) -> None:
    """Each file panned by its name, and under it, 6 dB lower, the same voice's next file from the other side."""
    with open(mono / "manifest.csv", newline="", encoding="utf-8") as f:
        columns, *rows = csv.reader(f)
    for i, row in enumerate(rows):
        mates = [r for r in rows if r[1] == row[1]]
        under = mates[(mates.index(row) + 1) % len(mates)]
        place = stereo.place_of(row[0])
        loud, rate_hz = soundfile.read(mono / row[0], dtype="float32")
        soft, _ = soundfile.read(mono / under[0], dtype="float32")
        soft = np.resize(soft, loud.shape)  # a shorter one begins again
        mixed = stereo.panned(loud, place) + 0.5 * stereo.panned(soft, -place)
        peak = float(np.abs(mixed).max())
        soundfile.write(folder / row[0], mixed * min(1.0, 0.99 / max(peak, 1e-9)), rate_hz, subtype="PCM_16")
        rows[i] = [*row[:4], "espeak-ng, mixed to stereo", *row[5:]]
    with open(folder / "manifest.csv", "w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([columns, *rows])


def _make(folder: Path, rate_hz: int) -> None:
    spoken = lines()
    job = json.dumps({"folder": str(folder), "lines": spoken})
    speak = Path(__file__).with_name("speak.py")
    done = subprocess.run(
        [sys.executable, str(speak)], input=job, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode == NO_WHEEL:
        raise BadInput(f"the built-in demo speech needs eSpeak NG ({done.stderr.strip()}): {WAY_OUT}")
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise BadInput(f"eSpeak NG failed to make the demo speech ({last[0]}): {WAY_OUT}")
    rows = []
    for line in spoken:
        path = folder / str(line["file"])
        wave, spoken_hz = soundfile.read(path, dtype="float32")
        if spoken_hz != rate_hz:
            wave = soxr.resample(wave, spoken_hz, rate_hz)
            soundfile.write(path, wave, rate_hz, subtype="PCM_16")
        seconds = round(len(wave) / rate_hz, 3)
        rows.append(
            [line["file"], line["speaker"], rate_hz, seconds, "espeak-ng", line["voice"], line["text"]]
        )
    with open(folder / "manifest.csv", "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["path", "speaker", "sample_rate", "seconds", "origin", "note", "text"])
        writer.writerows(rows)
