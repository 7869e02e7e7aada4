"""Speaks lines with eSpeak NG through ctypes: ``python speak.py < job.json``. Standard library only.

It runs as a process of its own because eSpeak NG leaks state from one utterance into the next: a fresh
process, a fixed seed of the C library and the same order of lines give the same samples every time. The job
on standard input is ``{"folder": DIR, "lines": [{"file", "text", "voice", "rate", "pitch"}, …]}``; each line
becomes a 16-bit mono WAV at eSpeak NG's own rate (22,050 Hz). Exit status 3: the wheel is missing.
"""

from __future__ import annotations

import ctypes
import json
import sys
import wave
from pathlib import Path
from typing import Any

SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: the callback gets the samples before espeak_Synth returns
RATE, PITCH, UTF8 = 1, 3, 1  # espeak_PARAMETER and espeakCHARS_UTF8
NO_WHEEL = 3
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Speaker:
    """The library, once a process. `say` returns the 16-bit samples of one utterance."""

    def __init__(self) -> None:
        import espeakng_loader

        ctypes.CDLL(None).srand(1)
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        path = espeakng_loader.get_data_path().encode()
        self.rate_hz: int = self._library.espeak_Initialize(SYNCHRONOUS, 0, path, 0)
        if self.rate_hz <= 0:
            raise RuntimeError(f"eSpeak NG did not start from {path.decode()} (it said {self.rate_hz})")
        self._heard: list[bytes] = []
        self._callback = _CALLBACK(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)

    def _hear(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            self._heard.append(ctypes.string_at(samples, 2 * count))
        return 0

    def say(self, text: str, voice: str, rate: int, pitch: int) -> bytes:
        """Little-endian 16-bit samples; raises RuntimeError for a voice that does not exist."""
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise RuntimeError(f"eSpeak NG has no voice {voice!r}")
        self._library.espeak_SetParameter(RATE, rate, 0)
        self._library.espeak_SetParameter(PITCH, pitch, 0)
        self._heard.clear()
        spoken = text.encode()
        self._library.espeak_Synth(spoken, len(spoken) + 1, 0, 0, 0, UTF8, None, None)
        return b"".join(self._heard)


def speak(job: dict[str, Any]) -> None:
    """Writes one WAV a line of the job."""
    speaker = Speaker()
    folder = Path(job["folder"])
    for line in job["lines"]:
        samples = speaker.say(line["text"], line["voice"], line["rate"], line["pitch"])
        with wave.open(str(folder / line["file"]), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(speaker.rate_hz)
            out.writeframes(samples)


if __name__ == "__main__":
    try:
        speak(json.load(sys.stdin))
    except ImportError as problem:
        print(problem, file=sys.stderr)
        sys.exit(NO_WHEEL)
