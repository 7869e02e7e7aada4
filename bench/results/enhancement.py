"""docs/results/enhancement.md: CMGAN's loop as released and mended, on read speech in recorded noise."""

from __future__ import annotations

import statistics
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
    number,
    progress_tables,
    published_table,
    seeds,
)

TRAINER = "enhancement"
DATA = "noisy"
EPOCHS = 15  # the document's fall of PESQ is said to come between epochs 7 and 14
PAIR = ("old", "fixed")
CONTRAST = ("more-gan", "no-silent-filter")
LADDER = ("ladder-1-eval", "ladder-2-scale", "ladder-3-mask", "ladder-4-replay", "ladder-5-select")
SEEDS = (0, 1, 2)
AT = (1, 5, 10, 15)
# Random stretches (old) and middle ones (ladder 1 and up) are different evaluation sets; .centre is old's middle.
SHOWN = (
    "eval/pesq_nb",
    "eval/pesq_nb.centre",
    "eval/pesq_nb.noisy",
    "eval/loss",
    "eval/si_sdr.centre",
    "eval/snr",
    "eval/gain_db",
    "eval/disc_spearman",
    "eval/disc_mae",
    "eval/disc_clean",
    "pesq/missing_batches",
    "pesq/missing_items",
    "pesq/trained",
    "share/adv",
    "loss/disc",
)
NORMAL = ("eval/pesq_nb", "eval/loss", "eval/si_sdr", "eval/disc_mae", "loss/gen", "loss/disc", "share/adv")
BANDED = (
    *NORMAL,
    "eval/stoi",
    "eval/snr",
    "eval/gain_db",
    "eval/disc_spearman",
    "eval/disc_clean",
    "loss/mag",
)
FALL = 2.64 - 2.07


def jobs() -> list[Job]:
    """Old, fixed and the document's two single advices with three seeds, the ladder with one."""
    return [
        *made(TRAINER, PAIR, SEEDS, DATA, EPOCHS, rank=0),
        *made(TRAINER, CONTRAST, SEEDS, DATA, EPOCHS, rank=1),
        *made(TRAINER, PAIR, SEEDS, "demo", EPOCHS, rank=5),
        *made(TRAINER, LADDER, (0,), DATA, EPOCHS, rank=3),
    ]


def collapse(name: str) -> str:
    """What `fell` calls a collapse, for the page."""
    return (
        f"counted where `{name}` ends {number(FALL / 2)} or more below its best, at a lower loss than there"
    )


def fell(log: Log, name: str) -> tuple[bool, str]:
    """Whether PESQ ended half of the document's fall below its best while the loss went on falling."""
    curve, loss = log.evaluations(name), dict(log.evaluations("eval/loss"))
    if not curve:
        return False, "no PESQ"
    (at, best), (end, last) = max(curve, key=lambda p: p[1]), curve[-1]
    lower = loss.get(end, 0.0) < loss.get(at, 0.0)
    return best - last >= FALL / 2 and lower, (
        f"{number(best)} at epoch {number(at)}, {number(last)} at {number(end)}, loss "
        f"{number(loss.get(at, float('nan')))} → {number(loss.get(end, float('nan')))}"
    )


def dice(log: Log) -> tuple[bool, str]:
    """Whether the choice of the stretch alone moves PESQ by the document's fall (twice its deviation)."""
    fixed = dict(log.evaluations("eval/pesq_nb.centre"))
    gaps = [y - fixed[x] for x, y in log.evaluations("eval/pesq_nb") if x in fixed]
    deviation = statistics.stdev(gaps) if len(gaps) > 1 else 0.0
    return 2 * deviation >= FALL, f"standard deviation {number(deviation)} over {len(gaps)} evaluations"


def claims(groups: Groups) -> list[Claim]:
    """The document's statements, in its order."""
    old = groups.get("old", [])

    def last(name: str, log: Log) -> float:
        return log.value(name, EPOCHS)

    def skipped(log: Log) -> tuple[bool, str]:
        lost = last("pesq/missing_batches", log)
        return lost > 0.05, f"{number(100 * lost)} % of batches"

    def blind(log: Log) -> tuple[bool, str]:
        rank = last("eval/disc_spearman", log)
        return rank < 0.5, f"rank correlation {number(rank)}, error {number(last('eval/disc_mae', log))}"

    def lengths(log: Log) -> tuple[bool, str]:
        crop = log.knob("data.crop")
        est = last("data/length.est", log)
        return est != crop, f"{number(est)} of {crop:,} samples come back"

    def weak(log: Log) -> tuple[bool, str]:
        share = last("share/adv", log)
        return share < 0.05, f"{number(100 * share)} % of the gradient"

    def steady(log: Log) -> tuple[bool, str]:
        rates = set(log.series["gen/lr"][1])
        return len(rates) == 1, f"learning rate {', '.join(number(r) for r in sorted(rates))}"

    evidence, causes, steps = "The Evidence", "Real root causes", "Next steps"
    pesq = [("eval/pesq_nb.centre", 1)]
    return [
        per_seed(
            f"Loss and PESQ part: PESQ falls by {number(FALL)} from its best while the loss goes on falling "
            f"({collapse('eval/pesq_nb')})",
            evidence,
            old,
            lambda log: fell(log, "eval/pesq_nb"),
        ),
        per_seed(
            f"The same, on fixed stretches ({collapse('eval/pesq_nb.centre')})",
            f"{evidence}; cause 1",
            old,
            lambda log: fell(log, "eval/pesq_nb.centre"),
        ),
        per_seed(
            f"Random evaluation stretches make it look like a fall (counted where twice the deviation of PESQ on random "
            f"against fixed stretches reaches {number(FALL)})",
            f"{causes} 1",
            old,
            dice,
        ),
        per_seed("batch_pesq is None often (counted past 5 % of batches)", f"{causes} 2A", old, skipped),
        per_seed(
            "The discriminator does not learn to predict PESQ (counted below a rank correlation of 0.5 on the evaluation "
            "set)",
            f"{causes} 2",
            old,
            blind,
        ),
        better(
            "Leaving out the item instead of the batch makes the discriminator predict better (ladder 2 to ladder 3)",
            f"{causes} 2A",
            groups,
            [("eval/disc_spearman", 1), ("eval/disc_mae", -1)],
            EPOCHS,
            "ladder-2-scale",
            "ladder-3-mask",
        ),
        per_seed("The inverse transform gives another length than went in", f"{causes} 2B", old, lengths),
        per_seed(
            "At weight 0.05 the generator ignores the discriminator (counted below 5 % of the gradient at the output)",
            f"{causes} 3",
            old,
            weak,
        ),
        per_seed("The learning rate's decay is not the cause: it has not begun", f"{causes} 4", old, steady),
        Claim(
            "mp.spawn and torchrun may train differently",
            f"{causes} 5",
            "not looked at here: `python -m trainers diagnose enhancement` compares one process with two",
            "none",
        ),
        better(
            "GAN weight 0.2 instead of 0.05 keeps PESQ up", steps, groups, pesq, EPOCHS, "old", "more-gan"
        ),
        better(
            "Without the filter of silent segments the discriminator learns PESQ",
            steps,
            groups,
            [("eval/disc_mae", -1), ("eval/pesq_nb.centre", 1)],
            EPOCHS,
            "old",
            "no-silent-filter",
        ),
        Claim(
            "InstanceNorm does not care about the batch size",
            "Why I was wrong about batch size",
            "held: by its definition; not measured",
            "none",
        ),
    ]


def same_stretches(logs: Mapping[Job, Log]) -> Mapping[Job, Log]:
    """The logs, with ``.centre`` series also where all evaluation is on the middle stretches."""
    for log in logs.values():
        if log.knob("data.eval_crop") == "centre":
            for name in ("eval/pesq_nb", "eval/si_sdr"):
                log.series.setdefault(f"{name}.centre", log.series[name])
    return logs


def seen(groups: Groups) -> str:
    """What the runs show, in sentences computed from the numbers."""
    lines = []
    for preset, logs in groups.items():
        parts = [
            f"{what} {number(sum(values) / len(values))}"
            for what, name in (
                ("PESQ on the middle stretches", "eval/pesq_nb.centre"),
                ("as it was measured", "eval/pesq_nb"),
                ("of the noisy input there", "eval/pesq_nb.noisy"),
                ("SI-SDR on the middle stretches", "eval/si_sdr.centre"),
                ("level", "eval/gain_db"),
            )
            if (values := [log.value(name, EPOCHS) for log in logs])
        ]
        lines.append(f"- `{preset}` at epoch {EPOCHS}, {seeds(len(logs))}: {', '.join(parts)} dB.")
    return "\n".join(lines)


def page(logs: Mapping[Job, Log]) -> str:
    """The whole page."""
    logs = same_stretches(logs)
    real = by_preset(logs, (*PAIR, *CONTRAST), DATA)
    ladder = by_preset(logs, ("old", *LADDER, "fixed"), DATA)
    everything = by_preset(logs, (*PAIR, *CONTRAST, *LADDER), DATA)
    demo = by_preset(logs, PAIR, "demo")
    on_pair = differences(
        real,
        [("eval/pesq_nb.centre", 1), ("eval/si_sdr.centre", 1), ("eval/disc_mae", -1)],
        EPOCHS,
        "old",
        "fixed",
    )
    return pages.page(
        "Speech enhancement: what was measured",
        [
            (
                "",
                pages.made_by(
                    f"8 kHz, narrow-band PESQ, 8 channels, one conformer without attention, {EPOCHS} epochs of 40 steps",
                    "those of papers, which are wide-band PESQ at 16 kHz after 120 epochs of 11,572 pairs",
                ),
            ),
            ("Is my curve normal?", pages.normal(TRAINER, reference(logs), NORMAL, AT)),
            (
                "Old against fixed on read speech in recorded noise",
                "LibriSpeech clips with 1 s of silence before and after, mixed with ESC-10 noise at 0 to 15 dB, held out by "
                "speaker and noise. `old`: CMGAN as released. `more-gan` and `no-silent-filter`: old with one of the "
                "document's advices. `fixed`: all corrections and GAN weight 0.2. *old* is measured on random "
                "stretches, *fixed* on the middle ones; the series that end in `.centre` are all on the middle ones and can "
                "be compared.\n\n" + seen(real) + "\n" + on_pair,
            ),
            ("The curves", progress_tables(real, SHOWN, AT)),
            ("The document's claims", pages.VERDICTS + "\n\n" + claim_table(claims(everything))),
            ("Its expected ranges against *fixed*", claims_table(TRAINER, real.get("fixed", []))),
            (
                "What it logged, beside *old*",
                "Its PESQ is wide-band on other data: only the shape can be compared.\n\n"
                + logged_table(TRAINER, real.get("old", []), same_as={"eval/pesq_wb": "eval/pesq_nb"}),
            ),
            (
                "The ladder: one attributed step at a time",
                pages.ladder(ladder, SHOWN, AT),
            ),
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
        demo="the built-in demo speech in made noise",
        data=DATA,
        real="LibriSpeech clips in ESC-10 noise",
    )


def measured(logs: Mapping[Job, Log], target: Path) -> int:
    """Write the measured bands of old and fixed; returns how many bands."""
    return pages.measured(TRAINER, reference(logs), target, names=BANDED)
