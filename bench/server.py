"""First answer of the server after its start, against a bare ``python -m http.server``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from bench.serving import answers, free_port, served

ROUNDS = 3


def run() -> Iterator[dict[str, Any]]:
    """Yields seconds to the first answer on an empty home (tables are made) and on one that is there."""
    bare = median(_bare() for _ in range(ROUNDS))
    fresh, again = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            fresh.append(_first_answer(Path(folder)))
            again.append(_first_answer(Path(folder)))
    for name, value in (("a fresh home", median(fresh)), ("a home with a database", median(again))):
        yield {
            "name": f"first answer of the server, {name}",
            "value": round(value, 2),
            "unit": "s",
            "baseline": round(bare, 2),
            "ratio": round(value / bare, 1),
        }


def _first_answer(home: Path) -> float:
    began = time.perf_counter()
    with served(home):
        return time.perf_counter() - began


def _bare() -> float:
    port = free_port()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "http.server",
            str(port),
            "--bind",
            "127.0.0.1",
            "--directory",
            folder,
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if not answers(f"http://127.0.0.1:{port}/", 30):
                raise RuntimeError("http.server did not answer within 30 s")
            return time.perf_counter() - began
        finally:
            process.terminate()
            process.wait(20)
