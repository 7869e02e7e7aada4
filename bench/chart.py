"""Time to draw charts of 100,000 points: thinning one series, and the figure of eight runs as the page asks for it.

The baseline of thinning is numpy reading the same columns whole from a file and taking the extremes of each
bucket, without a database, axes or non-finite values.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from app import db, ingest, reading, runs
from app import settings as settings_module
from nashboard.events import Points, RunStarted

POINTS, RUNS, WIDTH, ROUNDS = 100_000, 8, 1000, 9


def run() -> Iterator[dict[str, Any]]:
    """Yields ms to thin one series of 100,000 points, and ms of the figure of eight such runs."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = settings_module.load(home=home, database_url=f"sqlite:///{home}/n.db").prepared()
        settings_module.use(settings)
        try:
            db.migrate()
            ids = [_filled(seed) for seed in range(RUNS)]
            values = np.random.default_rng(0).normal(size=POINTS)
            np.save(home / "plain.npy", np.stack([np.arange(POINTS), np.arange(POINTS), values]))
            plain = _ms(lambda: _plain(home / "plain.npy"))
            with db.reading() as session:
                thin = _ms(lambda: reading.read(session, ids[0], "loss/disc", width=WIDTH))
            yield _figure("thin a series of 100,000 points for 1,000 pixels", thin, plain)
            yield _figure(
                "figure of 8 runs of 100,000 points, as the page asks for it", _drawn(ids), RUNS * plain
            )
        finally:
            db.dispose()
            settings_module.use(None)


def _figure(name: str, value: float, baseline: float) -> dict[str, Any]:
    ratio = round(value / baseline, 2)
    return {
        "name": name,
        "value": round(value, 2),
        "unit": "ms",
        "baseline": round(baseline, 2),
        "ratio": ratio,
    }


def _ms(call: Callable[[], object]) -> float:
    call()
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        call()
        took.append(1e3 * (time.perf_counter() - began))
    return median(took)


def _filled(seed: int) -> str:
    """A run with ``loss/disc`` of 100,000 points."""
    values = np.random.default_rng(seed).normal(size=POINTS).tolist()
    with db.transaction() as session:
        run_id = runs.create(session, name=f"run {seed}").id
        ingest.apply(session, run_id, [RunStarted(seq=0, time=1.7e9, run=run_id)])
    for start in range(0, POINTS, 20_000):
        some = [
            Points(seq=n + 1, time=1.7e9 + n, step=n, values={"loss/disc": values[n]})
            for n in range(start, start + 20_000)
        ]
        with db.transaction() as session:
            ingest.apply(session, run_id, some)
    return run_id


def _plain(path: Path) -> tuple[Any, Any]:
    _, _, value = np.load(path)
    buckets = value.reshape(WIDTH, -1)
    return buckets.min(axis=1), buckets.max(axis=1)


def _drawn(ids: list[str]) -> float:
    from fastapi.testclient import TestClient

    from app.main import create_app

    asked = {"runs": ",".join(ids), "series": "loss/disc", "width": str(WIDTH)}
    with TestClient(create_app(), base_url="http://127.0.0.1") as client:

        def figure() -> None:
            answer = client.get("/api/figures", params=asked)
            if answer.status_code != 200:
                raise RuntimeError(f"/api/figures answered {answer.status_code}: {answer.text[:200]}")

        return _ms(figure)
