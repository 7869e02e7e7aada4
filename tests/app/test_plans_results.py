"""Ranking, spread and effects against numpy; the estimate against what was stored."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from app import db, errors, plans, plans_estimate, plans_results
from app.tables_plans import Plan, PlanItem
from recipes import plan as papers


@pytest.fixture
def database_kind() -> str:
    return "sqlite"


def item(index: int, seed: int = 0, **at: Any) -> plans.Entry:
    own = PlanItem(plan_id="p", index=index, place=index, title="", preset="fixed", seed=seed, patch={}, at=at,
                   state="launched", reason="", pruned="")  # fmt: skip
    return plans.Entry(own, None, "finished")


def test_the_effect_in_a_full_grid_is_the_mean_over_all_else() -> None:
    rng = np.random.default_rng(3)
    grid = rng.normal(size=(2, 3, 4))  # loss × rate × seed
    entries, values = [], {}
    for (a, loss), (b, rate), seed in itertools.product(
        enumerate(("hinge", "bce")), enumerate((1e-4, 1e-3, 1e-2)), range(4)
    ):
        entries.append(item(len(entries), seed, loss=loss, rate=rate))
        values[len(entries) - 1] = float(grid[a, b, seed])
    found = {e.names: e for e in plans_results.effects(entries, values)}
    loss, rate = found["loss",], found["rate",]
    assert [level.text for level in rate.levels] == ["1e-4", "1e-3", "0.01"]
    np.testing.assert_allclose([v.summary.mean for v in loss.levels], grid.mean(axis=(1, 2)))
    np.testing.assert_allclose([v.summary.mean for v in rate.levels], grid.mean(axis=(0, 2)))
    np.testing.assert_allclose(
        [v.summary.std for v in rate.levels], [grid[:, b].std(ddof=1) for b in range(3)]
    )
    assert loss.matched
    assert rate.matched
    assert loss.span == pytest.approx(np.ptp(grid.mean(axis=(1, 2))))


def test_one_at_a_time_each_value_is_held_against_the_baseline_alone() -> None:
    base = {"width": 256, "loss": "hinge", "steps": 1}
    settings = [base, {**base, "width": 512}, {**base, "loss": "wgan", "steps": 5}]
    entries = [item(n, **at) for n, at in enumerate(settings)]
    found = {e.names: e for e in plans_results.effects(entries, {0: 10.0, 1: 8.0, 2: 40.0})}
    assert set(found) == {("width",), ("loss", "steps")}  # loss and steps always change together
    width = found["width",]
    assert [(v.text, v.summary.mean) for v in width.levels] == [("256", 10.0), ("512", 8.0)]
    assert [v.text for v in found["loss", "steps"].levels] == ["hinge · 1", "wgan · 5"]
    assert next(iter(found)) == ("loss", "steps")  # the greatest effect first


def test_trials_of_a_search_have_a_rank_correlation() -> None:
    rng = np.random.default_rng(0)
    x, noise = rng.uniform(1, 9, 30), rng.normal(size=30)
    entries = [item(n, rate=float(x[n]), loss=("a", "b")[n % 2]) for n in range(30)]
    values = {n: float(x[n] + noise[n]) for n in range(30)}
    found = {e.names: e for e in plans_results.effects(entries, values, search=True)}
    assert found["rate",].rank == pytest.approx(stats.spearmanr(x, list(values.values())).statistic)
    assert found["loss",].rank is None
    assert [len(v.summary.values) for v in found["loss",].levels] == [15, 15]
    assert plans_results.spearman([1, 1, 2], [3, 3, 3]) is None
    ties = ([1, 1, 2, 5, 5], [2, 3, 3, 1, 9])
    assert plans_results.spearman(*ties) == pytest.approx(stats.spearmanr(*ties).statistic)


def test_settings_are_ranked_by_their_mean_in_the_better_direction() -> None:
    entries = [item(n, seed=n % 2, rate=n // 2) for n in range(6)]
    values = {0: 1.0, 1: 3.0, 2: 5.0, 3: 5.5}
    up = plans_results.ranked(entries, values, "up")
    assert [(s.place, s.summary.mean, s.finished) for s in up] == [(1, 5.25, 2), (2, 2.0, 2), (None, None, 2)]
    assert up[1].summary.std == pytest.approx(np.std([1.0, 3.0], ddof=1))
    assert up[0].leads
    assert [s.summary.mean for s in plans_results.ranked(entries, values, "down")] == [2.0, 5.25, None]


@pytest.fixture
def measured(make_run: Callable[..., str], database: Any) -> Callable[..., str]:
    """A plan of two presets with a run each; ``mel`` and ``stoi`` are their evaluations."""

    def made(*rows: tuple[str, str, list[float], list[float]]) -> str:
        with db.transaction() as session:
            session.add(
                Plan(id="p1", name="p", kind="plan", trainer="codec", size="tiny", device="cpu", project="x", tags=[],
                     sheet={"trainer": "codec", "metric": "eval/mel"}, varied=["preset"], state="running", reason="",
                     created=1.0)
            )  # fmt: skip
        for n, (preset, status, mel, stoi) in enumerate(rows):
            run = make_run({"eval/mel": mel, "eval/stoi": stoi, "loss/disc": mel}, status, preset=preset)
            with db.transaction() as session:
                session.add(
                    PlanItem(plan_id="p1", index=n, place=n, title="", preset=preset, seed=0, patch={},
                             at={"preset": preset}, state="launched", reason="", pruned="", run_id=run, recipe={})
                )  # fmt: skip
        return "p1"

    return made


def results(plan_id: str, *words: str) -> plans_results.Results:
    with db.reading() as session:
        return plans_results.of(session, plans.get(session, plan_id), plans.entries(session, plan_id), *words)


def test_the_metric_is_the_plans_own_or_the_one_asked_for(measured: Any) -> None:
    made = measured(
        ("old", "finished", [3.0, 1.0, 2.0], [0.1, 0.5, 0.2]),
        ("fixed", "finished", [2.5, 1.5, 1.5], [0.3, 0.4, 0.4]),
        ("half", "running", [0.1], [0.9]),
        ("bad", "finished", [float("nan")], []),
    )
    own = results(made)
    assert (own.metric.row.name, own.metric.better, own.values) == ("eval/mel", "down", {0: 1.0, 1: 1.5})  # type: ignore[union-attr]
    assert results(made, "", "last").values == {0: 2.0, 1: 1.5}
    assert results(made, "eval/stoi").values == {0: 0.5, 1: 0.4}
    assert [s.title for s in results(made, "eval/stoi", "last").settings[:2]] == ["fixed", "old"]
    assert {c.name for c in own.choices} == {"eval/mel", "eval/stoi"}
    with pytest.raises(errors.BadInput, match="neither direction of 'loss/disc'"):
        results(made, "loss/disc")
    with pytest.raises(errors.BadInput, match="neither best nor last"):
        results(made, "eval/mel", "middle")


def test_an_estimate_goes_by_earlier_runs_of_the_kind(make_run: Callable[..., str], settings: Any) -> None:
    from app import runs

    def ran(preset: str, seconds: float, steps: int, device: str = "cpu", **more: Any) -> None:
        made = make_run({}, "finished", trainer="codec", size="tiny", preset=preset, device=device, **more)
        with db.transaction() as session:
            run = runs.get(session, made)
            run.started, run.ended, run.last_step = 100.0, 100.0 + seconds, steps

    sheet = papers.of({"trainer": "codec", "presets": ["old", "fixed"], "patch": {"trainer.max_steps": 100}})
    made = papers.make(sheet)

    def told(**more: Any) -> plans_estimate.Estimate:
        with db.reading() as session:
            return plans_estimate.of_sheet(session, sheet, made, **{"device": "cpu", **more})

    assert (told().seconds, told().text) == (
        None,
        "no earlier run of codec at tiny on a CPU to estimate from",
    )
    ran("old", 10.0, 100)
    ran("old", 30.0, 100)
    ran("fixed", 60.0, 100)
    ran("fixed", 9000.0, 100, resume="/x")  # its time has a hole
    ran("fixed", 1.0, 100, device="cuda:0")
    found = told()
    assert found.seconds == pytest.approx(100 * (0.2 + 0.6))
    assert found.text.endswith("by 3 earlier runs of codec at tiny on a CPU")
    assert told(device="cuda:0").seconds == pytest.approx(2.0)
    other = papers.of({"trainer": "codec", "preset": "dac-plain", "patch": {"trainer.max_steps": 100}})
    with db.reading() as session:
        by_all = plans_estimate.of_sheet(session, other, papers.make(other), "cpu")
    assert by_all.seconds == pytest.approx(100 * np.median([0.1, 0.3, 0.6]))
    search = {"knobs": {"loss": None}, "objective": "eval/mel", "trials": 5}
    hunt = papers.of(
        {"trainer": "codec", "preset": "old", "patch": {"trainer.max_steps": 100}, "search": search}
    )
    with db.reading() as session:
        most = plans_estimate.of_sheet(session, hunt, papers.Made((), (), 0), "cpu")
    assert most.seconds == pytest.approx(5 * 20.0)
    assert most.text.startswith("at most about ")
