"""Bands as small SVG charts, made by the server: no curve, no script."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from app import words
from nashboard.vocabulary import describe
from recipes.band import Band

WIDTH, HEIGHT = 360, 170
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 34
TITLES = {"epoch": "epoch", "step": "step", "samples": "samples seen", "progress": "share of the run, %"}
LOOKS = {
    "measured": 'fill="var(--band-measured-fill)" stroke="var(--band-measured)"',
    "published": 'fill="none" stroke="var(--band-published)"',
    "claimed": 'fill="none" stroke="var(--band-claimed)" stroke-dasharray="4 3"',
}


def chart(bands: Sequence[Band]) -> Markup:
    """An SVG of the bands of one series in one unit, 360 by 170; said in words for who cannot see it."""
    unit = bands[0].x
    ends = [b for b in bands if math.isfinite(b.x_to)]
    x0 = min(b.x_from for b in bands)
    x1 = max([b.x_to for b in ends] or [x0 + 1])
    x1 = x1 if x1 > x0 else x0 + 1
    values = [v for b in bands for v in (b.low, b.high) if math.isfinite(v)] or [0.0, 1.0]
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or max(abs(high), 1.0) * 0.1
    low, high = low - room, high + room

    def place(x: float, y: float) -> str:
        px = LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)
        py = TOP + (high - min(max(y, low), high)) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return f"{px:.1f},{py:.1f}"

    parts = []
    for value in ticks(low, high):
        _, y = place(x0, value).split(",")
        parts.append(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="n" x="{LEFT - 6}" y="{float(y) + 3:.1f}">{escape(_tick(value))}</text>')
    for band in bands:
        edge = band.outline(x0, x1)
        ring = [place(x, b) for x, _, b in edge] + [place(x, a) for x, a, _ in reversed(edge)]
        parts.append(f'<polygon points="{" ".join(ring)}" {LOOKS[band.origin]}/>')
    floor = HEIGHT - BOTTOM
    parts.append(f'<path class="axis" d="M{LEFT} {floor}H{WIDTH - RIGHT}"/>')
    scale = 100.0 if unit == "progress" else 1.0
    for x in ticks(x0, x1, 4):
        px, _ = place(x, low).split(",")
        parts.append(f'<text class="m" x="{px}" y="{floor + 13}">{escape(_tick(x * scale))}</text>')
    title = TITLES[unit] + (f" of {bands[0].phase}" if bands[0].phase else "")
    parts.append(
        f'<text class="m" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 4}">{escape(title)}</text>'
    )
    frame = f'<svg class="band-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said(bands))}">'
    return Markup(frame + "".join(parts) + "</svg>")


def said(bands: Sequence[Band]) -> str:
    """ "Discriminator loss, measured: 0.84 to 1.20 at epoch 0, 0.31 to 0.55 at epoch 10"."""
    texts = []
    for band in bands:
        ends = [band.x_from] + ([band.x_to] if math.isfinite(band.x_to) else [])
        at = [(x, limits) for x in dict.fromkeys(ends) if (limits := band.at(x)) is not None]
        texts.append(
            f"{band.origin}: "
            + ", ".join(
                f"{words.number(a)} to {words.number(b)} at {TITLES[band.x]} {x:g}" for x, (a, b) in at
            )
        )
    return f"{describe(bands[0].series).title}, {'; '.join(texts)}"


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers between two others, about ``count``."""
    rough = (high - low) / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    first = math.ceil(low / step)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _tick(value: float) -> str:
    if value == 0 or abs(value) < 1e-12:
        return "0"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g} M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:.3g} k"
    return f"{value:.3g}".replace("-", "−")
