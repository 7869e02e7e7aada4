"""Curves as a small SVG: a page of results is read where no chart library runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from bench.results.tables import number

WIDTH, HEIGHT = 420, 200
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 28, 30
# Blue and orange keep apart for every kind of colour vision, on white and on black alike.
COLOURS = ("#d9822b", "#2f7fd1", "#5b9a3c", "#a05bbd")
Curve = tuple[Sequence[float], Sequence[float]]


def chart(title: str, x_title: str, curves: Mapping[str, Curve]) -> str:
    """One SVG of ``curves`` {name: (xs, ys)}, linear axes, every finite point drawn and marked.

    Values that are not finite break the line; how many there were stands in the legend.
    """
    xs = [x for points, _ in curves.values() for x in points]
    ys = [y for _, values in curves.values() for y in values if math.isfinite(y)]
    if not xs or not ys:
        raise ValueError(f"{title}: no finite point to draw")
    x0, x1 = min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1
    y0, y1 = min(ys), max(ys)
    if y0 == y1:
        y0, y1 = y0 - 1, y1 + 1

    def at(x: float, y: float) -> str:
        across = LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)
        down = TOP + (y1 - y) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)
        return f"{across:.1f},{down:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" font-family="sans-serif" font-size="11" fill="#808790"><title>{escape(title)}</title>',
        f'<text x="{LEFT}" y="14" font-weight="600">{escape(title)}</text>',
    ]
    for y in (y0, (y0 + y1) / 2, y1):
        start, end = at(x0, y), at(x1, y)
        parts.append(
            f'<polyline points="{start} {end}" fill="none" stroke="#808790" stroke-opacity="0.25"/>'
            f'<text x="{LEFT - 6}" y="{float(start.split(",")[1]) + 4:.1f}" text-anchor="end">{number(y)}</text>'
        )
    for x in (x0, x1):
        across = at(x, y0).split(",")[0]
        anchor = "start" if x == x0 else "end"
        parts.append(f'<text x="{across}" y="{HEIGHT - 14}" text-anchor="{anchor}">{number(x)}</text>')
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x_title)}</text>'
    )
    for i, (name, (points, values)) in enumerate(curves.items()):
        colour = COLOURS[i % len(COLOURS)]
        for stretch in _stretches(points, values):
            line = " ".join(at(x, y) for x, y in stretch)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
            if len(values) <= 60:
                parts += [
                    f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="2" fill="{colour}"/>'
                    for p in line.split()
                ]
        lost = sum(not math.isfinite(v) for v in values)
        label = f"{name} ({lost} not finite)" if lost else name
        parts.append(
            f'<text x="{WIDTH - RIGHT - 90 * (len(curves) - 1 - i)}" y="14" text-anchor="end" fill="{colour}">'
            f"{escape(label)}</text>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _stretches(xs: Sequence[float], ys: Sequence[float]) -> list[list[tuple[float, float]]]:
    """The finite points, cut where a value is not finite."""
    found: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(xs, ys, strict=True):
        if math.isfinite(y):
            found[-1].append((x, y))
        elif found[-1]:
            found.append([])
    return [stretch for stretch in found if stretch]
