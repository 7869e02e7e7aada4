"""eSpeak NG's timed readings of texts: which phonemes, from which sample to which, and the sound if wanted.

`trainers.kit.speak` reads in a process of its own, so that the same texts in the same order give the same
samples each time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.kit.errors import BadInput
from trainers.kit.speak import NO_WHEEL

PAUSE = "_"
LONGEST = 2000  # characters of one text
WAY_OUT = "install it with `pip install espeakng-loader`"
# Beside letters, what may stand in a text: eSpeak NG reads other signs by their names, or not at all.
SIGNS = set(" \t\n0123456789.,;:!?'\"()[]-–—…’‘“”/&%$£€+=@#*°")


@dataclass(frozen=True)
class Reading:
    """Phonemes in IPA, `PAUSE` for silence, and the samples at which each begins; the last one is the end."""

    phonemes: tuple[str, ...]
    bounds: tuple[int, ...]
    rate_hz: int

    @property
    def seconds(self) -> list[float]:
        """The length of each phoneme."""
        return [(b - a) / self.rate_hz for a, b in zip(self.bounds, self.bounds[1:], strict=False)]


def checked(text: str, where: str = "text") -> str:
    """The text with its white space evened out.

    Raises:
        BadInput: for one that is empty, too long, or holds a sign that cannot be read; it names the sign.
    """
    text = " ".join(text.split())
    for sign in text:
        if sign not in SIGNS and not (sign.isalpha() and ord(sign) < 0x250):
            raise BadInput(
                f"{where} {text[:60]!r}: the symbol {sign!r} (U+{ord(sign):04X}) is unknown; write it in Latin "
                "letters, digits or common punctuation"
            )
    if not any(sign.isalnum() for sign in text):
        raise BadInput(f"{where} {text[:60]!r} has nothing to say: it holds neither letter nor digit")
    if len(text) > LONGEST:
        raise BadInput(f"{where} has {len(text)} characters; {LONGEST} at most")
    return text


def read_aloud(
    texts: Sequence[str], voice: str, folder: Path | None = None, *, rate: int = 160, pitch: int = 50
) -> list[Reading]:
    """Readings of the texts; with a ``folder`` their sound too, as ``00000.wav``, ``00001.wav``, …

    Raises:
        BadInput: without eSpeak NG's wheel, for a voice that it lacks, or where it fails.
    """
    lines = [
        {
            "file": f"{i:05d}.wav" if folder else "",
            "text": text,
            "voice": voice,
            "rate": rate,
            "pitch": pitch,
        }
        for i, text in enumerate(texts)
    ]
    job = json.dumps({"folder": str(folder or ""), "lines": lines, "phonemes": True})
    speak = Path(__file__).with_name("speak.py")
    done = subprocess.run(
        [sys.executable, str(speak)], input=job, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode == NO_WHEEL:
        raise BadInput(f"phonemes come from eSpeak NG, which is missing ({done.stderr.strip()}): {WAY_OUT}")
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise BadInput(f"eSpeak NG failed ({last[0].removeprefix('RuntimeError: ')})")
    said = json.loads(done.stdout)
    return [_reading(line["phonemes"], line["samples"], said["rate_hz"]) for line in said["lines"]]


def _reading(phonemes: list[tuple[str, int]], samples: int, rate_hz: int) -> Reading:
    """Neighbouring pauses become one, and a reading begins with one where its first phoneme is late."""
    names: list[str] = []
    bounds: list[int] = []
    for name, start in [("", 0), *phonemes]:
        name, start = name or PAUSE, min(max(start, bounds[-1] if bounds else 0), samples)
        if names and names[-1] == name == PAUSE:
            continue
        names.append(name)
        bounds.append(start)
    return Reading(tuple(names), (*bounds, max(samples, bounds[-1])), rate_hz)
