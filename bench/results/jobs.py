"""The runs behind docs/results/: which there are, and how one is trained, skipped or gone on with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench.results.journals import ended_well, has_journal
from recipes.command import command
from recipes.compose import build

# What a job's data is called, and which folders under DATA its knobs get. The demo set is built in.
FOLDERS: dict[str, dict[str, str]] = {
    "demo": {},
    "speech": {"data.root": "speech"},
    "noisy": {"data.root": "speech/librispeech", "data.noise": "noise"},
    "cifar10": {"data.root": "images/cifar10"},
    "ljspeech": {"data.root": "ljspeech_mini"},
}


@dataclass(frozen=True)
class Job:
    """One run: which preset on which data (a name of `FOLDERS`) with which seed; lower ranks train first."""

    trainer: str
    preset: str
    seed: int
    data: str
    epochs: int
    size: str = "tiny"
    rank: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        return f"{self.trainer}/{self.data}/{self.preset}-{self.size}-s{self.seed}"


def made(
    trainer: str, presets: Iterable[str], seeds: Iterable[int], data: str, epochs: int, *, rank: int
) -> list[Job]:
    """A job for each preset with each seed."""
    chosen = tuple(presets)
    return [Job(trainer, preset, seed, data, epochs, rank=rank) for seed in seeds for preset in chosen]


def missing(jobs: Iterable[Job], data: Path) -> list[str]:
    """The folders of ``FOLDERS`` that these jobs need and ``data`` does not hold."""
    needed = {folder for job in jobs for folder in FOLDERS[job.data].values()}
    return sorted(folder for folder in needed if not (data / folder).is_dir())


def argv(job: Job, folder: Path | str, data: str, resume: str | None = None) -> list[str]:
    """The arguments after ``python -m trainers``: shown in the page, so that anybody can repeat the row."""
    patch: dict[str, object] = {"trainer.max_epochs": job.epochs, "seed": job.seed}
    patch |= {knob: f"{data}/{under}" for knob, under in FOLDERS[job.data].items()}
    recipe = build(job.trainer, preset=job.preset, size=job.size, patch=patch)
    return command(recipe, run_dir=str(folder), device="cpu", resume=resume)


def train(job: Job, home: Path, data: str) -> str:
    """Train ``job`` unless it is done; returns one line that says what happened."""
    folder = home / job.name
    if ended_well(folder):
        return f"{job.name}: done before"
    going_on = str(folder) if has_journal(folder) else None
    line = [sys.executable, "-m", "trainers", *argv(job, folder, data, going_on)]
    more = {
        "OMP_NUM_THREADS": "1",
        "NASHBOARD_NAME": job.name.replace("/", "-"),
        "NASHBOARD_PROJECT": "results",
    }
    log = home / f"{job.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        done = subprocess.run(line, stdout=out, stderr=out, env={**os.environ, **more}, check=False)
    well = done.returncode == 0 and ended_well(folder)
    return f"{job.name}: {'trained' if well else f'failed ({done.returncode}), see {log}'}"


def train_all(jobs: list[Job], home: Path, data: str, at_once: int) -> None:
    """Train every job by rank, ``at_once`` side by side, saying each outcome as it comes."""
    with ThreadPoolExecutor(at_once) as pool:
        for line in pool.map(lambda job: train(job, home, data), sorted(jobs, key=lambda job: job.rank)):
            print(line, flush=True)
