"""docs/results/enhancement.md: CMGAN's loop as released and mended, on read speech in recorded noise."""

from __future__ import annotations

from bench.results.jobs import Job, made

TRAINER = "enhancement"
DATA = "noisy"
EPOCHS = 15  # the document's fall of PESQ is said to come between epochs 7 and 14
PAIR = ("old", "fixed")
CONTRAST = ("more-gan", "no-silent-filter")
LADDER = ("ladder-1-eval", "ladder-2-scale", "ladder-3-mask", "ladder-4-replay", "ladder-5-select")
SEEDS = (0, 1, 2)


def jobs() -> list[Job]:
    """Old, fixed and the document's two single advices with three seeds, the ladder with one."""
    return [
        *made(TRAINER, PAIR, SEEDS, DATA, EPOCHS, rank=0),
        *made(TRAINER, CONTRAST, SEEDS, DATA, EPOCHS, rank=1),
        *made(TRAINER, PAIR, SEEDS, "demo", EPOCHS, rank=2),
        *made(TRAINER, LADDER, (0,), DATA, EPOCHS, rank=3),
    ]
