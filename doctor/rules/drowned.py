"""Rule 33: a loss has not the share that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import RunView
from doctor.windows import asof, looks, scale, spell


class Drowned(Rule):
    """Compares the balancer\'s shares with those desired."""

    code = "drowned"
    title = "A loss has not the share that was asked for"
    severity = "warn"
    sees = (
        "The share of a term in the gradient is over 3 times or under a third of what was asked for, over "
        "1,000 steps."
    )
    why = "The scales of the losses drifted, so that the weights no longer mean what they did."
    try_ = "The gradient balancer, or weights set anew by shares."
    source = "reference 3.2, rule 33"
    needs = (("share/*", "desired/*"),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        for name in view.named("desired/*"):
            term = name.split("/", 1)[1]
            share, asked = looks(view, view.track(f"share/{term}"), 500), view.track(name)
            if not len(share.at):
                continue
            with np.errstate(divide="ignore", invalid="ignore"):
                times = share.median / asof(asked, share.steps)
                holds = share.ready & ((times > 3) | (times < 1 / 3))
            found = spell(share.steps, holds, 1000 * scale(view), None)
            if found:
                yield self.told(
                    found,
                    f"share/{term} is {times[-1]:.2g} times what was asked for.",
                    [share.track, asked],
                    (Suspect("the scale of a loss drifted", "its raw value over time"),),
                    (Remedy("The gradient balancer."),),
                )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("a tenth", lambda: flat({"share/adv": 0.03, "desired/adv": 0.3}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("as asked", lambda: flat({"share/adv": 0.28, "desired/adv": 0.3})),
    )
