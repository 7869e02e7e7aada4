"""docs/results/cgan.md: the document's GAN, its fixes and what really saturates, on 1,500 CIFAR-10 images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from bench.results import pages
from bench.results.claims import Claim, better, claim_table, logged_table, per_seed
from bench.results.jobs import Job, made
from bench.results.journals import Log
from bench.results.tables import (
    Groups,
    by_preset,
    claims_table,
    differences,
    mean,
    number,
    progress_tables,
    published_table,
)

TRAINER = "cgan"
DATA = "cifar10"
EPOCHS = 10
PAIR = ("old", "fixed")
CONTRAST = ("run-a", "gain-10")
LADDER = (
    "ladder-1-output",
    "ladder-2-rates",
    "ladder-3-diffaug",
    "ladder-4-projection",
    "ladder-5-width",
)
CAPACITY = ("capacity-a", "capacity-b", "capacity-c")
OTHERS = (*CAPACITY, "studiogan")
SEEDS = (0, 1, 2)
AT = (1, 5, 10)
SHOWN = (
    "loss/disc",
    "loss/gen",
    "disc/sign.real",
    "disc/sign.fake",
    "eval/disc_acc.held",
    "eval/saturation",
    "eval/saturation.real",
    "gen/pre_tanh_std",
    "eval/tanh_slope",
    "eval/pure_colour",
    "gen/bn_gain",
    "gen/output_grad",
    "eval/fd_classifier",
    "eval/precision_classifier",
    "eval/recall_classifier",
    "gen/param_ratio",
)
NORMAL = (
    "loss/disc",
    "loss/gen",
    "disc/sign_acc",
    "eval/saturation",
    "gen/pre_tanh_std",
    "eval/fd_classifier",
)
BANDED = (
    *NORMAL,
    "disc/sign.real",
    "disc/sign.fake",
    "eval/tanh_slope",
    "gen/bn_gain",
    "gen/output_grad",
    "disc/r_t",
)
DOOMED = 0.3
WINS = 0.93


def jobs() -> list[Job]:
    """Old, fixed, fix 1 alone and gain 10 with three seeds; ladder, capacity options and StudioGAN with one."""
    return [
        *made(TRAINER, PAIR, SEEDS, DATA, EPOCHS, rank=0),
        *made(TRAINER, CONTRAST, SEEDS, DATA, EPOCHS, rank=1),
        *made(TRAINER, PAIR, SEEDS, "demo", EPOCHS, rank=5),
        *made(TRAINER, LADDER, (0,), DATA, EPOCHS, rank=3),
        *made(TRAINER, OTHERS, (0,), DATA, EPOCHS, rank=4),
    ]


def _first(log: Log, name: str) -> float:
    values = log.series.get(name, ([], []))[1]
    return values[0] if values else math.nan


def saturated(log: Log) -> tuple[bool, str]:
    """Whether the fakes saturate past the document's 30 % from epoch 1 on."""
    at = [log.value("eval/saturation", k) for k in (1, EPOCHS)]
    real = log.value("eval/saturation.real", EPOCHS)
    said = f"{number(100 * at[0])} % at epoch 1, {number(100 * at[1])} % at {EPOCHS}; real {number(100 * real)} %"
    return min(at) > DOOMED, said


def driven(log: Log) -> tuple[bool, str]:
    """Whether the values before tanh start beyond ±3."""
    start = _first(log, "gen/pre_tanh_std")
    return start >= 3, f"standard deviation {number(start)} at the first report"


def wins(log: Log) -> tuple[bool, str]:
    """Whether D's loss falls over the run and D ends right on 93 % of real and fake."""
    losses = [log.value("loss/disc", k) for k in (1, EPOCHS)]
    right = [log.value(f"disc/sign.{side}", EPOCHS) for side in ("real", "fake")]
    said = (
        f"D loss {number(losses[0])} → {number(losses[1])}, right on real {number(right[0])}, on fake "
        f"{number(right[1])}"
    )
    return losses[1] < losses[0] and min(right) > WINS, said


def starved(log: Log) -> tuple[bool, str]:
    """Whether the gradient at G's output falls to a hundredth."""
    at = [log.value("gen/output_grad", k) for k in (1, EPOCHS)]
    return at[1] < 0.01 * at[0], f"{number(at[0])} → {number(at[1])}"


def stands_still(log: Log) -> tuple[bool, str]:
    """Whether the distance to real images does not fall after epoch 1."""
    at = [log.value("eval/fd_classifier", k) for k in (1, EPOCHS)]
    return at[1] >= at[0], f"fd_classifier {number(at[0])} → {number(at[1])}"


def noise_gone(log: Log) -> tuple[bool, str]:
    """Whether D's accuracy is 0.05 higher once the noise is gone, at half of the run."""
    half = EPOCHS // 2
    before, after = (
        mean(log.value("disc/sign_acc", k) for k in ks) for ks in ((half - 1, half), (EPOCHS - 1, EPOCHS))
    )
    return after - before >= 0.05, f"{number(before)} → {number(after)}"


def late_rate(log: Log) -> tuple[bool, str]:
    """Whether the generator's rate ends below a hundredth of its first."""
    rates = log.series["gen/lr"][1]
    return rates[-1] <= 0.02 * rates[0], f"{number(rates[0])} → {number(rates[-1])}"


def claims(groups: Groups) -> list[Claim]:
    """The document's statements, in its order."""
    old, run_a, fixed = (groups.get(p, []) for p in ("old", "run-a", "fixed"))
    distance = [("eval/fd_classifier", -1)]
    roots, fixes = "Root Causes", "Recommended Fixes"
    return [
        per_seed(
            f"The generator saturates completely, from epoch 1 (counted past {number(100 * DOOMED)} % at both ends)",
            "Visual evidence",
            old,
            saturated,
        ),
        per_seed(
            "Batch norm, then spectral norm, drives tanh well beyond ±3 (counted from a deviation of 3 at the start)",
            f"{roots} 1",
            old,
            driven,
        ),
        Claim(
            "A row of a matrix may have a norm far above its largest singular value",
            f"{roots} 1",
            "not: by arithmetic, no row is longer than the operator norm",
            "none",
        ),
        Claim(
            "Spectral norm cancels initial weights times 0.1",
            "Fix 1",
            "held: `tests/trainers/cgan/test_model.py` builds both and compares",
            "none",
        ),
        per_seed(
            "Fix 1 alone keeps saturation below 30 % (which only says something where *old* is above it)",
            "Phase 1, Run A",
            run_a,
            lambda log: (not saturated(log)[0], saturated(log)[1]),
        ),
        per_seed(
            f"The discriminator wins: its loss falls and it ends right on more than {number(100 * WINS)} % of both",
            "Evidence from training logs",
            old,
            wins,
        ),
        per_seed(
            "The generator gets no useful gradient (counted where it falls to a hundredth at the output)",
            "Evidence from training logs",
            old,
            starved,
        ),
        per_seed(
            "The generator never learns (the distance to real images does not fall)",
            "Diagnosis",
            old,
            stands_still,
        ),
        better(
            "Run B beats *old*: all five fixes together",
            "Phase 1, Run B",
            groups,
            distance,
            EPOCHS,
            "old",
            "fixed",
        ),
        per_seed(
            "With the fixes D no longer wins",
            f"{fixes} 2 to 5",
            fixed,
            lambda log: (not wins(log)[0], wins(log)[1]),
        ),
        better(
            "Capacity A (smaller D) on top of run A", "Fix 2", groups, distance, EPOCHS, "run-a", "capacity-a"
        ),
        better(
            "Capacity B (larger G) on top of run A", "Fix 2", groups, distance, EPOCHS, "run-a", "capacity-b"
        ),
        better("Capacity C (both) on top of run A", "Fix 2", groups, distance, EPOCHS, "run-a", "capacity-c"),
        per_seed(
            "The cosine schedule ends the generator's rate at a hundredth", f"{roots} 4", old, late_rate
        ),
        better(
            "Constant and equal rates instead",
            "Fix 3, fix 4",
            groups,
            distance,
            EPOCHS,
            "ladder-1-output",
            "ladder-2-rates",
        ),
        per_seed(
            "D's accuracy climbs when the noise ends at half of the run (counted from 0.05)",
            f"{roots} 5",
            old,
            noise_gone,
        ),
        better(
            "DiffAugment consistently helps (instead of instance noise)",
            "Phase 3",
            groups,
            distance,
            EPOCHS,
            "ladder-2-rates",
            "ladder-3-diffaug",
        ),
        Claim(
            "The sketch of DiffAugment can be used as it stands",
            "DiffAugment Implementation Sketch",
            "not: it raises an error for every batch size (measured for 6, 16 and 128)",
            "none",
        ),
    ]


def seen(groups: Groups) -> str:
    """What the runs show, in sentences computed from the numbers."""
    lines = []
    for preset, logs in groups.items():
        at = {
            name: mean(log.value(name, EPOCHS) for log in logs)
            for name in (
                "loss/disc",
                "disc/sign.real",
                "disc/sign.fake",
                "eval/saturation",
                "eval/fd_classifier",
            )
        }
        start = mean(_first(log, "gen/pre_tanh_std") for log in logs)
        lines.append(
            f"- `{preset}`: D loss {number(at['loss/disc'])}, D right on {number(100 * at['disc/sign.real'])} % of real and "
            f"{number(100 * at['disc/sign.fake'])} % of fake, {number(100 * at['eval/saturation'])} % of values saturated, "
            f"spread before tanh {number(start)} at the start, fd_classifier {number(at['eval/fd_classifier'])}."
        )
    return "\n".join(lines)


def page(logs: Mapping[Job, Log]) -> str:
    """The whole page."""
    real = by_preset(logs, (*PAIR, *CONTRAST), DATA)
    everything = by_preset(logs, (*PAIR, *CONTRAST, *LADDER, *OTHERS), DATA)
    ladder = by_preset(logs, ("old", *LADDER), DATA)
    others = by_preset(logs, ("run-a", *OTHERS), DATA)
    demo = by_preset(logs, PAIR, "demo")
    return pages.page(
        "Conditional GAN: what was measured",
        [
            (
                "",
                pages.made_by(
                    f"1/8 of the width, batches of 12, {60 * EPOCHS} generator steps, scores on 256 images",
                    "those of papers, which take 100,000 steps of 64 images and score 50,000",
                ),
            ),
            ("Is my curve normal?", pages.normal(TRAINER, reference(logs), NORMAL, AT)),
            (
                "Old against fixed on CIFAR-10",
                "The first 1,500 training images and 300 test images. `run-a`: the document's fix 1 alone. `gain-10`: no "
                "claim of the document's; a last layer times 10, made to saturate, so that the picture can be seen. "
                "fd_classifier is the Fréchet distance in a small classifier's features, trained once on these images; it "
                "is no FID. D's loss and accuracy alone do not tell good from bad: the published log of BigGAN has D "
                "falling from 0.95 to 0.39 while FID falls from 45 to 8.\n\n"
                + seen(real)
                + "\n"
                + differences(
                    real, [("eval/fd_classifier", -1), ("eval/recall_classifier", 1)], EPOCHS, "old", "fixed"
                ),
            ),
            ("The curves", progress_tables(real, SHOWN, AT)),
            ("The document's claims", pages.VERDICTS + "\n\n" + claim_table(claims(everything))),
            (
                "Its expected ranges against *fixed*",
                "FID and Inception Score need Inception weights, which the operator supplies.\n\n"
                + claims_table(TRAINER, real.get("fixed", [])),
            ),
            (
                "What it logged, beside *old*",
                "Its run had 200 epochs of 50,000 images; ours stands at the same share of the run, where schedule and "
                "noise are alike.\n\n" + logged_table(TRAINER, real.get("old", []), stretch=EPOCHS / 200),
            ),
            (
                "The ladder: one attributed step at a time",
                pages.ladder(ladder, SHOWN, AT),
            ),
            (
                "Capacity options and StudioGAN's recipe",
                "One seed each.\n\n" + progress_tables(others, SHOWN, AT),
            ),
            ("Published numbers, for orientation", published_table(TRAINER)),
            ("The built-in digits", progress_tables(demo, SHOWN, AT)),
            ("Where each row comes from", pages.provenance(logs, jobs())),
        ],
    )


def reference(logs: Mapping[Job, Log]) -> pages.Reference:
    """The runs of old and fixed that bands are measured on."""
    return pages.reference(
        logs,
        PAIR,
        demo="scikit-learn's digits at 32×32",
        data=DATA,
        real="the first 1,500 CIFAR-10 images",
    )


def measured(logs: Mapping[Job, Log], target: Path) -> int:
    """Write the measured bands of old and fixed; returns how many bands."""
    return pages.measured(TRAINER, reference(logs), target, names=BANDED)
