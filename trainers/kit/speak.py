"""Speaks lines with eSpeak NG through ctypes: ``python speak.py < job.json``. Standard library only.

It runs as a process of its own because eSpeak NG leaks state from one utterance into the next: a fresh
process, a fixed seed of the C library and the same order of lines give the same samples every time. The job
on standard input is ``{"folder": DIR, "lines": [{"file", "text", "voice", "rate", "pitch"}, …]}``; each line
becomes a 16-bit mono WAV at eSpeak NG's own rate (22,050 Hz). With ``"phonemes": true`` standard output gets a
JSON object ``{"rate_hz", "lines": [{"phonemes": [[name, first sample], …], "samples"}, …]}``, names in IPA, empty
for a pause; lines without a file are then read for their phonemes alone and no sound of them is kept. Exit
status 3: the wheel is missing.
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
PHONEMES, IPA = 1, 2  # options of espeak_Initialize: phoneme events, named in IPA
END_OF_EVENTS, PHONEME = 0, 7  # espeak_EVENT_TYPE
NO_WHEEL = 3


class _Event(ctypes.Structure):
    """espeak_EVENT; ``name`` is its union, which holds a phoneme's name in at most 8 bytes."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("message", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Speaker:
    """The library, once a process. `say` returns the 16-bit samples of one utterance.

    With ``phonemes`` its phonemes are in ``phonemes`` afterwards: [(name, first sample)].
    """

    def __init__(self, phonemes: bool = False) -> None:
        import espeakng_loader

        ctypes.CDLL(None).srand(1)
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        path = espeakng_loader.get_data_path().encode()
        self.rate_hz: int = self._library.espeak_Initialize(
            SYNCHRONOUS, 0, path, PHONEMES | IPA if phonemes else 0
        )
        if self.rate_hz <= 0:
            raise RuntimeError(f"eSpeak NG did not start from {path.decode()} (it said {self.rate_hz})")
        self._heard: list[bytes] = []
        self.phonemes: list[tuple[str, int]] = []
        self._callback = _CALLBACK(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)

    def _hear(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._heard.append(ctypes.string_at(samples, 2 * count))
        i = 0
        while events and events[i].type != END_OF_EVENTS:
            if events[i].type == PHONEME:
                self.phonemes.append((events[i].name.decode("utf-8", "ignore"), events[i].sample))
            i += 1
        return 0

    def say(self, text: str, voice: str, rate: int, pitch: int) -> bytes:
        """Little-endian 16-bit samples; raises RuntimeError for a voice that does not exist."""
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise RuntimeError(f"eSpeak NG has no voice {voice!r}")
        self._library.espeak_SetParameter(RATE, rate, 0)
        self._library.espeak_SetParameter(PITCH, pitch, 0)
        self._heard.clear()
        self.phonemes.clear()
        spoken = text.encode()
        self._library.espeak_Synth(spoken, len(spoken) + 1, 0, 0, 0, UTF8, None, None)
        return b"".join(self._heard)


def speak(job: dict[str, Any]) -> dict[str, Any]:
    """Writes one WAV a line that has a file; returns what is said of phonemes, if that is asked for."""
    wanted = bool(job.get("phonemes"))
    speaker = Speaker(wanted)
    said = []
    for line in job["lines"]:
        samples = speaker.say(line["text"], line["voice"], line["rate"], line["pitch"])
        said.append({"phonemes": list(speaker.phonemes), "samples": len(samples) // 2})
        if not line["file"]:
            continue
        with wave.open(str(Path(job["folder"]) / line["file"]), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(speaker.rate_hz)
            out.writeframes(samples)
    return {"rate_hz": speaker.rate_hz, "lines": said} if wanted else {}


if __name__ == "__main__":
    try:
        said = speak(json.load(sys.stdin))
        if said:
            json.dump(said, sys.stdout)
    except ImportError as problem:
        print(problem, file=sys.stderr)
        sys.exit(NO_WHEEL)
