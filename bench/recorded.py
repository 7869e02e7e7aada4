"""``python -m bench.recorded HOME``: thinned journals of our own runs for the doctor, with what it should find.

HOME is the folder of run folders that `make results` fills. Writes ``tests/doctor/recorded/NAME.jsonl.gz`` and
``index.json``, which `python -m doctor.validate tests/doctor/recorded` scores.
"""

from __future__ import annotations

import argparse
import fnmatch
import gzip
import json
import math
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.results.jobs import FOLDERS, Job
from bench.results.journals import ended_well
from nashboard import events, journal

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "doctor" / "recorded"
MOST = 300
DIGITS = 6
# Nothing in the rule book reads these: parts of a discriminator, single latent dimensions, speeds.
LEFT_OUT = ("weighted/*", "disc/*/*", "gen/*/sigma", "latent/*", "progress/*", "speed/[!d]*", "best/*")
KEPT_FACTS = ("params", "parameters", "torch", "cpus", "device")


@dataclass(frozen=True)
class Side:
    """Runs of a preset, and what the doctor should say of them by its own rules' sources.

    ``truth`` is healthy or sick; ``expect`` {code: severity} must be found in every seed at that severity or a
    worse one. ``also`` {code: why} are failures told in some seed that nobody had written down before looking:
    symptoms of what was expected, or false alarms, which say so.
    """

    trainer: str
    preset: str
    data: str
    truth: str
    why: str
    expect: dict[str, str]
    also: dict[str, str] = field(default_factory=dict)
    epochs: int = 10
    seeds: tuple[int, ...] = (0, 1, 2)

    def job(self, seed: int) -> Job:
        return Job(self.trainer, self.preset, seed, self.data, self.epochs)

    def name(self, seed: int) -> str:
        return f"{self.trainer}-{self.preset}-s{seed}"


# truth and expect were written down before the first of these runs was diagnosed, but for pesq-skipped, which was
# a failure there and is a warning (a fifth of the batches is the limit); rule numbers are those of the rules' sources.
SIDES = (
    Side(
        "codec",
        "old",
        "speech",
        "sick",
        "the discriminator answers 0 to everything for the whole run (rule 1)",
        {"disc-stuck": "fail"},
        {"feat-tiny": "its features say nothing either (rule 2)"},
    ),
    Side("codec", "fixed", "speech", "healthy", "the discriminator leaves its dead value", {}),
    Side(
        "enhancement",
        "old",
        "noisy",
        "sick",
        "the evaluation draws another stretch each time (rule 11), one item without PESQ takes its batch (rule 10), the "
        "time loss compares unlike scales (rule 10b)",
        {"eval-set": "fail", "pesq-skipped": "warn", "level-mismatch": "warn"},
        epochs=15,
    ),
    Side(
        "enhancement",
        "fixed",
        "noisy",
        "healthy",
        "one evaluation set, one scale",
        {},
        epochs=15,
    ),
    Side(
        "cgan",
        "old",
        "cifar10",
        "healthy",
        "what the document calls saturation does not reproduce, and a discriminator ahead is no failure (findings 4, 6)",
        {},
    ),
    Side("cgan", "fixed", "cifar10", "healthy", "the document's fixes", {}),
    Side(
        "cgan",
        "gain-10",
        "cifar10",
        "sick",
        "most values beyond 0.99 from the first step (rule 4)",
        {"saturation": "fail"},
        {
            "disc-zero": "D tells saturated images at a glance (rule 6b)",
            "disc-runaway": "the same from the losses of both",
        },
        seeds=(0,),
    ),
    Side(
        "vae",
        "old",
        "speech",
        "healthy",
        "the document changes a configuration and reports no failure",
        {},
    ),
    Side("vae", "fixed", "speech", "healthy", "the document's configuration", {}),
    Side(
        "tts",
        "old",
        "ljspeech",
        "healthy",
        "ReLU with log1p leaves out no target, the smallest is not negative (rule 12): poor, not impossible",
        {},
    ),
    Side("tts", "fixed", "ljspeech", "healthy", "log clamped, linear head", {}),
    Side(
        "tts",
        "document",
        "ljspeech",
        "healthy",
        "learns, but its floor of 1e-9 is below -12 (rule 13, a warning)",
        {"mel-scale": "warn"},
        seeds=(0,),
    ),
    Side(
        "tts",
        "ladder-1-log",
        "ljspeech",
        "sick",
        "log targets below 0 under a ReLU (rule 12)",
        {"relu-head": "fail"},
        {
            "disc-zero": "the mel discriminator, which only watches here, tells the floor from speech at once (rule 6b)"
        },
        seeds=(0,),
    ),
)


def thinned(folder: Path, job: Job) -> list[str]:
    """The lines of a run's journal that the doctor needs: start, points, marks, end.

    At most `MOST` points a series, evenly chosen with the last; six digits; no path and no host.
    """
    kept: list[events.Event] = []
    points: dict[str, list[tuple[int, float, float]]] = {}
    for event in journal.events(folder / "events.jsonl"):
        if isinstance(event, events.RunStarted):
            kept.append(_plain(event, job))
        elif isinstance(event, events.Mark | events.RunEnded):
            kept.append(event)
        elif isinstance(event, events.Points):
            for name, value in event.values.items():
                if not any(fnmatch.fnmatchcase(name, pattern) for pattern in LEFT_OUT):
                    points.setdefault(name, []).append((event.step, event.time, value))
    rows: dict[tuple[int, float], dict[str, float]] = {}
    for name, series in points.items():
        stride = math.ceil(len(series) / MOST)
        for step, time, value in series[::-1][::stride][::-1]:
            rows.setdefault((step, time), {})[name] = _short(value)
    kept += [events.Points(step=step, values=values, time=time) for (step, time), values in rows.items()]
    kept.sort(key=lambda event: event.time)
    return [events.encode(replace(event, seq=i)) for i, event in enumerate(kept)]


def _plain(start: events.RunStarted, job: Job) -> events.RunStarted:
    recipe = {
        k: f"DATA/{v}" if (v := FOLDERS[job.data].get(k)) else value for k, value in start.recipe.items()
    }
    environment = {k: v for k, v in start.environment.items() if k in KEPT_FACTS}
    return replace(start, recipe=recipe, environment=environment, command=[], parent=None)


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else value


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.recorded", description=__doc__)
    parser.add_argument("home", type=Path, help="folder of run folders, as make results fills it")
    args = parser.parse_args(argv)
    wanted = [(side, seed) for side in SIDES for seed in side.seeds]
    lacking = [
        side.job(seed).name for side, seed in wanted if not ended_well(args.home / side.job(seed).name)
    ]
    if lacking:
        print(
            f"recorded: {args.home}: no finished run {lacking[0]} ({len(lacking)} are missing)",
            file=sys.stderr,
        )
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stale in FOLDER.glob("*.jsonl.gz"):
        stale.unlink()
    index = {}
    size = 0
    for side, seed in wanted:
        job = side.job(seed)
        text = "\n".join(thinned(args.home / job.name, job)) + "\n"
        packed = gzip.compress(text.encode(), 9, mtime=0)
        (FOLDER / f"{side.name(seed)}.jsonl.gz").write_bytes(packed)
        size += len(packed)
        index[side.name(seed)] = {
            "trainer": side.trainer,
            "preset": side.preset,
            "seed": seed,
            "truth": side.truth,
            "why": side.why,
            "expect": side.expect,
            "also": side.also,
        }
    (FOLDER / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"tests/doctor/recorded: {len(index)} runs, {size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
