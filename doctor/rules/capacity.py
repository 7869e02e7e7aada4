"""Rule 5: players of very unlike size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from doctor.cases import healthy_biggan, healthy_codec, run
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import Facts, RunView

LOW = 0.1
SIDES = {"gen": ("gen", "generator", "g"), "disc": ("disc", "discriminator", "d")}


class Capacity(Rule):
    """Information only: sizes that work range from 0.20 (HiFi-GAN) to 3.9 (BigGAN)."""

    code = "capacity"
    title = "Players of very unlike size"
    severity = "info"
    sees = (
        "The generator has under a tenth or over ten times the parameters of the discriminator. The "
        "document's range of 0.5 to 1.5 leaves out most published models. Sizes are read from the start of the "
        "run (environment.parameters, {gen, disc}) or from the series gen/parameters and disc/parameters."
    )
    why = (
        "Parameters are a poor measure of who learns faster: HiFi-GAN 0.20, StyleGAN2 0.87, DAC 1.8 and "
        "BigGAN 3.9 all work."
    )
    try_ = "Look at gradients and progress, not at counts."
    source = "reference 3.1, rule 5"
    needs = (("gen/parameters", "disc/parameters"),)

    @staticmethod
    def _params(view: RunView) -> dict[str, float]:
        of = dict(view.facts.params)
        for side in SIDES:
            logged = view.track(f"{side}/parameters")
            if len(logged):
                of[side] = float(logged.values[-1])
        return {side: of[key] for side, names in SIDES.items() for key in names if of.get(key, 0) > 0}

    @staticmethod
    def _has(view: RunView, name: str) -> bool:
        return name.split("/")[0] in Capacity._params(view)

    def examine(self, view: RunView) -> Iterator[Finding]:
        params = self._params(view)
        ratio = params["gen"] / params["disc"]
        if LOW <= ratio <= 1 / LOW:
            return
        first = view.first_step
        yield self.found(
            "info",
            f"G has {params['gen']:,.0f} and D {params['disc']:,.0f} parameters, a ratio of {ratio:.3g}.",
            (first, view.last_step),
            first,
            suspects=(Suspect("the larger player learns faster", "sign accuracy and gradient norms"),),
            remedies=(Remedy("None for the sizes alone."),),
        )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("1 to 50", lambda: run({}, Facts(params={"gen": 1e6, "disc": 5e7})), "info"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("BigGAN sizes", lambda: run({}, Facts(params={"gen": 9.4e6, "disc": 2.4e6}))),
    )
