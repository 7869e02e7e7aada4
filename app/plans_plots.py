"""Small drawings of a plan's results as SVG: a strip of dots with their mean, and a scatter of a search's trials."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from app import words
from app.plans_results import Summary

WIDTH, HEIGHT = 240, 22


def strip(found: Summary, low: float, high: float, unit: str = "") -> Markup:
    """One dot a run on a line from ``low`` to ``high``, the mean as a bar, one standard deviation either way as a box."""
    wide = (high - low) or 1.0

    def at(value: float) -> float:
        return 8 + (value - low) / wide * (WIDTH - 16) if high > low else WIDTH / 2

    parts = [
        f'<path d="M2 {HEIGHT / 2}H{WIDTH - 2}" stroke="var(--hair)" vector-effect="non-scaling-stroke"/>'
    ]
    said = "no finished run"
    if found.mean is not None:
        said = f"mean {words.measured(found.mean, unit)}, {words.plural(len(found.values), 'run')}"
        if found.std is not None:
            left, right = max(2.0, at(found.mean - found.std)), min(WIDTH - 2.0, at(found.mean + found.std))
            parts.append(
                f'<rect x="{left:.1f}" y="5" width="{max(1.0, right - left):.1f}" height="{HEIGHT - 10}" '
                'fill="var(--hair)"/>'
            )
        if len(found.values) > 1:
            parts.append(
                f'<path d="M{at(found.mean):.1f} 2V{HEIGHT - 2}" stroke="var(--ink-1)" stroke-width="1.5" '
                'vector-effect="non-scaling-stroke"/>'
            )
        # lines without length and with round ends: they stay round where the strip is stretched
        parts += [
            f'<path d="M{at(v):.1f} {HEIGHT / 2}h.01" stroke="var(--ink-2)" stroke-opacity=".75" stroke-width="6" '
            'stroke-linecap="round" vector-effect="non-scaling-stroke"/>'
            for v in found.values
        ]
    return Markup(
        f'<svg class="dots" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(said)}">{"".join(parts)}</svg>'
    )


def scatter(
    points: Sequence[tuple[float, float]], low: float, high: float, name: str, unit: str, better: str
) -> Markup:
    """Trials of a search: a knob across (over decades where it spans more than ten times), the metric up; the best filled
    in the accent's ink.
    """
    xs = [x for x, _ in points]
    log = min(xs) > 0 and max(xs) > 10 * min(xs)

    def place(x: float) -> float:
        return math.log10(x) if log else x

    first, last = place(min(xs)), place(max(xs))
    wide, tall = 320, 132

    def across(x: float) -> float:
        return 52 + ((place(x) - first) / (last - first) if last > first else 0.5) * (wide - 64)

    def up(y: float) -> float:
        return tall - 26 - ((y - low) / (high - low) if high > low else 0.5) * (tall - 42)

    best = (max if better == "up" else min)(points, key=lambda p: p[1])
    dots = "".join(
        f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="{4 if (x, y) == best else 3}" '
        f'fill="var({"--ink-1" if (x, y) == best else "--ink-3"})" fill-opacity="{1 if (x, y) == best else 0.6}"/>'
        for x, y in points
    )
    ends = (
        f'<text x="48" y="{tall - 6}">{escape(words.number(min(xs)))}</text>'
        f'<text x="{wide - 12}" y="{tall - 6}" text-anchor="end">{escape(words.number(max(xs)))}</text>'
        f'<text x="{wide / 2 + 20}" y="{tall - 6}" text-anchor="middle">{"decades" if log else ""}</text>'
        f'<text x="4" y="19">{escape(words.measured(high, unit))}</text>'
        f'<text x="4" y="{tall - 23}">{escape(words.measured(low, unit))}</text>'
    )
    said = (
        f"{escape(name)} of {len(points)} trials against the metric; best at {escape(words.number(best[0]))}"
    )
    return Markup(
        f'<svg class="scatter" viewBox="0 0 {wide} {tall}" role="img" aria-label="{said}">'
        f'<path d="M48 {tall - 18}H{wide - 12}" stroke="var(--line)"/>{dots}{ends}</svg>'
    )
