"""The command line as interfaces spell it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from doctor.__main__ import main

KEYS = {"verdict", "first_fail_step", "findings", "could_not_look"}
FINDING = {"code", "severity", "title", "claim", "step_from", "step_to", "evidence", "suspects", "remedies"}


@pytest.fixture
def sick(tmp_path: Path) -> Path:
    file = tmp_path / "log.csv"
    rows = "\n".join(f"{100 * i},0.001,{5 + i % 3}" for i in range(1, 101))
    file.write_text("step,d_loss,g_loss\n" + rows)
    return file


def test_json_is_one_object_of_the_promised_form(sick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(sick), "--adv-loss", "hinge", "--json"]) == 0
    out = capsys.readouterr()
    told = json.loads(out.out)
    assert set(told) == KEYS
    assert told["verdict"] == "fail"
    assert all(set(f) == FINDING for f in told["findings"])
    assert out.err == ""
    first = told["first_fail_step"]
    for until, verdict in ((first, "fail"), (first - 1, "healthy")):
        main([str(sick), "--adv-loss", "hinge", "--json", "--until", str(until)])
        assert json.loads(capsys.readouterr().out)["verdict"] == verdict


def test_words_name_the_finding(sick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(sick), "--adv-loss", "hinge"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("verdict: fail")
    assert "disc-zero" in out
    assert "could not" in out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("a,b\n1,2\n", "step"),
        ("step,d_loss\n", "no row"),
        ("step,d_loss\n1,0.5\n2,x\n", "not a number"),
        ("step,d_loss\n1.5,0.5\n", "whole number"),
        ("step,d_loss,d_loss\n1,1,1\n", "twice"),
        ('{"kind": "points"}\nnonsense\n{}\n', "line"),
        ("step,name\n1,a\n", "holds a number"),
    ],
)
def test_unusable_input_is_one_line_and_status_2(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "log.csv"
    file.write_text(text)
    assert main([str(file), "--json"]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.count("\n") == 1
    assert says in out.err


def test_a_missing_file_and_a_folder_without_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        assert main([str(path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_nothing_up_to_a_step_is_unusable(sick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(sick), "--until", "5"]) == 2
    assert "the first step is 100" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--adv-loss", "what"], ["--n-sub", "0"], ["--until", "x"], []])
def test_bad_flags_are_status_2(flags: list[str], sick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(sick), *flags] if flags else [])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_sum_of_sub_discriminators_is_divided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "log.csv"
    file.write_text("step,d_loss\n" + "\n".join(f"{50 * i},{5.999 + (i % 2) * 0.002}" for i in range(1, 201)))
    main([str(file), "--adv-loss", "hinge", "--n-sub", "3", "--reduction", "sum", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert [f["code"] for f in told["findings"]] == ["disc-stuck"]
    assert told["verdict"] == "fail"
