"""The doctor on recorded runs of our own trainers: what each side should get, by rules whose sources name it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from doctor.cases import flat
from doctor.engine import diagnose
from doctor.findings import SEVERITIES
from doctor.reading import Unusable, read
from doctor.rules.snr_falling import SnrFalling
from doctor.validate import judge, main, runs, scored, truths
from doctor.view import RunView, Track

FOLDER = Path(__file__).parent / "recorded"
INDEX: dict[str, dict[str, Any]] = json.loads((FOLDER / "index.json").read_text("utf-8"))
PAIRS = {"codec", "enhancement", "cgan", "vae", "tts"}


def test_old_and_fixed_of_all_trainers_are_there_with_three_seeds_and_are_small() -> None:
    have = {(said["trainer"], said["preset"], said["seed"]) for said in INDEX.values()}
    assert {(t, p, s) for t in PAIRS for p in ("old", "fixed") for s in (0, 1, 2)} <= have
    files = {p.name.removesuffix(".jsonl.gz"): p for p in FOLDER.glob("*.jsonl.gz")}
    assert files.keys() == INDEX.keys()
    assert sum(p.stat().st_size for p in files.values()) < 3_000_000
    for path in files.values():
        start = json.loads(gzip.decompress(path.read_bytes()).splitlines()[0])
        assert start["command"] == []
        assert not any(str(value).startswith("/") for value in start["recipe"].values())


@pytest.mark.parametrize("name", INDEX)
def test_what_should_be_found_is_found_and_nothing_else_fails(name: str) -> None:
    said = INDEX[name]
    diagnosis = diagnose(read(FOLDER / f"{name}.jsonl.gz"))
    worst: dict[str, str] = {}
    for finding in diagnosis.findings:
        worst[finding.code] = max(worst.get(finding.code, "info"), finding.severity, key=SEVERITIES.index)
    for code, severity in said["expect"].items():
        assert SEVERITIES.index(worst.get(code, "info")) >= SEVERITIES.index(severity), (
            code,
            worst.get(code),
        )
    failed = {code for code, severity in worst.items() if severity == "fail"}
    assert failed <= said["expect"].keys() | said["also"].keys()


def test_what_was_not_expected_beforehand_is_seen_in_some_seed() -> None:
    for side in {(said["trainer"], said["preset"]) for said in INDEX.values()}:
        names = [name for name, said in INDEX.items() if (said["trainer"], said["preset"]) == side]
        told = {
            finding.code
            for name in names
            for finding in diagnose(read(FOLDER / f"{name}.jsonl.gz")).findings
            if finding.severity == "fail"
        }
        assert INDEX[names[0]]["also"].keys() <= told, side


@pytest.mark.parametrize("name", [name for name, said in INDEX.items() if said["truth"] == "healthy"])
def test_a_healthy_run_looked_at_while_it_trains_is_not_failed(name: str) -> None:
    view = read(FOLDER / f"{name}.jsonl.gz")
    shares = range(5, 105, 5)
    failed = {
        (share, finding.code)
        for share in shares
        for finding in diagnose(view.until(view.last_step * share // 100)).findings
        if finding.severity == "fail"
    }
    assert not failed


def test_the_folder_is_scored(capsys: pytest.CaptureFixture[str]) -> None:
    known = truths(FOLDER)
    judged = [judge(name, view, known[name]) for name, view in runs(FOLDER)]
    sick = [j for j in judged if j.truth.sick]
    assert len(sick) == sum(said["truth"] == "sick" for said in INDEX.values())
    assert scored(judged, "all")["recall"]["rate"] == 1.0
    alarms = {j.name for j in judged if not j.truth.sick and j.failed("all", 100)}
    assert not alarms
    assert main([str(FOLDER)]) == 0
    assert "codec-old-s0" in capsys.readouterr().out


def test_a_truth_that_is_none_and_a_broken_gz_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("step,d_loss\n1,2\n2,2\n")
    (tmp_path / "index.json").write_text(json.dumps({"a": {"truth": "odd"}}))
    assert main([str(tmp_path)]) == 2
    assert "the truth is healthy or sick, not 'odd'" in capsys.readouterr().err
    (tmp_path / "index.json").write_text(json.dumps({"a": {"truth": "sick"}}))
    assert main([str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["truth"] == "sick"
    torn = tmp_path / "torn.jsonl.gz"
    for content in (b"no gzip", gzip.compress(b"step,x\n1,2\n")[:-9]):
        torn.write_bytes(content)
        with pytest.raises(Unusable, match="cannot be unpacked"):
            read(torn)


def test_a_csv_reads_the_same_gzipped(tmp_path: Path) -> None:
    text = "step,d_loss\n1,2.0\n2,1.5\n"
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    plain, packed = (
        read(tmp_path / name).track("loss/disc").values.tolist() for name in ("a.csv", "a.csv.gz")
    )
    assert plain == packed == [2.0, 1.5]


def test_snr_on_another_set_each_time_is_no_fall() -> None:
    falls = flat({"eval/snr": (8.0, 1.0), "eval/si_sdr": (7.0, 0.0)}, last=4000)
    at = falls.track("eval/snr").steps
    redrawn = Track("eval/set", at, np.arange(1.0, len(at) + 1))
    fixed = Track("eval/set", at, np.ones(len(at)))
    for digests, expected in ((fixed, ["fail"]), (redrawn, [])):
        view = RunView({**falls.tracks, "eval/set": digests}, falls.facts)
        assert [f.severity for f in SnrFalling().examine(view)] == expected
