"""The codes of the doctor's rules that can say *fail*: what ``stop_on`` may name, and for which trainers it makes sense.

The rules themselves are in `doctor.rules`; a test holds this list against them. It stands here so that a script, the
command line and the server refuse a wrong code in the same words, none of them importing the doctor.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

CAN_FAIL: dict[str, tuple[str, ...]] = {
    "disc-stuck": (),
    "feat-tiny": ("codec", "tts", "vae"),
    "snr-falling": ("codec", "enhancement", "vae"),
    "saturation": ("cgan",),
    "disc-accuracy": ("cgan", "codec", "tts", "vae"),
    "disc-runaway": (),
    "disc-zero": (),
    "noise-expiry": ("cgan",),
    "loss-against-pesq": ("enhancement",),
    "pesq-skipped": ("enhancement",),
    "eval-set": ("enhancement", "tts"),
    "relu-head": ("tts",),
    "bad-items": ("tts",),
    "mode-collapse": ("cgan",),
    "u-turn": ("cgan", "codec", "tts", "vae"),
    "plateau": ("cgan",),
    "sigma": ("cgan",),
    "codebook-collapse": ("codec",),
    "codebook-restart": ("codec",),
    "posterior-collapse": ("vae",),
    "nonfinite": (),
    "critic": ("cgan",),
    "same-scales": ("codec", "vae"),
    "wrong-hinge": ("cgan", "codec", "tts", "vae"),
    "leaking-steps": ("cgan", "codec", "tts", "vae"),
    "prosody": ("tts",),
}
"""{code: trainers whose runs report what the rule reads}; () for all of them."""


def codes(trainer: str = "") -> tuple[str, ...]:
    """The codes that make sense for a trainer, in the order of the rule book; without one, all."""
    return tuple(c for c, trainers in CAN_FAIL.items() if not trainer or not trainers or trainer in trainers)


def trouble(wanted: Iterable[object]) -> str:
    """What is wrong with a list of codes, in a line that names the first wrong one and a near one; "" for nothing."""
    for code in wanted:
        if code not in CAN_FAIL:
            near = difflib.get_close_matches(str(code), CAN_FAIL, 1, 0.5)
            way = f"did you mean {near[0]}?" if near else f"those that can: {', '.join(CAN_FAIL)}"
            return f"there is no rule {code!r:.60} that can say fail; {way}"
    return ""


def once(wanted: Iterable[str]) -> list[str]:
    """The codes without doubles, in their order."""
    return list(dict.fromkeys(wanted))
