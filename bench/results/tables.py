"""Markdown pieces that the result pages share."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.results.jobs import FOLDERS, Job
from bench.results.journals import Log
from nashboard import vocabulary
from recipes import bands

Groups = dict[str, list[Log]]


def number(value: float) -> str:
    """Three significant digits, a true minus, and "none" for what is not there."""
    if not math.isfinite(value):
        return "none" if math.isnan(value) else str(value)
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return text.replace("-", "−", 1) if value < 0 else text


def mean(values: Iterable[float]) -> float:
    """The mean of the finite values; NaN where there is none."""
    kept = [v for v in values if math.isfinite(v)]
    return statistics.mean(kept) if kept else math.nan


def spread(values: Iterable[float]) -> str:
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


def by_preset(logs: Mapping[Job, Log], presets: Sequence[str], data: str) -> Groups:
    """The logs of each preset on one data set, by seed; presets without a run are left out."""
    found = {}
    for preset in presets:
        mine = [job for job in logs if (job.preset, job.data) == (preset, data)]
        if mine:
            found[preset] = [logs[job] for job in sorted(mine, key=lambda job: job.seed)]
    return found


def progress_tables(groups: Groups, names: Sequence[str], at: Sequence[int]) -> str:
    """A table a series: presets down, epochs across. Series that no run reports are left out."""
    parts = []
    for name in names:
        rows = []
        for preset, logs in groups.items():
            cells = [spread(log.value(name, k) for log in logs) for k in at]
            rows.append([f"`{preset}`", str(len(logs)), *cells])
        if any(cell != "none" for row in rows for cell in row[2:]):
            head = ["preset", "seeds", *(f"epoch {k}" for k in at)]
            parts.append(f"**`{name}`** ({_meaning(name)})\n\n" + table(head, rows))
    return "\n\n".join(parts)


def _meaning(name: str) -> str:
    about = vocabulary.describe(name)
    return f"{about.title}, {about.unit}" if about.unit else about.title


def differences(groups: Groups, names: Sequence[tuple[str, int]], at: int, left: str, right: str) -> str:
    """A sentence a series: is ``right`` better than ``left`` at epoch ``at``, seed by seed.

    ``names`` are (series, +1 where more is better or -1).
    """
    lines = []
    for name, better in names:
        pairs = paired(groups, name, at, left, right)
        if not pairs:
            continue
        gaps = [(b - a) * better for a, b in pairs]
        word = "better" if mean(gaps) > 0 else "worse"
        wins = sum(g > 0 for g in gaps)
        unit = vocabulary.describe(name).unit
        lines.append(
            f"- `{name}`: *{right}* is {word} than *{left}* by {number(abs(mean(gaps)))}{f' {unit}' if unit else ''} "
            f"({number(mean(a for a, _ in pairs))} and {number(mean(b for _, b in pairs))} at epoch {at}; better in "
            f"{wins} of {len(gaps)} seeds)."
        )
    return "\n".join(lines)


def paired(groups: Groups, name: str, at: float, left: str, right: str) -> list[tuple[float, float]]:
    """(value of ``left``, value of ``right``) of the seeds that both have."""
    a, b = ({log.seed: log.value(name, at) for log in groups.get(p, ())} for p in (left, right))
    found = [(a[seed], b[seed]) for seed in sorted(a.keys() & b.keys())]
    return [(x, y) for x, y in found if math.isfinite(x) and math.isfinite(y)]


def normal_table(groups: Groups, names: Sequence[str], at: Sequence[int]) -> str:
    """Lowest to highest over seeds: what a reader's own curve is held against."""
    rows = []
    for name in names:
        for preset, logs in groups.items():
            cells = []
            for k in at:
                seen = [v for log in logs if math.isfinite(v := log.value(name, k))]
                cells.append(f"{number(min(seen))} to {number(max(seen))}" if seen else "none")
            if any(c != "none" for c in cells):
                rows.append([f"`{name}`", _meaning(name), f"`{preset}`", *cells])
    return table(["series", "is", "preset", *(f"epoch {k}" for k in at)], rows)


def claims_table(trainer: str, logs: list[Log]) -> str:
    """Every claimed band of a trainer with the values of ``logs``, and whether it held.

    A band with an end is judged there, one without at the last epoch that all runs have.
    """
    last = min((int(log.last_epoch) for log in logs if math.isfinite(log.last_epoch)), default=0)
    rows = []
    for band in bands.library(trainer):
        if band.origin != "claimed" or band.x != "epoch":
            continue
        epoch = int(band.x_to) if math.isfinite(band.x_to) else max(last, int(band.x_from))
        seen = [v for log in logs if math.isfinite(v := log.value(band.series, epoch))]
        inside = [v for v in seen if band.low <= v <= band.high]
        if not logs:
            verdict = "not looked at: no such run"
        elif epoch > last:
            verdict, seen = f"not looked at: the runs have {last} epochs", []
        elif not seen:
            verdict = "not looked at: these runs do not report it"
        else:
            verdict = judged([v in inside for v in seen])
        limits = number(band.low) if band.low == band.high else f"{number(band.low)} to {number(band.high)}"
        got = ", ".join(number(v) for v in seen) or "none"
        rows.append([f"`{band.series}`", str(epoch), limits, got, verdict, band.source])
    return table(["series", "epoch", "claimed", "measured", "verdict", "where it is claimed"], rows)


def seeds(many: int) -> str:
    """ "1 seed", "3 seeds"."""
    return "1 seed" if many == 1 else f"{many} seeds"


def judged(held: Sequence[bool]) -> str:
    """*held* where all seeds say so, *partly* where some do, *not* where none does."""
    if not held:
        return "not looked at"
    return "held" if all(held) else "partly" if any(held) else "not"


def published_table(trainer: str) -> str:
    """Published figures with their sources."""
    rows = []
    for b in bands.library(trainer):
        if b.origin == "published":
            value = number(b.low) if b.low == b.high else f"{number(b.low)} to {number(b.high)}"
            rows.append([f"`{b.series}`", value, b.source, b.note])
    return table(["series", "value", "source", "note"], rows)


def provenance_table(logs: Mapping[Job, Log]) -> str:
    """Run id, seed, commit, machine, time and command of every run."""
    rows = []
    for job, log in sorted(logs.items(), key=lambda item: item[0].name):
        environment: dict[str, Any] = log.start.environment
        commit = str(environment.get("git_commit") or environment.get("commit") or "unknown")[:10]
        dirty = " and uncommitted changes" if environment.get("git_dirty") else ""
        rows.append(
            [
                job.name,
                f"`{log.start.run}`",
                str(job.seed),
                f"`{commit}`{dirty}",
                log.machine,
                f"{log.seconds:.0f} s",
                f"`{shown(job, log.start.command)}`",
            ]
        )
    return table(["run", "id", "seed", "commit", "machine", "took", "command"], rows)


def machines(logs: Iterable[Log]) -> str:
    """How many runs come from which kind of machine, in words."""
    counts: dict[str, int] = {}
    for log in logs:
        counts[log.machine] = counts.get(log.machine, 0) + 1
    return "; ".join(f"{n} on {name}" for name, n in sorted(counts.items()))


def shown(job: Job, command: Sequence[str]) -> str:
    """The command of a run without what belongs to one machine: DATA stands for the folder of data."""
    words = []
    for word in _after_module(list(command)):
        knob = word.partition("=")[0]
        if knob in FOLDERS[job.data]:
            words.append(f"{knob}=DATA/{FOLDERS[job.data][knob]}")
        elif knob not in ("run_dir", "url", "resume"):
            words.append(word)
    return " ".join(["python -m trainers", *words])


def _after_module(words: list[str]) -> list[str]:
    """The arguments of a recorded command, without interpreter and module."""
    for index, word in enumerate(words):
        if word == "trainers" or word.endswith(("trainers/__main__.py", "trainers")):
            return words[index + 1 :]
    return words
