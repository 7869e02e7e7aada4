"""Rule 1: the discriminator stays at the loss of one that answers 0 to everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import falling, healthy_biggan, healthy_codec, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect
from doctor.rule import Case, Rule
from doctor.view import Facts, RunView, Track
from doctor.windows import asof, looks, scale, spell

NEAR = 0.02
CHANCE = 0.03
QUIET = 0.05
LONG, SHORT = 2000, 500


class DiscStuck(Rule):
    """Judged on the running median, by the form of the loss; accuracy and logit spread are read where they exist."""

    code = "disc-stuck"
    title = "Discriminator stuck at its dead value"
    severity = "fail"
    sees = (
        "The discriminator's loss stays within 0.02 of the value of a network that answers 0 to everything (hinge "
        "2.0, BCE 1.386, least squares 1.0 for each sub-discriminator), with its accuracy at chance and its logits "
        "close together where those were logged."
    )
    why = (
        "Its gradient carries no information about real and fake: the generator trains on its other losses alone. "
        "That is the normal state of the first steps; it is a failure when it lasts."
    )
    try_ = (
        "Find out which: no step of the optimiser, an input too quiet for the initialisation, a learning rate too "
        "small, or a network that cannot tell. The probes named beside the suspects tell them apart."
    )
    source = (
        "dead values by arithmetic; windows and tolerances: reference runs of the grouped codec discriminator"
    )
    needs = (("loss/disc",),)

    def examine(self, view: RunView) -> Iterator[Finding]:
        if view.facts.adv_loss == "wasserstein" or view.regresses:
            return
        dead_ = view.dead
        forms = {str(view.facts.adv_loss): dead_} if dead_ else {"hinge": 2.0, "BCE": 2 * float(np.log(2))}
        track = view.disc_loss()
        seen = looks(view, track, SHORT)
        if not len(seen.at):
            return
        for form, dead in forms.items():
            near = np.abs(seen.median - dead) < NEAR
            logged = view.has("disc/sign_acc") and view.has("disc/logit_std")
            if view.facts.adv_loss is None or not logged:  # a level crossed is no proof: a dead curve is flat
                near &= seen.share(lambda v, d=dead: np.abs(v - d) < NEAR) > 0.9  # type: ignore[misc]
            for name, low, high in (
                ("disc/sign_acc", 0.5 - CHANCE, 0.5 + CHANCE),
                ("disc/logit_std", 0.0, QUIET),
            ):
                if view.has(name):
                    other = looks(view, view.track(name), SHORT)
                    now = asof(Track(name, other.steps, other.median), seen.steps)
                    near &= np.isnan(now) | ((now >= low) & (now <= high))
            long = max(LONG * scale(view), 2.0 * (view.facts.steps_per_epoch or 0) * (scale(view) < 1))
            found = spell(seen.steps, seen.ready & near, SHORT * scale(view), long, points=5, calm="")
            if found is None or (not found.open and found.failed is None):
                continue  # it left early: the normal start
            level = float(np.median(track.between(found.start, found.end).values))
            yield self.told(
                found,
                f"The {form} loss of D is {level:.4f} for {found.end - found.start:,} steps; a discriminator that "
                f"answers 0 has {dead:.4f}.",
                [track],
                self._suspects(view),
                self._remedies(view),
            )

    def _suspects(self, view: RunView) -> tuple[Suspect, ...]:
        still = (
            view.has("disc/update_ratio") and float(np.median(view.track("disc/update_ratio").values)) < 1e-7
        )
        wiring = Suspect(
            "wiring: the optimiser does not move the discriminator (frozen, no parameters, learning rate 0)",
            "disc/update_ratio below 1e-7",
        )
        training = Suspect(
            "initialisation and learning rate: a shrinking default init, a quiet input and a small rate",
            "overfit one batch at ten times the rate: the loss falls below 0.8 of the dead value",
        )
        architecture = Suspect(
            "architecture or normalisation: it cannot tell real from fake at any rate",
            "overfit one batch at several rates: it never falls",
        )
        near = Suspect(
            "the generator is already close to the data", "real against white noise separates at once"
        )
        return (wiring, training) if still else (training, architecture, near, wiring)

    def _remedies(self, view: RunView) -> tuple[Remedy, ...]:
        if view.facts.trainer == "codec":
            patch = {"disc.init": "kaiming", "disc.lr": 1e-3, "disc.input_gain": 5.0}
            return (
                Remedy(
                    "Train the same discriminator: Kaiming init, D learning rate 1e-3, input gain 5.", patch
                ),
                Remedy("Multi-period and STFT discriminators as well.", {**patch, "disc.kind": "mpd_stft"}),
            )
        return (
            Remedy(
                "Raise the discriminator's learning rate, or its input's level; check its initialisation."
            ),
        )

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("hinge at 2.0 for a whole run", lambda: _flat(2.0, "hinge"), "fail"),
        Case("least squares at 1.0", lambda: _flat(1.0, "least_square"), "fail"),
        Case("BCE at 1.386", lambda: _flat(2 * float(np.log(2)), "vanilla"), "fail"),
        Case("a tiny run of 600 steps", lambda: _flat(2.0, "hinge", 600, 5), "fail"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("leaves 2.0 early", healthy_codec),
        Case("BigGAN", healthy_biggan),
        Case("hinge passes 1.386 on its way", lambda: _passing()),
        Case("least squares at its equilibrium 0.5", lambda: _flat(0.5, "least_square")),
    )


def _flat(level: float, loss: str, last: int = 10_000, every: int = 50) -> RunView:
    at = steps(last, every)
    return run({"loss/disc": (at, level + noise(len(at), 0.002))}, Facts(adv_loss=loss, total_steps=last))


def _passing() -> RunView:
    at = steps()
    return run(
        {"loss/disc": (at, falling(len(at), 2.0, 0.8, 0.3) + noise(len(at), 0.01))}, Facts(adv_loss="hinge")
    )
