"""docs/results/tts.md: FastSpeech2 as it failed, as its document mends it and as its ladder ends, on 20 clips."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from pathlib import Path

from bench.results import pages
from bench.results.claims import NO_RUN, Claim, better, claim_table, logged_table, per_seed
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

TRAINER = "tts"
DATA = "ljspeech"
EPOCHS = 10
PAIR = ("old", "fixed")
CONTRAST = ("document",)
LADDER = ("ladder-1-log", "ladder-2-linear", "ladder-3-masks", "ladder-4-weights", "ladder-5-noam")
OTHERS = ("adversarial",)
SEEDS = (0, 1, 2)
AT = (1, 5, 10)
SHOWN = (
    "eval/mel_common",
    "eval/mel_own",
    "eval/mcd",
    "eval/f0_rmse",
    "eval/duration_mae",
    "eval/length_ratio",
    "eval/pitch_std_ratio",
    "data/target_min",
    "data/target_max",
    "data/target_std",
    "data/target_negative",
    "eval/output_min",
    "eval/output_max",
    "eval/output_std",
    "loss/gen",
    "loss/mel",
    "share/mel",
    "share/postnet",
    "gen/grad_norm",
)
NORMAL = ("eval/mel_common", "eval/mcd", "eval/duration_mae", "eval/output_std", "loss/gen", "loss/mel")
BANDED = (*NORMAL, "eval/mel_own", "eval/f0_rmse", "eval/length_ratio", "eval/output_min", "eval/output_max")
COMMON = [("eval/mel_common", -1)]


def jobs() -> list[Job]:
    """Old, the document's fix and fixed with three seeds; the ladder and the adversarial variant with one."""
    return [
        *made(TRAINER, PAIR, SEEDS, DATA, EPOCHS, rank=0),
        *made(TRAINER, CONTRAST, SEEDS, DATA, EPOCHS, rank=1),
        *made(TRAINER, PAIR, SEEDS, "demo", EPOCHS, rank=5),
        *made(TRAINER, LADDER, (0,), DATA, EPOCHS, rank=3),
        *made(TRAINER, OTHERS, (0,), DATA, EPOCHS, rank=4),
    ]


def _at(log: Log, name: str) -> float:
    return log.value(name, EPOCHS)


def near_seven(log: Log) -> tuple[bool, str]:
    """Whether the sum of all losses ends between 6 and 8."""
    return 6 <= _at(
        log, "loss/gen"
    ) <= 8, f"{number(log.value('loss/gen', 1))} → {number(_at(log, 'loss/gen'))}"


def flat(log: Log) -> tuple[bool, str]:
    """Whether the output has less than half of the targets' spread."""
    out, target = _at(log, "eval/output_std"), _at(log, "data/target_std")
    return out < 0.5 * target, f"spread of the output {number(out)}, of the targets {number(target)}"


def floored(log: Log) -> tuple[bool, str]:
    """Whether the head keeps the output at or above 0 where more than 5 % of the targets lie below."""
    low, below = _at(log, "eval/output_min"), _at(log, "data/target_negative")
    return low >= 0 and below > 0.05, f"output from {number(low)}, {number(100 * below)} % of targets below 0"


def alike(log: Log) -> tuple[bool, str]:
    """Whether the output's range lies within that of the targets and covers half of it."""
    low, high = _at(log, "eval/output_min"), _at(log, "eval/output_max")
    t_low, t_high = _at(log, "data/target_min"), _at(log, "data/target_max")
    said = f"output {number(low)} to {number(high)}, targets {number(t_low)} to {number(t_high)}"
    return high - low >= 0.5 * (t_high - t_low), said


def dominant(log: Log) -> tuple[bool, str]:
    """Whether mel and postnet have more than half of the gradient where all losses meet."""
    share = _at(log, "share/mel") + _at(log, "share/postnet")
    return share > 0.5, f"{number(100 * share)} %"


def rough(log: Log) -> float:
    """Relative spread of the gradient norm after epoch 1."""
    xs, ys = log.epochs("gen/grad_norm")
    late = [y for x, y in zip(xs, ys, strict=True) if x > 1 and math.isfinite(y)]
    return statistics.stdev(late) / statistics.mean(late) if len(late) > 2 else math.nan


def claims(groups: Groups) -> list[Claim]:
    """The document's statements, in its order."""
    old, document, log1 = (groups.get(p, []) for p in ("old", "document", "ladder-1-log"))
    roughness = [mean(rough(log) for log in logs) for logs in (old, document)]
    steadier = roughness[1] < roughness[0]
    issues, expected = "Issues Identified", "Expected Improvements"
    return [
        per_seed(
            "The loss saturates around 7 (counted between 6 and 8)", "Before (with log1p)", old, near_seven
        ),
        per_seed(
            "The same with log mels under the ReLU, which is what would come to 7 (our guess, not the document's)",
            "Before (with log1p)",
            log1,
            near_seven,
        ),
        per_seed(
            "With log1p the output is low, without a pattern (counted below half of the targets' spread)",
            "Before (with log1p)",
            old,
            flat,
        ),
        Claim(
            "log maps 0.001 to −6.908 and 1000 to 6.908",
            "After (with log)",
            "held: by arithmetic",
            f"ln 0.001 = {number(math.log(0.001))}, ln 1000 = {number(math.log(1000))}",
        ),
        better(
            "log(x + 1e-9), linear head, 45 and accumulation 4 together beat *old* (common log space)",
            expected,
            groups,
            COMMON,
            EPOCHS,
            "old",
            "document",
        ),
        better(
            "The most critical fix is the log (here with the ReLU still there)",
            f"{issues} 1; the last sentence",
            groups,
            COMMON,
            EPOCHS,
            "old",
            "ladder-1-log",
        ),
        per_seed(
            "ReLU prevents the negative values of log mels (log, ReLU kept)", f"{issues} 2", log1, floored
        ),
        per_seed("ReLU prevents values that *old* needs (log1p)", f"{issues} 2", old, floored),
        better(
            "No activation at the head's end",
            f"{issues} 2",
            groups,
            COMMON,
            EPOCHS,
            "ladder-1-log",
            "ladder-2-linear",
        ),
        Claim(
            "Accumulation 4 gives more stable gradients (relative spread of the gradient norm after epoch 1)",
            f"{issues} 3",
            ("held" if steadier else "not") if old and document else NO_RUN,
            f"old {number(roughness[0])}, document {number(roughness[1])}; weights and scale differ too",
        ),
        better(
            "Faster convergence than at accumulation 1 (document against fixed, equal data)",
            expected,
            groups,
            COMMON,
            EPOCHS,
            "fixed",
            "document",
        ),
        per_seed(
            "With 45 the mel losses dominate (more than half of the gradient)",
            f"{issues} 4",
            document,
            dominant,
        ),
        per_seed(
            "With equal weights they do not",
            f"{issues} 4",
            old,
            lambda log: (not dominant(log)[0], dominant(log)[1]),
        ),
        better(
            "Weighting mel more than the rest (FastPitch's 1 to 0.1)",
            f"{issues} 4",
            groups,
            COMMON,
            EPOCHS,
            "ladder-3-masks",
            "ladder-4-weights",
        ),
        Claim(
            "Clamping takes care of NaN and infinity",
            f"{issues} 5",
            "not: clamp leaves NaN as it is (`tests/trainers/tts`); items are named, dropped and counted instead",
            "none",
        ),
        per_seed("Outputs match the targets' range", f"{expected} 1", document, alike),
    ]


def seen(groups: Groups) -> str:
    """What the runs show, in sentences computed from the numbers."""
    lines = []
    for preset, logs in groups.items():
        at = {
            name: mean(_at(log, name) for log in logs)
            for name in (
                "eval/mel_common",
                "eval/mcd",
                "eval/duration_mae",
                "data/target_negative",
                "eval/output_min",
            )
        }
        steps = mean(log.series["loss/gen"][0][-1] for log in logs if "loss/gen" in log.series)
        lines.append(
            f"- `{preset}`, {number(steps)} updates: mel error {number(at['eval/mel_common'])} nats, MCD "
            f"{number(at['eval/mcd'])} dB, durations off by {number(at['eval/duration_mae'])} ms; "
            f"{number(100 * at['data/target_negative'])} % of the targets below 0, output from "
            f"{number(at['eval/output_min'])}."
        )
    return "\n".join(lines)


def page(logs: Mapping[Job, Log]) -> str:
    """The whole page."""
    real = by_preset(logs, (*PAIR, *CONTRAST), DATA)
    everything = by_preset(logs, (*PAIR, *CONTRAST, *LADDER, *OTHERS), DATA)
    ladder = by_preset(logs, ("old", *LADDER), DATA)
    others = by_preset(logs, ("fixed", *OTHERS), DATA)
    demo = by_preset(logs, PAIR, "demo")
    names = [*COMMON, ("eval/mcd", -1), ("eval/f0_rmse", -1), ("eval/duration_mae", -1)]
    told = [differences(real, names, EPOCHS, a, "fixed") for a in ("old", "document")]
    return pages.page(
        "FastSpeech2: what was measured",
        [
            (
                "",
                pages.made_by(
                    f"16 kHz, width 64, {60 * EPOCHS} updates of 3 sentences, Griffin-Lim",
                    "those of papers, which take 900,000 updates of 24 hours of speech",
                ),
            ),
            ("Is my curve normal?", pages.normal(TRAINER, reference(logs), NORMAL, AT)),
            (
                "Old, the document's fix and fixed, on LJSpeech",
                "20 clips, 132 s, one speaker; phonemes from eSpeak NG, DTW-aligned. So little speech shows whether a "
                "recipe learns, not how it sounds. `document` sees as much data as the others in a quarter of the updates. "
                "Errors of all variants are compared in one log space (`eval/mel_common`); own losses of different mel "
                "scales and weights must not be.\n\n" + "\n".join([seen(real), *(t for t in told if t)]),
            ),
            ("The curves", progress_tables(real, SHOWN, AT)),
            ("The document's claims", pages.VERDICTS + "\n\n" + claim_table(claims(everything))),
            (
                "Its expected ranges against *document*, its own fix",
                claims_table(TRAINER, real.get("document", [])),
            ),
            ("Its expected ranges against *fixed*", claims_table(TRAINER, real.get("fixed", []))),
            ("What it logged, beside *old*", logged_table(TRAINER, real.get("old", []))),
            (
                "The ladder: one attributed step at a time",
                pages.ladder(ladder, SHOWN, AT),
            ),
            ("With a mel discriminator", "One seed.\n\n" + progress_tables(others, SHOWN, AT)),
            ("Published numbers, for orientation", published_table(TRAINER)),
            ("The built-in demo speech", progress_tables(demo, SHOWN, AT)),
            ("Where each row comes from", pages.provenance(logs, jobs())),
        ],
    )


def reference(logs: Mapping[Job, Log]) -> pages.Reference:
    """The runs of old and fixed that bands are measured on."""
    return pages.reference(
        logs,
        PAIR,
        demo="the built-in demo speech (eSpeak NG)",
        data=DATA,
        real="20 LJSpeech clips",
    )


def measured(logs: Mapping[Job, Log], target: Path) -> int:
    """Write the measured bands of old and fixed; returns how many bands."""
    return pages.measured(TRAINER, reference(logs), target, names=BANDED)
