"""Markdown pieces of the result pages."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from typing import Any

from bench.results.jobs import Job
from bench.results.journals import Log
from recipes import bands


def number(value: float) -> str:
    """Three significant digits, a true minus, and "none" for what is not there."""
    if not math.isfinite(value):
        return "none" if math.isnan(value) else str(value)
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return text.replace("-", "−", 1) if value < 0 else text


def spread(values: list[float]) -> str:
    """Mean ± standard deviation over seeds; the bare number for one seed."""
    kept = [v for v in values if math.isfinite(v)]
    if not kept:
        return "none"
    if len(kept) == 1:
        return number(kept[0])
    return f"{number(statistics.mean(kept))} ± {number(statistics.stdev(kept))}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def claims_table(trainer: str, logs: list[Log], value: Callable[[Log, str, int], float]) -> str:
    """Every claimed band of a trainer with the values of ``logs`` at its last epoch, and whether it held."""
    rows = []
    for band in bands.library(trainer):
        if band.origin != "claimed" or band.x != "epoch":
            continue
        epoch = int(band.x_to if math.isfinite(band.x_to) else band.x_from)
        seen = [v for log in logs if math.isfinite(v := value(log, band.series, epoch))]
        inside = [v for v in seen if band.low <= v <= band.high]
        ran = any(log.at_epoch("progress/epoch", epoch) >= epoch - 0.5 for log in logs)
        if not seen or not ran:
            verdict = f"not looked at: the runs have {_longest(logs)} epochs"
        else:
            verdict = "held" if len(inside) == len(seen) else "partly" if inside else "not"
        limits = f"{number(band.low)} to {number(band.high)}"
        got = ", ".join(number(v) for v in seen) if ran and seen else "none"
        rows.append([f"`{band.series}`", str(epoch), limits, got, verdict, band.source])
    return table(["series", "epoch", "claimed", "measured", "verdict", "where it is claimed"], rows)


def _longest(logs: list[Log]) -> str:
    last = [log.at_epoch("progress/epoch", math.inf) for log in logs]
    return number(max(last)) if last else "no"


def provenance_table(logs: Mapping[Job, Log]) -> str:
    """Run id, seed, commit, time and command of every run."""
    rows = []
    for job, log in sorted(logs.items(), key=lambda item: item[0].name):
        environment: dict[str, Any] = log.start.environment
        commit = str(environment.get("git_commit") or environment.get("commit") or "unknown")[:10]
        words = [w for w in log.start.command if not w.startswith(("run_dir=", "url=", "resume="))]
        words = [w if not w.startswith("data.root=") else "data.root=DATA" for w in words]
        shown = " ".join(["python -m trainers", *_after_module(words)])
        rows.append(
            [
                job.name,
                f"`{log.start.run}`",
                str(job.seed),
                f"`{commit}`",
                f"{log.seconds:.0f} s",
                f"`{shown}`",
            ]
        )
    return table(["run", "id", "seed", "commit", "took", "command"], rows)


def _after_module(words: list[str]) -> list[str]:
    """The arguments of a recorded command, without interpreter and module."""
    for index, word in enumerate(words):
        if word == "trainers" or word.endswith(("trainers/__main__.py", "trainers")):
            return words[index + 1 :]
    return words
