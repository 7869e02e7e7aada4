"""Measures by closed forms, and PESQ's refusals: a typed reason, never a number."""

import math
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from trainers.kit import quality
from trainers.kit.quality import Reason, Score

RATE = 8000


def speech(seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    """A buzz that swells and pauses: enough of an utterance for PESQ."""
    t = np.arange(int(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 12))
    return 0.1 * buzz * np.clip(np.sin(2 * np.pi * 2.5 * t), 0, None)


def noisy(clean: np.ndarray, level: float = 0.02) -> np.ndarray:
    return clean + level * np.random.default_rng(0).standard_normal(clean.shape)


class TestRatios:
    def test_snr(self) -> None:
        clean = torch.tensor([3.0, -4.0])
        assert quality.snr(clean, clean + torch.tensor([0.3, 0.4])) == pytest.approx(20)
        assert quality.snr(clean, 2 * clean) == pytest.approx(0)
        assert quality.snr(clean, clean) == math.inf
        assert quality.snr(torch.zeros(2), clean) == -math.inf

    def test_si_sdr_hears_neither_level_nor_offset(self) -> None:
        clean, rest = speech(), noisy(np.zeros(RATE), 0.003)
        plain = quality.si_sdr(clean, clean + rest)
        assert quality.si_sdr(clean, 0.3 * (clean + rest) + 0.7) == pytest.approx(plain)
        assert quality.snr(clean, 0.3 * (clean + rest)) < plain - 5

    def test_si_sdr_closed_form(self) -> None:
        clean = np.array([1.0, -1.0, 1.0, -1.0])
        apart = np.array([1.0, 1.0, -1.0, -1.0])  # zero-mean and at right angles
        assert quality.si_sdr(clean, 5 * clean + 0.5 * apart) == pytest.approx(20)
        assert math.isnan(quality.si_sdr(np.ones(4), clean))

    def test_channels(self) -> None:
        clean = np.stack([speech(), 2 * speech()])
        estimate = clean + noisy(np.zeros_like(clean))
        each = [quality.si_sdr(c, e) for c, e in zip(clean, estimate, strict=True)]
        assert quality.si_sdr(clean, estimate) == pytest.approx(sum(each) / 2)
        assert quality.snr(clean, estimate) == pytest.approx(quality.snr(clean.ravel(), estimate.ravel()))

    def test_level(self) -> None:
        clean = speech()
        assert quality.amplitude(clean, -0.93 * clean) == pytest.approx(93)
        assert quality.gain_db(clean, 10 * clean) == pytest.approx(20)
        assert quality.gain_db(clean, 0 * clean) == -math.inf
        assert quality.amplitude(clean, 0 * clean) == 0

    @pytest.mark.parametrize(
        ("percent", "decibel"), [(93, 23.1), (96, 28.0), (97, 30.5), (99, 40.0), (113, 17.7)]
    )
    def test_ceiling_is_reached_by_a_mere_gain_and_never_passed(self, percent: float, decibel: float) -> None:
        clean = speech()
        assert quality.ceiling(percent) == pytest.approx(decibel, abs=0.05)
        assert quality.snr(clean, percent / 100 * clean) == pytest.approx(quality.ceiling(percent))
        other = noisy(clean, 0.01)
        assert quality.snr(clean, other) < quality.ceiling(quality.amplitude(clean, other))
        assert quality.ceiling(100) == math.inf

    def test_non_finite_samples_stay_visible(self) -> None:
        clean = speech()
        bad = clean.copy()
        bad[9] = math.nan
        assert all(math.isnan(f(clean, bad)) for f in (quality.snr, quality.si_sdr, quality.amplitude))
        assert math.isnan(quality.mel_distance(clean, bad, RATE))

    @pytest.mark.parametrize("measure", [quality.snr, quality.si_sdr, quality.amplitude, quality.gain_db])
    @pytest.mark.parametrize("shape", [(9,), (2, 10), (1, 1, 10), (0,)])
    def test_unlike_waves_are_refused(self, measure: Callable[..., float], shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="equal"):
            measure(torch.ones(10), torch.ones(shape))

    def test_mel_distance(self) -> None:
        clean = speech()
        assert quality.mel_distance(clean, clean, RATE) == 0
        assert quality.mel_distance(clean, noisy(clean, 0.001), RATE) > 0
        assert quality.mel_distance(clean, noisy(clean, 0.001), RATE) < quality.mel_distance(
            clean, noisy(clean), RATE
        )


class TestLag:
    @pytest.mark.parametrize("late", [0, 7, -13])
    def test_delay_is_found(self, late: int) -> None:
        clean = noisy(speech())
        found = quality.best_lag(clean, np.roll(clean, late), 40)
        assert found.samples == late
        assert found.snr > 60
        assert found.correlation == pytest.approx(1, abs=0.05)

    def test_turned_polarity(self) -> None:
        clean = noisy(speech())
        found = quality.best_lag(clean, -clean, 40)
        assert found.samples == 0
        assert found.correlation == pytest.approx(-1)

    def test_silence_has_no_lag(self) -> None:
        found = quality.best_lag(np.zeros(50), np.ones(50), 10)
        assert math.isnan(found.correlation)


def by_return_values(clean: np.ndarray, estimate: np.ndarray, rate: int) -> Score:
    """CMGAN's way: error codes as numbers, of which only -1 is looked for."""
    pesq = pytest.importorskip("pesq")
    if rate not in quality.PESQ_MODES:
        return quality.pesq(clean, estimate, rate)
    warnings.simplefilter("ignore", RuntimeWarning)
    try:
        value = pesq.pesq(
            rate, clean, estimate, quality.PESQ_MODES[rate], on_error=pesq.PesqError.RETURN_VALUES
        )
    except ValueError:  # silence: a number after all
        return Score(math.nan)
    return Score(None, Reason.FAILED) if value == -1 else Score(float(value))


BLIP = np.pad(speech()[800:1600], (3600, 3600))
CASES = {
    "silent reference": (0 * speech(), speech(), RATE, Reason.SILENT),
    "silent estimate": (speech(), 0 * speech(), RATE, Reason.SILENT),
    "both silent": (np.zeros(RATE), np.zeros(RATE), RATE, Reason.SILENT),
    "a tenth of a second": (speech()[:800], speech()[:800], RATE, Reason.TOO_SHORT),
    "unequal lengths": (speech(2.0), speech(1.0), RATE, Reason.UNEQUAL_LENGTH),
    "NaN": (speech(), speech() * math.nan, RATE, Reason.NON_FINITE),
    "infinite": (speech(), speech() + math.inf, RATE, Reason.NON_FINITE),
    "a tenth of a second of speech": (BLIP, noisy(BLIP), RATE, Reason.NO_UTTERANCE),
}


@pytest.mark.parametrize(("score", "is_broken"), [(quality.pesq, False), (by_return_values, True)])
@pytest.mark.parametrize("case", CASES)
def test_pesq_gives_a_reason_and_never_a_number(
    case: str, score: Callable[..., Score], is_broken: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pesq")
    clean, estimate, rate, reason = CASES[case]
    found = score(clean, estimate, rate)
    with pytest.raises(AssertionError) if is_broken else nullcontext():
        assert found.value is None
        assert found.reason is reason
        assert found.detail


@pytest.mark.parametrize("rate", [8000, 16000])
def test_pesq_scores_and_does_not_hear_level(rate: int) -> None:
    pytest.importorskip("pesq")
    clean = speech(rate=rate)
    perfect, bad = quality.pesq(clean, clean, rate), quality.pesq(clean, noisy(clean), rate)
    assert perfect.value is not None
    assert bad.value is not None
    assert 4 < perfect.value < 5
    assert 1 <= bad.value < perfect.value - 0.5
    assert quality.pesq(clean, 20 * noisy(clean), rate).value == pytest.approx(bad.value, abs=1e-3)


def test_pesq_of_channels_is_their_mean() -> None:
    pytest.importorskip("pesq")
    clean = np.stack([speech(), speech()])
    estimate = np.stack([speech(), noisy(speech())])
    each = [quality.pesq(c, e, RATE).value or 0 for c, e in zip(clean, estimate, strict=True)]
    assert quality.pesq(clean, estimate, RATE).value == pytest.approx(sum(each) / 2)


def test_pesq_at_another_rate() -> None:
    found = quality.pesq(speech(), speech(), 22050)
    assert (found.value, found.reason) == (None, Reason.RATE)
    assert "22050" in found.detail


@pytest.mark.parametrize(("package", "score"), [("pesq", quality.pesq), ("pystoi", quality.stoi)])
def test_package_missing(package: str, score: Callable[..., Score], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert score(speech(), speech(), RATE).reason is Reason.NOT_INSTALLED


def test_stoi() -> None:
    clean = speech()
    assert quality.stoi(clean, clean, RATE).value == pytest.approx(1, abs=1e-3)
    worse = quality.stoi(clean, noisy(clean, 0.3), RATE).value
    assert worse is not None
    assert worse < 0.95
    assert quality.stoi(clean[:900], clean[:900], RATE).reason is Reason.TOO_SHORT
    assert quality.stoi(clean, clean * 0, RATE).reason is Reason.SILENT


def test_all_measures_of_a_clip() -> None:
    pytest.importorskip("pesq")
    values, missing = quality.measures(speech(), noisy(speech()), RATE)
    assert set(values) == {
        "eval/snr",
        "eval/si_sdr",
        "eval/amplitude",
        "eval/gain_db",
        "eval/mel",
        "eval/pesq_nb",
    }
    assert missing == {}
    values, missing = quality.measures(speech(), noisy(speech()), 11025)
    assert "eval/pesq_wb" not in values
    assert missing["eval/pesq_wb"].reason is Reason.RATE
