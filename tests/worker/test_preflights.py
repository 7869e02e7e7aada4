"""Carrying out preflights: what is spawned and where, what is kept, how each ends."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import blobs, db, preflights
from app.models import Lease
from app.tables_preflights import Preflight
from recipes.compose import build
from worker import devices
from worker import preflights as work
from worker.settings import worker_settings

FAKE = """
import json, os, sys
from pathlib import Path
given = dict(w.split("=", 1) for w in sys.argv[1:] if "=" in w)
lr = given.get("disc.lr", "")
if lr == "0.5":
    print("data.batch 64 is more than the 3 crops", file=sys.stderr)
    sys.exit(2)
if lr == "0.6":
    os.kill(os.getpid(), 9)
samples = []
if sys.argv[1] == "card":
    (Path(given["out"]) / "a.wav").write_bytes(b"RIFF sound")
    name = "../a.wav" if given.get("data.crop") == "4096" else "a.wav"
    samples = [{"file": name, "media": "audio", "ext": "wav", "name": "x"}]
print(json.dumps({"samples": samples, "words": sys.argv[1:], "gpu": os.environ["CUDA_VISIBLE_DEVICES"],
                  "tmp": os.environ["TMPDIR"], "redis": os.environ.get("REDIS_URL")}))
"""


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    (tmp_path / "fake.py").write_text(FAKE)
    command = json.dumps([sys.executable, str(tmp_path / "fake.py")])
    monkeypatch.setenv("NASHBOARD_WORKER_TRAINER_COMMAND", command)
    monkeypatch.setenv("NASHBOARD_WORKER_HOST", "box")
    monkeypatch.setenv("REDIS_URL", "redis://secret")
    worker_settings.cache_clear()
    yield
    worker_settings.cache_clear()


def asked(kind: str, device: str = "cpu", **patch: Any) -> str:
    knobs = {k.replace("__", "."): v for k, v in patch.items()}
    with db.transaction() as session:
        return preflights.ask(session, kind, build("codec", patch=knobs), device)[0].id


def seen(preflight_id: str) -> Preflight:
    with db.reading() as session:
        return preflights.get(session, preflight_id)


def never() -> bool:
    return False


def test_a_card_keeps_its_clips_as_blobs_and_runs_once(launchable: Any) -> None:
    made = asked("card")
    assert work.carry_out(made, never) == "done"
    found = seen(made)
    assert found.outcome["words"][:3] == ["card", "codec", "preset=fixed"]
    assert found.outcome["redis"] is None
    assert not Path(found.outcome["tmp"]).exists(), "its folder is gone"
    sample = found.outcome["samples"][0]
    assert sample["url"] == f"/api/blobs/{sample['sha256']}"
    with db.reading() as session:
        assert blobs.read(session, sample["sha256"]) == b"RIFF sound"
    assert work.carry_out(made, never) == "done", "a message that comes twice does nothing"
    assert seen(made).started == found.started


def test_a_dry_run_says_its_device(launchable: Any) -> None:
    made = asked("dry")
    assert work.carry_out(made, never) == "done"
    found = seen(made).outcome
    assert "device=cpu" in found["words"]
    assert found["gpu"] == ""
    assert not any(w.startswith("run_dir=") for w in found["words"])


@pytest.mark.parametrize(
    ("patch", "said"),
    [({"disc__lr": 0.5}, "data.batch 64 is more than the 3 crops"), ({"disc__lr": 0.6}, "out of memory")],
)
def test_what_fails_says_why_in_a_line(launchable: Any, patch: dict[str, Any], said: str) -> None:
    made = asked("dry", **patch)
    assert work.carry_out(made, never) == "failed"
    found = seen(made)
    assert found.state == "failed"
    assert said in found.reason
    assert "\n" not in found.reason


def test_a_sample_outside_its_folder_is_refused(launchable: Any) -> None:
    made = asked("card", data__crop=4096)
    assert work.carry_out(made, never) == "failed"
    assert "no sample that it left" in seen(made).reason


def test_a_gpu_that_trains_is_left_alone(
    launchable: Any, queued: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "gpus", lambda: ["cuda:0", "cuda:1"])
    run_id = queued()
    with db.transaction() as session:
        session.add(Lease(slot="box/cuda:0", run_id=run_id, worker="w", renewed=time.time()))
    assert work.place("auto", "box") == ("cuda:1", "")
    assert work.place("cpu", "box") == ("cpu", "")
    assert work.place("cuda:1", "box") == ("cuda:1", "")
    assert run_id in work.place("cuda:0", "box")[1]
    assert "no cuda:7" in work.place("cuda:7", "box")[1]
    assert work.place("auto", "other") == ("cuda:0", "")


def test_a_worker_that_ends_and_one_that_died_are_said(launchable: Any) -> None:
    made = asked("card")
    assert work.carry_out(made, lambda: True) == "failed"
    assert "shut down" in seen(made).reason
    made = asked("card")
    with db.transaction() as session:
        job = preflights.get(session, made)
        job.state, job.started, job.owner = "running", time.time() - 9999, "box:1:1:elsewhere"
    assert work.tidy() == [made]
    assert "ask again" in seen(made).reason
