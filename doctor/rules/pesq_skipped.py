"""Rule 10: items without a PESQ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Finding, Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case
from doctor.view import RunView
from doctor.windows import places, spell

BATCHES = 200
WARN, FAIL = 0.05, 0.2


class PesqSkipped(LevelRule):
    """Judged by levels of ``eval/pesq_missing`` and by the batches that did not train D (``pesq/trained``)."""

    code = "pesq-skipped"
    title = "Items without a PESQ"
    severity = "fail"
    sees = (
        "PESQ could not be measured for over 5 % of the evaluated items, or over 5 % of 200 training batches did not "
        "train the discriminator for want of it (warning); over 20 % (failure)."
    )
    why = (
        "If one item loses its batch, a batch of 4 is lost in 18.5 % of cases at 5 % a item, one of 16 in 56 "
        "%. Silent, short or non-finite estimates have no PESQ; a sentinel in place of a reason becomes a "
        "target of D."
    )
    try_ = (
        "Mask items, not batches; skip speech below -50 dBFS and under a quarter of a second; count the "
        "reasons."
    )
    source = "reference 3.1, rule 10, measured there"
    needs = (("eval/pesq_missing",), ("pesq/trained",))
    levels = (
        Level("eval/pesq_missing", "warn", above=WARN, early=True),
        Level("eval/pesq_missing", "fail", above=FAIL, early=True),
    )
    suspects = (
        Suspect("silent or very short crops", "the reasons that were counted"),
        Suspect("the estimate is silent or not finite", "level of the output"),
    )
    remedies = (Remedy("Mask single items and count the reasons; crops of at least a quarter of a second."),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        yield from super().examine(view)
        track = view.track("pesq/trained")
        chosen = places(len(track))
        at = track.steps[chosen]
        first = np.searchsorted(track.steps, at - BATCHES, side="right")
        so_far = np.concatenate(([0.0], np.cumsum(1 - track.values)))
        lost = (so_far[chosen + 1] - so_far[first]) / np.maximum(chosen + 1 - first, 1)
        ready = at >= BATCHES
        for severity, share in (("fail", FAIL), ("warn", WARN)):
            grave = severity == "fail"
            found = spell(at, ready & (lost > share), None if grave else 0, 0 if grave else None)
            if found is None:
                continue
            seen = lost[(at >= found.start) & (at <= found.end)]
            yield self.told(
                found,
                f"{float(np.median(seen)):.0%} of {BATCHES} batches did not train D for want of a PESQ.",
                [track],
                self.suspects,
                self.remedies,
            )
            return

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("30 % lost", lambda: flat({"eval/pesq_missing": 0.3}), "fail"),
        Case("8 % lost", lambda: flat({"eval/pesq_missing": 0.08}), "warn"),
        Case("a third of the batches trains no D", lambda: flat({"pesq/trained": 0.67}), "fail"),
        Case("8 % of them", lambda: flat({"pesq/trained": 0.92}, spread=0.0), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("1 % lost", lambda: flat({"eval/pesq_missing": 0.01})),
        Case("2 % of the batches", lambda: flat({"pesq/trained": 0.98}, spread=0.0)),
    )
