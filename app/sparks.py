"""Small drawings as SVG text: sparklines, and where runs' values sit against a range.

Colours are CSS variables in presentation attributes, so that they follow the theme without a style attribute.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from app.traces import KEYS, colour

_SHAPES = {
    "circle": "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0",
    "diamond": "M0 -4.4L4.2 0L0 4.4L-4.2 0z",
    "square": "M-3.2 -3.2h6.4v6.4h-6.4z",
    "up": "M0 -4L4 3.2H-4z",
    "down": "M0 4L4 -3.2H-4z",
    "cross": "M-1.4 -3.8h2.8v2.4h2.4v2.8h-2.4v2.4h-2.8v-2.4h-2.4v-2.8h2.4z",
    "star": "M0 -4.6L1.4 -1.4L4.6 0L1.4 1.4L0 4.6L-1.4 1.4L-4.6 0L-1.4 -1.4z",
    "pentagon": "M0 -4L3.8 -1.2L2.4 3.2H-2.4L-3.8 -1.2z",
}
_BY_KEY = dict(zip(KEYS, _SHAPES.values(), strict=True))


def sparkline(
    xs: Sequence[float],
    ys: Sequence[float],
    *,
    key: str = "",
    live: bool = False,
    x_high: float | None = None,
    band: Sequence[tuple[float, float, float]] = (),
    label: str = "",
    least: float = 0.0,
    width: int = 140,
    height: int = 34,
) -> Markup:
    """A curve without axes, 140 by 34 px: in the run's colour or in ink, broken at what is no number.

    ``band`` is (x, low, high) of the measured range behind it; ``x_high`` is where a live run will end. The
    end mark is in the accent while the run is live. ``label`` says in words what is drawn; without one it is
    hidden from screen readers. ``least`` is the least span that fills the height, as a share of the values'
    level: with it, the noise of a curve that stands still looks like noise.
    """
    points = [(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(x)]
    finite = [p for p in points if math.isfinite(p[1])]
    spoken = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    frame = f'<svg class="spark" width="{width}" height="{height}" viewBox="0 0 {width} {height}" {spoken}>'
    if not finite:
        middle = height / 2
        return Markup(f'{frame}<path d="M2 {middle}H{width - 6}" stroke="var(--hair)" fill="none"/></svg>')
    low_x, high_x = finite[0][0], max(x_high or finite[-1][0], finite[-1][0])
    seen = [b for b in band if low_x <= b[0] <= high_x]
    lows = [y for _, y in finite] + [b[1] for b in seen]
    highs = [y for _, y in finite] + [b[2] for b in seen]
    low, high = min(lows), max(highs)
    missing = least * max(abs(low), abs(high)) - (high - low)
    if missing > 0:
        low, high = low - missing / 2, high + missing / 2
    flat = high - low < 1e-9 * max(abs(high), abs(low), 1e-9)

    def at(x: float, y: float) -> str:
        across = (x - low_x) / ((high_x - low_x) or 1)
        up = 0.5 if flat else (y - low) / (high - low)
        return f"{2 + across * (width - 8):.1f},{height - 5 - up * (height - 10):.1f}"

    parts = [frame]
    if len(seen) > 1:
        outline = [at(x, h) for x, _, h in seen] + [at(x, b) for x, b, _ in reversed(seen)]
        parts.append(
            f'<polygon points="{" ".join(outline)}" fill="var(--band-measured-fill)" '
            'stroke="var(--band-measured)" stroke-opacity=".45" stroke-width=".75"/>'
        )
    token = colour(key) if key else "--ink-2"
    runs: list[list[str]] = [[]]
    for x, y in points:
        if math.isfinite(y):
            runs[-1].append(at(x, y))
        elif runs[-1]:
            runs.append([])
    for run in runs:
        if len(run) > 1:
            parts.append(
                f'<polyline points="{" ".join(run)}" fill="none" stroke="var({token})" '
                'stroke-width="1.5" stroke-linejoin="round"/>'
            )
    cx, cy = at(*finite[-1]).split(",")
    parts.append(f'<circle cx="{cx}" cy="{cy}" r="2.2" fill="var({"--accent" if live else token})"/></svg>')
    return Markup("".join(parts))


def position(
    values: Mapping[str, float | None], low: float, high: float, origin: str, *, width: int = 150
) -> Markup:
    """Where the runs' values sit against a range, 18 px high: the range as a box in its origin's drawing.

    ``values`` is {key: value}; a value that is missing or no number has no mark.
    """
    found = {k: v for k, v in values.items() if v is not None and math.isfinite(v)}
    ends = [low, high, *found.values()]
    least, most = min(ends), max(ends)
    wide = (most - least) or 1.0

    def at(value: float) -> float:
        return 11.6 + (value - least) / wide * (width - 23.2)

    look = {
        "measured": 'fill="var(--band-measured-fill)" stroke="var(--band-measured)"',
        "published": 'fill="url(#hatch)" stroke="var(--band-published)"',
        "claimed": 'fill="none" stroke="var(--band-claimed)" stroke-dasharray="3 2"',
    }[origin]
    marks = "".join(
        f'<path d="{_BY_KEY.get(key, _SHAPES["circle"])}" transform="translate({at(value):.1f} 9)" '
        f'fill="var({colour(key)})" stroke="var(--sheet)"/>'
        for key, value in found.items()
    )
    who = ", ".join(found) or "no run"
    return Markup(
        f'<svg class="pos" width="{width}" height="18" viewBox="0 0 {width} 18" role="img" '
        f'aria-label="{escape(who)} against the {escape(origin)} range">'
        f'<path d="M2 14.5h{width - 4}" stroke="var(--line)"/>'
        f'<rect x="{at(low):.1f}" y="3.5" width="{max(2.0, at(high) - at(low)):.1f}" height="11" {look}/>'
        f"{marks}</svg>"
    )
