"""Saying something to the person at the terminal without ever stopping the training."""

from __future__ import annotations

import contextlib
import sys


def say(text: str) -> None:
    """One line on stderr. A closed or full stderr is no reason to stop."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(f"nashboard: {text}", file=sys.stderr, flush=True)
