"""The codec's loop: what a run journals, that a seed fixes it, and that a resumed run is the same run."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from nashboard.vocabulary import describe
from tests.trainers.support import differences, equal, noticed
from trainers.codec import train
from trainers.codec.train import Training

Codec = Callable[..., Any]
EVALUATED = ("snr", "si_sdr", "amplitude", "gain_db", "mel", "kbps")


def test_journals_what_the_pages_show(codec: Codec) -> None:
    ran = codec("trainer.max_steps=9")
    assert ran.status == 0, ran.err
    start, last = ran.events[0], ran.events[-1]
    assert (start["trainer"], start["preset"], start["size"], start["total_steps"]) == (
        "codec",
        "fixed",
        "tiny",
        9,
    )
    assert len(start["environment"]["eval_hash"]) == 64
    assert start["environment"]["parameters"]["gen"] > 0
    assert (last["kind"], last["status"], last["step"]) == ("run_ended", "finished", 9)
    for name in EVALUATED:
        assert list(ran.series(f"eval/{name}")) == [0, 4, 8, 9], name
    reported = [1, 2, 4, 6, 8, 9]
    for name in ("disc", "gen", "adv", "feat", "recon", "vq", "mel"):
        assert list(ran.series(f"loss/{name}")) == reported, name
    for name in (
        "sign.real",
        "sign.fake",
        "sign_acc",
        "mean.real",
        "mean.fake",
        "margin",
        "logit_std",
        "loss",
    ):
        for sub in ("mpd2", "mpd3", "stft64"):
            assert list(ran.series(f"disc/{sub}/{name}")) == reported, (sub, name)
    for name in (
        *("weighted/adv", "weighted/feat", "feat/relative", "gen/lr", "disc/lr"),
        *("disc/grad_norm", "gen/grad_norm", "disc/update_ratio", "gen/update_ratio"),
        *("speed/items_per_s", "speed/audio_s_per_s", "speed/steps_per_s", "speed/data_wait"),
    ):
        assert list(ran.series(name)) == reported, name
        assert all(math.isfinite(v) for v in ran.series(name).values()), name
    assert list(ran.series("share/feat")) == [4, 8, 9]
    assert list(ran.series("codebook/perplexity.1")) == [0, 4, 8, 9]
    assert ran.series("progress/epoch")[6] == 1.5
    assert ran.series("progress/disc_steps")[9] == 9
    assert ran.series("progress/samples_seen")[9] == 18
    assert ran.series("progress/audio_hours")[9] == pytest.approx(9 * 2 * 512 / 8000 / 3600)
    assert ran.series("eval/kbps")[0] == 8000 / 32 * 2 * 4 / 1000
    unknown = {n for e in ran.of("points") for n in e["values"] if describe(n).title == n}
    assert unknown == set()


def test_samples_in_fixed_slots(codec: Codec) -> None:
    ran = codec("trainer.max_steps=5", "data.slots=2")
    made = [(e["step"], e["series"], e["slot"]) for e in ran.of("sample_made")]
    slots = sorted({slot for _, _, slot in made})
    assert len(slots) == 2
    expected = [(0, "reference"), (0, "reconstruction"), (4, "reconstruction"), (5, "reconstruction")]
    assert sorted(made) == sorted((step, series, slot) for step, series in expected for slot in slots)
    for event in ran.of("sample_made"):
        assert (ran.run_dir / "samples" / f"{event['sha256']}.{event['ext']}").is_file()
    marks = {e["name"]: e for e in ran.of("mark")}
    assert marks["evaluation_set"]["label"] == ran.events[0]["environment"]["eval_hash"]
    assert marks["adversarial"]["step"] == 1


def test_old_and_fixed_start_from_the_same_generator_and_evaluation_set(codec: Codec) -> None:
    old, fixed = (codec("trainer.max_steps=1", preset=p, run=p) for p in ("old", "fixed"))
    assert old.status == fixed.status == 0
    hashes = [r.events[0]["environment"]["eval_hash"] for r in (old, fixed)]
    assert hashes[0] == hashes[1]
    first = [[e["sha256"] for e in r.of("sample_made") if e["step"] == 0] for r in (old, fixed)]
    assert first[0] == first[1]
    assert old.series("eval/snr")[0] == fixed.series("eval/snr")[0]
    assert old.series("eval/snr")[1] != fixed.series("eval/snr")[1]


def test_a_seed_fixes_the_run(codec: Codec) -> None:
    one, two, other = (
        codec("trainer.max_steps=6", f"seed={seed}", run=name).state
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert equal(one, two)
    assert not equal(one["gen"], other["gen"])


@pytest.mark.parametrize("preset", ["fixed", "ladder-5-rvq"])
def test_ten_and_ten_steps_are_twenty(codec: Codec, preset: str) -> None:
    more = ("trainer.gamma=0.99", "trainer.steps_per_epoch=10", "trainer.log_every=4")
    whole = codec(*more, "trainer.max_steps=20", preset=preset, run="whole")
    half = codec(*more, "trainer.max_steps=10", preset=preset, run="half")
    assert half.state["game"]["steps"] == 10
    rest = codec(*more, "trainer.max_steps=20", preset=preset, run="half", resume=half.run_dir)
    assert (whole.status, half.status, rest.status) == (0, 0, 0), rest.err
    assert differences(whole.run_dir, rest.run_dir, 10) == []
    assert list(rest.series("loss/gen")) == [1, 4, 8, 10, 12, 16, 20]
    assert rest.of("run_started")[1]["resumed_from"] == 10
    assert [e["seq"] for e in rest.events] == list(range(len(rest.events)))


LOST = ("gen", "optimizer", "game.discriminator", "game.optimizer", "game.steps", "crops", "rng")


def test_what_a_resume_forgets_shows(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    def train_to(step: int, run: str, resume: object = None) -> Any:
        words = ("quantizer.dropout=0.5", f"trainer.max_steps={step}")
        return codec(*words, preset="ladder-5-rvq", run=run, resume=resume)

    whole, half = train_to(4, "whole"), train_to(2, "half")
    seen = noticed(monkeypatch, train, ("", *LOST), whole.run_dir, half, partial(train_to, 4))
    assert seen == {"": False, **dict.fromkeys(LOST, True)}


def test_the_discriminator_can_wait(codec: Codec) -> None:
    ran = codec("trainer.max_steps=8", "disc.start=4")
    assert [(e["step"], e["name"]) for e in ran.of("mark")] == [
        (0, "evaluation_set"),
        (0, "reconstruction"),
        (5, "adversarial"),
    ]
    assert list(ran.series("loss/adv")) == [6, 8]
    assert list(ran.series("loss/disc")) == [1, 2, 4, 6, 8]
    assert ran.series("progress/disc_steps") == {1: 0, 2: 0, 4: 0, 6: 2, 8: 4}


def test_a_weight_of_zero_is_measured_but_does_not_pull(codec: Codec) -> None:
    plain = codec("trainer.max_steps=4", "recon_weight=0", "mel_weight=0", run="plain")
    assert list(plain.series("loss/recon")) == list(plain.series("loss/mel")) == [1, 2, 4]
    assert set(plain.series("weighted/mel").values()) == {0.0}
    pulled = codec("trainer.max_steps=4", "recon_weight=0", "mel_weight=15", run="pulled")
    assert not equal(plain.state["gen"], pulled.state["gen"])


def test_sums_over_sub_discriminators_and_layers(codec: Codec) -> None:
    still = ("trainer.max_steps=1", "disc.lr=1e-12")
    mean = codec(*still, run="mean")
    total = codec(*still, "reduction=sum", "feat_reduction=sum", run="sum")
    assert (mean.status, total.status) == (0, 0), total.err
    assert total.series("loss/adv")[1] == pytest.approx(3 * mean.series("loss/adv")[1], rel=1e-4)
    layers = 2 + 2 + 5  # two periods and one window
    assert total.series("loss/feat")[1] == pytest.approx(layers * mean.series("loss/feat")[1], rel=1e-4)
    assert total.series("loss/disc")[1] == pytest.approx(mean.series("loss/disc")[1], rel=1e-5)
    assert total.series("disc/grad_norm")[1] == pytest.approx(3 * mean.series("disc/grad_norm")[1], rel=1e-4)


@pytest.mark.parametrize("norm", ["spectral", "none"])
def test_another_norm_trains_and_goes_on(codec: Codec, norm: str) -> None:
    more = (f"disc.normalize={norm}", "disc.lr=1e-3")
    whole = codec(*more, "trainer.max_steps=4", run="whole")
    half = codec(*more, "trainer.max_steps=2", run="half")
    rest = codec(*more, "trainer.max_steps=4", run="half", resume=half.run_dir)
    assert (whole.status, rest.status) == (0, 0), rest.err
    assert differences(whole.run_dir, rest.run_dir, 2) == []


def test_both_rates_decay(codec: Codec) -> None:
    ran = codec("trainer.max_steps=4", "trainer.gamma=0.5", "gen.lr=0.001", "disc.lr=0.002")
    assert ran.series("gen/lr") == {1: 0.001, 2: 0.0005, 4: 0.000125}
    assert ran.series("disc/lr") == {1: 0.002, 2: 0.001, 4: 0.00025}


def test_bfloat16(codec: Codec) -> None:
    ran = codec("trainer.max_steps=4", "trainer.precision=bf16-mixed", "mel_weight=1")
    assert ran.status == 0, ran.err
    assert all(math.isfinite(v) for e in ran.of("points") for v in e["values"].values())
    assert all(t.dtype == torch.float32 for t in ran.state["gen"].values() if t.is_floating_point())


def test_pesq_is_said_to_be_missing_once(codec: Codec) -> None:
    ran = codec("trainer.max_steps=8", "data.rate_hz=11000")
    notes = [e["text"] for e in ran.of("note_written")]
    assert notes == [
        "eval/pesq_wb is missing for 2 of 2 clips: PESQ is defined at 8000 and 16000 Hz, not at 11000"
    ]
    assert ran.series("eval/pesq_wb") == {}


def test_a_nan_fails_the_run_after_saving_the_last_good_state(
    codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = Training._terms

    def broken(self: Training, *args: Any) -> dict[str, torch.Tensor]:
        found = terms(self, *args)
        return found | {"feat": found["feat"] * math.nan} if self.game.steps == 7 else found

    monkeypatch.setattr(Training, "_terms", broken)
    ran = codec("trainer.max_steps=12", "trainer.log_every=3")
    assert ran.status == 1
    end = ran.events[-1]
    assert (end["kind"], end["status"]) == ("run_ended", "failed")
    assert end["reason"].startswith("loss/feat became nan at step 7")
    assert ran.series("loss/feat")[8] == "NaN"
    assert max(e["step"] for e in ran.of("checkpoint_saved")) < 7
    assert all(torch.isfinite(p).all() for p in ran.state["gen"].values())
    assert "Traceback" not in ran.err


def test_an_exception_is_journaled(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Training, *args: Any) -> None:
        raise ZeroDivisionError("by a test")

    monkeypatch.setattr(Training, "_terms", broken)
    ran = codec("trainer.max_steps=12")
    assert ran.status == 1
    assert ran.events[-1]["reason"] == "ZeroDivisionError: by a test (step 1)"
    told = [e["text"] for e in ran.of("log_line") if e["stream"] == "stderr"]
    assert told[-1] == "ZeroDivisionError: by a test"
    assert any("in broken" in line for line in told)


def test_the_server_can_stop_it(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    from nashboard.reporter import Reporter

    asked = iter([False] * 6)
    monkeypatch.setattr(Reporter, "stop_requested", property(lambda self: next(asked, True)))
    ran = codec("trainer.max_steps=1000")
    assert ran.status == 0
    assert (ran.events[-1]["status"], ran.events[-1]["step"]) == ("stopped", 6)
    assert [e["step"] for e in ran.of("checkpoint_saved")] == [4, 6]
    assert list(ran.series("eval/snr")) == [0, 4, 6]
    monkeypatch.undo()
    on = codec("trainer.max_steps=8", resume=ran.run_dir)
    assert (on.events[-1]["status"], on.events[-1]["step"]) == ("finished", 8)


def test_skipped_files_are_counted_on_the_run(codec: Codec, audio: Path) -> None:
    (audio / "broken.flac").write_text("no audio")
    ran = codec("trainer.max_steps=1")
    assert ran.series("data/skipped") == {0: 1.0}
    (table,) = ran.of("table")
    assert (table["name"], table["columns"]) == ("skipped_files", ["path", "reason"])
    assert table["rows"][0][0] == "broken.flac"


def test_without_a_folder_the_demo_speech_is_used(
    codec: Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainers.kit import demo

    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(demo, "EACH", 1)
    ran = codec("data.root=", "trainer.max_steps=1")
    assert ran.status == 0, ran.err
    slot = ran.of("sample_made")[0]["slot"]
    assert slot.split("_")[0] in {name for name, *_ in demo.VOICES}
