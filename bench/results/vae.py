"""docs/results/vae.md: the AudioVAE with and without a discriminator, on speech."""

from __future__ import annotations

from bench.results.jobs import Job, made

TRAINER = "vae"
DATA = "speech"
EPOCHS = 10
PAIR = ("old", "fixed")
CONTRAST = ("plain",)
LADDER = (
    "ladder-1-config",
    "ladder-2-warmup",
    "ladder-3-stft",
    "ladder-4-weights",
    "ladder-4-balancer",
    "ladder-5-ema",
)
OTHERS = ("gradual", "strong", "perceptual", "staged", "lightweight")
SEEDS = (0, 1, 2)


def jobs() -> list[Job]:
    """Old, fixed and no discriminator with three seeds; the ladder and the document's variants with one."""
    return [
        *made(TRAINER, PAIR, SEEDS, DATA, EPOCHS, rank=0),
        *made(TRAINER, CONTRAST, SEEDS, DATA, EPOCHS, rank=1),
        *made(TRAINER, PAIR, SEEDS, "demo", EPOCHS, rank=2),
        *made(TRAINER, LADDER, (0,), DATA, EPOCHS, rank=3),
        *made(TRAINER, OTHERS, (0,), DATA, EPOCHS, rank=4),
    ]
