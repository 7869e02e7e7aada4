"""docs/results/codec.md: the tiny 2×2 and the ladder, beside what was claimed and published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.results import pages
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

TRAINER = "codec"
EPOCHS = 10
TWO_BY_TWO = ("old", "old-trained", "dac-plain", "fixed")
LADDER = ("ladder-1-mel", "ladder-2-mpd", "ladder-3-mrd", "ladder-4-lsgan", "ladder-5-rvq")
SEEDS = (0, 1, 2)
BAND_SEEDS = (0, 1, 2, 3, 4)
SHOWN = (
    "loss/disc",
    "loss/feat",
    "disc/sign_acc",
    "feat/relative",
    "eval/snr",
    "eval/si_sdr",
    "eval/amplitude",
    "eval/mel",
)
NORMAL = ("loss/disc", "disc/sign_acc", "feat/relative", "eval/snr", "eval/mel")
AT = (1, 5, 10)
BANDED = (
    "loss/disc",
    "loss/feat",
    "feat/relative",
    "disc/sign_acc",
    "disc/grad_norm",
    "eval/snr",
    "eval/si_sdr",
    "eval/amplitude",
    "eval/mel",
    "eval/pesq_nb",
)


def jobs() -> list[Job]:
    """The 2×2 on speech with three seeds, the ladder with one, and the demo set with five for the bands."""
    pair = ("old", "fixed")
    others = tuple(p for p in TWO_BY_TWO if p not in pair)
    return [
        *made(TRAINER, pair, SEEDS, "speech", EPOCHS, rank=0),
        *made(TRAINER, others, SEEDS, "speech", EPOCHS, rank=1),
        *made(TRAINER, pair, BAND_SEEDS, "demo", EPOCHS, rank=2),
        *made(TRAINER, LADDER, (0,), "speech", EPOCHS, rank=3),
        *made(TRAINER, others, BAND_SEEDS, "demo", EPOCHS, rank=5),
    ]


def _seen(groups: Groups) -> str:
    """What the 2×2 shows, in sentences computed from the numbers."""
    lines = []
    last = AT[-1]
    at_end = {
        preset: {
            name: mean(log.value(name, last) for log in logs)
            for name in ("loss/disc", "eval/snr", "eval/mel", "eval/amplitude")
        }
        for preset, logs in groups.items()
    }
    for preset, at in at_end.items():
        stuck = abs(at["loss/disc"] - 2.0) < 0.02
        lines.append(
            f"- `{preset}`: discriminator loss {number(at['loss/disc'])} at epoch {last}"
            f"{' (stuck at the dead value 2.0)' if stuck else ''}, SNR {number(at['eval/snr'])} dB, amplitude "
            f"{number(at['eval/amplitude'])} %, mel distance {number(at['eval/mel'])}."
        )
    lines.append(differences(groups, [("eval/snr", 1), ("eval/mel", -1)], last, "old", "fixed"))
    return "\n".join(line for line in lines if line)


def page(logs: Mapping[Job, Log]) -> str:
    """The whole page."""
    square = by_preset(logs, TWO_BY_TWO, "speech")
    ladder = by_preset(logs, ("old", *LADDER), "speech")
    demo = by_preset(logs, TWO_BY_TWO, "demo")
    return pages.page(
        "Codec: what was measured",
        [
            (
                "",
                pages.made_by(
                    "8 kHz, 8 kbps nominal, 600 generator steps",
                    "those of papers, which are at 44.1 kHz after hundreds of thousands of steps",
                ),
            ),
            ("Is my curve normal?", pages.normal(TRAINER, reference(logs), NORMAL, AT)),
            (
                "The 2×2 on real speech: architecture against training",
                "231 clips, 19 speakers, held out by speaker. `old`: grouped discriminator with the document's training. "
                "`old-trained`: the same network with Kaiming initialisation, D learning rate 1e-3, input gain 5. "
                "`dac-plain`: multi-period and STFT discriminators with the document's training. `fixed`: those, trained "
                "so.\n\n" + _seen(square),
            ),
            ("The curves", progress_tables(square, SHOWN, AT)),
            (
                "The ladder: one attributed step at a time",
                pages.ladder(ladder, SHOWN, AT),
            ),
            (
                "The document's claims against `fixed`",
                "Each claimed range, with the values of all seeds. *Held*: all seeds inside; *partly*: some; *not*: none. "
                "The length of the document's epoch is unknown and its networks were larger, so that *not* refutes the "
                "claim for this set-up only; where a claim contradicts itself (28 dB at 93 % amplitude) no set-up can "
                "meet it.\n\n" + claims_table(TRAINER, square.get("fixed", [])),
            ),
            ("Published numbers, for orientation", published_table(TRAINER)),
            (
                "The built-in demo speech",
                "The measured bands (`recipes/bands/codec-measured.yaml`) are the envelopes of these runs.\n\n"
                + progress_tables(demo, SHOWN, AT),
            ),
            ("Where each row comes from", pages.provenance(logs, jobs())),
        ],
    )


def reference(logs: Mapping[Job, Log]) -> pages.Reference:
    """The runs of old and fixed that bands are measured on."""
    return pages.reference(
        logs,
        ("old", "fixed"),
        demo="the built-in demo speech",
        data="speech",
        real="231 clips of speech",
    )


def measured(logs: Mapping[Job, Log], target: Path) -> int:
    """Write the measured bands of the tiny presets; returns how many bands."""
    return pages.measured(TRAINER, reference(logs), target, names=BANDED)
