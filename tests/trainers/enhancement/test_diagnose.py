"""The diagnosis: verdicts that tell old from fixed, printed, as JSON, and stored at the end of the journal."""

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from nashboard import journal
from nashboard.journal import Journal
from trainers.cli import main
from trainers.enhancement import diagnose as diagnosis
from trainers.enhancement import twice

pytest.importorskip("pesq")


@pytest.mark.timeout(600)
def test_old_and_fixed_are_told_apart(
    enhance: Callable[..., Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "TURNS", 2)
    found, real = {}, twice.in_processes
    for preset in ("old", "fixed"):
        # four starts of python with torch are enough to wait for
        monkeypatch.setattr(twice, "in_processes", real if preset == "fixed" else lambda *given: "not here")
        ran = enhance(preset, preset, **{"trainer.max_steps": "4", "data.crop": "4010", "pesq.workers": "0"})
        before = ran.events
        capsys.readouterr()
        assert main(["diagnose", "enhancement", f"run_dir={ran.run_dir}", "json=true"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["step"], said["stored"]) == (4, True)
        found[preset] = {h["code"]: h for h in said["hypotheses"]}
        *kept, table, end = ran.events
        assert kept == before
        assert (table["kind"], table["name"], len(table["rows"])) == ("table", "diagnosis", 8)
        assert (end["kind"], end["status"]) == ("run_ended", "finished")
        assert [seq for seq, _ in journal.read(ran.run_dir)] == list(range(len(before) + 2))
    old, fixed = found["old"], found["fixed"]
    assert (old["2B"]["verdict"], fixed["2B"]["verdict"]) == ("supported", "ruled out")
    assert (old["2B'"]["verdict"], fixed["2B'"]["verdict"]) == ("supported", "ruled out")
    assert fixed["1"]["verdict"] == "ruled out"
    assert old["1"]["verdict"] in ("supported", "possible")
    assert fixed["1"]["numbers"]["centre_twice_difference"] == 0
    assert old["1"]["numbers"]["random_sd"] > 0
    assert fixed["4"]["verdict"] == "ruled out"
    assert [side["5"]["verdict"] for side in (old, fixed)] == ["could not look", "ruled out"]
    assert {"spawn.gen", "spawn.disc", "spawn.loss", "torchrun.gen"} <= fixed["5"]["numbers"].keys()
    assert 0 < old["3"]["numbers"]["adv"] < old["3"]["numbers"]["at_0.2.adv"]
    monkeypatch.setattr(twice, "in_processes", lambda *given: "not here")
    with Journal(ran.run_dir):
        assert main(["diagnose", "enhancement", f"run_dir={ran.run_dir}"]) == 0
    text = capsys.readouterr().out
    assert "not stored" in text
    assert "Scale of the waveform loss" in text


def test_two_processes_that_give_nothing_are_no_verdict(
    enhance: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = enhance(**{"trainer.max_steps": "1", "pesq.workers": "0"})
    patient = diagnosis.Patient(str(ran.run_dir), "cpu")
    starts: list[str] = []

    def stopped(module: str, words: list[str], count: int, start: str, signals: Any) -> int:
        starts.append(start)
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    for instead, says in ((stopped, "SIGTERM ended them"), (lambda *given: 1, "they failed with status 1")):
        monkeypatch.setattr(twice.launch, "start", instead)
        found = diagnosis._processes(patient)
        assert (found.verdict, set(found.numbers)) == ("could not look", {"items"})
        assert says in found.text
    assert starts == ["spawn"], "the other start is not tried then"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["codec"], "only enhancement can be diagnosed"),
        (["enhancement"], "diagnose needs run_dir=DIR"),
        (["enhancement", "run_dir=/nowhere/at/all"], "there is no run"),
        (["enhancement", "run=x"], "'run=x' is none of run_dir=, json=, device="),
        (["enhancement", "run_dir=x", "json=1"], "json='1' is neither true nor false"),
    ],
)
def test_bad_words_are_one_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", *words]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert (len(said.err.splitlines()), said.out) == (1, "")
