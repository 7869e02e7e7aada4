"""Rule 6 by the losses alone: fakes lie far outside the margin and the loss bounds the accuracy from below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import falling, healthy_biggan, healthy_codec, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import Facts, RunView
from doctor.windows import asof, looks, spell, window

SURE = 0.07
WINDOW, LONG = 2000, 5000
FAR = {"hinge": 2.0, "vanilla": 3.0, "logistic": 3.0, "least_square": 0.4}


class DiscRunaway(Rule):
    """Both players' losses must say it: a low D loss alone is what a healthy BigGAN has."""

    code = "disc-runaway"
    title = "Discriminator far ahead of the generator"
    severity = "fail"
    sees = (
        "For 5,000 steps the median D loss is below 7 % of its dead value (hinge 0.14, BCE 0.097), which bounds its "
        "accuracy above 93 %, and the generator's loss puts fakes far outside the margin (hinge above 2, BCE above 3: "
        "less than 5 % taken for real, least squares above 0.4)."
    )
    why = (
        "Each wrong answer costs hinge at least 1 and BCE at least ln 2, so that a low loss bounds the share of wrong "
        "answers. With fakes this far out the two distributions have come apart."
    )
    try_ = "Regularise the discriminator (R1, LeCam, DiffAugment), or keep the checkpoint of the best evaluation."
    source = "arithmetic of the losses on the 93 % of the cGAN document; 5,000 steps: reference 3.1, rule 6"
    needs = (("loss/disc", "loss/gen"),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        loss, dead = view.facts.adv_loss or "", view.dead
        if loss not in FAR or dead is None or view.regresses:
            return
        disc, gen = view.disc_loss(), view.track("loss/gen")
        if view.has("loss/adv"):
            gen = view.track("loss/adv")
        d, g = looks(view, disc, WINDOW), looks(view, gen, WINDOW)
        if not len(d.at) or not len(g.at):
            return
        fakes = asof(type(disc)(gen.name, g.steps, np.where(g.ready, g.median, np.nan)), d.steps)
        with np.errstate(invalid="ignore"):
            holds = d.ready & (np.abs(d.median) < SURE * dead) & (fakes > FAR[loss])
        long = window(view, LONG, d.steps.astype(float))
        found = spell(d.steps, holds, long / 2, long, points=5)
        if found is None:
            return
        span = disc.between(found.start, found.end)
        yield self.told(
            found,
            f"From step {found.start:,} the D loss is {np.median(span.values):.3g}, {np.median(span.values) / dead:.0%} "
            f"of its dead value, while the generator's is {np.median(gen.between(found.start, found.end).values):.3g}.",
            [disc, gen],
            (
                Suspect(
                    "D memorises: too little data or too weak a constraint",
                    "accuracy on held-out reals falls",
                ),
                Suspect("G collapsed to few modes", "recall and diversity fall while precision stands"),
            ),
            (Remedy("R1, LeCam or DiffAugment, and start again from the best checkpoint."),),
        )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("hinge 0.1 and fakes at -5", lambda: _pair(0.1, 5.5, "hinge"), "fail"),
        Case("BCE 0.06 and fakes below 1 %", lambda: _pair(0.06, 5.0, "vanilla"), "fail"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("a strong D with fakes at the margin", lambda: _pair(0.13, 1.2, "hinge")),
        Case("fakes far out, D often wrong", lambda: _pair(0.4, 4.0, "vanilla")),
    )


def _pair(disc: float, gen: float, loss: str) -> RunView:
    at = steps(20_000)
    n = len(at)
    d = np.abs(falling(n, 1.0, disc, 0.05) + noise(n, 0.02, 1))
    return run(
        {"loss/disc": (at, d), "loss/gen": (at, falling(n, 1.0, gen, 0.05) + noise(n, 0.3, 2))},
        Facts(adv_loss=loss),
    )
