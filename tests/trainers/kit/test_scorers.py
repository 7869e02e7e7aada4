"""PESQ in processes: the same numbers as in the loop, typed reasons, and what happens when a process dies."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from trainers.kit import quality
from trainers.kit.scorers import SCRIPT, Scorers
from trainers.kit.scores import HEADER, Reason, Score, pesq_of

RATE = 8000
pytest.importorskip("pesq")


def speech(seconds: float = 1.0) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 12))
    return (0.1 * buzz * np.clip(np.sin(2 * np.pi * 2.5 * t), 0, None)).astype(np.float32)


def noisy(clean: np.ndarray) -> np.ndarray:
    return clean + 0.02 * np.random.default_rng(0).standard_normal(len(clean)).astype(np.float32)


def test_processes_answer_as_the_loop_does() -> None:
    clean = speech()
    cases = {
        "good": (clean, noisy(clean)),
        "short": (clean[:800], noisy(clean)[:800]),
        "silent": (np.zeros(8000, np.float32), clean),
        "unequal": (clean, clean[:-1]),
        "nan": (clean, np.full_like(clean, np.nan)),
        "loud": (clean, 20 * noisy(clean)),
    }
    with Scorers(2, RATE) as beside, Scorers(0, RATE) as inside:
        there = {name: beside.submit(*pair) for name, pair in cases.items()}
        here = {name: inside.submit(*pair).result() for name, pair in cases.items()}
        assert {name: s.result() for name, s in there.items()} == here
    reasons = {name: s.reason for name, s in here.items()}
    assert (reasons["good"], reasons["loud"]) == (None, None)
    assert here["good"].value == pytest.approx(here["loud"].value, abs=0.01)
    assert reasons["short"] == Reason.TOO_SHORT
    assert reasons["silent"] == Reason.SILENT
    assert reasons["unequal"] == Reason.UNEQUAL_LENGTH
    assert reasons["nan"] == Reason.NON_FINITE


def test_unequal_lengths_have_a_number_only_in_the_sabotaged_twin() -> None:
    clean = speech()
    raw = pesq_of(clean.astype(float), noisy(clean)[:4000].astype(float), RATE)
    assert raw.value is not None, "the package takes unequal lengths in silence"
    assert quality.pesq(clean, noisy(clean)[:4000], RATE).value is None


def test_a_process_that_dies_is_said_and_replaced() -> None:
    clean = speech()
    with Scorers(1, RATE) as beside:
        first = beside.submit(clean, noisy(clean)).result()
        (worker,) = beside._all
        process = worker._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert beside.submit(clean, noisy(clean)).result() == first
    assert first.value is not None
    assert worker._process is None


def test_the_process_needs_no_torch_and_ends_with_its_input() -> None:
    clean = speech(0.5)
    job = HEADER.pack(RATE, len(clean)) + clean.tobytes() + noisy(clean).tobytes()
    done = subprocess.run([sys.executable, str(SCRIPT)], input=job + b"torn", capture_output=True, check=True)
    (line,) = done.stdout.splitlines()
    assert Score.of(json.loads(line)) == quality.pesq(clean, noisy(clean), RATE)
    probe = f"import runpy, sys; runpy.run_path({str(SCRIPT)!r}); print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", probe], text=True, capture_output=True, check=True)
    assert out.stdout.strip() == "False"


def test_scores_are_plain_in_a_checkpoint() -> None:
    for score in (Score(2.5), Score(None, Reason.SILENT, "the estimate is silent")):
        assert Score.of(json.loads(json.dumps(score.plain()))) == score
