"""docs/results/gpu.md: old and fixed at size small on one GPU, and a look at each paper preset.

``python -m bench.results.gpu FOLDER``: FOLDER holds ``<trainer>-<preset>/events.jsonl`` of the small runs,
``paper-<trainer>-<precision>/events.jsonl`` of the short ones, and optionally ``smi.txt`` (lines "seconds MiB, %, W") with
``paper.txt`` (lines "seconds name").
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from bench.results.curves import chart
from bench.results.journals import Log, read
from bench.results.tables import number, table
from nashboard import vocabulary
from recipes.registry import TRAINERS

ROOT = Path(__file__).parents[2]
SHOWN = {
    "codec": ("loss/disc", "disc/sign_acc", "eval/snr", "eval/mel"),
    "enhancement": ("loss/disc", "eval/pesq_wb", "eval/si_sdr", "eval/loss"),
    "cgan": ("loss/disc", "eval/fd_classifier", "eval/saturation", "eval/disc_acc.held"),
    "vae": ("loss/disc", "feat/relative", "eval/stft", "eval/kl_per_dim"),
    "tts": ("loss/disc", "eval/mel_common", "eval/mcd", "eval/duration_mae"),
}
WARM = 2  # reports before the clock counts: kernels are chosen and caches filled


def rate(log: Log) -> float:
    """Median milliseconds between generator steps, evaluations left out by the median; NaN with too few reports."""
    steps, times = _clock(log.folder)
    gaps = [
        1000 * (t1 - t0) / (s1 - s0)
        for s0, s1, t0, t1 in zip(
            steps[WARM:], steps[WARM + 1 :], times[WARM:], times[WARM + 1 :], strict=False
        )
        if s1 > s0
    ]
    return statistics.median(gaps) if len(gaps) >= 3 else math.nan


def _clock(folder: Path) -> tuple[list[int], list[float]]:
    steps: list[int] = []
    times: list[float] = []
    for line in (folder / "events.jsonl").read_text("utf-8").splitlines():
        try:
            event = json.loads(line)
        except ValueError:  # the last line of a killed process may be cut
            continue
        if event["kind"] == "points" and "loss/gen" in event["values"]:
            steps.append(event["step"])
            times.append(event["time"])
    return steps, times


def memory(folder: Path) -> dict[str, float]:
    """Most MiB of the card in use during each short run, from ``smi.txt`` and ``paper.txt``."""
    if not ((folder / "smi.txt").is_file() and (folder / "paper.txt").is_file()):
        return {}
    samples = [line.replace(",", "").split() for line in (folder / "smi.txt").read_text().splitlines()]
    marks = [line.split(maxsplit=1) for line in (folder / "paper.txt").read_text().splitlines()]
    found = {}
    for (start, name), (end, _) in pairwise(marks):
        inside = [float(s[1]) for s in samples if len(s) > 1 and int(start) < int(s[0]) < int(end)]
        if inside:
            found[name.replace(" ", "-")] = max(inside)
    return found


def small(folder: Path) -> Iterator[tuple[str, dict[str, Log]]]:
    """(trainer, {preset: log}) of the small runs that are there."""
    for trainer in TRAINERS:
        logs = {
            p: read(folder / f"{trainer}-{p}")
            for p in ("old", "fixed")
            if (folder / f"{trainer}-{p}").is_dir()
        }
        if logs:
            yield trainer, logs


def section(trainer: str, logs: dict[str, Log], pictures: Path) -> str:
    """A trainer's part: where each run ended, evaluations epoch by epoch, and its curves drawn into ``pictures``."""
    drawn, rows = [], []
    for name in SHOWN[trainer]:
        held = {
            p: log for p, log in logs.items() if any(map(math.isfinite, log.series.get(name, ([], []))[1]))
        }
        if not held:
            continue
        about = vocabulary.describe(name)
        title = f"{name} ({about.unit})" if about.unit else name
        path = pictures / f"{trainer}-{name.replace('/', '-').replace('.', '-')}.svg"
        path.write_text(
            chart(title, "generator step", {p: log.series[name] for p, log in held.items()}), "utf-8"
        )
        drawn.append(f"![{name} of old and fixed]({pictures.name}/{path.name})")
        for preset, log in held.items():
            _, values = log.series[name]
            finite = [v for v in values if math.isfinite(v)]
            rows.append([f"`{name}`", f"`{preset}`", number(values[0]), number(finite[-1]), str(len(values))])
    ended = "; ".join(
        f"`{p}` {log.status or 'was cut off'} at step {max(_clock(log.folder)[0])}, {number(rate(log))} ms a step"
        for p, log in logs.items()
    )
    return "\n\n".join(
        [f"{ended}.", table(["series", "preset", "first", "last", "points"], rows), "\n".join(drawn)]
    )


def page(folder: Path, pictures: Path) -> str:
    """The whole page; ``pictures`` is the folder beside it that gets the curves."""
    runs = dict(small(folder))
    first = next(iter(next(iter(runs.values())).values())).start.environment
    card = ", ".join(first.get("gpus") or ["no GPU named"])
    paper = []
    used = memory(folder)
    for path in sorted(folder.glob("paper-*/events.jsonl")):
        log = read(path.parent)
        name = path.parent.name.removeprefix("paper-")
        trainer, precision = name.split("-", 1)
        sizes = log.start.environment.get("parameters", {})
        ms = rate(log)
        paper.append(
            [
                trainer,
                precision,
                f"{sizes.get('gen', 0) / 1e6:.2f} M, {sizes.get('disc', 0) / 1e6:.2f} M",
                str(log.knob("data.batch")),
                number(ms) if math.isfinite(ms) else "too few steps to say",
                number(used[name]) if name in used else "not sampled",
            ]
        )
    parts = [
        "# On a GPU: size small, and a look at paper",
        f"{card}, {first['cpus']} cores, torch {first['torch']}. Written by `python -m bench.results.gpu FOLDER` from the "
        "journals. These numbers must not be put beside those of size tiny, nor beside papers': all small runs shared one "
        "card with each other for under seven minutes, one seed each, and end where time ended, long before their 5,000 "
        "steps. They show that the presets run on CUDA, how fast, and which way the curves set out; not who wins.",
        "Data: `speech/` (codec, vae), `speech/librispeech/` with `noise/` (enhancement), 1,500 CIFAR-10 images (cgan; "
        "scored by a classifier's Fréchet distance, no FID), 20 LJSpeech clips aligned by DTW (tts). Epochs are 125 steps.",
    ]
    for trainer, logs in runs.items():
        parts += [f"## {TRAINERS[trainer].title}", section(trainer, logs, pictures)]
        bad = [f"`{p}`: {log.status}" for p, log in logs.items() if log.status == "failed"]
        if bad and trainer == "vae":
            parts.append(
                "Both ended as *failed*: the stop came, the checkpoint was saved, and the evaluation after it met networks "
                "that Lightning had already taken off the card. Their curves up to there stand; the fault is mended since."
            )
    parts += [
        "## Paper presets: steps and memory",
        "Each `fixed` preset at size paper, alone on the card for 21 seconds with its import, data and first evaluation in "
        "it, a report every step; memory is the card's own count, sampled every two seconds. Milliseconds are the median "
        "between steps, so evaluations do not count. bf16 is autocast over 32-bit weights.",
        table(["trainer", "precision", "parameters G, D", "batch", "ms a step", "MiB used"], paper),
    ]
    return "\n\n".join(parts) + "\n"


def main(argv: list[str]) -> int:
    if len(argv) != 1 or not Path(argv[0]).is_dir():
        print("usage: python -m bench.results.gpu FOLDER", file=sys.stderr)
        return 2
    target = ROOT / "docs" / "results" / "gpu.md"
    pictures = target.with_suffix("")
    pictures.mkdir(parents=True, exist_ok=True)
    target.write_text(page(Path(argv[0]), pictures), "utf-8")
    print(f"wrote {target.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
