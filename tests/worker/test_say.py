"""A typed sentence, from the ask to its sound: the worker's own code, a trained network, no stand-ins."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from app import blobs, db, errands, records
from app.models import Checkpoint
from app.tables_errands import Errand
from recipes.compose import Request, build
from tests.trainers.tts.conftest import RATE, TINY, write_corpus
from trainers.kit.runs import carry_out
from worker import errands as work
from worker.settings import worker_settings

TEXT = "Low sea, hello."


@pytest.fixture(autouse=True)
def real(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The worker starts the trainers' own command line."""
    monkeypatch.delenv("NASHBOARD_WORKER_TRAINER_COMMAND", raising=False)
    monkeypatch.setenv("NASHBOARD_WORKER_HOST", "box")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    worker_settings.cache_clear()
    yield
    worker_settings.cache_clear()


@pytest.fixture
def speaker(make_run: Callable[..., str], launchable: Any, tmp_path: Path) -> str:
    """A run of four steps on a corpus of buzzes, in the folder of runs, with its last checkpoint."""
    folder = launchable.runs_dir / "t1"
    patch = {**TINY, "data.root": str(write_corpus(tmp_path / "data" / "corpus")), "trainer.max_steps": 4}
    recipe = build("tts", "fixed", "tiny", patch)
    status = carry_out(Request("tts", recipe, str(folder), None, "cpu", given={"preset": "fixed", **patch}))
    assert status == 0
    told = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    saved = [e for e in told if e["kind"] == "checkpoint_saved"][-1]
    path = folder / "checkpoints" / f"step-{saved['step']:08}.pt"
    run_id = make_run({"loss/gen": [1.0]}, status="finished", trainer="tts", host="box", run_dir=str(folder))
    with db.transaction() as session:
        session.add(
            Checkpoint(run_id=run_id, step=saved["step"], time=1.0, path=str(path), size=path.stat().st_size)
        )
    return run_id


def seen(errand_id: str) -> Errand:
    with db.reading() as session:
        found = session.get(Errand, errand_id)
        assert found is not None
        return found


def test_a_sentence_comes_back_as_the_checkpoints_own_sound(speaker: str) -> None:
    with db.transaction() as session:
        errand_id = errands.ask(session, speaker, "say", {"text": TEXT})[0].id
    assert work.carry_out(errand_id, lambda: False) == "done", seen(errand_id).reason
    outcome = seen(errand_id).outcome
    assert (outcome["text"], outcome["step"], outcome["rate_hz"]) == (TEXT, 4, RATE)
    with db.reading() as session:
        [sample] = [s for s in records.samples(session, speaker) if s.series == "said/speech"]
        data = blobs.read(session, sample.sha256)
    assert (sample.slot, sample.step, sample.media, sample.missing) == (TEXT, 4, "audio", False)
    assert outcome["samples"][0]["url"] == f"/api/blobs/{sample.sha256}"
    wave, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == RATE
    assert len(wave) / rate == pytest.approx(outcome["seconds"], abs=0.01)
    assert np.isfinite(wave).all()
    assert np.abs(wave).max() > 0

    # what it cannot read is said in words, and nothing is kept
    with db.transaction() as session:
        errand_id = errands.ask(session, speaker, "say", {"text": "猫"})[0].id
    assert work.carry_out(errand_id, lambda: False) == "failed"
    assert "猫" in seen(errand_id).reason
    assert "Traceback" not in seen(errand_id).reason
    with db.reading() as session:
        assert len(records.samples(session, speaker)) == 1
