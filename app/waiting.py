"""The chart of an installation without runs: the bands of a trainer's discriminator loss, waiting for a curve."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape

from recipes.bands import BadBands, Band, library

SERIES, EPOCHS, DEAD = "loss/disc", 10.0, 2.0
WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 36, 100, 12, 34
LOOKS = {
    "measured": 'fill="var(--band-measured-fill)" stroke="var(--band-measured)"',
    "claimed": 'fill="none" stroke="var(--band-claimed)" stroke-width="1.25" stroke-dasharray="4 3"',
}
SAID = "No run yet. Under hinge loss a discriminator that tells nothing apart stays at 2.0."


@dataclass(frozen=True)
class _Plot:
    """The plot's vertical range."""

    low: float
    high: float

    def x(self, epoch: float) -> float:
        return LEFT + epoch / EPOCHS * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def level(self, value: float, look: str) -> str:
        y = self.y(value)
        return (
            f'<path d="M{LEFT} {y:.1f}H{self.x(EPOCHS):.1f}" {look}/>'
            f'<text class="n" x="{LEFT - 6}" y="{y + 3:.1f}">{value:g}</text>'
        )

    def band(self, band: Band) -> str:
        edge = band.outline(0.0, EPOCHS)
        if len(edge) < 2:
            return ""
        ring = [(x, high) for x, _, high in edge] + [(x, low) for x, low, _ in reversed(edge)]
        points = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in ring)
        return f'<polygon points="{points}" {LOOKS[band.origin]}/>'

    def name(self, text: str, value: float) -> str:
        return f'<text x="{self.x(EPOCHS) + 8:.1f}" y="{self.y(value) + 3:.1f}">{escape(text)}</text>'


def chart(trainer: str, preset: str, size: str) -> Markup:
    """An SVG, 560 by 260: measured bands, those of one claim, and the dead value, over 10 epochs."""
    bands = _bands(trainer, preset, size)
    plot = _Plot(min([0.4, *(b.low for b in bands)]), max([2.2, *(b.high for b in bands)]))
    parts = [plot.level(v, 'stroke="var(--hair)"') for v in (0.5, 1.0, 1.5) if plot.low <= v <= plot.high]
    parts += [plot.level(DEAD, 'stroke="var(--edge)" stroke-dasharray="1 3"'), plot.name("answers 0", DEAD)]
    for origin in LOOKS:
        mine = [b for b in bands if b.origin == origin]
        parts += [plot.band(b) for b in mine]
        if mine:
            last = max(mine, key=lambda b: min(b.x_to, EPOCHS))
            _, low, high = last.outline(0.0, EPOCHS)[-1]
            parts.append(plot.name(last.label, (low + high) / 2))
    floor = HEIGHT - BOTTOM
    parts.append(f'<path d="M{LEFT} {floor}H{plot.x(EPOCHS):.1f}" stroke="var(--edge)"/>')
    parts += [f'<text class="m" x="{plot.x(x):.1f}" y="{floor + 14}">{x:g}</text>' for x in (0, 5, 10)]
    parts.append(f'<text class="m" x="{plot.x(5):.1f}" y="{floor + 29}">epoch</text>')
    frame = f'<svg class="waiting" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(SAID)}">'
    return Markup(frame + "".join(parts) + "</svg>")


def _bands(trainer: str, preset: str, size: str) -> list[Band]:
    """The measured bands, and the claims of the last source alone: several claims would cover one another."""
    try:
        found = [b for b in library(trainer, preset=preset, size=size) if b.series == SERIES]
    except BadBands:
        return []
    found = [b for b in found if b.origin in LOOKS and b.x == "epoch" and b.outline(0.0, EPOCHS)]
    sources = [b.source for b in found if b.origin == "claimed" and b.side in ("", "fixed") and b.x_to > 5]
    return [b for b in found if b.origin == "measured" or (sources and b.source == sources[0])]
