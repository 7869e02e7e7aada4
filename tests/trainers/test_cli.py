"""`python -m trainers`: lists, help, exit statuses, signals; bad input is one line and leaves nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
import torch

from nashboard import journal
from trainers import cli
from trainers.cli import default_size, main

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def python(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    words = (sys.executable, *words)
    return subprocess.run(
        words, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )


def ended(run_dir: Path) -> dict[str, Any]:
    lines = (run_dir / "events.jsonl").read_text().splitlines()
    last: dict[str, Any] = json.loads(lines[-1])
    return last


def test_lists_and_help_need_no_torch(tmp_path: Path) -> None:
    script = (
        "import sys; from trainers.cli import main; "
        "codes = [main([]), main(['--help']), main(['codec', '--help'])]; "
        "heavy = [m for m in ('torch', 'lightning_fabric', 'soundfile') if m in sys.modules]; "
        "sys.exit(f'{codes} {heavy}' if any(codes) or heavy else 0)"
    )
    done = python("-c", script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"codec +Neural codec", done.stdout)
    assert list(tmp_path.iterdir()) == []


def test_help_has_every_knob_with_unit_range_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    from recipes.base import knobs
    from recipes.compose import build, presets, sizes

    assert main(["codec", "--help"]) == 0
    text = capsys.readouterr().out
    flat = " ".join(text.split())
    for knob in knobs(build("codec")):
        assert knob.name in ("preset", "size") or f" {knob.name}=" in text, knob.name
    assert "disc.lr=0.001" in text
    assert "[more than 0, at most 1]" in flat
    assert "[in Hz; at least 2,000, at most 96,000]" in flat
    assert "[hinge | least_squares]" in flat
    for name in (*sizes("codec"), *(p.name for p in presets("codec"))):
        assert name in text, name
    for word in ("run_dir=", "resume=", "device=", "url="):
        assert word in text, word
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["codek"], "there is no trainer 'codek'"),
        (["codec", "disc.lrr=1"], "disc.lrr"),
        (["codec", "disc.lr=fast"], "'fast' is not a number"),
        (["codec", "disc.lr=-1"], "-1"),
        (["codec", "trainer.max_epochs=0"], "trainer.max_epochs: 0 is too small"),
        (["codec", "preset=new"], "there is no preset 'new'"),
        (["codec", "size=huge"], "size"),
        (["codec", "device=gpu"], "'gpu' is none of auto, cpu, cuda:N"),
        (["codec", "url=ftp://x"], "url"),
        (["codec", "--fast"], "there are no flags here"),
        (["codec", "data.root=nowhere"], "data.root 'nowhere': there is no such folder"),
        (["codec", "data.root=empty"], "holds no wav, flac, ogg or mp3"),
        (["codec", "data.root=short"], "too short: 400 samples at 8000 Hz, fewer than a crop of 512"),
        (["codec", "data.root=audio", "data.batch=1000"], "data.batch 1000 is more than the"),
        (["codec", "data.root=audio", "run_dir=file.txt/run"], "'file.txt' is a file"),
        (["codec", "data.root=audio", "run_dir=/proc/nobody/run"], "/proc/nobody/run"),
        (["codec", "data.root=audio", "resume=nowhere"], "resume 'nowhere': there is no such run folder"),
        (["codec", "data.root=audio", "resume=file.txt"], "no checkpoint of ours"),
        (["codec", "data.root=audio", "resume=foreign.pt"], "no checkpoint of ours"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    words: list[str],
    says: str,
    audio: Path,
    tiny: tuple[str, ...],
    tmp_path: Path,
    write_tone: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("x")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "foreign.pt")
    write_tone("../short/s.wav", seconds=0.05)
    before = sorted(tmp_path.rglob("*"))
    trainer, *rest = words
    extra = [w for w in tiny if trainer == "codec" and w.split("=")[0] not in {r.split("=")[0] for r in rest}]
    assert main([trainer, *extra, *rest]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_a_gpu_that_is_not_there(
    audio: Path, tiny: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    words = [w for w in tiny if not w.startswith("device")]
    assert main(["codec", *words, f"data.root={audio}", "device=cuda:0"]) == 2
    assert "device=cpu always works" in capsys.readouterr().err


def test_the_default_size_looks_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for there, size in ((True, "small"), (False, "tiny")):
        monkeypatch.setattr(cli.Path, "exists", lambda self, there=there: there)
        assert default_size("codec", []) == size
    monkeypatch.setattr(cli.Path, "exists", lambda self: True)
    assert default_size("codec", ["device=cpu"]) == "tiny"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert default_size("codec", []) == "tiny"


def test_a_run_from_a_terminal(audio: Path, tiny: tuple[str, ...], tmp_path: Path) -> None:
    odd = tmp_path / "a=(b,[~c]"
    audio.rename(odd)
    words = ["-m", "trainers", "codec", *tiny, f"data.root={odd}", "trainer.max_steps=3"]
    done = python(*words, f"run_dir={odd / 'run'}", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "finished at step 3" in done.stdout
    assert ended(odd / "run")["status"] == "finished"
    assert sorted(p.name for p in tmp_path.iterdir()) == [odd.name], "no outputs folder, no stray file"
    kept = [e.text for e in journal.events(odd / "run") if e.kind == "log_line"]
    assert kept == done.stdout.splitlines()
    bad = python("-m", "trainers", "codec", f"resume={odd / 'run'}", "trainer.max_steps=3", cwd=tmp_path)
    assert (bad.returncode, bad.stdout, len(bad.stderr.splitlines())) == (2, "", 1)


def started(audio: Path, tiny: tuple[str, ...], run_dir: Path) -> subprocess.Popen[str]:
    """A long run that has reported its first step."""
    words = [*tiny, f"data.root={audio}", "trainer.max_steps=1000000", f"run_dir={run_dir}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "trainers", "codec", *words],
        cwd=run_dir.parent,
        env=ENVIRONMENT,
        stdout=PIPE,
        stderr=PIPE,
        text=True,
    )
    path, until = run_dir / "events.jsonl", time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        if path.exists() and '"loss/disc"' in path.read_text():
            return process
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"no step was reported: {process.communicate()}")


def test_sigterm_saves_and_the_run_goes_on_later(audio: Path, tiny: tuple[str, ...], tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    process = started(audio, tiny, run_dir)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    end = ended(run_dir)
    assert (end["kind"], end["status"], end["reason"]) == ("run_ended", "stopped", "SIGTERM received")
    events = list(journal.events(run_dir))
    saved = [e for e in events if e.kind == "checkpoint_saved"]
    assert saved[-1].step == end["step"]
    assert Path(saved[-1].path).is_file()
    assert max(e.step for e in events if e.kind == "points" and "eval/snr" in e.values) == end["step"]
    total = f"trainer.max_steps={end['step'] + 2}"
    assert main(["codec", total, "device=cpu", f"resume={run_dir}"]) == 0
    assert (ended(run_dir)["status"], ended(run_dir)["step"]) == ("finished", end["step"] + 2)


def test_killed_in_the_middle_it_goes_on_from_its_last_checkpoint(
    audio: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    process = started(audio, tiny, run_dir)
    until = time.monotonic() + 60
    while not list(run_dir.glob("checkpoints/*.pt")) and time.monotonic() < until:
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=60)
    with open(run_dir / "events.jsonl", "a") as f:
        f.write('{"seq":99')
    step = int(max(run_dir.glob("checkpoints/*.pt")).stem.split("-")[1])
    total = f"trainer.max_steps={step + 1}"
    assert main(["codec", total, "device=cpu", f"resume={run_dir}"]) == 0
    starts = [e for e in journal.events(run_dir) if e.kind == "run_started"]
    assert [s.resumed_from for s in starts] == [None, step]
    assert [seq for seq, _ in journal.read(run_dir)] == list(range(len(list(journal.read(run_dir)))))
