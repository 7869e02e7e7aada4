"""Carrying out errands: what is spawned, kept, refused, ended, and never done twice."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import blobs, db, errands, records, runs
from app.models import Checkpoint
from app.tables_errands import Errand
from worker import errands as work
from worker import owner, verbs
from worker.settings import worker_settings

FAKE = [sys.executable, str(Path(__file__).with_name("fake_verb.py"))]


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NASHBOARD_WORKER_TRAINER_COMMAND", json.dumps(FAKE))
    monkeypatch.setenv("NASHBOARD_WORKER_HOST", "box")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    worker_settings.cache_clear()
    yield
    worker_settings.cache_clear()


@pytest.fixture
def speaker(make_run: Callable[..., str], launchable: Any) -> str:
    folder = launchable.runs_dir / "t1"
    (folder / "checkpoints").mkdir(parents=True)
    path = folder / "checkpoints" / "step-9.pt"
    path.write_bytes(b"abc")
    run_id = make_run({"loss/gen": [1.0]}, status="finished", trainer="tts", host="box", run_dir=str(folder))
    with db.transaction() as session:
        session.add(Checkpoint(run_id=run_id, step=9, time=1.0, path=str(path), size=3))
    return run_id


def asked(run_id: str, text: str) -> str:
    with db.transaction() as session:
        return errands.ask(session, run_id, "say", {"text": text})[0].id


def seen(errand_id: str) -> Errand:
    with db.reading() as session:
        found = session.get(Errand, errand_id)
        assert found is not None
        return found


def never() -> bool:
    return False


def test_the_sound_comes_back_as_a_sample_of_the_run(speaker: str) -> None:
    errand_id = asked(speaker, "Hello there")
    assert work.carry_out(errand_id, never) == "done"
    done = seen(errand_id)
    assert (done.state, done.reason) == ("done", "")
    assert done.outcome["secrets"] == []
    assert done.outcome["gpu"] == ""
    entry = done.outcome["samples"][0]
    with db.reading() as session:
        sample = records.samples(session, speaker)[0]
        assert (sample.series, sample.slot, sample.step, sample.missing) == (
            "said/speech",
            "Hello there",
            9,
            False,
        )
        assert entry["url"] == f"/api/blobs/{sample.sha256}"
        assert blobs.read(session, sample.sha256)[:4] == b"RIFF"
        assert blobs.find(session, sample.sha256).media_type == "audio/wav"
    assert work.carry_out(errand_id, never) == "done", "a message that comes twice"
    with db.reading() as session:
        assert len(records.samples(session, speaker)) == 1
    with db.transaction() as session:
        runs.remove(session, speaker)
        assert session.get(Errand, errand_id) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("refuse", "text 'refuse': the symbol '₿' (U+20BF) is unknown"),
        ("mute", "it printed no outcome"),
        ("escape", "'../escape.wav', which is no sample that it left"),
    ],
)
def test_a_failure_says_why(speaker: str, text: str, reason: str) -> None:
    errand_id = asked(speaker, text)
    assert work.carry_out(errand_id, never) == "failed"
    assert seen(errand_id).state == "failed"
    assert seen(errand_id).reason.endswith(reason)
    with db.reading() as session:
        assert records.samples(session, speaker) == []


def test_a_checkpoint_outside_the_folder_of_runs_is_not_touched(speaker: str, tmp_path: Path) -> None:
    errand_id = asked(speaker, "Hello")
    other = tmp_path / "step-9.pt"
    other.write_bytes(b"abc")
    with db.transaction() as session:
        found = session.get(Errand, errand_id)
        assert found is not None
        found.ask = {**found.ask, "checkpoint": str(other)}
    assert work.carry_out(errand_id, never) == "failed"
    assert "is not among this host's runs" in seen(errand_id).reason


def test_time_shutdown_and_deletion_end_it(speaker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (asked(speaker, text) for text in ("hold", "hold ", "other"))
    assert first == second, "the same sentence"
    assert work.carry_out(first, lambda: True) == "failed"
    assert "shut down" in seen(first).reason

    import dataclasses

    short = dataclasses.replace(errands.VERBS["say"], timeout_s=0.2)
    monkeypatch.setitem(errands.VERBS, "say", short)
    fourth = asked(speaker, "hold")
    assert work.carry_out(fourth, never) == "failed"
    assert seen(fourth).reason == "it was ended after 0.2 s"
    with db.transaction() as session:
        errands.remove(session, speaker, third)
    assert work.carry_out(third, never) == "deleted"


def test_an_errand_that_somebody_carries_out_is_left_to_them(speaker: str) -> None:
    errand_id = asked(speaker, "Hello")
    assert isinstance(work.claim(errand_id, "box"), work.Job)
    assert work.claim(errand_id, "box") == "running"
    assert work.tidy() == []
    with db.transaction() as session:
        found = session.get(Errand, errand_id)
        assert found is not None
        pid = owner.me("box").split(":")
        found.owner = ":".join([pid[0], pid[1], "1", pid[3]])  # the same number, another process
    assert work.tidy() == [errand_id]
    assert (seen(errand_id).state, seen(errand_id).reason) == ("failed", verbs.GONE)


def test_one_whose_time_is_long_over_has_failed(speaker: str) -> None:
    errand_id = asked(speaker, "Hello")
    work.claim(errand_id, "box")
    assert work.tidy(time.time() + 250) == []
    assert work.tidy(time.time() + 400) == [errand_id]


def test_the_outcome_is_the_last_object_that_is_printed() -> None:
    assert verbs.printed('{"a": 1}\nwords\n{"b": 2}\n{torn\n') == {"b": 2}
    assert verbs.printed("[1]\nnothing\n") is None
