"""Rule 7: learning rate dies before the run is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Finding, Remedy, Suspect
from doctor.metrics import age_of_best, chief
from doctor.rule import Case, Rule
from doctor.view import RunView, Track
from doctor.windows import asof, looks, onset, places, scale, spell


class LrDeath(Rule):
    """A rate that fell is no fault where nothing was to be gained any more."""

    code = "lr-death"
    title = "Learning rate dies before the run is done"
    severity = "warn"
    sees = (
        "The generator's rate is below a tenth of its highest while the best score still improved in the last "
        "20 % of the steps; or its updates are below 1e-6 of the weights for 2,000 steps."
    )
    why = (
        "The generator stops before the game has settled. CIFAR references use a constant rate, DAC ends at a "
        "fifth."
    )
    try_ = "A constant rate, or a decay that ends at a fifth."
    source = "reference 3.1, rule 7"
    needs = (("gen/lr", "eval/*"), ("gen/update_ratio",))

    def examine(self, view: RunView) -> Iterator[Finding]:
        suspects = (
            Suspect("a cosine or step schedule shorter than the run", "plot the rate against the score"),
        )
        remedies = (Remedy("A constant rate, or a decay that ends at a fifth of it."),)
        rate, metric = view.track("gen/lr"), chief(view)
        if len(rate) and metric is not None:
            chosen = places(len(rate))
            at, values = rate.steps[chosen], rate.values[chosen]
            with np.errstate(divide="ignore", invalid="ignore"):
                low = values < 0.1 * np.maximum.accumulate(values)
            renewed = metric.steps[age_of_best(metric, metric.steps) == 0]
            latest = asof(Track("", renewed, renewed.astype(float)), at)
            with np.errstate(invalid="ignore"):
                holds = low & (at - latest <= 0.2 * at) & (len(metric) >= 5) & (at >= onset(view))
            found = spell(at, holds, 0.0, None, points=2)
            if found:
                yield self.told(
                    found,
                    f"G's rate is {values[-1]:.3g}, under a tenth of its highest, and {metric.name} still improved.",
                    [rate, metric],
                    suspects,
                    remedies,
                )
        moves = looks(view, view.track("gen/update_ratio"), 500)
        found = (
            spell(moves.steps, moves.ready & (moves.median < 1e-6), 2000 * scale(view), None)
            if len(moves.at)
            else None
        )
        if found:
            yield self.told(
                found,
                "The generator's updates are below a millionth of its weights.",
                [moves.track],
                suspects,
                remedies,
            )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case(
            "cosine to nothing while FID falls",
            lambda: flat({"gen/lr": (2e-4, 1e-6), "eval/fid": (100.0, 20.0)}, spread=0.0),
            "warn",
        ),
        Case("no movement", lambda: flat({"gen/update_ratio": 1e-8}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("constant", lambda: flat({"gen/lr": 2e-4, "eval/fid": (100.0, 20.0)})),
        Case("decays to a fifth", lambda: flat({"gen/lr": (1e-4, 2e-5), "eval/fid": (100.0, 20.0)})),
    )
