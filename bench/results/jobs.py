"""The runs behind docs/results/: which there are, and how one is trained, skipped or gone on with."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench.results.journals import ended_well, has_journal
from recipes.command import command
from recipes.compose import build


@dataclass(frozen=True)
class Job:
    """One run: which preset on which data with which seed. ``data`` is "speech" (given) or "demo" (built in)."""

    trainer: str
    preset: str
    seed: int
    data: str
    epochs: int
    size: str = "tiny"
    patch: dict[str, object] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        return f"{self.trainer}/{self.data}/{self.preset}-{self.size}-s{self.seed}"


def argv(job: Job, folder: Path, data_root: str) -> list[str]:
    """The arguments after ``python -m trainers``: shown in the page, so that anybody can repeat the row."""
    root = data_root if job.data != "demo" else ""
    patch = {"trainer.max_epochs": job.epochs, "seed": job.seed, **job.patch}
    if root:
        patch["data.root"] = root
    recipe = build(job.trainer, preset=job.preset, size=job.size, patch=patch)
    going_on = str(folder) if has_journal(folder) else None
    return command(recipe, run_dir=str(folder), device="cpu", resume=going_on)


def train(job: Job, home: Path, data_root: str) -> str:
    """Train ``job`` unless it is done; returns one line that says what happened."""
    folder = home / job.name
    if ended_well(folder):
        return f"{job.name}: done before"
    line = [sys.executable, "-m", "trainers", *argv(job, folder, data_root)]
    threads = {
        "OMP_NUM_THREADS": "1",
        "NASHBOARD_NAME": job.name.replace("/", "-"),
        "NASHBOARD_PROJECT": "results",
    }
    log = home / f"{job.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        done = subprocess.run(line, stdout=out, stderr=out, env={**os.environ, **threads}, check=False)
    state = (
        "trained" if done.returncode == 0 and ended_well(folder) else f"failed ({done.returncode}), see {log}"
    )
    return f"{job.name}: {state}"


def train_all(jobs: list[Job], home: Path, data_root: str, at_once: int) -> None:
    """Train every job, ``at_once`` side by side, saying each outcome as it comes."""
    with ThreadPoolExecutor(at_once) as pool:
        for line in pool.map(lambda job: train(job, home, data_root), jobs):
            print(line, flush=True)
