"""What all result pages say alike: how they are made, how to read them, where their rows come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.results.jobs import Job
from bench.results.journals import Log
from bench.results.tables import (
    Groups,
    by_preset,
    machines,
    normal_table,
    progress_tables,
    provenance_table,
)
from recipes import bands

LEAST = 3


def made_by(size: str, paper: str) -> str:
    """The opening: what ``size`` is here, and whose numbers must not be put beside it."""
    return (
        "Made by `make results DATA=FOLDER` from the journals of the runs listed at the end; FOLDER holds `speech/`, "
        f"`noise/`, `images/` and `ljspeech_mini/`. Size **tiny** ({size}): these numbers must not be put beside {paper}. "
        "Losses are means over the epoch, evaluations are taken at its end on a fixed held-out set unless it says "
        "otherwise; ± is the standard deviation over seeds. Nothing was tuned for these pages: presets as they ship."
    )


@dataclass(frozen=True)
class Reference:
    """The runs that a reader's own are held against, and what they were trained on."""

    groups: Groups
    on: str


def reference(
    logs: Mapping[Job, Log], presets: Sequence[str], *, demo: str, data: str, real: str, least: int = LEAST
) -> Reference:
    """The demo runs where all ``presets`` have ``least`` seeds of them, else those on ``data``.

    ``demo`` and ``real`` say in words what either was trained on. Presets with fewer seeds are left out.
    """
    on_demo, on_real = (
        {p: g for p, g in by_preset(logs, presets, name).items() if len(g) >= least}
        for name in ("demo", data)
    )
    return Reference(on_demo, demo) if on_demo.keys() >= set(presets) else Reference(on_real, real)


def normal(trainer: str, runs: Reference, names: Sequence[str], at: Sequence[int]) -> str:
    """ "Is my curve normal?": lowest to highest over seeds of the reference runs."""
    if not runs.groups:
        return f"There are fewer than {LEAST} seeds of a preset here, too few for an envelope."
    many = min(len(logs) for logs in runs.groups.values())
    return (
        f"Lowest to highest of {many} seeds a preset at size tiny on {runs.on}. The page of a run at size tiny draws the "
        f"same as the measured band (`recipes/bands/{trainer}-measured.yaml`). A curve outside is not ill for that: other "
        "data, another size or another batch shift all levels. The direction, and whether two presets change places, "
        "travel better than levels.\n\n" + normal_table(runs.groups, names, at)
    )


VERDICTS = (
    "*Held*: all seeds bear it out; *partly*: some; *not*: none. It is judged at size tiny only: *not* refutes the claim "
    "for this set-up, and *held* with one seed shows a direction at best."
)
LADDER = (
    "Cumulative from `old`, one seed each: a single seed shows a direction at best; compare with the spread of the "
    "seeds above."
)


def ladder(groups: Groups, names: Sequence[str], at: Sequence[int]) -> str:
    """The section on the ladder: what it is, where its runs come from, its curves."""
    return "\n\n".join([LADDER, _from(groups), progress_tables(groups, names, at)])


def _from(groups: Groups) -> str:
    """Which preset's runs come from which machine, where there is more than one kind."""
    kinds: dict[str, list[str]] = {}
    for preset, logs in groups.items():
        for machine in dict.fromkeys(log.machine for log in logs):
            kinds.setdefault(machine, []).append(f"`{preset}`")
    if len(kinds) < 2:
        return "All on one kind of machine."
    return (
        "Not all on one kind of machine: "
        + "; ".join(f"{', '.join(v)} on {k}" for k, v in kinds.items())
        + "."
    )


def provenance(logs: Mapping[Job, Log], jobs: Sequence[Job]) -> str:
    """The last section: machines, what has not been trained, every run."""
    lacking = [job.name for job in jobs if job not in logs]
    left = f"Not trained yet, and left out above ({len(lacking)} of {len(jobs)}): {', '.join(lacking)}.\n\n"
    return (
        f"{machines(logs.values())}. The same recipe on another kind of machine ends in other digits, since sums are "
        "taken in another order; the column says which run comes from which. A commit is unknown where the run was "
        "trained from a copy without its history.\n\n" + (left if lacking else "") + provenance_table(logs)
    )


def page(title: str, sections: Sequence[tuple[str, str]]) -> str:
    """A page from (heading, text); a section without a heading stands first, one without text is left out."""
    parts = [f"# {title}"]
    for heading, text in sections:
        if text:
            parts += [f"## {heading}", text] if heading else [text]
    return "\n\n".join(parts)


def measured(trainer: str, runs: Reference, target: Path, *, names: Sequence[str]) -> int:
    """Write the measured bands of the reference runs at size tiny; returns how many bands."""
    made = []
    for preset, group in runs.groups.items():
        curves = [{name: log.epochs(name) for name in names if name in log.series} for log in group]
        made += bands.measure(
            curves,
            x="epoch",
            trainer=trainer,
            preset=preset,
            size="tiny",
            source=f"{len(group)} runs of {preset}, tiny, on {runs.on} ({machines(group)})",
            runs_from=[log.start.run for log in group],
            least=len(group),
        )
    if made:
        bands.save(made, target)
    return len(made)
