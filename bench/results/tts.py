"""docs/results/tts.md: FastSpeech2 as it failed, as its document mends it and as its ladder ends, on 20 clips."""

from __future__ import annotations

from bench.results.jobs import Job, made

TRAINER = "tts"
DATA = "ljspeech"
EPOCHS = 10
PAIR = ("old", "fixed")
CONTRAST = ("document",)
LADDER = ("ladder-1-log", "ladder-2-linear", "ladder-3-masks", "ladder-4-weights", "ladder-5-noam")
OTHERS = ("adversarial",)
SEEDS = (0, 1, 2)


def jobs() -> list[Job]:
    """Old, the document's fix and fixed with three seeds; the ladder and the adversarial variant with one."""
    return [
        *made(TRAINER, PAIR, SEEDS, DATA, EPOCHS, rank=0),
        *made(TRAINER, CONTRAST, SEEDS, DATA, EPOCHS, rank=1),
        *made(TRAINER, PAIR, SEEDS, "demo", EPOCHS, rank=2),
        *made(TRAINER, LADDER, (0,), DATA, EPOCHS, rank=3),
        *made(TRAINER, OTHERS, (0,), DATA, EPOCHS, rank=4),
    ]
