from __future__ import annotations

import math
from pathlib import Path

import pytest

from nashboard import vocabulary
from recipes import bands
from recipes.bands import BadBands, Band, claimed_points, library, load, save
from recipes.compose import presets

TABLES = ("Expected Improvements", "Training Progression", "Comparison Table", "Validate at epoch 1")


def claims(table: str, series: str) -> dict[float, tuple[float, float]]:
    """{epoch: (low, high)} that a table of the document claims."""
    found = [
        b for b in library("codec") if b.origin == "claimed" and table in b.source and b.series == series
    ]
    return {math.floor(b.x_to): (b.low, b.high) for b in found}


def test_the_four_tables_stay_apart() -> None:
    assert [claims(t, "loss/disc") for t in TABLES] == [
        {1: (0.8, 1.5), 5: (0.6, 1.0), 10: (0.5, 0.8)},
        {1: (1.2, 1.8), 5: (0.8, 1.2), 10: (0.6, 0.9)},
        {10: (0.6, 0.9)},
        {1: (0.8, 1.8)},
    ]
    assert [claims(t, "eval/snr") for t in TABLES] == [
        {1: (5, 10), 5: (12, 18), 10: (18, 25), 20: (28, 35)},
        {1: (6, 10), 5: (14, 20), 10: (20, 28), 20: (32, 40)},
        {10: (20, 28)},
        {1: (5, 10)},
    ]
    assert claims(TABLES[1], "eval/amplitude") == {1: (75, 85), 5: (88, 93), 10: (93, 96), 20: (97, 99)}
    assert claims(TABLES[2], "loss/feat") == {10: (0.8, 1.2)}
    assert all(b.side == "fixed" for b in library("codec") if b.origin == "claimed")


def test_an_impossible_claim_says_so_and_why() -> None:
    notes = {
        (b.source, b.x_to): b.note
        for b in library("codec")
        if b.series == "eval/snr" and b.origin == "claimed"
    }
    said = {k: v for k, v in notes.items() if "Impossible" in v}
    progression = [v for (source, x), v in said.items() if "Training" in source and x == 10.5]
    assert progression[0].endswith(
        "Impossible in part: 20 to 28 dB at 93 to 96 % amplitude is claimed, but at 93 % amplitude no output "
        "exceeds 23.1 dB SNR, at 96 % 28.0 dB."
    )
    assert not any("Impossible" in v for (_, x), v in notes.items() if x == 1.5)
    assert len(said) == 5


def test_the_old_runs_logged_values_are_points_of_unknown_epochs() -> None:
    points = claimed_points("codec")
    assert {(p.series, p.x): p.value for p in points} == {
        ("loss/disc", 1): 2.0, ("loss/disc", 5): 1.9893, ("loss/disc", 10): 1.9925,
        ("loss/feat", 1): 0.013, ("loss/feat", 5): 0.0114, ("loss/feat", 10): 0.0118,
        ("eval/snr", 5): -2.44, ("eval/snr", 10): -3.69,
        ("eval/amplitude", 5): 84.9, ("eval/amplitude", 10): 113.6,
    }  # fmt: skip
    assert all("how long an epoch was is unknown" in p.note and p.side == "old" for p in points)
    assert [p.x for p in claimed_points("codec", "eval/snr")] == [5, 10]
    assert claimed_points("nothing") == []


def test_published_figures_carry_their_rates() -> None:
    found = [b for b in library("codec") if b.origin == "published"]
    assert len(found) == 48
    assert all(b.kbps and b.rate_hz == 44100 and b.low == b.high and "44.1 kHz" in b.note for b in found)
    dac = {(b.kbps, b.series): b.low for b in found if b.source.startswith("DAC")}
    assert (dac[8.0, "eval/si_sdr"], dac[8.0, "eval/mel"], dac[1.78, "eval/visqol"]) == (10.75, 0.93, 3.76)
    lyra = {b.series: b.low for b in found if b.source.startswith("Lyra")}
    assert lyra["eval/si_sdr"] == -14.52
    assert all(bool(b.unlike) == (b.series == "eval/mel") for b in found)
    assert {b.name for b in found} == {"DAC", "EnCodec", "Lyra", "Opus"}


def test_every_claimed_series_is_in_the_vocabulary() -> None:
    for band in library("codec"):
        if band.origin == "claimed":
            assert vocabulary.describe(band.series).title != band.series


def measured(preset: str, size: str, series: str = "loss/disc") -> Band:
    return Band(
        series=series,
        origin="measured",
        source=f"5 runs of {preset}",
        points=((0.0, 1.0, 2.0), (1.0, 1.5, 1.75)),
        trainer="codec",
        preset=preset,
        size=size,
        runs=("1e5", "0123", "c", "d", "e"),
        note="lowest to highest",
    )


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    made = [measured("old", "tiny"), measured("old", "tiny", "eval/snr"), measured("fixed", "tiny")]
    made.append(
        Band(series="eval/snr", origin="published", source='a: paper, "x"', low=-1.0, kbps=8.0, x="step")
    )
    made[-1] = Band(**{**made[-1].__dict__, "high": 4.0})
    path = tmp_path / "codec-measured.yaml"
    save(made, path)
    assert load(path) == made
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    save([], path)
    assert load(path) == []


def test_measured_bands_are_those_of_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "FOLDER", tmp_path)
    save(
        [measured("old", "tiny"), measured("fixed", "tiny"), measured("fixed", "small")],
        tmp_path / "codec-measured.yaml",
    )
    assert library("codec") == []
    assert [b.preset for b in library("codec", size="tiny")] == ["old", "fixed"]
    assert library("codec", "fixed", "tiny") == [measured("fixed", "tiny")]
    assert library("codec", "old", "paper") == []
    save([measured("old", "tiny")], tmp_path / "codec-measured.yaml")
    assert [b.preset for b in library("codec", size="tiny")] == ["old"]


def test_shipped_measured_bands_are_of_shipped_presets() -> None:
    names = {p.name for p in presets("codec")}
    found = [b for b in library("codec", size="tiny") if b.origin == "measured"]
    assert all(b.preset in names and len(b.runs) >= 5 for b in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "while parsing"),
        ("3", "there must be a list of tables"),
        ("tables: 3", "there must be a list of tables"),
        ("tables: [3]", "table 1: it must be names with values"),
        ("tables: [{bands: [3]}]", "table 1: 3 must be names with values"),
        (
            "tables: [{origin: claimed, source: d, bands: [{series: eval/snr, low: 3, high: 1}]}]",
            "table 1, eval/snr: 3 to 1 over epoch 0 to inf is no range",
        ),
        ("tables: [{bands: [{low: 3}]}]", "table 1, an entry without series: a band needs series"),
        ("tables: [{logged: [{series: eval/snr}]}]", "table 1, eval/snr: "),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(BadBands) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}")
    assert said in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadBands, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml")
