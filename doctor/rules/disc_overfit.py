"""Rule 17: discriminator remembers its training data."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class DiscOverfit(LevelRule):
    """Judged by levels of ``disc/sign.real``."""

    code = "disc-overfit"
    title = "Discriminator remembers its training data"
    severity = "warn"
    sees = (
        "Real training items are called real over 25 points more often than held-out ones (warning, over "
        "1,000 steps). A share of reals called real above 0.9 (ADA: r_t above 0.8) alone is information."
    )
    why = (
        "A discriminator that knows its examples by heart tells the generator about the examples, not about "
        "the data. A healthy BigGAN has over 98 % on training and 50 to 55 % on validation images, so that "
        "the gap is a warning and no proof."
    )
    try_ = "More data or augmentation: DiffAugment, ADA with target 0.6, LeCam."
    source = "reference 3.2, rule 17 and finding 5"
    needs = (("disc/sign.real",), ("eval/disc_acc.real", "eval/disc_acc.held"), ("disc/r_v",), ("disc/r_t",))
    levels = (
        Level("disc/sign.real", "info", above=0.9, steps=1000, window=1000),
        Level("disc/sign.real", "warn", above=0.25, minus="disc/sign.heldout", steps=1000),
        Level("eval/disc_acc.real", "warn", above=0.25, minus="eval/disc_acc.held", points=3),
        Level("disc/r_v", "warn", above=0.6, points=3),
        Level("disc/r_t", "info", above=0.8, points=3),
    )
    suspects = (
        Suspect("too little data for this discriminator", "train on half of it: the gap comes sooner"),
        Suspect("held-out items are prepared otherwise", "put training items through the same path"),
    )
    remedies = (Remedy("DiffAugment or ADA on reals and fakes, in both steps; LeCam."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("98 % against 55 %", lambda: flat({"disc/sign.real": 0.98, "disc/sign.heldout": 0.55}), "warn"),
        Case("98 % and nothing held out", lambda: flat({"disc/sign.real": 0.98}), "info"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("as good on both", lambda: flat({"disc/sign.real": 0.8, "disc/sign.heldout": 0.76})),
    )
