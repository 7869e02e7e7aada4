"""The enhancer's loop: what a run journals, that a seed fixes it, and that a resumed run is the same run."""

import itertools
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from nashboard.vocabulary import describe
from tests.trainers.support import differences, equal, forgets, noticed
from trainers.enhancement import train
from trainers.enhancement.game import MetricGame
from trainers.enhancement.objective import Objective
from trainers.kit import scorers
from trainers.kit.scores import Reason, Score

Enhance = Callable[..., Any]
pesq = pytest.importorskip("pesq")


def test_journals_what_the_pages_show(enhance: Enhance) -> None:
    ran = enhance(**{"trainer.max_steps": "6"})
    assert ran.status == 0, ran.err
    start, last = ran.events[0], ran.events[-1]
    assert (start["trainer"], start["preset"], start["total_steps"]) == ("enhancement", "fixed", 6)
    assert len(start["environment"]["eval_hash"]) == 64
    assert (last["kind"], last["status"], last["step"]) == ("run_ended", "finished", 6)
    for name in ("pesq_nb", "stoi", "si_sdr", "snr", "ssnr", "gain_db", "loss", "set", "pesq_nb.noisy",
                 "disc_corr", "disc_mae", "disc_bias", "disc_clean", "samples_lost", "pesq_missing"):  # fmt: skip
        assert list(ran.series(f"eval/{name}")) == [0, 4, 6], name
    reported = [1, 2, 4, 6]
    for name in ("loss/disc", "loss/gen", "loss/ri", "loss/mag", "loss/time", "loss/adv", "share/adv",
                 "share/mag", "weighted/adv", "gen/lr", "disc/lr", "gen/level.clean", "gen/level.time",
                 "data/length.clean", "data/length.est", "gen/grad_norm", "progress/disc_steps"):  # fmt: skip
        assert list(ran.series(name)) == reported, name
    for name in ("pesq/missing_items", "pesq/missing_batches", "pesq/trained", "disc/pred.clean"):
        assert list(ran.series(name)) == [4, 6], name  # scores are used two steps later
    for name in ("disc/moved_in_gen_step", "gen/grad_in_disc_step"):
        assert ran.series(name) == dict.fromkeys([1, 2, 4], 0.0), name
    assert ran.series("progress/disc_steps")[6] == 4
    assert len(set(ran.series("eval/set").values())) == 1
    assert ran.series("eval/pesq_nb.noisy")[0] == ran.series("eval/pesq_nb.noisy")[6]
    unknown = {n for e in ran.of("points") for n in e["values"] if describe(n).title == n}
    assert unknown == set()
    scatter = next(e for e in ran.of("table") if e["name"] == "pesq_scatter")
    assert scatter["columns"] == ["item", "kind", "pesq", "predicted"]
    assert {row[1] for row in scatter["rows"]} == {"est", "noisy"}
    made = [(e["step"], e["series"]) for e in ran.of("sample_made")]
    heard = [(0, "clean"), (0, "enhanced"), (0, "noisy"), (4, "enhanced"), (6, "enhanced")]
    drawn = [(0, "mel"), (0, "mel/clean"), (0, "mel/noisy"), (4, "mel"), (6, "mel")]
    assert sorted(made) == sorted(heard + drawn)
    told = {(e["step"], e["series"]) for e in ran.of("distribution")}
    assert {(s, f"disc/pred.{kind}") for s in (0, 4, 6) for kind in ("clean", "est", "noisy")} <= told
    assert len({e["slot"] for e in ran.of("sample_made")}) == 1
    best = [e["best"] for e in ran.of("checkpoint_saved")]
    assert set(best[0]) == {"eval/pesq_nb"}


def test_one_step_has_everything_that_must_be_there(enhance: Enhance) -> None:
    ran = enhance("old", **{"trainer.max_steps": "1"})
    assert ran.status == 0, ran.err
    for name in ("loss/disc", "loss/gen", "progress/epoch", "eval/pesq_nb"):
        assert 1 in ran.series(name), name


def test_the_old_side_measures_another_set_each_time(enhance: Enhance) -> None:
    ran = enhance("old", **{"trainer.max_steps": "5", "gen.lr": "1e-12", "disc.lr": "1e-12"})
    assert len(set(ran.series("eval/set").values())) == 3
    assert len(set(ran.series("eval/si_sdr").values())) == 3
    same = list(ran.series("eval/si_sdr.centre").values())
    assert same == pytest.approx([same[0]] * 3, abs=1e-3)
    assert all(set(e["best"]) <= {"eval/loss"} for e in ran.of("checkpoint_saved"))
    fixed = enhance("ladder-1-eval", run="b", **{"trainer.max_steps": "5"})
    assert len(set(fixed.series("eval/set").values())) == 1


@pytest.mark.parametrize("preset", ["fixed", "old"])
def test_ten_and_ten_steps_are_twenty(enhance: Enhance, preset: str) -> None:
    more = {"trainer.lr_every": "1", "trainer.steps_per_epoch": "10", "trainer.log_every": "4"}
    more |= {"data.eval_items": "1"}
    whole = enhance(preset, "whole", **more, **{"trainer.max_steps": "20"})
    half = enhance(preset, "half", **more, **{"trainer.max_steps": "10"})
    kept = half.state["scores"]
    assert len(kept["queue"]) == 2
    asked = {key for entry in kept["queue"] for keys in entry["keys"].values() for key in keys}
    assert asked <= kept["book"]["scores"].keys()
    rest = enhance(preset, "half", half.run_dir, **more, **{"trainer.max_steps": "20"})
    assert (whole.status, half.status, rest.status) == (0, 0, 0), rest.err
    assert differences(whole.run_dir, rest.run_dir, 10) == []
    assert list(rest.series("loss/gen")) == [1, 4, 8, 10, 12, 16, 20]
    assert whole.series("gen/lr")[10] == 2 * whole.series("gen/lr")[12] == 2e-3
    assert [(e["step"], e["name"]) for e in whole.of("mark") if e["name"] == "lr"] == [(11, "lr")]


LOST = ("gen", "optimizer", "game.discriminator", "game.optimizer", "game.steps", "game.new", "game.history")
LOST += ("game.seen", "crops", "scores", "scores.queue", "rng")


def test_what_a_resume_forgets_shows(enhance: Enhance, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"pesq.workers": "0", "pesq.lag": "1", "disc.replay": "1.0", "data.eval_items": "1"}
    few |= {"trainer.log_every": "3", "trainer.steps_per_epoch": "3"}

    def train_to(step: int, run: str, resume: object = None) -> Any:
        return enhance("fixed", run, resume, **few, **{"trainer.max_steps": str(step)})

    whole, half = train_to(6, "whole"), train_to(3, "half")
    seen = noticed(monkeypatch, train, ("", *LOST), whole.run_dir, half, partial(train_to, 6))
    assert seen == {"": False, **dict.fromkeys(LOST, True)}
    # a score that was asked for and is not there is no other run, but a failed one
    forgets(monkeypatch, train, "scores.book")
    rest = train_to(6, "half", half.run_dir)
    assert (rest.status, "KeyError" in rest.err) == (1, True)


def test_neither_processes_nor_their_number_change_the_run(enhance: Enhance) -> None:
    states = [enhance(run=f"w{n}", **{"trainer.max_steps": "4", "pesq.workers": n}).state for n in ("0", "2")]
    assert equal(*states)
    other = enhance(run="seed", **{"trainer.max_steps": "4", "seed": "1"}).state
    assert not equal(states[0]["gen"], other["gen"])


def test_without_pesq_the_rest_goes_on_and_says_why(
    enhance: Enhance, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Score(None, Reason.NOT_INSTALLED, "the package pesq is not installed; it needs a C compiler")
    monkeypatch.setattr(scorers.quality, "pesq", lambda *_: absent)
    ran = enhance(**{"trainer.max_steps": "4", "pesq.workers": "0"})
    assert ran.status == 0, ran.err
    assert ran.series("eval/pesq_nb") == {}
    assert math.isfinite(ran.series("eval/stoi")[4])
    assert ran.series("pesq/reason.not_installed") == {4: 1.0}
    assert ran.series("progress/disc_steps")[4] == 0
    assert list(ran.series("loss/disc")) == [1, 2, 4]
    assert [e["text"] for e in ran.of("note_written")] == [
        f"eval/pesq_nb is missing for 2 of 2 clips: {absent.detail}"
    ]


def test_another_rate_is_trained_without_pesq(enhance: Enhance) -> None:
    ran = enhance(**{"trainer.max_steps": "1", "data.rate_hz": "11000", "pesq.workers": "0"})
    assert ran.status == 0, ran.err
    assert "not at 11000" in ran.of("note_written")[0]["text"]


def test_pairs_from_a_folder(carry: Callable[..., Any], pairs: Path) -> None:
    small = {"trainer.max_steps": "1", "data.crop": "4000", "data.eval_items": "1", "data.slots": "1"}
    ran = carry("enhancement", "fixed", {"data.root": str(pairs), **small})
    assert ran.status == 0, ran.err
    assert {e["caption"] for e in ran.of("sample_made")} < {"p230", "p231", "p232"}


@pytest.mark.parametrize("term", ["ri", "adv"])
def test_a_nan_fails_the_run_after_saving_the_last_good_state(
    enhance: Enhance, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    owner, name = (Objective, "terms") if term == "ri" else (MetricGame, "gen_term")
    right, calls = getattr(owner, name), itertools.count(1)

    def broken(self: Any, *args: Any) -> Any:
        found = right(self, *args)
        # evaluations ask for the terms too, without gradients
        factor = math.nan if torch.is_grad_enabled() and next(calls) == 7 else 1.0
        return found | {term: found[term] * factor} if isinstance(found, dict) else found * factor

    more = {"trainer.max_steps": "12", "trainer.log_every": "3", "pesq.workers": "0", "data.eval_items": "1"}
    monkeypatch.setattr(owner, name, broken)
    ran = enhance(**more)
    assert ran.status == 1
    end = ran.events[-1]
    assert (end["kind"], end["status"]) == ("run_ended", "failed")
    assert end["reason"].startswith(f"loss/{term} became nan at step 7")
    assert max(e["step"] for e in ran.of("checkpoint_saved")) < 7
    assert all(torch.isfinite(p).all() for p in ran.state["gen"].values())
    assert all(torch.isfinite(p).all() for p in ran.state["game"]["discriminator"].values())
    assert "Traceback" not in ran.err


def test_a_nan_in_the_data_is_named_and_left_out(enhance: Enhance, clean: Path) -> None:
    wave, rate = soundfile.read(clean / "s2.wav", dtype="float32")
    wave[700] = math.nan
    soundfile.write(clean / "s2.wav", wave, rate, subtype="FLOAT")
    ran = enhance(**{"trainer.max_steps": "1", "pesq.workers": "0"})
    assert ran.status == 0, ran.err
    (table,) = (e for e in ran.of("table") if e["name"] == "skipped_files")
    assert table["rows"] == [["s2.wav", "1 of 8000 samples are NaN or infinite"]]
    assert all(math.isfinite(v) for v in ran.series("loss/gen").values())
