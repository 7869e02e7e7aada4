"""Rule 23: spike or sudden drop of a loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from doctor.cases import healthy_biggan, healthy_codec, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect, evidence
from doctor.rule import Case, Rule
from doctor.view import Facts, RunView, Track
from doctor.windows import asof, looks, scale, spell


class Spike(Rule):
    """Spikes are harmless in many published runs: information."""

    code = "spike"
    title = "Spike or sudden drop of a loss"
    severity = "info"
    sees = (
        "A D loss over 10 times its median that is back within 200 steps (information); a G loss whose median "
        "drops by half for 500 steps (warning)."
    )
    why = (
        "A batch of outliers leaves a spike; a generator whose loss halves at once has found a hole in the "
        "discriminator or lost it."
    )
    try_ = "Nothing for spikes; after a drop, listen or look at the samples."
    source = "reference 3.2, rule 23"
    needs = (("loss/disc",), ("loss/gen",))

    def examine(self, view: RunView) -> Iterator[Finding]:
        if view.facts.adv_loss == "wasserstein":
            return
        disc = view.disc_loss()
        seen = looks(view, disc, 2000)
        if len(seen.at):
            single = disc.values[seen.at]
            with np.errstate(invalid="ignore"):
                spikes = seen.ready & (seen.median > 0.05) & (single > 10 * seen.median)
            where = np.flatnonzero(spikes)
            if len(where):
                at = seen.steps[where]
                yield self.found(
                    "info",
                    f"{len(at)} spikes of the D loss over 10 times its median.",
                    (int(at[0]), int(at[-1])),
                    int(at[0]),
                    [evidence("loss/disc", at, single[where])],
                    (Suspect("batches of outliers", "the items of those batches"),),
                )
        gen = view.track("loss/gen")
        short, past = looks(view, gen, 500), looks(view, gen, 4000)
        if len(short.at):
            earlier = asof(
                Track("", past.steps, np.where(past.ready, past.median, np.nan)),
                short.steps - int(1000 * scale(view)),
            )
            with np.errstate(invalid="ignore"):
                drops = (
                    short.ready
                    & (earlier > 0)
                    & (short.median < 0.5 * earlier)
                    & (np.abs(short.median - earlier) > 3 * _spread(short.seen))
                )
            found = spell(short.steps, drops, 500 * scale(view), None, points=3, calm="warn")
            if found:
                yield self.told(
                    found,
                    f"The median of the G loss halved near step {found.start:,}.",
                    [gen],
                    (
                        Suspect("the weights of the losses or the phase changed", "marks at that step"),
                        Suspect("D was lost", "its accuracy there"),
                    ),
                    (Remedy("Look at the samples around that step."),),
                )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("spikes of D", lambda: _spikes(), "info"),
        Case("G loss drops to a third", lambda: _drop(), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
    )


def _spread(seen: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.percentile(seen, [25, 75], axis=1)
    return np.asarray((high - low) / 1.35)


def _spikes() -> RunView:
    at = steps()
    values = 0.6 + noise(len(at), 0.05)
    values[[80, 120, 160]] = 9.0
    return run({"loss/disc": (at, values)}, Facts(adv_loss="hinge"))


def _drop() -> RunView:
    at = steps()
    return run(
        {"loss/gen": (at, np.where(at > 6000, 1.5, 5.0) + noise(len(at), 0.1))}, Facts(adv_loss="hinge")
    )
