"""Numbers, times and sizes in the product's words: thousands with a comma, minus as −."""

from __future__ import annotations

import math
import shlex
import time as clock
from collections.abc import Sequence
from datetime import UTC, datetime

MINUS = "−"
UNITS = ("B", "kB", "MB", "GB", "TB")


def _signed(text: str) -> str:
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def count(n: int | None) -> str:
    """1234 as "1,234"; nothing as "none"."""
    return "none" if n is None else _signed(f"{n:,}")


def number(value: float | None, digits: int = 3) -> str:
    """A number to ``digits`` significant ones: "0.00110", "41.3", "12,340", "1e−5"; "NaN", "Inf", "none"."""
    if value is None:
        return "none"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else f"{MINUS}Inf"
    if value == 0:
        return "0"
    power = math.floor(math.log10(abs(value)))
    if power >= 15 or power < -4:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return _signed(f"{mantissa}e{_signed(str(int(exponent)))}")
    return _signed(f"{value:,.{max(0, digits - 1 - power)}f}")


def fixed(value: float | None, decimals: int = 2) -> str:
    """A number with so many decimals; NaN, Inf and nothing as `number` says them."""
    if value is None or not math.isfinite(value):
        return number(value)
    text = f"{value:,.{decimals}f}"
    return _signed(text.removeprefix("-") if float(text.replace(",", "")) == 0 else text)


DECIMALS = {"dB": 1, "%": 1, "kbps": 1}


def measured(value: float | None, unit: str = "") -> str:
    """A measured value as its unit is read: decibel and per cent with one decimal, else three digits."""
    return fixed(value, DECIMALS[unit]) if unit in DECIMALS else number(value)


def knob(value: object) -> str:
    """A knob's value as a person types it: "0.0001" as "1e-4", a list as "2, 3, 5", nothing as ""."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value == int(value) and abs(value) < 1e6:
            return str(int(value))
        text = repr(value)
        if 0 < abs(value) < 1e-2:
            mantissa, _, exponent = f"{value:e}".partition("e")
            short = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
            return short if float(short) == value else text
        return text
    if isinstance(value, list | tuple):
        return ", ".join(knob(v) for v in value)
    return str(value)


def duration(seconds: float | None) -> str:
    """12.3 as "12 s", 63 as "1 min 03 s", 11520 as "3 h 12 min", 200000 as "2 d 7 h"."""
    if seconds is None or not math.isfinite(seconds):
        return "unknown"
    s = max(0, math.floor(seconds + 0.5))
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min {s % 60:02d} s"
    if s < 86400:
        return f"{s // 3600} h {s % 3600 // 60:02d} min"
    return f"{s // 86400} d {s % 86400 // 3600} h"


def ago(then: float | None, now: float | None = None) -> str:
    """How long before ``now``: "just now", "40 s", "3 min", "2 h", "yesterday", "18 Nov", "18 Nov 2025"."""
    if then is None:
        return "never"
    now = clock.time() if now is None else now
    gap = now - then
    if gap < 5:
        return "just now"
    if gap < 60:
        return f"{int(gap)} s"
    if gap < 3600:
        return f"{int(gap // 60)} min"
    if gap < 86400:
        return f"{int(gap // 3600)} h"
    if gap < 2 * 86400:
        return "yesterday"
    day = datetime.fromtimestamp(then)
    year = "" if day.year == datetime.fromtimestamp(now).year else f" {day.year}"
    return f"{day.day} {day:%b}{year}"


def iso(time: float | None) -> str:
    """Unix seconds as an ISO time in UTC, for ``<time datetime>``."""
    return (
        ""
        if time is None
        else datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )


def size(n: float | None) -> str:
    """Bytes in steps of 1,000: "512 B", "84 kB", "1.2 MB"."""
    if n is None:
        return "unknown"
    step = 0
    while n >= 999.5 and step < 4:
        n, step = n / 1000, step + 1
    return f"{n:.{1 if step and n < 9.95 else 0}f} {UNITS[step]}"


def plural(n: int, word: str, words: str = "") -> str:
    """1 as "1 run", 1200 as "1,200 runs"."""
    return f"{count(n)} {word if n == 1 else words or word + 's'}"


def shell(argv: Sequence[str]) -> str:
    """A command line as a shell reads it, quoted only where it must be."""
    return shlex.join(argv)
