"""Batches: padding, the order of the stream, facts that a checkpoint carries."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from recipes.tts import Tts
from trainers.kit.errors import BadInput
from trainers.tts.data import Facts, Speech, Stream, finite, split

Make = Callable[..., Tts]


def test_shapes_of_both_kinds_of_prosody(recipe: Make) -> None:
    for preset, wide in (("fixed", False), ("old", True)):
        speech = Speech(recipe(preset))
        batch = speech.batch(speech.training[:3])
        b, n = batch.tokens.shape
        t = batch.mel.shape[1]
        assert (b, batch.mel.shape[2], int(batch.frames.max())) == (3, 16, t)
        assert batch.pitch.shape == ((b, t, 10) if wide else (b, n))
        assert batch.energy.shape == ((b, t) if wide else (b, n))
        assert torch.equal(batch.durations.sum(1), batch.frames)
        assert not batch.tokens[batch.durations.cumsum(1) == 0].eq(0).any()


def test_most_values_lie_around_0(recipe: Make) -> None:
    # the noise among the tones is an outlier of the statistics, and stays one of the values
    speech = Speech(recipe())
    energy = torch.cat([speech.targets(u)["energy"] for u in speech.training])
    assert float(energy.median()) == pytest.approx(0, abs=1)
    pitch = torch.cat([speech.targets(u)["pitch"] for u in speech.training])
    assert float(pitch.mean()) == pytest.approx(0, abs=0.5)
    assert 0.5 < float(pitch.std()) < 1.5


def test_split_keeps_its_place_when_a_folder_grows(recipe: Make) -> None:
    utterances = Speech(recipe()).features.utterances
    training, held = split(utterances, 0.25, 0)
    assert (len(training), len(held)) == (6, 2)
    assert {u.id for u in held} == {u.id for u in split(list(reversed(utterances)), 0.25, 0)[1]}
    fewer = [u for u in utterances if u is not training[0]]
    assert {u.id for u in split(fewer, 0.25, 0)[1]} == {u.id for u in held}


def test_the_stream_shows_each_item_once_a_pass_and_goes_on(recipe: Make) -> None:
    speech = Speech(recipe())
    stream = Stream(speech, 2, seed=3)
    n = len(speech.training)
    first = [stream._next().id for _ in range(n)]
    assert sorted(first) == sorted(u.id for u in speech.training)
    assert [stream._next().id for _ in range(n)] != first
    whole, half = Stream(speech, 2, seed=3), Stream(speech, 2, seed=3)
    for _ in range(5):
        whole.next()
        half.next()
    rest = Stream(speech, 2, seed=3)
    rest.load_state_dict(half.state_dict())
    assert torch.equal(rest.next().mel, whole.next().mel)


def test_facts_survive_a_checkpoint(recipe: Make) -> None:
    from trainers.kit.checkpoints import plain

    facts = Speech(recipe()).facts
    assert Facts.from_dict(plain(facts.to_dict())) == facts


def test_all_broken_is_bad_input(recipe: Make) -> None:
    made = recipe()
    for path in Path(made.data.root).glob("wavs/*.wav"):
        wave, rate = soundfile.read(path, dtype="float32")
        soundfile.write(path, np.full_like(wave, np.inf), rate, subtype="FLOAT")
    with pytest.raises(BadInput, match="no recording is left to train on"):
        Speech(made)


def test_finite_looks_at_every_tensor(recipe: Make) -> None:
    targets = dict(Speech(recipe()).targets(Speech(recipe()).training[0]))
    assert finite(targets)
    assert not finite(targets | {"energy": torch.tensor([1.0, float("inf")])})
