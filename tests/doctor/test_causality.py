"""A diagnosis up to a step depends on nothing later, whatever the shape of the log."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from doctor.cases import falling, noise
from doctor.engine import diagnose
from doctor.reading import parse
from doctor.rule import Case, Rule
from doctor.rulebook import RULES
from doctor.view import Facts, RunView, Track

SICK = [(rule, case) for rule in RULES for case in rule.SICK]


@pytest.mark.parametrize(("rule", "case"), SICK, ids=[f"{r.code}: {c.name}" for r, c in SICK])
def test_the_first_fail_step_is_the_first(rule: Rule, case: Case) -> None:
    view = case.make()
    whole = diagnose(view, [rule])
    if whole.verdict != "fail":
        assert whole.first_fail_step is None
        return
    first = whole.first_fail_step
    assert first is not None
    at_first = diagnose(view.until(first), [rule])
    assert (at_first.verdict, at_first.first_fail_step) == ("fail", first)
    assert diagnose(view.until(first - 1), [rule]).verdict != "fail"
    for share in (0.3, 0.6, 0.9):
        assert diagnose(view.until(int(first * share)), [rule]).verdict != "fail"


def _log(kind: str) -> list[tuple[int, float, float, float | None]]:
    n = 1500
    rows = [int(s) for s in np.arange(1, n + 1) * 100]
    d = np.abs(falling(n, 1.0, 0.02, 0.1) + noise(n, 0.05, 1))
    g = falling(n, 1.0, 6.0, 0.1) + noise(n, 0.4, 2)
    fid = np.concatenate([falling(n // 2, 90, 30, 0.2), falling(n - n // 2, 30, 120, 0.3)])
    log = [
        (s, float(d[i]), float(g[i]), float(fid[i]) if (i + 1) % 20 == 0 else None)
        for i, s in enumerate(rows)
    ]
    if kind == "restart":
        log = log[:900] + [(s, a + 0.01, b, c) for s, a, b, c in log[600:]]
    elif kind == "gap":
        log = log[:300] + log[700:]
    elif kind == "duplicates":
        log = [row for row in log for _ in range(2)]
    elif kind == "nan":
        log[1000:1010] = [(s, float("nan"), float("inf"), c) for s, _, _, c in log[1000:1010]]
    return log


def _text(log: list[tuple[int, float, float, float | None]]) -> str:
    return "step,d_loss,g_loss,fid\n" + "\n".join(
        f"{s},{d!r},{g!r},{'' if f is None else repr(f)}" for s, d, g, f in log
    )


@pytest.mark.parametrize("kind", ["plain", "restart", "gap", "duplicates", "nan"])
@pytest.mark.parametrize("loss", ["hinge", "vanilla", "wasserstein", None])
def test_until_a_step_is_the_file_cut_there(kind: str, loss: str | None) -> None:
    log = _log(kind)
    view = parse(_text(log), "log")
    view = RunView(view.tracks, Facts(adv_loss=loss))
    for step in (700, 2600, 31_150, 66_000, 110_000):
        cut = parse(_text([row for row in log if row[0] <= step]), "log")
        assert (
            diagnose(view.until(step)).to_dict()
            == diagnose(RunView(cut.tracks, Facts(adv_loss=loss))).to_dict()
        )
    whole = diagnose(view)
    if whole.verdict == "fail":
        first = whole.first_fail_step
        assert first is not None
        assert diagnose(view.until(first)).verdict == "fail"
        assert diagnose(view.until(first - 1)).verdict != "fail"


def test_a_failure_that_ended_is_a_warning_and_no_first_fail_step() -> None:
    at = np.arange(1, 61) * 1000
    fid = np.concatenate([falling(20, 90, 20), np.full(10, 60.0), falling(30, 60, 15, 0.1)])
    diagnosis = diagnose(RunView({"eval/fid": Track("eval/fid", at, fid)}))
    assert diagnosis.verdict == "warn"
    assert diagnosis.first_fail_step is None
    assert not diagnosis.findings[0].lasting


def test_reading_keeps_names_and_files(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text(_text(_log("plain")[:5]))
    assert set(parse(file.read_text(), "x").tracks) == {"loss/disc", "loss/gen"}
