"""Pairs and made noise: crops that depend on seed and position alone, mixing that depends on names alone."""

import numpy as np
import pytest

from trainers.kit.audio import Bank, Clip
from trainers.kit.errors import BadInput
from trainers.kit.noise import babble, gain_for, hum, pink
from trainers.kit.pairs import Matched, Mixed, PairCrops, moved, pair_set

RATE = 1000


def bank(*lengths: int, seed: int = 0) -> Bank:
    random = np.random.default_rng(seed)
    waves = [(0.1 * random.standard_normal(n)).astype(np.float32) for n in lengths]
    starts = np.cumsum([0, *lengths])
    clips = tuple(Clip(f"c{i}.wav", "", int(starts[i]), n) for i, n in enumerate(lengths))
    return Bank("made", RATE, np.concatenate(waves), clips, ())


def mixed(*lengths: int, seed: int = 0, snr: float = 3.0) -> Mixed:
    noise = np.random.default_rng(5).standard_normal(700).astype(np.float32)
    return Mixed(bank(*lengths), [("a", noise), ("b", noise[::-1].copy())], [snr], seed)


def test_a_clip_is_mixed_by_its_name_alone() -> None:
    one, two = mixed(900, 2000), mixed(900, 2000)
    clip = one.bank.clips[1]
    whole = one.stretch(clip, 0, 2000)[1]
    assert np.array_equal(two.stretch(clip, 500, 300)[1], whole[500:800])
    assert not np.array_equal(mixed(900, 2000, seed=1).stretch(clip, 0, 2000)[1], whole)
    clean = one.bank.wave(clip)
    assert 10 * np.log10(np.square(clean).sum() / np.square(whole - clean).sum()) == pytest.approx(
        3, abs=0.01
    )


def test_matched_clips_lie_under_each_other() -> None:
    clean, noisy = bank(500, 800, 600), bank(500, 800, 600, seed=1)
    pairs = Matched(clean, Bank("n", RATE, noisy.samples, noisy.clips[::-1], ()))
    for clip in pairs.bank.clips:
        x, y = pairs.stretch(clip, 10, 200)
        where = clip.start + 10
        assert np.array_equal(x, clean.samples[where : where + 200])
        assert np.array_equal(y, noisy.samples[where : where + 200])
    with pytest.raises(BadInput, match="pairs need equal names and lengths"):
        Matched(clean, bank(501, 801, 601))


def test_a_batch_depends_on_seed_and_position_alone() -> None:
    pairs = mixed(900, 2000, 1500)
    one, two = (PairCrops(pairs, pairs.bank.clips, crop=400, batch=2, seed=3) for _ in range(2))
    batches = [one.next() for _ in range(4)]
    two.load_state_dict({"position": 3, "seed": 3})
    assert np.array_equal(two.next().noisy, batches[3].noisy)
    seen = [item.split("+")[0] for b in batches[:3] for item in b.items]
    assert sorted(seen[:3]) == sorted(seen[3:]) == ["c0.wav", "c1.wav", "c2.wav"], "each clip once a pass"
    assert batches[1].epochs == [0, 1]
    assert len({f"{i}@{e}" for b in batches for i, e in zip(b.items, b.epochs, strict=True)}) == 8


def test_crops_on_a_grid_and_short_clips_repeated() -> None:
    pairs = mixed(300, 2000)
    crops = PairCrops(pairs, pairs.bank.clips, crop=400, batch=1, seed=0, step=500)
    starts = set()
    for _ in range(12):
        batch = crops.next()
        name, start = batch.items[0].split("+")
        starts.add((name, int(start)))
        if name == "c0.wav":
            assert np.array_equal(batch.noisy[0, :100], batch.noisy[0, 300:])
    assert {s % 500 for _, s in starts} == {0}
    assert ("c0.wav", 0) in starts


def test_the_evaluation_set_stays_and_the_moved_one_moves() -> None:
    pairs = mixed(900, 2000, 1500)
    one, two = (pair_set(pairs, pairs.bank.clips, items=3, seconds=0.5) for _ in range(2))
    assert one.sha256 == two.sha256
    for pair in one.pairs:
        x, y = pairs.stretch(pair.clip, pair.item.offset, len(pair.item.wave))
        assert np.array_equal(x, pair.item.wave)
        assert np.array_equal(y, pair.noisy)
    turns = [moved(pairs, one, 0, turn) for turn in (1, 1, 2)]
    assert turns[0].sha256 == turns[1].sha256 != turns[2].sha256
    assert [p.item.slot for p in turns[2].pairs] == [p.item.slot for p in one.pairs]
    other = pair_set(mixed(900, 2000, 1500, snr=9.0), pairs.bank.clips, items=3, seconds=0.5)
    assert other.sha256 != one.sha256, "the noise is part of the digest"


def test_made_noise() -> None:
    random = np.random.default_rng(0)
    power = np.abs(np.fft.rfft(pink(16384, random))) ** 2
    octaves = [power[2**k : 2 ** (k + 1)].mean() for k in range(4, 13)]
    falls = 10 * np.log10(np.array(octaves[:-1]) / octaves[1:])
    assert falls.mean() == pytest.approx(3, abs=0.4)
    lines = np.abs(np.fft.rfft(hum(8000, 8000, random)))
    assert int(lines.argmax()) in (50, 60, 100, 120)
    voices = [np.sin(np.arange(500) * f).astype(np.float32) for f in (0.1, 0.2)]
    mix = babble(3000, voices, random)
    assert (mix.shape, float(np.square(mix).mean())) == ((3000,), pytest.approx(1, abs=1e-3))
    with pytest.raises(ValueError, match="at least one voice"):
        babble(10, [], random)
    assert gain_for(0.1, 1.0, 20.0) == pytest.approx(0.01)
    assert gain_for(0.1, 0.0, 20.0) == 0
