"""Layouts of pairs, mixing with noise, and data that cannot be used: named, with the reason."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes.compose import build
from recipes.enhancement import Enhancement
from trainers.enhancement.data import speech
from trainers.kit.errors import BadInput

Write = Callable[..., Path]
SMALL = {"data.crop": 4000, "data.batch": 2, "data.eval_items": 2, "data.slots": 1, "data.pauses": 0.0}


def recipe(root: Path, **patch: Any) -> Enhancement:
    given = {f"data.{k}": v for k, v in patch.items()}
    made = build("enhancement", "fixed", "tiny", {**SMALL, "data.root": str(root), **given})
    assert isinstance(made, Enhancement)
    return made


def test_pairs_keep_clean_and_noisy_together(pairs: Path) -> None:
    data = speech(recipe(pairs))
    assert data.about == "pairs"
    assert {c.speaker for c in data.crops.clips} < {"p230", "p231", "p232"}
    for pair in data.evaluation.pairs:
        off = pair.noisy - pair.item.wave
        assert 0.02 < float(off.std()) < 0.04
    batch = data.crops.next()
    assert batch.clean.shape == batch.noisy.shape == (2, 4000)
    assert 0.02 < float((batch.noisy - batch.clean).std()) < 0.04


def test_a_test_part_is_held_out(pairs: Path, tmp_path: Path) -> None:
    for layout in ("train/clean test/clean train/noisy test/noisy",
                   "clean_trainset_28spk_wav clean_testset_wav noisy_trainset_28spk_wav noisy_testset_wav"):  # fmt: skip
        root = tmp_path / layout.split("/")[0].split(" ")[0]
        for place in layout.split():
            shutil.copytree(pairs / ("clean" if "clean" in place else "noisy"), root / place)
        data = speech(recipe(root))
        assert data.about == "pairs with a test part of their own"
        assert (len(data.crops.clips), len(data.evaluation.pairs)) == (3, 2)


def test_what_has_no_partner_is_named(pairs: Path, write: Write) -> None:
    wave = 0.1 * np.sin(np.arange(8000) / 9).astype(np.float32)
    write("pairs/clean/alone.wav", wave)
    write("pairs/noisy/other.wav", wave)
    write("pairs/clean/long.wav", wave)
    write("pairs/noisy/long.wav", wave[:-100])
    (pairs / "noisy" / "broken.wav").write_text("no audio")
    said = {s.path: s.reason for s in speech(recipe(pairs)).skipped}
    assert said["clean/alone.wav"] == "has no noisy file of the same name"
    assert said["noisy/other.wav"] == "has no clean file of the same name"
    assert said["clean/long.wav"] == "has 8000 samples, its noisy file 7900, at 8000 Hz"
    assert said["noisy/broken.wav"].startswith("cannot be read")
    assert len(said) == 4


def test_pairs_without_a_pair(pairs: Path, write: Write, tmp_path: Path) -> None:
    shutil.rmtree(pairs / "noisy")
    write("pairs/noisy/else.wav", 0.1 * np.ones(8000, np.float32))
    with pytest.raises(BadInput, match="pairs need equal names and lengths"):
        speech(recipe(pairs))
    shutil.rmtree(pairs / "clean")
    with pytest.raises(BadInput, match="holds noisy/ but no clean/"):
        speech(recipe(pairs))


def test_speech_is_mixed_at_the_ratios_asked_for(clean: Path) -> None:
    data = speech(recipe(clean, eval_snrs=[10.0], snrs=[-5.0]))
    assert "made noise" in data.about
    for pair in data.evaluation.pairs:
        whole, noisy = data.source.stretch(pair.clip, 0, pair.clip.length)
        ratio = 10 * np.log10(np.square(whole).sum() / np.square(noisy - whole).sum())
        assert ratio == pytest.approx(10, abs=0.1)
    batch = data.crops.next()
    rough = 10 * np.log10(np.square(batch.clean).sum() / np.square(batch.noisy - batch.clean).sum())
    assert -9 < rough < -1


def test_recorded_noise_is_split_too(clean: Path, tmp_path: Path, write: Write) -> None:
    for i in range(4):
        write(f"noise/n{i}.wav", 0.1 * np.random.default_rng(i).standard_normal(4000))
    data = speech(recipe(clean, noise=str(tmp_path / "noise")))
    sides = [{name for name, _ in pairs.noises} for pairs in (data.crops.pairs, data.source)]  # type: ignore[attr-defined]
    assert sides[0] | sides[1] == {f"n{i}.wav" for i in range(4)}
    assert not sides[0] & sides[1]
    with pytest.raises(BadInput, match=r"data\.noise .*no such folder"):
        speech(recipe(clean, noise=str(tmp_path / "nowhere")))


def test_noisy_folders_are_no_clean_speech(pairs: Path, tmp_path: Path) -> None:
    data = speech(recipe(tmp_path))
    assert {c.id for c in data.crops.clips} <= {f"pairs/clean/p23{i}_00{i}.wav" for i in range(3)}
    assert sum("folder of noisy speech" in s.reason for s in data.skipped) == 3


def test_the_evaluation_set_is_the_same_each_time_and_pauses_are_silent(clean: Path) -> None:
    one, two = speech(recipe(clean, pauses=0.5)), speech(recipe(clean, pauses=0.5))
    assert one.evaluation.sha256 == two.evaluation.sha256
    assert one.evaluation.sha256 != speech(recipe(clean, pauses=0.5, split_seed=1)).evaluation.sha256
    clip = one.crops.clips[0]
    whole, noisy = one.crops.pairs.stretch(clip, 0, clip.length)
    assert clip.length == 16000
    assert not whole[:4000].any()
    assert not whole[-4000:].any()
    assert noisy[:4000].any()
    assert whole[4000:12000].any()


def test_a_batch_that_is_too_large(clean: Path) -> None:
    with pytest.raises(BadInput, match=r"data\.batch 50 is more than the 5 training clips"):
        speech(recipe(clean, batch=50))
