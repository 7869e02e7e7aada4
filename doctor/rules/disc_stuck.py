"""Rule 1: the discriminator stays at the loss of one that answers 0 to everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from doctor.cases import falling, healthy_biggan, healthy_codec, noise, run, steps
from doctor.findings import Finding, Remedy, Suspect, evidence
from doctor.rule import Case, Rule, stretches, trailing
from doctor.view import Facts, RunView

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
        if view.facts.adv_loss == "wasserstein":
            return
        forms = {view.facts.adv_loss: view.dead} if view.dead else {"hinge": 2.0, "BCE": 2 * float(np.log(2))}
        track = view.disc_loss()
        if view.facts.warmup_steps:
            track = track.between(view.facts.warmup_steps, float("inf"))
        if len(track) < 5:
            return
        scale = min(1.0, view.length / 20_000)
        long, short = max(200.0, LONG * scale), max(60.0, SHORT * scale)
        middle = trailing(track, short)
        for form, dead in forms.items():
            assert dead is not None
            holds = np.abs(middle - dead) < NEAR
            if (
                view.facts.adv_loss is None
            ):  # a guess of the form needs flat curves: a level crossed is no proof
                holds &= np.abs(track.values - dead) < NEAR
            for name, low, high in (
                ("disc/sign_acc", 0.5 - CHANCE, 0.5 + CHANCE),
                ("disc/logit_std", 0.0, QUIET),
            ):
                if view.has(name):
                    other = view.track(name)
                    at = np.interp(track.steps, other.steps, trailing(other, short))
                    holds &= (at >= low) & (at <= high)
            for first, last, seen in stretches(track.steps, holds, short, points=5):
                span = int(track.steps[last] - track.steps[first])
                if last < len(track) - 1 and span < long:
                    continue  # it left early: the normal start
                failed = np.flatnonzero(track.steps[first : last + 1] - track.steps[first] >= long)
                severity = "fail" if len(failed) else "warn"
                at_index = first + int(failed[0]) if len(failed) else seen
                level = float(np.median(track.values[first : last + 1]))
                yield Finding(
                    self.code,
                    severity,
                    self.title,
                    f"{form} loss of D is {level:.4g} for {span:,} steps; a discriminator that answers 0 has {dead:.4g}.",
                    int(track.steps[first]),
                    int(track.steps[last]),
                    int(track.steps[at_index]),
                    (evidence("loss/disc", track.steps[first : last + 1], track.values[first : last + 1]),),
                    self._suspects(view),
                    self._remedies(view),
                    lasting=last == len(track) - 1,
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
