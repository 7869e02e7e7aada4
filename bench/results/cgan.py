"""docs/results/cgan.md: the document's GAN, its fixes and what really saturates, on 1,500 CIFAR-10 images."""

from __future__ import annotations

from bench.results.jobs import Job, made

TRAINER = "cgan"
DATA = "cifar10"
EPOCHS = 10
PAIR = ("old", "fixed")
CONTRAST = ("run-a", "gain-10")
LADDER = (
    "ladder-1-output",
    "ladder-2-rates",
    "ladder-3-diffaug",
    "ladder-4-projection",
    "ladder-5-width",
)
CAPACITY = ("capacity-a", "capacity-b", "capacity-c")
OTHERS = (*CAPACITY, "studiogan")
SEEDS = (0, 1, 2)


def jobs() -> list[Job]:
    """Old, fixed, fix 1 alone and gain 10 with three seeds; ladder, capacity options and StudioGAN with one."""
    return [
        *made(TRAINER, PAIR, SEEDS, DATA, EPOCHS, rank=0),
        *made(TRAINER, CONTRAST, SEEDS, DATA, EPOCHS, rank=1),
        *made(TRAINER, PAIR, SEEDS, "demo", EPOCHS, rank=2),
        *made(TRAINER, LADDER, (0,), DATA, EPOCHS, rank=3),
        *made(TRAINER, OTHERS, (0,), DATA, EPOCHS, rank=4),
    ]
