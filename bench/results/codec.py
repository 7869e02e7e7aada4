"""docs/results/codec.md: the tiny 2×2 and the ladder, beside what was claimed and published."""

from __future__ import annotations

import math
from pathlib import Path

from bench.results.jobs import Job, made
from bench.results.journals import Log
from bench.results.tables import claims_table, number, provenance_table, spread, table
from recipes import bands

TRAINER = "codec"
EPOCHS = 10
TWO_BY_TWO = ("old", "old-trained", "dac-plain", "fixed")
LADDER = ("ladder-1-mel", "ladder-2-mpd", "ladder-3-mrd", "ladder-4-lsgan", "ladder-5-rvq")
SEEDS = (0, 1, 2)
BAND_SEEDS = (0, 1, 2, 3, 4)
EVALS = ("eval/snr", "eval/si_sdr", "eval/amplitude", "eval/mel")
LOSSES = ("loss/disc", "loss/feat", "disc/sign_acc", "feat/relative")
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


def value(log: Log, name: str, epoch: int) -> float:
    """Evaluations at the end of an epoch, everything else as the mean over it."""
    return log.at_epoch(name, epoch) if name.startswith("eval/") else log.mean_over_epoch(name, epoch)


def _by_preset(logs: dict[Job, Log], presets: tuple[str, ...], data: str) -> dict[str, list[Log]]:
    found = {p: [log for job, log in logs.items() if (job.preset, job.data) == (p, data)] for p in presets}
    return {p: many for p, many in found.items() if many}


def _progress(groups: dict[str, list[Log]]) -> str:
    parts = []
    for name in (*LOSSES, *EVALS):
        rows = []
        for preset, logs in groups.items():
            cells = [spread([value(log, name, k) for log in logs]) for k in AT]
            rows.append([f"`{preset}`", str(len(logs)), *cells])
        parts.append(f"**`{name}`**\n\n" + table(["preset", "seeds", *(f"epoch {k}" for k in AT)], rows))
    return "\n\n".join(parts)


def _seen(groups: dict[str, list[Log]]) -> str:
    """What the 2×2 shows, in sentences computed from the numbers."""
    lines = []
    last = AT[-1]
    mean = {
        preset: {
            name: _mean([value(log, name, last) for log in logs])
            for name in ("loss/disc", "eval/snr", "eval/mel", "eval/amplitude")
        }
        for preset, logs in groups.items()
    }
    for preset, at in mean.items():
        stuck = abs(at["loss/disc"] - 2.0) < 0.02
        lines.append(
            f"- `{preset}`: discriminator loss {number(at['loss/disc'])} at epoch {last}"
            f"{' (stuck at the dead value 2.0)' if stuck else ''}, SNR {number(at['eval/snr'])} dB, amplitude "
            f"{number(at['eval/amplitude'])} %, mel distance {number(at['eval/mel'])}."
        )
    if {"old", "fixed"} <= mean.keys():
        for name, better, unit in (("eval/snr", 1, " dB"), ("eval/mel", -1, "")):
            gap = mean["fixed"][name] - mean["old"][name]
            word = "better" if gap * better > 0 else "worse"
            lines.append(
                f"- On `{name}` *fixed* is {word} than *old* by {number(abs(gap))}{unit} (mean over seeds)."
            )
    return "\n".join(lines)


def _mean(values: list[float]) -> float:
    kept = [v for v in values if math.isfinite(v)]
    return sum(kept) / len(kept) if kept else math.nan


def _published() -> str:
    rows = [
        [
            f"`{b.series}`",
            number(b.low) if b.low == b.high else f"{number(b.low)} to {number(b.high)}",
            b.source,
            b.note,
        ]
        for b in bands.library(TRAINER)
        if b.origin == "published"
    ]
    return table(["series", "value", "source", "note"], rows)


def page(logs: dict[Job, Log]) -> str:
    """The whole page."""
    square = _by_preset(logs, TWO_BY_TWO, "speech")
    ladder = _by_preset(logs, ("old", *LADDER), "speech")
    demo = _by_preset(logs, TWO_BY_TWO, "demo")
    fixed = square.get("fixed", [])
    return "\n\n".join(
        [
            "# Codec: what was measured",
            "Made by `make results DATA=FOLDER` from the journals of the runs listed at the end. Size **tiny** (8 kHz, "
            "8 kbps nominal, 600 generator steps): these numbers must not be put beside those of papers, which are at "
            "44.1 kHz after hundreds of thousands of steps. Losses are means over the epoch, evaluations are taken at "
            "its end on a fixed held-out set; ± is the standard deviation over seeds.",
            "## The 2×2 on real speech: architecture against training",
            "231 clips, 19 speakers, held out by speaker. `old`: grouped discriminator with the document's training. "
            "`old-trained`: the same network with Kaiming initialisation, D learning rate 1e-3, input gain 5. "
            "`dac-plain`: multi-period and STFT discriminators with the document's training. `fixed`: those, trained so.",
            _seen(square),
            _progress(square),
            "## The ladder: one attributed step at a time",
            "Cumulative from `old`, one seed each: a single seed shows a direction at best.",
            _progress(ladder),
            "## The document's claims against `fixed`",
            "Each claimed range, with the values of all seeds. *Held*: all seeds inside; *partly*: some; *not*: none. The "
            "length of the document's epoch is unknown and its networks were larger, so that *not* refutes the claim for "
            "this set-up only; where a claim contradicts itself (28 dB at 93 % amplitude) no set-up can meet it.",
            claims_table(TRAINER, fixed, value),
            "## Published numbers, for orientation",
            _published(),
            "## The built-in demo speech",
            "Five seeds each; the measured bands (`recipes/bands/codec-measured.yaml`) are the envelopes of these runs.",
            _progress(demo),
            "## Where each row comes from",
            provenance_table(logs),
        ]
    )


def measured(logs: dict[Job, Log], target: Path) -> int:
    """Write the measured bands of the tiny presets from the demo runs; returns how many bands."""
    made = []
    for preset in TWO_BY_TWO:
        group = {job: log for job, log in logs.items() if (job.preset, job.data) == (preset, "demo")}
        if len(group) < len(BAND_SEEDS):
            continue
        runs = [{name: log.epochs(name) for name in BANDED if name in log.series} for log in group.values()]
        made += bands.measure(
            runs,
            x="epoch",
            trainer=TRAINER,
            preset=preset,
            size="tiny",
            source=f"{len(group)} runs of {preset}, tiny, on the built-in demo speech",
            runs_from=[log.start.run for log in group.values()],
        )
    if made:
        bands.save(made, target)
    return len(made)
