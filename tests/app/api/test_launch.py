"""Launching over HTTP: the shapes of answers and failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app import dispatch
from app import settings as settings_module


@pytest.fixture
def database_kind() -> str:
    return "sqlite"


@pytest.fixture
def api(client: Any, launchable: Any) -> Any:
    return client


def test_a_run_and_a_pair(api: Any, launchable: Any) -> None:
    answer = api.post(
        "/api/launch", json={"trainer": "codec", "preset": "old", "patch": {"seed": 3}, "tags": ["a"]}
    )
    assert answer.status_code == 201
    run = answer.json()
    assert (run["status"], run["seed"], run["url"], run["tags"]) == ("queued", 3, f"/runs/{run['id']}", ["a"])
    assert api.get(f"/api/runs/{run['id']}").json()["recipe"]["seed"] == 3

    pair = api.post("/api/launch/pair", json={"trainer": "codec", "sides": {"old": {"disc.lr": 1e-3}}}).json()
    assert [r["preset"] for r in pair["runs"]] == ["old", "fixed"]
    assert {r["group"] for r in pair["runs"]} == {pair["group"]}
    assert pair["url"] == f"/compare?runs={','.join(r['id'] for r in pair['runs'])}"
    assert len(dispatch.waiting(launchable.redis_url)) == 3


def test_problems_stand_beside_their_knobs(api: Any, tmp_path: Path) -> None:
    answer = api.post(
        "/api/launch", json={"trainer": "codec", "patch": {"disc.lr": "fast", "trainer.max_steps": 0}}
    )
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert {p["knob"]: p["value"] for p in error["problems"]} == {"disc.lr": "fast", "trainer.max_steps": 0}
    assert all(str(p["value"]) in p["message"] for p in error["problems"])
    outside = api.post("/api/launch", json={"trainer": "codec", "patch": {"data.root": str(tmp_path)}})
    assert outside.status_code == 422
    assert "outside the allowed data folders" in outside.json()["error"]["message"]
    assert api.get("/api/runs").json()["total"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"trainer": "codec", "surprise": 1},
        {"trainer": "codec", "patch": {"disc": {"lr": 1}}},
        {"trainer": "codec", "patch": [1]},
        {"trainer": "codec", "name": "x" * 201},
        {"trainer": "codec", "device": "gpu"},
        {"trainer": "toaster"},
        {"trainer": "codec", "size": "enormous"},
        {"trainer": "codec", "patch": {"disc.lr": 1e400}},
    ],
)
def test_bad_bodies_are_refused_whole(api: Any, body: Any) -> None:
    import json

    answer = api.post("/api/launch", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["message"]
    assert api.get("/api/runs").json()["total"] == 0


def test_a_broker_that_is_down_is_503_and_leaves_nothing(api: Any, launchable: Any) -> None:
    settings_module.use(launchable.model_copy(update={"redis_url": "redis://:hush@127.0.0.1:1/0"}))
    for path, body in (("/api/launch", {"trainer": "codec"}), ("/api/launch/pair", {"trainer": "codec"})):
        answer = api.post(path, json=body)
        assert answer.status_code == 503
        error = answer.json()["error"]
        assert error["code"] == "broker_down"
        assert "redis://127.0.0.1:1/0 does not answer" in error["message"]
        assert "hush" not in answer.text
    assert api.get("/api/runs").json()["total"] == 0


def test_stop_resume_and_fork(api: Any) -> None:
    run_id = api.post("/api/launch", json={"trainer": "codec"}).json()["id"]
    assert api.post(f"/api/runs/{run_id}/resume").status_code == 409
    stopped = api.post(f"/api/runs/{run_id}/stop")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "stopped")
    assert api.post(f"/api/runs/{run_id}/stop").json()["status"] == "stopped"
    assert api.post(f"/api/runs/{run_id}/resume").json()["status"] == "queued"
    fork = api.post(f"/api/runs/{run_id}/fork", json={"patch": {"disc.lr": 5e-4}, "treats": "D1"})
    assert fork.status_code == 201
    assert (fork.json()["parent"], fork.json()["treats"]) == (run_id, "D1")
    assert api.post(f"/api/runs/{run_id}/fork", json={"patch": {"disc.lr": -1}}).status_code == 422
    assert api.post(f"/api/runs/{run_id}/fork", json={"from_checkpoint": 7}).status_code == 404
    assert api.post(f"/api/runs/{run_id}/fork", json={"from_checkpoint": 2**80}).status_code in (404, 422)
    for verb in ("stop", "resume"):
        assert api.post(f"/api/runs/nosuchrun/{verb}").status_code == 404
    assert api.post("/api/runs/nosuchrun/fork", json={}).status_code == 404
