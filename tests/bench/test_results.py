"""The result pages: which runs there are, how claims are judged, where a row comes from."""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import pytest

from bench.results import pages
from bench.results.__main__ import TRAINERS, main
from bench.results.claims import better, logged_table, per_seed
from bench.results.jobs import FOLDERS, Job, argv, missing
from bench.results.journals import Log, ended_well, read
from bench.results.tables import (
    by_preset,
    claims_table,
    judged,
    machines,
    normal_table,
    provenance_table,
    shown,
)
from nashboard import events

ENVIRONMENT = {
    "platform": "Linux-6-x86_64-glibc2",
    "cpus": 2,
    "torch": "2.13.0+cpu",
    "git_commit": "abcdef123456",
}


def _log(
    preset: str = "old", seed: int = 0, values: dict[str, list[float]] | None = None, cpus: int = 2
) -> Log:
    """A run of as many epochs as ``values`` has entries a series, 10 steps each."""
    values = values or {"eval/mel": [1.0, 0.5]}
    many = max(len(v) for v in values.values())
    series = {name: ([10 * (i + 1) for i in range(len(v))], v) for name, v in values.items()}
    series["progress/epoch"] = ([10 * (i + 1) for i in range(many)], [float(i + 1) for i in range(many)])
    start = events.RunStarted(
        run=f"{preset}{seed}",
        trainer="codec",
        preset=preset,
        size="tiny",
        seed=seed,
        recipe={"data.root": "/elsewhere/speech"},
        environment={**ENVIRONMENT},
        command=[
            "python",
            "-m",
            "trainers",
            "codec",
            f"preset={preset}",
            "data.root=/elsewhere/speech",
            "run_dir=/tmp/x",
        ],
    )
    return Log(Path("x"), start, series, "finished", 12.0, [{**ENVIRONMENT, "cpus": cpus}])


@pytest.mark.parametrize("trainer", TRAINERS)
def test_every_job_of_a_trainer_is_a_command_line_of_its_own(trainer: str) -> None:
    jobs: list[Job] = importlib.import_module(f"bench.results.{trainer}").jobs()
    assert len({job.name for job in jobs}) == len(jobs)
    seeds = {(job.preset, job.seed) for job in jobs if job.data != "demo"}
    assert {(p, s) for p in ("old", "fixed") for s in (0, 1, 2)} <= seeds
    assert any(preset.startswith("ladder-") for preset, _ in seeds)
    for job in jobs:
        words = argv(job, "RUN", "DATA")
        assert words[:3] == [trainer, f"preset={job.preset}", "size=tiny"]
        for knob, folder in FOLDERS[job.data].items():
            assert f"{knob}=DATA/{folder}" in words
        assert job.data != "demo" or not any(w.startswith("data.root=") for w in words)


def test_a_claim_is_judged_by_all_its_seeds() -> None:
    assert [judged(held) for held in ([True, True], [True, False], [False], [])] == [
        "held",
        "partly",
        "not",
        "not looked at",
    ]
    logs = [_log(seed=0), _log(seed=1, values={"eval/mel": [1.0, 1.5]})]
    claim = per_seed("falls", "there", logs, lambda log: (log.value("eval/mel", 2) < 1, "seen"))
    assert (claim.verdict, claim.seen) == ("partly", "seen; seen")
    assert per_seed("falls", "there", [], lambda log: (True, "")).verdict == "not looked at: no such run"


def test_presets_are_compared_seed_by_seed() -> None:
    groups = {
        "old": [_log("old", s, {"eval/mel": [1.0, 0.5 + s]}) for s in (0, 1, 2)],
        "fixed": [_log("fixed", s, {"eval/mel": [1.0, 1.0]}) for s in (0, 1)],
    }
    down = better("less", "there", groups, [("eval/mel", -1)], 2, "old", "fixed")
    assert (down.verdict, "2 seeds" in down.seen) == ("partly", True)
    assert better("x", "y", groups, [("eval/mel", -1)], 2, "old", "none").verdict.startswith("not looked at")


def test_claimed_bands_say_why_they_were_not_looked_at() -> None:
    short = claims_table("codec", [_log(values={"eval/amplitude": [80.0, 81.0]})])
    assert "| `eval/amplitude` | 1 | 75 to 85 | 80 | held |" in short
    assert "not looked at: the runs have 2 epochs" in short
    assert "not looked at: no such run" in claims_table("codec", [])
    assert "not looked at: these runs do not report it" in claims_table("cgan", [_log()])


def test_a_row_names_its_machines_and_no_path() -> None:
    job = Job("codec", "old", 0, "speech", 10)
    log = _log()
    row = provenance_table({job: log})
    assert "`python -m trainers codec preset=old data.root=DATA/speech`" in row
    assert "2 cores x86_64, torch 2.13.0+cpu" in row
    assert "/elsewhere" not in row
    assert "/tmp" not in row
    log.environments.append({**ENVIRONMENT, "cpus": 16})
    assert log.machine == "2 cores x86_64, torch 2.13.0+cpu then 16 cores x86_64, torch 2.13.0+cpu"
    assert machines([log, _log()]).startswith("1 on 2 cores x86_64")
    assert shown(job, ["python", "-m", "trainers", "codec", "resume=/a"]) == "python -m trainers codec"


def test_values_of_an_epoch() -> None:
    log = _log(values={"loss/disc": [1.0, 3.0], "gen/parameters": [7.0], "eval/mel": [math.nan, 2.0]})
    assert log.value("loss/disc", 2) == 3.0
    assert log.value("gen/parameters", 2) == 7.0
    assert math.isnan(log.value("eval/none", 2))
    assert log.evaluations("eval/mel") == [(2.0, 2.0)]
    assert log.last_epoch == 2.0
    assert "none" not in normal_table({"old": [log]}, ["loss/disc"], (1, 2))


def test_what_was_logged_stands_beside_ours_at_the_same_share_of_the_run() -> None:
    told = logged_table("cgan", [_log(values={"loss/disc": [1.5] * 10})], stretch=10 / 200)
    assert "| `loss/disc` | 200 | 0.38 | `loss/disc`, epoch 10 | 1.5 |" in told


def test_measured_bands_need_enough_seeds(tmp_path: Path) -> None:
    logs = {Job("codec", "old", s, "demo", 2): _log("old", s) for s in (0, 1, 2)}
    target = tmp_path / "codec-measured.yaml"

    def made(runs: dict[Job, Log]) -> int:
        chosen = pages.reference(runs, ("old",), demo="the demo set", data="speech", real="speech")
        return pages.measured("codec", chosen, target, names=("eval/mel",))

    assert made(dict(list(logs.items())[:2])) == 0
    assert not target.exists()
    assert made(logs) == 1
    assert "3 on 2 cores x86_64" in target.read_text()
    real = {Job("codec", "old", s, "speech", 2): _log("old", s) for s in (0, 1, 2)}
    few = dict(list(logs.items())[:2])
    for runs, on in ((logs, "the demo set"), ({**few, **real}, "speech")):
        assert pages.reference(runs, ("old",), demo="the demo set", data="speech", real="speech").on == on
    assert [len(g) for g in by_preset(logs, ("old", "fixed"), "demo").values()] == [3]


def test_a_folder_of_data_that_lacks_a_part_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "speech").mkdir()
    assert missing([Job("vae", "old", 0, "speech", 1), Job("tts", "old", 0, "ljspeech", 1)], tmp_path) == [
        "ljspeech_mini"
    ]
    for words, said in (
        (["tts", "--data", str(tmp_path)], "holds no ljspeech_mini"),
        (["tts", "--data", str(tmp_path / "none")], "there is no such folder"),
        (["song"], "there is no trainer 'song'"),
        (["tts", "--jobs", "0"], "--jobs 0"),
    ):
        with pytest.raises(SystemExit):
            main([*words, "--home", str(tmp_path / "home")])
        assert said in capsys.readouterr().err


def test_a_journal_of_two_processes_is_read_whole(tmp_path: Path) -> None:
    lines = [
        events.RunStarted(run="a", environment=dict(ENVIRONMENT), time=1.0),
        events.Points(step=10, values={"progress/epoch": 1.0, "loss/disc": 2.0}, time=2.0),
        events.RunStarted(run="a", environment={**ENVIRONMENT, "cpus": 16}, resumed_from=10, time=5.0),
        events.RunEnded(status="finished", time=9.0),
    ]
    text = "\n".join(events.encode(events.stamped(e, i, e.time)) for i, e in enumerate(lines))
    (tmp_path / "events.jsonl").write_text(text + "\n")
    log = read(tmp_path)
    assert (log.status, log.seconds, [e["cpus"] for e in log.environments]) == ("finished", 8.0, [2, 16])
    assert ended_well(tmp_path)


def test_what_is_missing_and_which_machine_is_said() -> None:
    job, other = Job("codec", "old", 0, "speech", 10), Job("codec", "fixed", 0, "speech", 10)
    told = pages.provenance({job: _log()}, [job, other])
    assert "Not trained yet, and left out above (1 of 2): codec/speech/fixed-tiny-s0." in told
    assert "Not trained yet" not in pages.provenance({job: _log()}, [job])
    mixed = pages.ladder({"old": [_log()], "fixed": [_log("fixed", cpus=16)]}, ["eval/mel"], (1, 2))
    assert "`old` on 2 cores x86_64, torch 2.13.0+cpu; `fixed` on 16 cores x86_64" in mixed
    assert "All on one kind of machine." in pages.ladder({"old": [_log()]}, ["eval/mel"], (1, 2))
