"""Rule 2: features do not tell real from fake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import RunView
from doctor.windows import asof, looks, scale, spell

GROWTH, LONG = 1.3, 2000


class FeatTiny(Rule):
    """Judged by growth since the first report, never by a level."""

    code = "feat-tiny"
    title = "Features do not tell real from fake"
    severity = "fail"
    sees = (
        "The relative feature distance has not grown to 1.3 times its first level in 2,000 steps while the "
        "discriminator is at chance; over 10 it is a warning (a denominator that vanished). The share of "
        "feature matching in the gradient below 2 % is a warning. The level of the loss itself (0.01) is no "
        "sign: an untrained discriminator gives 0.03 to 0.05."
    )
    why = "Random features compress both signals alike, so that matching them teaches little."
    try_ = "As for a stuck discriminator; average per layer, with an epsilon of 1e-3."
    source = "reference 3.1, rule 2, measured there"
    needs = (("feat/relative",), ("share/feat",))

    def examine(self, view: RunView) -> Iterator[Finding]:
        suspects = (
            Suspect("the discriminator does not train", "rule disc-stuck"),
            Suspect("the generator is close to the data", "real against white noise separates at once"),
        )
        remedies = (Remedy("Train the discriminator first: its initialisation, rate and input level."),)
        track = view.track("feat/relative")
        seen = looks(view, track, 500)
        if len(seen.at):
            first = float(np.median(track.values[:3]))
            small = seen.ready & (seen.median < GROWTH * first)
            accuracy = asof(view.track("disc/sign_acc"), seen.steps)
            with np.errstate(invalid="ignore"):
                chance = np.abs(accuracy - 0.5) < 0.03
            long = LONG * scale(view)
            found = spell(seen.steps, small & chance, long / 4, long, points=3, calm="")
            if found and (found.open or found.failed):
                claim = f"The relative feature distance began at {first:.3g} and is {seen.median[-1]:.3g}."
                yield self.told(found, claim, [track], suspects, remedies)
            found = spell(seen.steps, seen.ready & (seen.median > 10), 500 * scale(view), None)
            if found:
                yield self.told(
                    found, "The relative feature distance is over 10: a feature of reals is near 0.", [track]
                )
        share = looks(view, view.track("share/feat"), 500)
        found = (
            spell(share.steps, share.ready & (share.median < 0.02), 1000 * scale(view), None)
            if len(share.at)
            else None
        )
        if found:
            yield self.told(
                found, "Feature matching has under 2 % of the gradient.", [share.track], suspects, remedies
            )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("no growth at chance", lambda: flat({"feat/relative": 0.12, "disc/sign_acc": 0.5}), "fail"),
        Case("1 % of the gradient", lambda: flat({"share/feat": 0.01}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("grows fourfold", lambda: flat({"feat/relative": (0.11, 0.5), "disc/sign_acc": (0.5, 0.7)})),
        Case("small while D is accurate", lambda: flat({"feat/relative": 0.1, "disc/sign_acc": 0.7})),
    )
