"""Rule 6b: the discriminator's loss is nearly zero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import falling, healthy_biggan, healthy_codec, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import Facts, RunView, Track
from doctor.windows import looks, spell

ZERO = 0.05
WINDOW = 2000


class DiscZero(Rule):
    """The running median decides; a loss that is often negative is a critic's, and not judged."""

    code = "disc-zero"
    title = "Discriminator loss near zero"
    severity = "fail"
    sees = (
        "The median of the discriminator's loss over 2,000 steps is below 0.05 (hinge, BCE, least squares; for each "
        "sub-discriminator)."
    )
    why = (
        "Nothing that the generator makes is in doubt any more, so that what it still learns from the discriminator "
        "is noise. It is an early risk: the scores of such runs may improve for a while before they fall back."
    )
    try_ = "Spectral normalisation or R1 on the discriminator, augmentation (DiffAugment, ADA), fewer D steps, EMA."
    source = "reference 3.1, rule 6b; back-tested there on published logs"
    needs = (("loss/disc",),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        track = view.disc_loss()
        if view.facts.adv_loss == "wasserstein" or view.regresses or not len(track):
            return
        seen = looks(view, track, WINDOW)
        low = seen.ready & (np.abs(seen.median) < ZERO)
        if view.facts.adv_loss is None:  # losses below zero are a critic's
            low &= seen.share(lambda v: v < 0) < 0.05
        moved = np.maximum.accumulate(np.abs(track.values))[seen.at] > 0
        # a loss that has never been anything but 0 is one that is not trained or not logged yet
        found = spell(seen.steps, low, 0.0, np.where(moved, 0.0, np.inf))
        if found is None:
            return
        level = float(np.median(track.between(found.start, found.end).values))
        yield self.told(
            found,
            f"The loss of D has a median of {level:.3g} from step {found.start:,}; below {ZERO} nothing is in doubt.",
            [track],
            (
                Suspect(
                    "D has no constraint and wins outright",
                    "add R1 or spectral normalisation: the loss rises",
                ),
                Suspect(
                    "D has memorised its training data",
                    "its answers on held-out reals fall below those on training reals",
                ),
                Suspect("D takes more or larger steps than G", "equal steps and rates: the loss rises"),
            ),
            (
                Remedy("Spectral normalisation or R1 on the discriminator."),
                Remedy("Augment what D sees, reals and fakes alike, in both players' steps."),
                Remedy("Fewer D steps a G step, or a smaller D learning rate."),
            ),
        )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("BCE near 0.002", lambda: _level(0.002, "vanilla"), "fail"),
        Case("hinge exactly 0 after a start", lambda: _level(0.0, "hinge"), "fail"),
        Case("least squares falling to 0", lambda: _level(0.004, "least_square"), "fail"),
        Case("the form unknown", lambda: _level(0.002, None), "fail"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("a critic near zero", lambda: _critic()),
        Case("a D that predicts a score", lambda: _predicts()),
    )


def _level(level: float, loss: str | None) -> RunView:
    at = steps()
    values = np.abs(falling(len(at), 0.8, level, 0.02) + noise(len(at), 0.1) * (np.arange(len(at)) % 4 == 0))
    return run({"loss/disc": (at, values)}, Facts(adv_loss=loss))


def _critic() -> RunView:
    at = steps()
    return run({"loss/disc": (at, -0.02 + noise(len(at), 0.05))})


def _predicts() -> RunView:
    view = _level(0.002, None)
    truth = view.track("loss/disc")
    return RunView(
        {**view.tracks, "disc/true.enhanced": Track("disc/true.enhanced", truth.steps, truth.values + 0.4)}
    )
