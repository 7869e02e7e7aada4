"""Rule 20: gradient explodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import flat, healthy_biggan, healthy_codec, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import RunView
from doctor.windows import looks, onset, places, scale, spell


class Explosion(Rule):
    """Compared with the run's own past."""

    code = "explosion"
    title = "Gradient explodes"
    severity = "warn"
    sees = (
        "A gradient norm over 10 times its 99th percentile so far, or over 1,000 times its median, on 3 "
        "reports of 20; or over half of the steps clipped for 500 steps. Not finite counts too."
    )
    why = "A few steps of such size undo thousands."
    try_ = "Clip (BigVGAN: 500, 100 at the start with small batches), a lower rate."
    source = "reference 3.2, rule 20"
    needs = (("gen/grad_norm",), ("disc/grad_norm",))

    def examine(self, view: RunView) -> Iterator[Finding]:
        remedies = (Remedy("Clip the gradient a little above its median; a lower rate."),)
        suspects = (
            Suspect("the rate is too high", "half of it: no spikes"),
            Suspect("an outlier in the data", "the batch of the spike"),
        )
        for name in ("gen/grad_norm", "disc/grad_norm"):
            track = view.track(name)
            chosen = places(len(track))
            if len(chosen) < 50:
                continue
            at, values = track.steps[chosen], np.abs(track.values[chosen])
            usual = np.array(
                [np.median(values[max(0, i - 200) : i]) if i >= 30 else np.inf for i in range(len(at))]
            )
            high = np.array(
                [
                    np.quantile(values[max(0, i - 200) : i], 0.99) if i >= 30 else np.inf
                    for i in range(len(at))
                ]
            )
            wild = (values > 10 * high) | (values > 1000 * usual)
            recent = np.convolve(wild, np.ones(20))[: len(at)] >= 3
            found = spell(at, recent & (at >= onset(view)), 0.0, None, calm="warn")
            if found:
                yield self.told(
                    found,
                    f"{name} jumps to {values.max():.3g} from {np.median(values):.3g}.",
                    [track],
                    suspects,
                    remedies,
                )
        for name in ("gen/clip_share", "disc/clip_share"):
            seen = looks(view, view.track(name), 500)
            found = (
                spell(seen.steps, seen.ready & (seen.median > 0.5), 500 * scale(view), None)
                if len(seen.at)
                else None
            )
            if found:
                yield self.told(
                    found, f"{name}: over half of the steps are clipped.", [seen.track], suspects, remedies
                )

    SICK: ClassVar[tuple[Case, ...]] = (Case("spikes", lambda: _spiky(), "warn"),)
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("calm", lambda: flat({"gen/grad_norm": 2.0, "disc/grad_norm": 1.0}, spread=0.2)),
    )


def _spiky() -> RunView:
    at = steps()
    values = 1 + np.abs(noise(len(at), 0.1))
    values[150:156] = 1e5
    return run({"gen/grad_norm": (at, values)})
