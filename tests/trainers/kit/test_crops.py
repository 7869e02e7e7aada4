"""Split, crops and evaluation set: seeded, resumable, and the same for every recipe on the same data."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.kit.audio import Bank, Clip, load
from trainers.kit.crops import Crops, evaluation_set, split
from trainers.kit.errors import BadInput


def bank(lengths: list[int], speakers: list[str] | None = None) -> Bank:
    """Samples count up, so that a crop tells where it comes from."""
    starts = np.cumsum([0, *lengths])
    who = speakers or [""] * len(lengths)
    clips = tuple(Clip(f"c{i}.wav", who[i], int(starts[i]), n) for i, n in enumerate(lengths))
    return Bank("there", 8000, np.arange(starts[-1], dtype=np.float32), clips, ())


def test_split_by_speaker_keeps_speakers_whole() -> None:
    b = bank([5000] * 12, [f"s{i % 6}" for i in range(12)])
    train, held = split(b, 0.34, 0, shortest=100)
    assert {c.speaker for c in train} & {c.speaker for c in held} == set()
    assert len({c.speaker for c in held}) == 2
    assert sorted(c.id for c in train + held) == sorted(c.id for c in b.clips)
    assert split(b, 0.34, 0, shortest=100) == (train, held)
    assert any(split(b, 0.34, s, shortest=100)[1] != held for s in range(1, 9))


def test_split_by_file_without_speakers_or_with_one() -> None:
    for who in ("", "only"):
        train, held = split(bank([5000] * 10, [who] * 10), 0.2, 0, shortest=100)
        assert (len(train), len(held)) == (8, 2)


@given(st.floats(0.001, 0.999), st.integers(2, 40))
def test_split_leaves_neither_side_empty(share: float, files: int) -> None:
    train, held = split(bank([200] * files), share, 0, shortest=100)
    assert train
    assert held
    assert len(train) + len(held) == files


def test_one_file_is_cut_in_time() -> None:
    b = bank([10_000])
    train, held = split(b, 0.15, 0, shortest=2048)
    assert (train[0].length, held[0].length, held[0].offset) == (7952, 2048, 7952)
    assert b.wave(held[0])[0] == 7952
    with pytest.raises(BadInput, match=r"c0\.wav, its only usable file, has 4000 samples"):
        split(bank([4000]), 0.15, 0, shortest=2048)


def test_crops_are_contiguous_and_inside_their_clip() -> None:
    b = bank([3000, 500, 1024, 2000])
    crops = Crops(b, b.clips, crop=1000, batch=3, seed=7)
    starts = []
    for _ in range(300):
        batch = crops.next()
        assert batch.shape == (3, 1000)
        assert np.array_equal(np.diff(batch, axis=1), np.ones((3, 999)))
        starts += list(batch[:, 0])
    allowed = [range(2001), range(3500, 3525), range(4524, 5525)]
    assert all(any(s in r for r in allowed) for s in starts)
    assert all(any(s in r for s in starts) for r in allowed)


def test_the_position_is_all_that_a_checkpoint_needs() -> None:
    b = bank([3000, 4000])
    one, two = (Crops(b, b.clips, crop=100, batch=2, seed=3) for _ in range(2))
    first = [one.next() for _ in range(4)]
    state = one.state_dict()
    rest = [one.next() for _ in range(4)]
    two.load_state_dict(state)
    assert np.array_equal([two.next() for _ in range(4)], rest)
    assert not np.array_equal(first, rest)
    other = Crops(b, b.clips, crop=100, batch=2, seed=4)
    assert not np.array_equal([other.next() for _ in range(4)], first)


def test_a_batch_larger_than_the_data() -> None:
    b = bank([2500, 1500])
    Crops(b, b.clips, crop=1000, batch=3, seed=0)
    with pytest.raises(BadInput, match=r"data\.batch 4 is more than the 3 crops of 1000 samples"):
        Crops(b, b.clips, crop=1000, batch=4, seed=0)


def test_evaluation_takes_speakers_in_turn_and_the_middle_first() -> None:
    b = bank([50_000, 9000, 3000, 16_000], ["a", "a", "b", "c"])
    found = evaluation_set(b, b.clips, items=4, seconds=1.0)
    assert [(i.slot, i.offset, len(i.wave)) for i in found.items] == [
        ("c0", 25_000, 8000),
        ("c2", 0, 3000),
        ("c3", 8000, 8000),
        ("c1", 500, 8000),
    ]
    more = evaluation_set(b, b.clips, items=7, seconds=1.0)
    assert [i.slot for i in more.items] == ["c0", "c2", "c3", "c1", "c0+1", "c3+1", "c0+2"]
    assert len({(i.clip, i.offset) for i in more.items}) == 7


def test_the_hash_tells_other_data(audio: Path) -> None:
    def hashed(**change: float) -> str:
        b = load(str(audio), 8000, rms=change.get("rms", 0.1))
        held = split(b, 0.3, int(change.get("seed", 0)), shortest=100)[1]
        return evaluation_set(b, held, items=4, seconds=change.get("seconds", 0.5)).sha256

    assert hashed() == hashed()
    assert len({hashed(), hashed(rms=0.05), hashed(seconds=0.25), hashed(seed=5)}) == 4
