"""The server's answer to a batch of events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

DIGEST = re.compile(r"[0-9a-f]{64}")


class BadReceipt(ValueError):
    """An answer that is no receipt; the message says what is wrong with it."""


@dataclass(frozen=True)
class Receipt:
    """What the server holds of a run, and what it wants.

    Attributes:
        next_seq: the first line of the journal that the server lacks; everything before it is filed.
        stop: whether somebody asked the run to stop.
        wants: digests of the samples whose bytes the server lacks.
    """

    next_seq: int
    stop: bool = False
    wants: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The receipt as a JSON object."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any) -> Receipt:
        """The receipt in a JSON object; unknown fields are passed over. Raises `BadReceipt`."""
        if not isinstance(data, Mapping):
            raise BadReceipt(f"a receipt is a JSON object, not {type(data).__name__}")
        next_seq, stop, wants = data.get("next_seq"), data.get("stop", False), data.get("wants", [])
        if isinstance(next_seq, bool) or not isinstance(next_seq, int) or next_seq < 0:
            raise BadReceipt(f"next_seq must be a whole number from 0, not {next_seq!r:.40}")
        if not isinstance(stop, bool):
            raise BadReceipt(f"stop must be true or false, not {stop!r:.40}")
        if not isinstance(wants, list) or not all(isinstance(w, str) and DIGEST.fullmatch(w) for w in wants):
            raise BadReceipt(f"wants must be a list of sha256 digests, not {wants!r:.80}")
        return Receipt(next_seq, stop, list(wants))
