"""Rule 8: game breaks when the instance noise ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import falling, healthy_biggan, healthy_codec, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect, evidence
from doctor.metrics import chief
from doctor.rule import Case, Rule
from doctor.view import RunView
from doctor.windows import scale
from nashboard.vocabulary import describe

RISE = 0.05


class NoiseExpiry(Rule):
    """Needs the mark of the step at which the noise ended."""

    code = "noise-expiry"
    title = "Game breaks when the instance noise ends"
    severity = "fail"
    sees = (
        "Within 2,000 steps after the end of instance noise the accuracy of D rises by 0.05 or more, and "
        "within 5 evaluations the score turns worse, by more than it usually moves between two."
    )
    why = (
        "The noise was all that made the two distributions overlap; without it they can be told apart at a "
        "glance."
    )
    try_ = "Fade the noise over the last 20 %, or DiffAugment, ADA or R1 in its place."
    source = "reference 3.1, rule 8; a change below the median move between evaluations is no turn"
    needs = (("disc/sign_acc", "eval/*", "mark: noise ends"),)

    @staticmethod
    def _has(view: RunView, name: str) -> bool:
        if name.startswith("mark:"):
            return any("noise" in text.lower() for _, text in view.marks)
        return Rule._has(view, name)

    def examine(self, view: RunView) -> Iterator[Finding]:
        metric = chief(view)
        accuracy = view.track("disc/sign_acc")
        if metric is None:
            return
        reach = 2000 * scale(view)
        for end, text in view.marks:
            if "noise" not in text.lower():
                continue
            before, after = accuracy.between(end - reach, end), accuracy.between(end + 1, end + reach)
            then, later = metric.between(float("-inf"), end), metric.between(end + 1, float("inf"))
            if not (len(before) and len(after) and len(then) and len(later) >= 3):
                continue
            if accuracy.steps[-1] < end + reach:
                continue
            rise = float(np.median(after.values) - np.median(before.values))
            sign = -1 if describe(metric.name).better == "up" else 1
            five = sign * later.values[:5]
            usual = float(np.median(np.abs(np.diff(np.concatenate([then.values, later.values[:5]])))))
            worse = [
                i
                for i in range(2, len(five))
                if np.polyfit(np.arange(i + 1), five[: i + 1], 1)[0] > 0
                and five[i] > sign * then.values[-1] + usual
            ]
            if rise < RISE or not worse:
                continue
            decided = int(
                max(
                    later.steps[worse[0]],
                    after.steps[-1],
                    accuracy.steps[np.searchsorted(accuracy.steps, end + reach)],
                )
            )
            yield self.found(
                "fail",
                f"The noise ended at step {end:,}; D's accuracy rose by {rise:.2f} and {metric.name} turned worse.",
                (end, int(later.steps[-1])),
                decided,
                [
                    evidence(accuracy.name, accuracy.steps, accuracy.values),
                    evidence(metric.name, metric.steps, metric.values),
                ],
                (
                    Suspect(
                        "noise was the only overlap of real and fake",
                        "start again from there with the noise: the score recovers",
                    ),
                ),
                (Remedy("Fade the noise out, or use DiffAugment or R1 in its place."),),
            )
            return

    SICK: ClassVar[tuple[Case, ...]] = (Case("accuracy up, FID up", lambda: _expired(0.2, 60.0), "fail"),)
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("nothing happens", lambda: _expired(0.0, 18.0)),
        Case("the score scatters about its level", lambda: _expired(0.2, 20.0, scatter=1.0)),
    )


def _expired(rise: float, last: float, scatter: float = 0.0) -> RunView:
    at, evals = steps(20_000, 100), steps(20_000, 1000)
    accuracy = np.where(at > 10_000, 0.7 + rise, 0.7) + noise(len(at), 0.005)
    half = len(evals) // 2
    fid = np.concatenate([falling(half, 90.0, 20.0), np.linspace(20.0, last, len(evals) - half)])
    fid += noise(len(evals), scatter)
    view = run({"disc/sign_acc": (at, accuracy), "eval/fid": (evals, fid)})
    return RunView(view.tracks, view.facts, ((10_000, "noise ends"),))
