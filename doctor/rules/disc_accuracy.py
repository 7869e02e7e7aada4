"""Rule 6: discriminator very accurate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from doctor.cases import falling, healthy_biggan, healthy_codec, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect
from doctor.metrics import age_of_best, chief
from doctor.rule import Case, Rule
from doctor.view import RunView, Track
from doctor.windows import asof, judged, looks, runs, scale, spell, window

HIGH, SURE = 0.93, 0.95
LONG, EVALS = 5000, 10


class DiscAccuracy(Rule):
    """Accuracy alone is information: a healthy BigGAN has over 98 %."""

    code = "disc-accuracy"
    title = "Discriminator very accurate"
    severity = "fail"
    sees = (
        "Accuracy over 93 % is information. Over 95 % for 5,000 steps with the best score older than 10 "
        "evaluations is a warning, and a failure once the adversarial gradient at the output has fallen to a "
        "hundredth of its early median too."
    )
    why = (
        "A discriminator that is right is what the game needs, as long as its gradient still says where to "
        "go."
    )
    try_ = "Compare held-out reals; R1, augmentation; fewer D steps."
    source = "reference 3.1, rule 6 and finding 5"
    needs = (("disc/sign_acc",),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        track = view.track("disc/sign_acc")
        seen = looks(view, track, 1000)
        if not len(seen.at):
            return
        suspects = (
            Suspect("D has memorised", "accuracy on held-out reals"),
            Suspect("G lost the game", "the adversarial gradient at the output"),
        )
        remedies = (Remedy("Nothing while scores improve; else R1 or augmentation."),)
        metric = chief(view)
        old = (
            asof(Track("", metric.steps, age_of_best(metric, metric.steps)), seen.steps)
            if metric
            else np.full(len(seen.at), np.nan)
        )
        with np.errstate(invalid="ignore"):
            bad = seen.ready & (seen.median > SURE) & (old > EVALS)
        found = spell(seen.steps, bad, None, None)
        gone = self._gone(view, seen.steps)
        long = window(view, LONG, seen.steps.astype(float))
        _, begin = runs(bad)
        warned = bad & (seen.steps - seen.steps[begin] >= long)
        found = judged(seen.steps, bad, warned, warned & gone)
        if found:
            yield self.told(
                found,
                f"Accuracy over {SURE:.0%} while the best score is over {EVALS} evaluations old.",
                [track],
                suspects,
                remedies,
            )
            return
        found = spell(seen.steps, seen.ready & (seen.median > HIGH), 1000 * scale(view), None)
        if found:
            level = float(np.median(track.between(found.start, found.end).values))
            claim = f"Accuracy is {level:.1%}; alone this is no fault."
            yield self.told(found, claim, [track], severity="info")

    @staticmethod
    def _gone(view: RunView, at: NDArray[np.int64]) -> NDArray[np.bool_]:
        grad = looks(view, view.track("gen/output_grad"), 500)
        if not len(grad.at) or not grad.ready.any():
            return np.zeros(len(at), bool)
        early = grad.median[np.argmax(grad.ready)]
        now = asof(Track("", grad.steps, grad.median), at)
        with np.errstate(invalid="ignore"):
            return np.asarray(now < early / 100)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("96 % and nothing improves", lambda: _stalled(False), "warn"),
        Case("and no gradient", lambda: _stalled(True), "fail"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
    )


def _stalled(dead: bool) -> RunView:
    at = steps(20_000, 100)
    n = len(at)
    evals = steps(20_000, 500)
    fid = np.concatenate([falling(8, 100.0, 40.0), np.full(len(evals) - 8, 45.0)])
    series = {
        "disc/sign_acc": (at, falling(n, 0.8, 0.97, 0.03) + noise(n, 0.003)),
        "eval/fid": (evals, fid),
    }
    if dead:
        series["gen/output_grad"] = (at, falling(n, 1.0, 1e-4, 0.05))
    return run(series)
