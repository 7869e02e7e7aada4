"""Bands out of published training logs: quantiles within windows, never curves.

``python -m recipes.publishedlogs FOLDER`` reads the CSVs and ``index.json`` of a folder of PyTorch-StudioGAN's logs
on CIFAR-10 and writes ``recipes/bands/cgan-published-logs.yaml`` (the healthy hinge family, drawn on its own) and one
``cgan-log-NAME.yaml`` an architecture, drawn where somebody asks for it.

There is one run of each architecture, so nothing here is a spread over seeds: a band says where the central 80 % of
the values lay within a window of one run, or of all runs of the family together, each run weighing the same.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from recipes.band import Band
from recipes.bands import FOLDER, save

LOW, HIGH = 0.1, 0.9
SERIES = {
    "d_loss": "loss/disc",
    "g_loss": "loss/gen",
    "fid": "eval/fid",
    "inception_score": "eval/is",
    "precision": "eval/precision",
    "recall": "eval/recall",
}
WINDOWS = {"loss": 20, "eval": 10}
HEALTHY = 1.5  # last FID over best; past it a run has diverged
FAMILY = ("BigGAN", "BigGAN-Deep", "LOGAN", "SAGAN", "SNGAN")
"""Hinge loss and nothing added to it: auxiliary, contrastive and consistency terms are summed into other runs' loss."""
ALONE = {
    "BigGAN": "biggan",
    "SNGAN": "sngan",
    "SAGAN": "sagan",
    "StyleGAN2": "stylegan2",
    "WGAN-GP": "wgan-gp",
}
LOSSES = {"hinge": "hinge", "wasserstein": "wasserstein", "logistic": "vanilla"}
"""Our names of their losses. Logistic is softplus on both sides: non-saturating cross-entropy."""
IMAGES = {"test": ("held_out", 10_000), "train": ("train", 50_000)}
WHO = "PyTorch-StudioGAN (POSTECH-CVLab, MIT licence)"

HEAD = "Quantiles of published training logs (MIT licence), made by recipes.publishedlogs; make them anew, do not edit."

Points = list[tuple[float, float]]


class BadLog(ValueError):
    """A folder of logs that cannot be used; the message names the file."""


class Log:
    """One run: its architecture, how it was trained and scored, and its points over training items seen by D."""

    def __init__(self, path: Path, about: dict[str, object]) -> None:
        self.file, self.architecture = path.name, path.stem.split("__", 1)[-1].rsplit("-20", 1)[0]
        self.loss = str(about["adv_loss"])
        scored = about.get("evaluated_against") or ["test"]
        self.scored = str(scored[0]) if isinstance(scored, list) else "test"
        best, last = about["best_fid"], about["last_fid"]
        assert isinstance(best, list)
        assert isinstance(last, list)
        self.healthy = float(last[1]) <= HEALTHY * float(best[1])
        each = int(str(about["batch"])) * int(str(about["d_steps"]))
        self.points: dict[str, Points] = {}
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for column, series in SERIES.items():
                    value = float(row.get(column) or "nan")
                    if math.isfinite(value):
                        self.points.setdefault(series, []).append((int(row["step"]) * each, value))


def read(folder: Path) -> list[Log]:
    """The logs of a folder. Raises `BadLog`."""
    index = folder / "index.json"
    try:
        about = json.loads(index.read_text("utf-8"))
        return [Log(folder / f"{name}.csv", about[name]) for name in sorted(about)]
    except (OSError, ValueError, KeyError, AssertionError) as problem:
        raise BadLog(f"{index}: the logs cannot be read: {problem!r:.200}") from None


def quantiles(runs: Sequence[Points], count: int) -> tuple[tuple[float, float, float], ...]:
    """(x, low, high): the 10 % and 90 % quantiles of the values in each of ``count`` windows of equal length.

    Only the stretch that all runs share; each run's values of a window weigh 1 together. Points stand in the middle of
    the windows, the outermost reach to the ends. A window in which some run has no value makes no point.
    """
    start, end = max(r[0][0] for r in runs), min(r[-1][0] for r in runs)
    wide = (end - start) / count
    found = []
    for n in range(count):
        low, high = start + n * wide, start + (n + 1) * wide
        last = n == count - 1
        parts = [[y for x, y in run if low <= x < high or (last and x == high)] for run in runs]
        if all(parts):
            found.append(((low + high) / 2, _weighted(parts, LOW), _weighted(parts, HIGH)))
    if not found:
        return ()
    first, final = found[0], found[-1]
    found = [(start, *first[1:]), *found, (end, *final[1:])]
    return tuple((round(x), _short(a), _short(b)) for x, a, b in found)


def _weighted(parts: Sequence[Sequence[float]], share: float) -> float:
    """The quantile where each part weighs the same: linear between the middles of the values' weights."""
    pairs = sorted((y, 1 / len(part)) for part in parts for y in part)
    total, run = sum(w for _, w in pairs), 0.0
    places = []
    for value, weight in pairs:
        places.append(((run + weight / 2) / total, value))
        run += weight
    if share <= places[0][0]:
        return places[0][1]
    for (a, low), (b, high) in itertools.pairwise(places):
        if share <= b:
            return low + (high - low) * (share - a) / (b - a)
    return places[-1][1]


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def bands(logs: Sequence[Log], name: str) -> list[Band]:
    """One band a series that all these logs have; the protocol says precisely what it is."""
    found = []
    for series in SERIES.values():
        runs = [log.points[series] for log in logs if len(log.points.get(series, ())) > WINDOWS["eval"]]
        if len(runs) < len(logs):
            continue
        kind = series.split("/")[0]
        points = quantiles(runs, WINDOWS[kind])
        whose = (
            "one run"
            if len(logs) == 1
            else f"{len(logs)} runs of {len(logs)} architectures, weighing the same"
        )
        every = "logged every 100 steps" if kind == "loss" else f"of {sum(len(r) for r in runs)} evaluations"
        protocol = f"10 % to 90 % quantile of the values within {WINDOWS[kind]} windows, {whose}, {every}"
        needs: list[tuple[str, str | int | float | bool]] = [("loss", LOSSES[logs[0].loss])]
        note = "A spread within windows, not over seeds: each architecture was run once."
        if kind == "eval":
            reference, images = IMAGES[logs[0].scored]
            needs = [("score.reference", reference), ("score.images", images)]
            note += f" Scored against the {logs[0].scored} set with {images:,} images, Inception of 2015."
        else:
            note += " Single steps, not means: a smoothed curve runs inside."
        found.append(
            Band(
                series=series,
                origin="published",
                source=f"Training logs of {WHO}",
                x="samples",
                points=points,
                name=name,
                trainer="cgan",
                data="CIFAR-10",
                protocol=protocol,
                note=note,
                needs=tuple(needs),
                runs=tuple(log.file for log in logs),
            )
        )
    return found


def library(folder: Path) -> dict[str, list[Band]]:
    """{file name: bands} out of the logs of a folder. Raises `BadLog` for one that lacks a run it should have."""
    logs = {log.architecture: log for log in read(folder)}
    for name in (*FAMILY, *ALONE):
        if name not in logs:
            raise BadLog(f"{folder}: there is no log of {name}")
    family = [logs[name] for name in FAMILY]
    sick = [log.architecture for log in family if not log.healthy or log.loss != "hinge"]
    if sick:
        raise BadLog(f"{folder}: {', '.join(sick)} diverged or has another loss, and is no measure of health")
    made = {"cgan-published-logs.yaml": bands(family, "hinge GANs")}
    return made | {f"cgan-log-{short}.yaml": bands([logs[name]], name) for name, short in ALONE.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files; 2 with one line where the folder cannot be used."""
    asked = argparse.ArgumentParser(
        prog="python -m recipes.publishedlogs", description="Bands from public logs."
    )
    asked.add_argument("folder", type=Path, help="CSVs and index.json of StudioGAN's logs")
    asked.add_argument("--to", type=Path, default=FOLDER, help="where the YAML files go")
    given = asked.parse_args(arguments)
    try:
        made = library(given.folder)
        for name, found in made.items():
            save(found, given.to / name, HEAD)
            print(f"{given.to / name}: {len(found)} bands")
    except (BadLog, OSError) as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
