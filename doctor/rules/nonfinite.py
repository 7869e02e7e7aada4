"""Rule 29: losses are not finite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import healthy_biggan, healthy_codec, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect, evidence
from doctor.rule import Case, Rule
from doctor.view import Facts, RunView
from doctor.windows import places, runs, spell


class Nonfinite(Rule):
    """Counts NaN and infinities as reported."""

    code = "nonfinite"
    title = "Losses are not finite"
    severity = "fail"
    sees = (
        "Any loss that is NaN or infinite (warning); more than 3 in 1,000 steps or 3 reports in a row "
        "(failure). A mixed-precision scale below 1, or halved over 10 times in 1,000 steps, is a warning."
    )
    why = "One such step spoils the weights, unless the trainer skips it; a run of them is a dead run."
    try_ = "fp32 for the discriminator, penalties and STFT; bf16; stop after 3."
    source = "reference 3.2, rule 29"
    needs = (("loss/disc",), ("loss/gen",))

    def lacks(self, view: RunView) -> list[str]:
        """Any loss will do."""
        return [] if view.named("loss/*") else super().lacks(view)

    def examine(self, view: RunView) -> Iterator[Finding]:
        suspects = (
            Suspect("half precision overflows", "the same steps in fp32"),
            Suspect("the rate is too high", "gradient norms before the first"),
            Suspect("data that is not finite", "data/nonfinite"),
        )
        remedies = (Remedy("Go back to the last checkpoint before; fp32 or bf16, a lower rate, a clip."),)
        for name in view.named("loss/*"):
            track = view.raw(name).forward
            bad = ~np.isfinite(track.values)
            if not bad.any():
                continue
            where = np.flatnonzero(bad)
            at = track.steps[where]
            index, begin = runs(bad)
            in_a_row = np.flatnonzero(bad & (index - begin >= 2))
            crowded = np.flatnonzero(at[3:] - at[:-3] <= 1000) + 3 if len(at) > 3 else np.empty(0, int)
            fails = [int(track.steps[i]) for i in in_a_row[:1]] + [int(at[i]) for i in crowded[:1]]
            failed = min(fails) if fails else None
            finite_since = len(track) - 1 - int(where[-1])
            over = failed is not None and finite_since > max(20, 2 * len(where))
            severity = "fail" if failed is not None and not over else "warn"
            yield self.found(
                severity,
                f"{name} is not finite on {len(where)} of {len(track)} reports, first at step {int(at[0]):,}.",
                (int(at[0]), int(at[-1])),
                failed if severity == "fail" and failed is not None else int(at[0]),
                [evidence(name, at, track.values[where])],
                suspects,
                remedies,
                failed=failed,
                lasting=finite_since == 0,
            )
        scale_ = view.track("gen/amp_scale")
        chosen = places(len(scale_))
        if len(chosen) > 1:
            steps_, values = scale_.steps[chosen], scale_.values[chosen]
            halved = np.cumsum(np.concatenate(([0], (values[1:] < values[:-1]).astype(int))))
            before = np.searchsorted(steps_, steps_ - 1000, side="left")
            found = spell(steps_, (values < 1) | (halved - halved[before] > 10), 0.0, None)
            if found:
                yield self.told(
                    found,
                    f"The mixed-precision scale fell to {values.min():.3g}.",
                    [scale_],
                    suspects,
                    remedies,
                )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("NaN to the end", lambda: _broken(range(150, 200)), "fail"),
        Case("one NaN", lambda: _broken([100]), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
    )


def _broken(where: Iterable[int]) -> RunView:
    at = steps()
    values = 0.8 + noise(len(at), 0.1)
    values[list(where)] = np.nan
    return run({"loss/disc": (at, values)}, Facts(adv_loss="hinge"))
