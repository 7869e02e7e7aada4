"""PESQ of one pair of waves with a typed reason where there is none; also the process that computes it.

``python scores.py`` answers pairs on standard input: rate and length as two little-endian int32, then both
waves as float32; for each comes a line of JSON, ``[value, reason, detail]``. It needs numpy and pesq alone, no
torch, so that it starts at once; and it ends when its standard input does, however its parent ended.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

PESQ_MODES = {8000: "nb", 16000: "wb"}
HEADER = struct.Struct("<ii")


class Reason(StrEnum):
    """Why there is no score."""

    NO_UTTERANCE = "no_utterance"
    TOO_SHORT = "too_short"
    SILENT = "silent"
    UNEQUAL_LENGTH = "unequal_length"
    NON_FINITE = "non_finite"
    NOT_INSTALLED = "not_installed"
    RATE = "rate"
    FAILED = "failed"


@dataclass(frozen=True)
class Score:
    """A number, or the reason why there is none with a sentence for people; never both."""

    value: float | None = None
    reason: Reason | None = None
    detail: str = ""

    def plain(self) -> list[Any]:
        """As ``[value, reason, detail]``."""
        return [self.value, None if self.reason is None else str(self.reason), self.detail]

    @classmethod
    def of(cls, plain: list[Any]) -> Score:
        """The score that `plain` gave."""
        value, reason, detail = plain
        return cls(value, None if reason is None else Reason(reason), detail)


def pesq_of(clean: Any, estimate: Any, rate_hz: int) -> Score:
    """PESQ of two float arrays ``[T]`` that are known to be equally long, finite and not silent."""
    try:
        import pesq as package
    except ImportError:
        return Score(None, Reason.NOT_INSTALLED, "the package pesq is not installed; it needs a C compiler")
    try:
        value = float(package.pesq(rate_hz, clean, estimate, PESQ_MODES[rate_hz]))
    except package.NoUtterancesError:
        return Score(None, Reason.NO_UTTERANCE, "PESQ finds no utterance")
    except package.BufferTooShortError:
        return Score(
            None, Reason.TOO_SHORT, f"{len(clean) / rate_hz:.2f} s; PESQ needs a quarter of a second"
        )
    except (package.PesqError, ValueError) as problem:
        return Score(None, Reason.FAILED, str(problem))
    return Score(value) if math.isfinite(value) else Score(None, Reason.FAILED, f"PESQ gave {value}")


def main() -> None:
    """Answers pairs until standard input ends."""
    import numpy as np

    source = sys.stdin.buffer
    while len(head := source.read(HEADER.size)) == HEADER.size:
        rate_hz, length = HEADER.unpack(head)
        both = np.frombuffer(source.read(8 * length), "<f4").astype(np.float64)
        score = pesq_of(both[:length].copy(), both[length:].copy(), rate_hz)
        print(json.dumps(score.plain()), flush=True)


if __name__ == "__main__":
    main()
