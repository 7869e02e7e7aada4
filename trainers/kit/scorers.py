"""PESQ beside the training: processes that compute it, and a book of scores by key.

What a process answers depends on the two waves alone, so that results do not change with the number of
processes; only how long one waits for them does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from trainers.kit import quality, scores
from trainers.kit.scores import HEADER, Reason, Score

SCRIPT = Path(scores.__file__)


class _Worker:
    """One process of `trainers.kit.scores`; started anew where it has died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def score(self, clean: np.ndarray, estimate: np.ndarray, rate_hz: int) -> Score:
        try:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(HEADER.pack(rate_hz, len(clean)))
            process.stdin.write(np.concatenate([clean, estimate]).astype("<f4").tobytes())
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError as problem:
            return Score(None, Reason.FAILED, f"the PESQ process cannot be used: {problem}")
        if not line:
            return Score(None, Reason.FAILED, f"the PESQ process ended with status {process.wait()}")
        return Score.of(json.loads(line))

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            # a group of its own: Ctrl-C at the terminal means the trainer, which then closes this one
            self._process = subprocess.Popen(
                [sys.executable, str(SCRIPT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                process_group=0 if os.name == "posix" else None,
            )
        return self._process

    def close(self) -> None:
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # it has died with a job half read
        self._process.wait(timeout=30)
        self._process = None


class Scorers:
    """So many processes that compute PESQ; with 0 it is computed where it is asked for.

    A context manager; processes start with the first pair that needs them. A pair that cannot be scored
    (unequal, silent, non-finite) gets its reason at once.
    """

    def __init__(self, workers: int, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._pool = ThreadPoolExecutor(workers, "pesq") if workers else None
        self._mine = threading.local()
        self._all: list[_Worker] = []

    def submit(self, clean: Any, estimate: Any) -> Future[Score]:
        """The score of a pair of waves ``[T]``, computed elsewhere; ``result()`` waits for it."""
        ready = quality.pesq_ready(clean, estimate, self.rate_hz)
        if self._pool is None or isinstance(ready, Score):
            done: Future[Score] = Future()
            done.set_result(
                ready if isinstance(ready, Score) else quality.pesq(clean, estimate, self.rate_hz)
            )
            return done
        x, y = (wave[0].float().numpy() for wave in ready)
        return self._pool.submit(self._score, x, y)

    def _score(self, clean: np.ndarray, estimate: np.ndarray) -> Score:
        if not hasattr(self._mine, "worker"):
            self._mine.worker = _Worker()
            self._all.append(self._mine.worker)
        score: Score = self._mine.worker.score(clean, estimate, self.rate_hz)
        return score

    def close(self) -> None:
        """Ends the processes; scores that nobody waits for any more are dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        for worker in self._all:
            worker.close()
        self._all.clear()

    def __enter__(self) -> Scorers:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()


class ScoreBook:
    """Scores by key, the latest ``size`` of them; what is asked for twice is computed once."""

    def __init__(self, scorers: Scorers, size: int) -> None:
        self.scorers, self.size = scorers, size
        self._known: dict[str, Score] = {}
        self._coming: dict[str, Future[Score]] = {}
        self.hits = self.asked = 0

    def ask(self, key: str, clean: Any, estimate: Any) -> None:
        """Sees to it that `answer` will have the score of this pair."""
        self.asked += 1
        if key in self._known or key in self._coming:
            self.hits += 1
        else:
            self._coming[key] = self.scorers.submit(clean, estimate)

    def answer(self, key: str) -> Score:
        """The score that was asked for, waiting for it where it is late. Raises KeyError for a strange key."""
        if key in self._coming:
            self._known[key] = self._coming.pop(key).result()
        return self._known[key]

    def trim(self, keep: Iterable[str]) -> None:
        """Forgets the oldest scores beyond ``size``, but none of ``keep``."""
        spare = len(self._known) - self.size
        if spare > 0:
            kept = set(keep)
            for key in [k for k in self._known if k not in kept][:spare]:
                del self._known[key]

    def state_dict(self) -> dict[str, Any]:
        """All scores that have been answered."""
        return {"scores": {key: score.plain() for key, score in self._known.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._known = {key: Score.of(list(plain)) for key, plain in state["scores"].items()}
        self._coming = {}
