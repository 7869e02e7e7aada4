"""What all result pages say alike: how they are made, how to read them, where their rows come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.results.jobs import Job
from bench.results.journals import Log
from bench.results.tables import Groups, by_preset, machines, normal_table, provenance_table
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


def normal(trainer: str, demo: Groups, names: Sequence[str], at: Sequence[int]) -> str:
    """ "Is my curve normal?": lowest to highest over seeds on the demo set."""
    if not demo:
        return "There is no run on the built-in demo set here."
    many = min(len(logs) for logs in demo.values())
    return (
        f"Lowest to highest of {many} seeds a preset at size tiny on the built-in demo set, which anybody can run: "
        f"`python -m trainers {trainer} preset=fixed size=tiny`. The page of a run at size tiny draws the same as the "
        f"measured band (`recipes/bands/{trainer}-measured.yaml`). A curve outside is not ill for that: other data, another "
        "size or another batch shift all levels. The direction, and whether two presets change places, travel better than "
        "levels.\n\n" + normal_table(demo, names, at)
    )


VERDICTS = (
    "*Held*: all seeds bear it out; *partly*: some; *not*: none. It is judged at size tiny only: *not* refutes the claim "
    "for this set-up, and *held* with one seed shows a direction at best."
)
LADDER = (
    "Cumulative from `old`, one seed each: a single seed shows a direction at best; compare with the spread of the "
    "seeds above."
)


def provenance(logs: Mapping[Job, Log]) -> str:
    """The last section."""
    return (
        f"{machines(logs.values())}. The same recipe on another kind of machine ends in other digits, since sums are "
        "taken in another order; rows of one preset that come from several machines are marked by their column.\n\n"
        + provenance_table(logs)
    )


def page(title: str, sections: Sequence[tuple[str, str]]) -> str:
    """A page from (heading, text); a section without a heading stands first, one without text is left out."""
    parts = [f"# {title}"]
    for heading, text in sections:
        if text:
            parts += [f"## {heading}", text] if heading else [text]
    return "\n\n".join(parts)


def measured(
    trainer: str,
    logs: Mapping[Job, Log],
    target: Path,
    *,
    presets: Sequence[str],
    names: Sequence[str],
    demo: str,
    least: int = LEAST,
) -> int:
    """Write the measured bands of ``presets`` at size tiny from the demo runs; returns how many bands."""
    made = []
    for preset, group in by_preset(logs, presets, "demo").items():
        if len(group) < least:
            continue
        runs = [{name: log.epochs(name) for name in names if name in log.series} for log in group]
        made += bands.measure(
            runs,
            x="epoch",
            trainer=trainer,
            preset=preset,
            size="tiny",
            source=f"{len(group)} runs of {preset}, tiny, on {demo} ({machines(group)})",
            runs_from=[log.start.run for log in group],
            least=least,
        )
    if made:
        bands.save(made, target)
    return len(made)
