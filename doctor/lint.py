"""Before the launch: what a recipe alone gives away. The same words as a finding, with the knob it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from doctor.findings import Finding, Remedy, Suspect

Flat = dict[str, Any]


@dataclass(frozen=True)
class Lint:
    """A finding about a recipe, and the knob beside which it belongs."""

    knob: str
    finding: Finding


@dataclass(frozen=True)
class Check:
    """One look at a flat recipe: (knob, claim, patch or None) for each thing that it sees."""

    code: str
    title: str
    severity: str
    source: str
    look: Callable[[Flat, str], Iterator[tuple[str, str, Flat]]]
    advice: str


def lint(recipe: Flat, trainer: str = "") -> list[Lint]:
    """What is questionable in a flat recipe {dotted knob: value}, worst first. Knobs that are not there are passed over."""
    found = [
        Lint(knob, _finding(check, claim, patch))
        for check in CHECKS
        for knob, claim, patch in check.look(recipe, trainer)
    ]
    return sorted(found, key=lambda x: ("fail", "warn", "info").index(x.finding.severity))


def _finding(check: Check, claim: str, patch: Flat) -> Finding:
    remedy = (Remedy(check.advice, patch),)
    suspects = (Suspect(f"source: {check.source}"),)
    return Finding(check.code, check.severity, check.title, claim, 0, 0, 0, (), suspects, remedy)


def _number(recipe: Flat, *knobs: str) -> tuple[str, float] | None:
    for knob in knobs:
        value = recipe.get(knob)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return knob, float(value)
    return None


def total_steps(recipe: Flat) -> float | None:
    """The planned length in steps; None where the recipe does not say."""
    steps = _number(recipe, "trainer.max_steps")
    if steps:
        return steps[1]
    epochs, each = _number(recipe, "trainer.max_epochs"), _number(recipe, "trainer.steps_per_epoch")
    return epochs[1] * each[1] if epochs and each else None


def _warmup(recipe: Flat, trainer: str) -> Iterator[tuple[str, str, Flat]]:
    total = total_steps(recipe)
    for knob in (
        "disc.start",
        "warmup_steps",
        "adv.warmup_steps",
        "gen.warmup_steps",
        "trainer.warmup_steps",
    ):
        here = _number(recipe, knob)
        if here and total and here[1] > 0.5 * total:
            yield knob, f"The warm-up takes {here[1]:,.0f} of {total:,.0f} steps.", {knob: int(total // 10)}


def _no_mel(recipe: Flat, trainer: str) -> Iterator[tuple[str, str, Flat]]:
    here = _number(recipe, "mel_weight", "loss.mel", "weights.mel")
    if here and here[1] == 0:
        yield here[0], "No mel loss: the weight is 0. The reference has 15.", {here[0]: 15.0}


def _lr_dies(recipe: Flat, trainer: str) -> Iterator[tuple[str, str, Flat]]:
    total, decay = total_steps(recipe), _number(recipe, "trainer.gamma", "gen.gamma", "sched.gamma")
    if decay and total and 0 < decay[1] < 1 and decay[1] ** total < 0.01:
        kept = 0.2 ** (1 / total)
        yield decay[0], f"At the end the rate is {decay[1] ** total:.1e} of what it was.", {decay[0]: kept}
    schedule = str(recipe.get("sched.kind", recipe.get("schedule", ""))).lower()
    floor = _number(recipe, "sched.floor", "sched.eta_min")
    if "cosine" in schedule and (floor is None or floor[1] == 0):
        knob = "sched.kind" if "sched.kind" in recipe else "schedule"
        yield knob, "A cosine to zero: the last tenth of the run hardly moves.", {knob: "constant"}


def _wgan(recipe: Flat, trainer: str) -> Iterator[tuple[str, str, Flat]]:
    knob = next((k for k in ("loss", "adv_loss", "loss.kind", "disc.loss") if k in recipe), "")
    if not knob or (
        "wgan" not in str(recipe[knob]).lower() and "wasserstein" not in str(recipe[knob]).lower()
    ):
        return
    penalty = _number(recipe, "gp_weight", "disc.gp_weight", "loss.gp", "disc.gradient_penalty")
    if penalty is None or penalty[1] == 0:
        named = penalty[0] if penalty else ""
        yield named or knob, "A Wasserstein loss without gradient penalty.", {named: 10.0} if named else {}


def _saturating(recipe: Flat, trainer: str) -> Iterator[tuple[str, str, Flat]]:
    for knob in ("gen.out_scale", "gen.output_init_scale", "gen.last_init"):
        here = _number(recipe, knob)
        norm = recipe.get("gen.out_spectral_norm", recipe.get("gen.output_spectral_norm"))
        if here and here[1] != 1 and norm is True:
            yield knob, f"The scale {here[1]:g} is cancelled by spectral normalisation before tanh.", {}


def _short_pesq(recipe: Flat, trainer: str) -> Iterator[tuple[str, str, Flat]]:
    crop, rate = _number(recipe, "data.crop", "data.cut_len"), _number(recipe, "data.rate_hz")
    asks = trainer == "enhancement" or any("pesq" in str(v).lower() for k, v in recipe.items() if "loss" in k)
    if crop and rate and rate[1] > 0 and asks and crop[1] < 0.25 * rate[1]:
        least = int(0.25 * rate[1])
        yield crop[0], f"Crops of {crop[1] / rate[1]:.2f} s; PESQ needs 0.25 s.", {crop[0]: least}


def _quiet_input(recipe: Flat, trainer: str) -> Iterator[tuple[str, str, Flat]]:
    level, gain = _number(recipe, "data.rms"), _number(recipe, "disc.input_gain")
    rate = _number(recipe, "disc.lr")
    if not (level and gain and rate) or recipe.get("disc.init") != "default":
        return
    if level[1] * gain[1] <= 0.1 and rate[1] <= 1e-4:
        claim = f"Default initialisation, level {level[1] * gain[1]:g} and rate {rate[1]:g}: D may not leave its dead value."
        yield "disc.init", claim, {"disc.init": "kaiming", "disc.lr": 1e-3, "disc.input_gain": 5.0}


def _log1p(recipe: Flat, trainer: str) -> Iterator[tuple[str, str, Flat]]:
    for knob in ("data.mel_scale", "data.log", "mel.log", "data.compression"):
        if str(recipe.get(knob)).lower() == "log1p":
            yield knob, "log1p is linear near 0: quiet speech keeps its tiny scale.", {knob: "log"}
    for knob in ("gen.head", "model.head", "decoder.head"):
        if str(recipe.get(knob)).lower() == "relu":
            yield knob, "A ReLU head cannot reach the negative values of a log-mel target.", {knob: "linear"}


CHECKS: tuple[Check, ...] = (
    Check(
        "lint-warmup",
        "Warm-up longer than half of the run",
        "warn",
        "interfaces: steps are G updates",
        _warmup,
        "A shorter warm-up.",
    ),
    Check(
        "lint-no-mel",
        "No mel loss",
        "warn",
        "reference 2, seed 000: DAC has mel 15",
        _no_mel,
        "A mel loss of weight 15.",
    ),
    Check(
        "lint-lr-dies",
        "Learning rate dies before the end",
        "warn",
        "reference 3.1, rule 7",
        _lr_dies,
        "A constant rate, or a decay that ends at a fifth.",
    ),
    Check(
        "lint-wgan",
        "Wasserstein loss without penalty",
        "warn",
        "reference 3.2, rule 34",
        _wgan,
        "A gradient penalty of weight 10.",
    ),
    Check(
        "lint-scaled-tanh",
        "Scaled initialisation under spectral normalisation",
        "warn",
        "reference 0, finding 6",
        _saturating,
        "No spectral normalisation on the last layer, or no scale.",
    ),
    Check(
        "lint-short-pesq",
        "Crops too short for PESQ",
        "fail",
        "reference 3.1, rule 10",
        _short_pesq,
        "Crops of a quarter of a second or more.",
    ),
    Check(
        "lint-quiet-disc",
        "Discriminator likely to stay at its dead value",
        "warn",
        "reference 0, finding 2",
        _quiet_input,
        "Kaiming initialisation, rate 1e-3, input gain 5.",
    ),
    Check(
        "lint-mel-scale",
        "Mel targets and head do not fit",
        "warn",
        "reference 3.1, rules 12 and 13",
        _log1p,
        "log of the clamped magnitude and a linear head.",
    ),
)
