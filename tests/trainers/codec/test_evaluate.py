"""The evaluation: means over the same clips, codebooks, and why a measure is missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nashboard import journal
from nashboard.reporter import Reporter
from trainers.codec.evaluate import Evaluation
from trainers.codec.model import CodecOut
from trainers.kit.crops import EvaluationSet, Item

CPU = torch.device("cpu")


def clips(*seconds: float) -> EvaluationSet:
    made = np.random.default_rng(0)
    waves = [(0.1 * made.standard_normal(int(s * 8000))).astype(np.float32) for s in seconds]
    items = [Item(f"clip{i}", f"clip{i}.wav", "ann", 0, wave) for i, wave in enumerate(waves)]
    return EvaluationSet(tuple(items), 8000, "0" * 64)


def scaled(gain: float) -> Any:
    def codec(wave: torch.Tensor) -> CodecOut:
        codes = torch.arange(wave.shape[-1] // 100).remainder(4)[None, None].expand(1, 2, -1)
        return CodecOut(gain * wave, torch.zeros(()), codes)

    return codec


@pytest.fixture
def reporter(tmp_path: Path) -> Any:
    with Reporter(tmp_path) as made:
        yield made


def test_means_over_all_clips_and_audio_of_the_first(reporter: Reporter, tmp_path: Path) -> None:
    evaluation = Evaluation(clips(1.0, 0.5, 1.0), slots=2, stages=2, codes=8, kbps=6.0)
    found = evaluation(scaled(0.5), CPU, reporter, 0)
    assert found["eval/amplitude"] == pytest.approx(50.0)
    assert found["eval/gain_db"] == pytest.approx(-6.0206, abs=1e-3)
    assert found["eval/snr"] == pytest.approx(6.0206, abs=1e-3)
    assert found["eval/kbps"] == 6.0
    assert found["codebook/perplexity.1"] == pytest.approx(4.0)
    assert found["codebook/use.0"] == 0.5
    evaluation(scaled(1.0), CPU, reporter, 4)
    made = [(e.step, e.series, e.slot) for e in journal.events(tmp_path) if e.kind == "sample_made"]
    assert made == [
        (0, "reference", "clip0"),
        (0, "reconstruction", "clip0"),
        (0, "reference", "clip1"),
        (0, "reconstruction", "clip1"),
        (4, "reconstruction", "clip0"),
        (4, "reconstruction", "clip1"),
    ]


def test_the_same_weights_measure_the_same_twice(reporter: Reporter) -> None:
    evaluation = Evaluation(clips(1.0, 0.7), slots=1, stages=2, codes=8, kbps=6.0)
    first = evaluation(scaled(0.8), CPU, reporter, 0)
    assert evaluation(scaled(0.8), CPU, reporter, 1) == first


def test_a_measure_that_one_clip_lacks_is_the_mean_of_the_others(reporter: Reporter, tmp_path: Path) -> None:
    evaluation = Evaluation(clips(1.0, 0.1), slots=1, stages=2, codes=8, kbps=6.0)
    found = [evaluation(scaled(0.9), CPU, reporter, step) for step in (0, 1)]
    assert found[0]["eval/pesq_nb"] > 4
    (note,) = [e for e in journal.events(tmp_path) if e.kind == "note_written"]
    assert note.text.startswith("eval/pesq_nb is missing for 1 of 2 clips:")
