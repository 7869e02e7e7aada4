"""The codec's data of a recipe: no clip in both halves, and every fault named by its knob."""

from pathlib import Path
from typing import Any

import pytest

from recipes.compose import build
from trainers.codec.data import Speech, speech
from trainers.kit.errors import BadInput


def of(audio: Path, **patch: Any) -> Speech:
    words = {k.replace("__", "."): v for k, v in patch.items()}
    return speech(build("codec", "fixed", "tiny", {"data.root": str(audio), **words}))


def test_training_and_evaluation_share_no_file(audio: Path) -> None:
    found = of(audio)
    training = {c.id for c in found.crops.clips}
    held = {i.clip for i in found.evaluation.items}
    assert training & held == set()
    assert len(training | held) == 6
    assert found.minutes == pytest.approx(len(training) / 60)


def test_the_manifest_keeps_speakers_apart(audio: Path) -> None:
    rows = [f"t{i}.wav,{who}" for i, who in enumerate(["ann", "bob", "bob", "cy", "cy", "cy"])]
    (audio / "manifest.csv").write_text("path,speaker\n" + "\n".join(rows))
    found = of(audio)
    assert {c.speaker for c in found.crops.clips} & {i.speaker for i in found.evaluation.items} == set()


def test_the_seed_moves_crops_and_not_the_evaluation_set(audio: Path) -> None:
    one, two = of(audio, seed=1), of(audio, seed=2)
    assert one.evaluation.sha256 == two.evaluation.sha256
    assert (one.crops.next() != two.crops.next()).any()
    assert of(audio, data__split_seed=9).evaluation.sha256 != one.evaluation.sha256


def test_one_file_is_enough(tmp_path: Path, write_tone: Any) -> None:
    write_tone("one.wav", seconds=4.0)
    found = of(tmp_path / "audio", data__eval_items=2, data__slots=2)
    assert found.crops.clips[0].length == 4 * 8000 * 0.85
    assert found.evaluation.items[0].offset >= 4 * 8000 * 0.85


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        ({"data__batch": 1000}, r"data\.batch 1000 is more than the 15 crops of 2048 samples"),
        ({"data__crop": 16384}, r"fewer than a crop of 16384"),
    ],
)
def test_data_that_does_not_suffice(audio: Path, patch: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        of(audio, **patch)
