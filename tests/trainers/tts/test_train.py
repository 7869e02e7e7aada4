"""The loop: what a run journals, that a resumed run is the same run, and what happens to bad items."""

import itertools
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from nashboard.vocabulary import describe
from recipes.tts import Tts
from tests.trainers.support import differences, equal, noticed
from trainers.kit import checkpoints
from trainers.tts import train
from trainers.tts.train import Training, distance, losses

Run = Callable[..., Any]


def state(ran: Any) -> dict[str, Any]:
    return checkpoints.load(checkpoints.listed(ran.run_dir)[-1]).state


def test_journals_what_the_pages_show(run: Run) -> None:
    ran = run({"trainer.max_steps": 5})
    assert ran.status == 0, ran.err
    start, last = ran.events[0], ran.events[-1]
    assert (start["trainer"], start["environment"]["durations"]) == ("tts", "JSON")
    assert len(start["environment"]["eval_hash"]) == 64
    assert (last["kind"], last["status"], last["step"]) == ("run_ended", "finished", 5)
    for name in (
        "mel_common",
        "mcd",
        "f0_rmse",
        "duration_mae",
        "length_ratio",
        "energy_by_pitch",
        "output_min",
    ):
        assert list(ran.series(f"eval/{name}")) == [0, 4, 5], name
        assert all(math.isfinite(v) for v in ran.series(f"eval/{name}").values()), name
    for name in ("disc", "gen", "mel", "postnet", "duration", "pitch", "energy", "adv"):
        assert list(ran.series(f"loss/{name}")) == [1, 2, 4, 5], name
    for name in (
        "data/nonfinite",
        "gen/lr",
        "gen/grad_norm",
        "feat/relative",
        "disc/sign_acc",
        "disc/patch/loss",
    ):
        assert list(ran.series(name)) == [1, 2, 4, 5], name
    assert list(ran.series("share/mel")) == [4, 5]
    assert ran.series("data/target_negative")[0] > 0.9
    made = {(e["step"], e["series"]) for e in ran.of("sample_made")}
    assert made == {
        *((s, n) for s in (0, 4, 5) for n in ("mel", "speech")),
        *((0, n) for n in ("reference", "reference_vocoded", "mel/target")),
    }
    drawn = {(e["step"], e["series"]) for e in ran.of("distribution")}
    assert {(0, "data/target"), (0, "eval/output"), (5, "eval/output")} <= drawn
    assert {(s, f"disc/logits.{side}") for s in (0, 4, 5) for side in ("real", "fake")} <= drawn
    unknown = {n for e in ran.of("points") for n in e["values"] if describe(n).title == n}
    assert unknown == set()


def test_old_says_what_the_document_names(run: Run) -> None:
    ran = run({"trainer.max_steps": 2}, preset="old")
    assert ran.status == 0, ran.err
    for name in ("mel", "duration", "pitch_spectrogram", "pitch_mean", "pitch_std", "energy"):
        assert list(ran.series(f"loss/{name}")) == [1, 2], name
    assert ran.series("data/target_negative")[0] == 0
    assert ran.series("eval/output_min")[2] >= 0


@pytest.mark.parametrize(("preset", "more"), [("fixed", {}), ("document", {"adv_weight": 0.1})])
def test_ten_and_ten_steps_are_twenty(run: Run, preset: str, more: dict[str, Any]) -> None:
    more = {
        **more,
        "trainer.steps_per_epoch": 10,
        "trainer.log_every": 4,
        "trainer.schedule": "noam",
        "trainer.warmup": 5,
        "trainer.accumulate": 2,
    }
    whole = run({**more, "trainer.max_steps": 20}, preset, "whole")
    half = run({**more, "trainer.max_steps": 10}, preset, "half")
    rest = run({**more, "trainer.max_steps": 20}, preset, "half", resume=half.run_dir)
    assert (whole.status, half.status, rest.status) == (0, 0, 0), rest.err
    assert differences(whole.run_dir, rest.run_dir, 10) == []


LOST = ("gen", "optimizer", "game.discriminator", "game.optimizer", "game.steps", "stream", "rng")


def test_what_a_resume_forgets_shows(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def train_to(step: int, name: str, resume: Path | None = None) -> Any:
        return run({"trainer.max_steps": step}, name=name, resume=resume)

    whole, half = train_to(4, "whole"), train_to(2, "half")
    seen = noticed(monkeypatch, train, ("", *LOST), whole.run_dir, half, partial(train_to, 4))
    assert seen == {"": False, **dict.fromkeys(LOST, True)}


def test_an_observer_gives_no_gradient_and_a_player_does(run: Run) -> None:
    watched = run({"trainer.max_steps": 3}, name="a")
    other = run({"trainer.max_steps": 3, "disc.lr": 0.05}, name="b")
    played = run({"trainer.max_steps": 3, "disc.lr": 0.05, "adv_weight": 1.0}, name="c")
    assert equal(state(watched)["gen"], state(other)["gen"])
    assert not equal(state(watched)["game"], state(other)["game"])
    assert not equal(state(watched)["gen"], state(played)["gen"])
    assert set(watched.series("weighted/adv").values()) == {0.0}


def test_rates_follow_the_schedule(run: Run) -> None:
    ran = run({"trainer.max_steps": 4, "trainer.schedule": "noam", "trainer.warmup": 2, "gen.lr": 0.001})
    assert ran.series("gen/lr") == pytest.approx({1: 0.0005, 2: 0.001, 4: 0.001 * 0.5**0.5})


def test_bfloat16(run: Run) -> None:
    ran = run({"trainer.max_steps": 2, "trainer.precision": "bf16-mixed"}, preset="old")
    assert ran.status == 0, ran.err
    assert all(math.isfinite(v) for e in ran.of("points") for v in e["values"].values())
    assert all(t.dtype == torch.float32 for t in state(ran)["gen"].values())


def broken(folder: Path, name: str = "u3", value: float = math.nan) -> None:
    path = folder / "wavs" / f"{name}.wav"
    wave, rate = soundfile.read(path, dtype="float32")
    wave[500] = value
    soundfile.write(path, wave, rate, subtype="FLOAT")


def held_out(recipe: Tts) -> str:
    """A training utterance's name."""
    return Training(recipe, "cpu").data.training[0].id


def test_an_item_with_nan_is_named_dropped_and_counted(
    run: Run, recipe: Callable[..., Tts], corpus: Path
) -> None:
    name = held_out(recipe())
    broken(corpus, name)
    ran = run({"trainer.max_steps": 8})
    assert ran.status == 0, ran.err
    assert ran.series("data/nonfinite")[8] >= 1
    assert 0 < ran.series("data/nonfinite_share")[8] < 0.5
    (note,) = [e["text"] for e in ran.of("note_written")]
    assert note.startswith(f"{name} was dropped: ")
    assert all(math.isfinite(v) for v in ran.series("loss/gen").values())


def test_clamping_does_not_remove_nan(run: Run, recipe: Callable[..., Tts], corpus: Path) -> None:
    broken(corpus, held_out(recipe()))
    ran = run({"trainer.max_steps": 8, "data.nonfinite": "clamp"})
    assert ran.status == 1
    assert "became nan at step" in ran.events[-1]["reason"]
    assert "the document's way" in ran.of("note_written")[0]["text"]


def test_a_nan_fails_the_run_after_saving_the_last_good_state(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, calls = train.losses, itertools.count(1)

    def broken(*args: Any) -> dict[str, torch.Tensor]:
        found = right(*args)
        return found | {"duration": found["duration"] * math.nan} if next(calls) == 7 else found

    monkeypatch.setattr(train, "losses", broken)
    ran = run({"trainer.max_steps": 12, "trainer.log_every": 3})
    assert ran.status == 1
    assert ran.events[-1]["reason"].startswith("loss/duration became nan at step 7")
    assert max(e["step"] for e in ran.of("checkpoint_saved")) < 7
    assert all(torch.isfinite(t).all() for t in state(ran)["gen"].values() if t.is_floating_point())
    assert "Traceback" not in ran.err


def test_a_head_that_cannot_reach_its_targets_says_so(run: Run) -> None:
    ran = run({"trainer.max_steps": 1}, preset="ladder-1-log")
    (note,) = [e["text"] for e in ran.of("note_written")]
    assert "of the targets are negative and the head's relu cannot reach them" in note
    assert ran.series("eval/output_min")[1] >= 0


def test_masks_leave_padding_out() -> None:
    said, wanted = torch.zeros(1, 4, 2), torch.zeros(1, 4, 2)
    said[0, 2:] = 100.0
    mask = torch.tensor([[True, True, False, False]])
    assert float(distance(said, wanted, mask, "l1")) == 0
    assert float(distance(said, wanted, None, "l1")) == 50  # what an unmasked loss makes of padding


def test_losses_are_0_for_the_truth(recipe: Callable[..., Tts]) -> None:
    training = Training(recipe(), "cpu")
    batch = training.stream.next()
    out = training.net(batch.tokens, batch.lengths, batch)
    perfect = out._replace(
        before=batch.mel,
        after=batch.mel,
        log_durations=torch.log1p(batch.durations.float()),
        pitch=batch.pitch,
        energy=batch.energy,
    )
    found = losses(perfect, batch, training.recipe)
    assert set(found) == set(training.recipe.weights())
    assert all(float(v) == 0 for v in found.values())
    assert float(losses(perfect._replace(after=batch.mel + 1), batch, training.recipe)["postnet"]) > 0.5


def test_another_corpus_does_not_fit_a_checkpoint(run: Run) -> None:
    first = run({"trainer.max_steps": 1}, name="a")
    from trainers.kit.errors import BadInput

    with pytest.raises(BadInput, match="does not fit this recipe in gen"):
        run({"trainer.max_steps": 2, "gen.hidden": 32, "preset": "fixed"}, name="b", resume=first.run_dir)


def test_features_are_the_same_from_the_cache(recipe: Callable[..., Tts]) -> None:
    one, two = (Training(recipe(), "cpu") for _ in range(2))
    assert one.data.sha256 == two.data.sha256
    assert np.array_equal(one.data.features.mel, two.data.features.mel)
