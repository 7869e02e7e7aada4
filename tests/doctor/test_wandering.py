"""Logs as they come: every one gets an answer, and soon."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from doctor.engine import diagnose
from doctor.rulebook import RULES
from doctor.view import Facts, RunView, Track


def _view(values: np.ndarray, at: np.ndarray | None = None, loss: str | None = "hinge") -> RunView:
    steps = np.arange(1, len(values) + 1) * 10 if at is None else at
    names = {
        n for r in RULES for option in r.needs for n in option if "*" not in n and not n.startswith("mark")
    }
    names |= {"codebook/relative.0", "share/adv", "share/mel", "gen/sigma.out", "desired/adv"}
    return RunView({n: Track(n, steps, values) for n in names}, Facts(adv_loss=loss))


RNG = np.random.default_rng(0)
SHAPES = {
    "ten points": RNG.normal(size=10),
    "one point": np.array([1.0]),
    "two points": np.array([1.0, 2.0]),
    "a constant": np.ones(3000),
    "zeros": np.zeros(3000),
    "all NaN": np.full(500, np.nan),
    "all infinite": np.full(500, np.inf),
    "NaN here and there": np.where(RNG.random(3000) < 0.1, np.nan, RNG.normal(size=3000)),
    "huge": RNG.normal(size=2000) * 1e300,
    "tiny": RNG.normal(size=2000) * 1e-300,
    "negative": -np.abs(RNG.normal(size=2000)),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("loss", ["hinge", "vanilla", "logistic", "least_square", "wasserstein", None])
def test_every_shape_gets_an_answer(name: str, loss: str | None) -> None:
    diagnosis = diagnose(_view(SHAPES[name], loss=loss))
    assert diagnosis.verdict in ("healthy", "warn", "fail")
    diagnosis.to_dict()


@pytest.mark.parametrize(
    "at",
    [
        np.concatenate([np.arange(500), np.arange(200, 700)]),
        np.repeat(np.arange(500), 2),
        np.arange(1000)[::-1].copy(),
        np.zeros(1000, np.int64),
        np.arange(1000) * 1_000_000,
        np.arange(1000) - 500,
    ],
    ids=["restart", "duplicates", "backwards", "one step", "far apart", "negative steps"],
)
def test_every_order_of_steps_gets_an_answer(at: np.ndarray) -> None:
    told = diagnose(_view(np.abs(np.random.default_rng(1).normal(size=1000)), at)).to_dict()
    assert told["verdict"] in ("healthy", "warn", "fail")


def test_no_series_is_unknown() -> None:
    assert diagnose(RunView({})).verdict == "unknown"
    strange = RunView({"weight": Track("weight", np.arange(5), np.arange(5.0))})
    assert diagnose(strange).verdict == "unknown"
    assert diagnose(strange).could_not_look["disc-zero"] == ["loss/disc"]


def test_a_million_points_are_quick() -> None:
    n = 1_000_000
    at = np.arange(n)
    rng = np.random.default_rng(0)
    view = RunView(
        {
            "loss/disc": Track("loss/disc", at, np.abs(rng.normal(0.6, 0.1, n))),
            "loss/gen": Track("loss/gen", at, rng.normal(1.2, 0.3, n)),
            "eval/fid": Track("eval/fid", at, 20 + rng.normal(0, 0.1, n)),
            "gen/grad_norm": Track("gen/grad_norm", at, np.abs(rng.normal(2, 0.3, n))),
        },
        Facts(adv_loss="hinge"),
    )
    before = time.process_time()
    assert diagnose(view).verdict == "healthy"
    assert time.process_time() - before < 8


def test_ten_thousand_rows_take_under_a_second(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    rows = "\n".join(
        f"{100 * i},{abs(rng.normal(0.6, 0.1))},{rng.normal(1.2, 0.3)}" for i in range(1, 10_001)
    )
    file = tmp_path / "log.csv"
    file.write_text("step,d_loss,g_loss\n" + rows)
    code = (
        "import time; t = time.process_time()\n"
        "from doctor.__main__ import main\n"
        f"assert main([{str(file)!r}, '--json']) == 0\n"
        "import sys; print(time.process_time() - t, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stderr) < 1.0
