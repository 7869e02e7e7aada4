"""Samples: what is stored is what was given, whatever holds the numbers."""

from __future__ import annotations

import hashlib
import math
import struct
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nashboard import media
from nashboard.journal import JournalError, JournalFull

SAMPLES = st.floats(width=32, allow_nan=True, allow_infinity=True)


def read(data: bytes) -> tuple[int, int, list[array[float]]]:
    """(rate, channels, one array a channel) of a float WAV, read by its chunks."""
    assert (data[:4], data[8:12]) == (b"RIFF", b"WAVE")
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    chunks, place = {}, 12
    while place < len(data):
        name, size = struct.unpack("<4sI", data[place : place + 8])
        chunks[name] = data[place + 8 : place + 8 + size]
        place += 8 + size
    form, channels, rate, per_second, frame, bits, extra = struct.unpack("<HHIIHHH", chunks[b"fmt "])
    assert (form, bits, extra, frame, per_second) == (3, 32, 0, 4 * channels, rate * 4 * channels)
    mixed = array("f", chunks[b"data"])
    assert struct.unpack("<I", chunks[b"fact"])[0] == len(mixed) // channels
    return rate, channels, [mixed[i::channels] for i in range(channels)]


@given(st.integers(1, 3), st.lists(SAMPLES, min_size=1, max_size=50), st.integers(1, 192_000))
def test_a_wav_keeps_every_bit(channels: int, samples: list[float], rate_hz: int) -> None:
    given_ = [array("f", [v if c == 0 else -v for v in samples]) for c in range(channels)]
    rate, count, found = read(media.wav([list(c) for c in given_], rate_hz))
    assert (rate, count) == (rate_hz, channels)
    assert [c.tobytes() for c in found] == [c.tobytes() for c in given_]


def test_another_reader_agrees(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    media.write_wav(tmp_path / "a" / "x.wav", [[0.05, 1.8, -1.8], [0.0, 0.5, 1.0]], 8000)
    data, rate = soundfile.read(tmp_path / "a" / "x.wav", dtype="float32")
    assert rate == 8000
    assert data.T.tolist() == [
        pytest.approx([0.05, 1.8, -1.8]),
        pytest.approx([0.0, 0.5, 1.0]),
    ]
    assert soundfile.info(tmp_path / "a" / "x.wav").subtype == "FLOAT"


def carriers() -> list[Any]:
    """The same wave of two channels in everything that may hold it."""
    rows = [[0.0, 0.5, -0.25], [1.5, -1.0, 0.125]]
    np, torch = pytest.importorskip("numpy"), pytest.importorskip("torch")
    whole = np.array(rows)
    tensor = torch.tensor(rows)
    return [
        rows,
        tuple(map(tuple, rows)),
        [array("f", row) for row in rows],
        whole,
        whole.astype(np.float32),
        whole.astype(np.float16),
        whole.astype(">f4"),
        np.asfortranarray(whole),
        np.repeat(whole, 2, axis=1)[:, ::2],
        whole[None],
        tensor,
        tensor[None],
        tensor.double(),
        tensor.bfloat16(),
        tensor.t().contiguous().t(),
        tensor.clone().requires_grad_(),
        media.as_wave(rows),
    ]


def test_a_wave_may_come_in_anything() -> None:
    waves = carriers()
    assert {len(media.as_wave(w).channels) for w in waves} == {2}
    assert {media.wav(w, 8000) for w in waves} == {media.wav(waves[0], 8000)}


def test_whole_numbers_are_fixed_point() -> None:
    assert list(media.as_wave(array("h", [-32768, 16384, 0])).channels[0]) == [-1.0, 0.5, 0.0]
    assert list(media.as_wave(array("b", [-128, 64])).channels[0]) == [-1.0, 0.5]
    np = pytest.importorskip("numpy")
    assert list(media.as_wave(np.array([2**30, -(2**31)], "int32")).channels[0]) == [0.5, -1.0]


@pytest.mark.parametrize(
    ("wave", "message"),
    [
        ([], "not \\[0\\]"),
        ([[], []], "not \\[2, 0\\]"),
        ([[1.0], [1.0, 2.0]], "one length, not \\[1, 2\\]"),
        ([[[0.0]] * 2] * 2, "not \\[2, 2, 1\\]"),
        ([[0.0]] * 100, "its shape is \\[channels, samples\\]"),
        (["a"], "'a' is not a number"),
        ([[0.0], 1.0], "one length"),
        (None, "not as None"),
        ("RIFF", "not as 'RIFF'"),
        (b"RIFF", "floats of full scale 1.0"),
        (array("Q", [1]), "floats of full scale 1.0"),
    ],
)
def test_what_is_no_wave_is_told(wave: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        media.as_wave(wave)


@pytest.mark.parametrize("rate_hz", [0, -1, True, "8000", 44100.5, math.nan, None])
def test_a_rate_is_a_positive_whole_number(rate_hz: Any) -> None:
    with pytest.raises(ValueError, match="rate_hz is a"):
        media.wav([0.0], rate_hz)


def test_facts_are_of_the_float_signal() -> None:
    facts = media.audio_facts([0.0, 1.8, -1.8, math.nan], 8000)
    assert list(facts) == [
        "peak_dbfs",
        "rms_dbfs",
        "clipped_share",
        "longest_flat",
        "dc",
        "silence_share",
        "nonfinite",
        "seconds",
        "rate_hz",
        "channels",
        "lufs",
    ]
    assert facts["peak_dbfs"] == pytest.approx(5.105, abs=0.001)
    assert (facts["clipped_share"], facts["nonfinite"]) == (0.5, 1)


def test_the_same_bytes_are_stored_once(tmp_path: Path) -> None:
    digest = media.store(tmp_path, b"data", "wav")
    assert digest == hashlib.sha256(b"data").hexdigest()
    path = tmp_path / "samples" / f"{digest}.wav"
    before = path.stat().st_mtime_ns
    assert media.store(tmp_path, b"data", "wav") == digest
    assert path.stat().st_mtime_ns == before
    assert [p.name for p in (tmp_path / "samples").iterdir()] == [path.name]
    path.write_bytes(b"da")  # half written by a crash
    media.store(tmp_path, b"data", "wav")
    assert path.read_bytes() == b"data"


def test_a_full_disk_is_loud_and_leaves_nothing_half(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from nashboard import media; from nashboard.journal import JournalFull\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try: media.store(sys.argv[1], bytes(1000), 'wav')\n"
        "except JournalFull as full: print(full)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.stderr == ""
    assert str(tmp_path / "samples") in done.stdout
    assert list((tmp_path / "samples").iterdir()) == []
    assert issubclass(JournalFull, JournalError)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "samples").write_text("in the way")
    with pytest.raises(JournalError, match=r"samples.*cannot be written"):
        media.store(tmp_path, b"data", "wav")


@given(st.lists(st.floats(), min_size=1, max_size=50), st.integers(1, 20))
def test_a_histogram_counts_every_finite_value(values: list[float], bins: int) -> None:
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        with pytest.raises(ValueError, match="0 of them finite"):
            media.histogram(values, bins)
        return
    edges, counts = media.histogram(values, bins)
    assert (len(edges), len(counts), sum(counts)) == (bins + 1, bins, len(finite))
    assert edges == sorted(edges)
    assert edges[0] == min(finite)
    assert edges[-1] == max(finite) or (len(set(finite)) == 1 and edges[-1] > edges[0])


def test_a_histogram_of_one_value_has_a_width() -> None:
    assert media.histogram([3.0, 3.0], 4) == ([3.0, 3.25, 3.5, 3.75, 4.0], [2.0, 0.0, 0.0, 0.0])
