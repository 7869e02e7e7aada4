"""What a run records of its place, and what it must not."""

from __future__ import annotations

import argparse
import dataclasses
import enum
import json
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from nashboard import environment


def test_facts_are_plain_and_cheap(tmp_path: Path) -> None:
    facts = environment.facts(tmp_path)
    assert json.loads(json.dumps(facts)) == facts
    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))
    assert facts["run_dir"] == str(tmp_path)
    assert facts["pid"] == os.getpid()
    assert facts["hostname"]
    assert facts["platform"]


def test_secrets_of_the_environment_are_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NASHBOARD_TOKEN", "AWS_SECRET_ACCESS_KEY", "HOME_PASSWORD", "DATABASE_URL"):
        monkeypatch.setenv(name, "v3ry-s3cret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setattr(sys, "orig_argv", ["python", "x.py", "url=http://v3ry-s3cret@box/"])
    recorded = json.dumps([environment.facts(tmp_path), environment.command()])
    assert "v3ry-s3cret" not in recorded
    assert environment.facts(tmp_path)["cuda_visible_devices"] == "1"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["python", "-m", "trainers", "codec", "disc.lr=1e-4"],) * 2,
        (["x", "--token", "abc", "--to", "url"], ["x", "--token", "[hidden]", "--to", "url"]),
        (["x", "--api-key=abc"], ["x", "--api-key=[hidden]"]),
        (["x", "hf_token=abc", "lr=1"], ["x", "hf_token=[hidden]", "lr=1"]),
        (["x", "--password", "--token"], ["x", "--password", "[hidden]"]),
        (["x", "url=http://me:pw@box:80/a"], ["x", "url=http://box:80/a"]),
        (["x", "url=known"], ["x", "url=[hidden]"]),
        (["x", "prefix-known-suffix"], ["x", "[hidden]"]),
        (["x", "data/tokens/train.txt", "tokenizer=bpe", "max_tokens=5"],) * 2,
    ],
)
def test_command_lines_are_kept_without_secrets(given: list[str], kept: list[str]) -> None:
    assert environment.redacted(given, {"known"}) == kept


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_state_of_the_work_tree_is_known(tmp_path: Path) -> None:
    assert environment.git(str(tmp_path / "missing")) == {}
    git(tmp_path, "init", "-q")
    assert environment.git(str(tmp_path)) == {}
    (tmp_path / "a.py").write_text("1")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    (tmp_path / "untracked").write_text("x")
    clean = environment.git(str(tmp_path))
    assert (len(clean["git_commit"]), clean["git_dirty"]) == (40, False)
    (tmp_path / "a.py").write_text("2")
    assert environment.git(str(tmp_path)) == {**clean, "git_dirty": True}


def test_without_git_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.git(str(tmp_path)) == {}


def test_torch_is_asked_only_where_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert "torch" not in environment.facts(tmp_path)
    cuda = types.SimpleNamespace(
        is_initialized=lambda: True, device_count=lambda: 2, get_device_name=lambda i: f"Card {i}"
    )
    fake: Any = types.SimpleNamespace(
        __version__="2.13.0", version=types.SimpleNamespace(cuda="13.0"), cuda=cuda
    )
    monkeypatch.setitem(sys.modules, "torch", fake)
    facts = environment.facts(tmp_path)
    assert (facts["torch"], facts["cuda"]) == ("2.13.0", "13.0")
    if not Path("/proc/driver/nvidia/gpus").exists():
        assert facts["gpus"] == ["Card 0", "Card 1"]
    cuda.is_initialized = lambda: False  # asking for names would start CUDA, and take memory of the card
    if not Path("/proc/driver/nvidia/gpus").exists():
        assert "gpus" not in environment.facts(tmp_path)


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Config:
    lr: float
    path: Path


class Model:
    def model_dump(self) -> dict[str, Any]:
        return {"lr": 1}


def test_configurations_become_plain() -> None:
    given = {
        1: Config(0.1, Path("a/b")),
        "args": argparse.Namespace(x=(1, 2), y=None),
        "model": Model(),
        "colour": Colour.RED,
        "set": {3},
        "type": int,
        "odd": complex(1, 2),
    }
    assert environment.plain(given) == {
        "1": {"lr": 0.1, "path": "a/b"},
        "args": {"x": [1, 2], "y": None},
        "model": {"lr": 1},
        "colour": "red",
        "set": [3],
        "type": "<class 'int'>",
        "odd": "(1+2j)",
    }
    np = pytest.importorskip("numpy")
    assert environment.plain({"a": np.float32(0.5), "b": np.arange(3)}) == {"a": 0.5, "b": [0, 1, 2]}
