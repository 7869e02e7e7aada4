"""Points a second from the log call until they can be queried, against raw sqlite3 in the same run.

The baseline is a bare ``executemany`` of (series, step, time, value) in batches of 1,000: no JSON, no HTTP, no
summary of a series, nothing that survives a repeated batch.
"""

from __future__ import annotations

import json
import math
import sqlite3
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from app import batches, db, ingest, runs
from app import settings as settings_module
from bench.serving import served
from nashboard.reporter import Reporter

POINTS, METRICS, BATCH, ROUNDS = 100_000, 10, 1000, 3


def run() -> Iterator[dict[str, Any]]:
    """Yields the whole way over a reporter and a server, HTTP alone, and ingest by itself."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        raw = median(_raw(home / f"raw{n}.db") for n in range(ROUNDS))
        with served(home / "server") as url:
            reported = median(_reported(url, home / f"run{n}") for n in range(ROUNDS))
            columnar = median(_posted(url, f"columnar{n}") for n in range(ROUNDS))
        yield _figure("points from reporter.points to queryable, 10 a call", reported, raw)
        yield _figure("points by columnar batches of 1,000 over HTTP to queryable", columnar, raw)
        yield from _by_itself(home / "alone", raw)


def _figure(name: str, value: float, baseline: float, unit: str = "points/s") -> dict[str, Any]:
    ratio = round(value / baseline, 3)
    return {"name": name, "value": round(value), "unit": unit, "baseline": round(baseline), "ratio": ratio}


def _values(step: int) -> dict[str, float]:
    return {f"disc/mpd{n}/sign.real": math.sin(step * n + 0.1) for n in range(METRICS)}


def _raw(path: Path) -> float:
    rows = [(n % METRICS, n // METRICS, 1.7e9 + n, math.sin(n)) for n in range(POINTS)]
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(
        "CREATE TABLE points (series INT, step INT, time REAL, value REAL, PRIMARY KEY (series, step)) WITHOUT ROWID"
    )
    began = time.perf_counter()
    for start in range(0, POINTS, BATCH):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO points VALUES (?, ?, ?, ?)", rows[start : start + BATCH])
        connection.execute("COMMIT")
    spent = time.perf_counter() - began
    connection.close()
    return POINTS / spent


def _asked(url: str, body: bytes | None = None, kind: str = "application/json") -> Any:
    request = urllib.request.Request(url, body, {"Content-Type": kind})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return json.load(answer)


def _queryable(url: str, run_id: str, count: int) -> None:
    """Return once the server counts ``count`` points; the last of them can be read."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if sum(s["count"] for s in _asked(f"{url}/api/runs/{run_id}/series")["series"]) >= count:
            return
        time.sleep(0.02)
    raise RuntimeError(f"the points of {run_id} did not arrive within 120 s")


def _reported(url: str, folder: Path) -> float:
    """Points a second of a script that logs as fast as it can, its uplink copying meanwhile."""
    values = [_values(step) for step in range(POINTS // METRICS)]
    reporter = Reporter(folder, url=url)
    began = time.perf_counter()
    for step, row in enumerate(values):
        reporter.points(step, row)
    reporter.finish()
    _queryable(url, reporter.id, POINTS)
    return POINTS / (time.perf_counter() - began)


def _posted(url: str, run_id: str) -> float:
    _asked(f"{url}/api/runs", json.dumps({"id": run_id}).encode())
    rows = BATCH // METRICS
    bodies = []
    for start in range(0, POINTS // METRICS, rows):
        steps = list(range(start, start + rows))
        series = {name: [_values(s)[name] for s in steps] for name in _values(0)}
        batch = {"seq": steps, "time": [1.7e9 + s for s in steps], "step": steps, "series": series}
        bodies.append(json.dumps(batch).encode())
    began = time.perf_counter()
    for body in bodies:
        _asked(f"{url}/api/runs/{run_id}/events", body, batches.COLUMNS)
    _queryable(url, run_id, POINTS)
    return POINTS / (time.perf_counter() - began)


def _by_itself(home: Path, raw: float) -> Iterator[dict[str, Any]]:
    settings_module.use(settings_module.load(home=home, database_url=f"sqlite:///{home}/n.db").prepared())
    try:
        db.migrate()
        for metrics in (METRICS, 1):
            lines = [
                json.dumps(
                    {
                        "seq": step,
                        "time": 1.7e9 + step / 8,
                        "kind": "points",
                        "step": step,
                        "values": dict(list(_values(step).items())[:metrics]),
                    }
                )
                for step in range(POINTS // metrics)
            ]
            rows = BATCH // metrics
            bodies = ["\n".join(lines[n : n + rows]).encode() for n in range(0, len(lines), rows)]
            rate = median(_ingested(bodies) for _ in range(ROUNDS))
            yield _figure(
                f"points by ingest alone, journal lines of {metrics}, batches of {BATCH:,}", rate, raw
            )
    finally:
        db.dispose()
        settings_module.use(None)
    size = sum(p.stat().st_size for p in home.glob("n.db*"))
    stored = size / (2 * ROUNDS * POINTS)
    yield {
        "name": "bytes a point on disk, float64 curves, against a bare row",
        "value": round(stored, 1),
        "unit": "bytes",
        "baseline": 28.0,
        "ratio": round(stored / 28.0, 3),
    }


def _ingested(bodies: list[bytes]) -> float:
    with db.transaction() as session:
        run_id = runs.create(session).id
    began = time.perf_counter()
    for body in bodies:
        with db.transaction() as session:
            ingest.ingest(session, run_id, body)
    return POINTS / (time.perf_counter() - began)
