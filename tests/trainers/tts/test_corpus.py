"""Folders: layouts that are read, and faults that end in exit status 2 with one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from recipes.tts import Data
from trainers import cli
from trainers.tts import corpus as reader
from trainers.tts.corpus import read

HEAD = '"ooTextFile"\n"TextGrid"\n0\n{end}\n<exists>\n1\n"IntervalTier"\n"phones"\n0\n{end}\n2\n'
GRID = HEAD + '0\n0.2\n"HH"\n0.2\n{end}\n"OW1"\n'


def grids(folder: Path) -> Path:
    """TextGrids in place of the JSON files; returns their folder."""
    shutil.rmtree(folder / "durations")
    (folder / "TextGrid").mkdir()
    for path in (folder / "wavs").glob("*.wav"):
        (folder / "TextGrid" / f"{path.stem}.TextGrid").write_text(
            GRID.format(end=soundfile.info(path).duration)
        )
    return folder / "TextGrid"


def test_json_and_textgrid(corpus: Path) -> None:
    found = read(Data(), str(corpus))
    assert (found.source, len(found.spoken)) == ("JSON", 8)
    grids(corpus)
    found = read(Data(), str(corpus))
    assert found.source == "TextGrid"
    assert found.spoken[0].phonemes == ("h", "ˈoʊ")
    assert found.spoken[0].text == "low sea, hello."


def test_one_json_for_all(corpus: Path) -> None:
    each = {p.stem: json.loads(p.read_text()) for p in (corpus / "durations").glob("*.json")}
    before = read(Data(), str(corpus)).spoken
    shutil.rmtree(corpus / "durations")
    (corpus / "durations.json").write_text(json.dumps(each))
    assert read(Data(), str(corpus)).spoken == before


def test_without_durations_they_are_aligned(corpus: Path) -> None:
    shutil.rmtree(corpus / "durations")
    found = read(Data(), str(corpus))
    assert (found.source, found.spoken[0].phonemes) == ("DTW-aligned", ())


def test_recordings_without_a_text_are_named(corpus: Path) -> None:
    shutil.copy(corpus / "wavs" / "u0.wav", corpus / "wavs" / "extra.wav")
    assert [(s.path, s.reason) for s in read(Data(), str(corpus)).skipped] == [
        ("wavs/extra.wav", "no text in metadata.csv")
    ]


def metadata(folder: Path, line: str) -> None:
    with open(folder / "metadata.csv", "a") as f:
        f.write(line + "\n")


def edit(folder: Path, **change: object) -> None:
    path = folder / "durations" / "u0.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


def wave(folder: Path, samples: int) -> None:
    soundfile.write(folder / "wavs" / "u0.wav", np.full(samples, 0.1, np.float32), 8000)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no metadata": (lambda f: (f / "metadata.csv").unlink(), "holds no metadata.csv"),
    "no wavs": (lambda f: shutil.rmtree(f / "wavs"), "holds no folder wavs"),
    "no recording": (lambda f: metadata(f, "u9|text|text"), "line 9: 'u9' has a text but no recording"),
    "no text": (lambda f: metadata(f, "u9"), "line 9: 'u9' is not id|text"),
    "twice": (lambda f: metadata(f, "u0|a|a"), "line 9: 'u0' is there twice, first in line 1"),
    "outside": (lambda f: metadata(f, "../u0|a|a"), "'../u0' is no name of a recording"),
    "symbol": (
        lambda f: (f / "metadata.csv").write_text("u0|a ☃|a ☃\nu1|a|a\n"),
        "the symbol '☃' (U+2603) is unknown",
    ),
    "corrupt": (lambda f: (f / "wavs" / "u0.wav").write_bytes(b"RIFF junk"), "u0.wav cannot be read"),
    "empty wav": (lambda f: wave(f, 10), "u0.wav holds 10 samples, less than 0.1 s"),
    "too long": (lambda f: wave(f, 40000), "u0.wav lasts 5.00 s and its durations 0."),
    "no durations": (lambda f: (f / "durations" / "u0.json").unlink(), "'u0' has no durations"),
    "broken json": (lambda f: (f / "durations" / "u0.json").write_text("{"), "u0.json cannot be read"),
    "pairs": (lambda f: edit(f, seconds=[0.1]), "u0.json: 6 phones and 1 seconds"),
    "nothing": (lambda f: edit(f, phones=[]), 'it must hold lists "phones" and "seconds"'),
    "negative": (lambda f: edit(f, seconds=[0.1] * 5 + [-1]), "-1 is no duration"),
    "label": (lambda f: edit(f, phones=["??"] * 6), "the symbol '??' is neither ARPAbet nor IPA"),
    "empty grid": (
        lambda f: (grids(f) / "u3.TextGrid").write_text(""),
        "u3.TextGrid is empty",
    ),
    "no grid": (lambda f: (grids(f) / "u3.TextGrid").unlink(), "'u3' has no TextGrid"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_line_and_no_run(
    fault: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    harm, told = FAULTS[fault]
    harm(corpus)
    run_dir = tmp_path / "run"
    words = [f"data.root={corpus}", f"run_dir={run_dir}", "data.rate_hz=8000", "mel.high=4000", "device=cpu"]
    assert cli.main(["tts", *words, "trainer.max_steps=1"]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert not run_dir.exists()


def test_too_few_and_missing_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tts", f"data.root={tmp_path / 'none'}"]) == 2
    assert "there is no such folder" in capsys.readouterr().err
    (tmp_path / "wavs").mkdir()
    (tmp_path / "metadata.csv").write_text("a|b|c\n")
    assert cli.main(["tts", f"data.root={tmp_path}"]) == 2
    assert "has 1 texts" in capsys.readouterr().err


def test_all_sources_have_a_name() -> None:
    assert set(reader.SOURCES) == {"textgrid", "json", "dtw"}
