from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recipes.base import BadRecipe, flat
from recipes.compose import broken, build, compose, presets

Own = Callable[[str, str], Path]

MINE = """\
title: Mine
text: What I try.
base: fixed
knobs:
  disc: {lr: 3e-4}
  mel_weight: 15
paper:
  disc: {lr: 1e-4}
"""


def fault(preset: str = "mine") -> str:
    with pytest.raises(BadRecipe) as caught:
        build("codec", preset)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0].message


@pytest.mark.parametrize("place", ["codec/mine.yaml", "mine.yaml", "mine.yml"])
def test_a_preset_of_ones_own_is_offered(own: Own, place: str) -> None:
    own(place, MINE)
    found = {p.name: p for p in presets("codec")}
    assert list(found)[-1] == "mine"
    assert (found["mine"].title, found["mine"].base, found["mine"].own) == ("Mine", "fixed", True)
    assert found["mine"].sets == ("disc.lr", "mel_weight")
    assert broken("codec") == []
    made = flat(build("codec", "mine"))
    assert (made["disc.lr"], made["mel_weight"], made["disc.kind"]) == (3e-4, 15.0, "mpd_stft")
    assert flat(build("codec", "mine", "paper"))["disc.lr"] == 1e-4
    assert compose("codec", ["preset=mine", "seed=2"]).recipe.preset == "mine"


def test_a_changed_file_is_read_again(own: Own) -> None:
    own("mine.yaml", MINE)
    build("codec", "mine")
    own("mine.yaml", MINE.replace("15", "45"))
    assert flat(build("codec", "mine"))["mel_weight"] == 45.0


def test_a_preset_for_another_trainer_is_not_offered(own: Own) -> None:
    own("mine.yaml", "trainer: tts\n" + MINE)
    assert "mine" not in {p.name for p in presets("codec")}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("knobs: {disc: {lr: 1e-3}\n", 2, "broken YAML: expected ',' or '}', but got '<stream end>'"),
        ("title: a\n\tbase: b\n", 2, "broken YAML: found character '\\t' that cannot start any token"),
        ("knobs:\n  disc:\n    lrr: 1e-3\n", 3, "there is no knob 'disc.lrr'; did you mean disc.lr?"),
        ("knobs:\n  disc: 3\n", 2, "'disc' is a group of 18 knobs, not one; set disc.kind and the like"),
        ("disc: {lr: 1e-3}\n", 1, "there is no word 'disc'; knobs belong under knobs:"),
        ("base: old\nknobs:\n  disc: {lr: fast}\n", 3, "'fast' is not a number"),
        ("base: old\nknobs:\n  disc: {lr: 5}\n", 3, "5 is too large; the most is 1"),
        ("base: old\nknobs:\n  disc.lr: .nan\n", 3, "nan is not a finite number"),
        ("base: old\nknobs:\n  seed: 1.5\n", 3, "1.5 is not a whole number"),
        ("base: old\nknobs:\n  seed: 010\n", 3, "'010' is not a whole number"),
        ("base: old\ntiny:\n  seed: true\n", 3, "True is not a whole number"),
        ("knobs:\n  size: paper\n", 2, "size cannot be set in a preset"),
        ("knobs:\n  seed: 1\n  seed: 2\n", 3, "broken YAML: 'seed' is set twice"),
        ("knobs: 3\n", 1, "knobs must be knobs with their values, not 3"),
        ("- a\n- b\n", 1, "must be names with values, not ['a', 'b']"),
        ("title: [1]\n", 1, "title must be text, not [1]"),
        ("order: soon\n", 1, "order must be a whole number, not 'soon'"),
        ("side: new\n", 1, "side 'new' is none of old, fixed or nothing"),
        ("base: nowhere\n", 1, "there is no preset 'nowhere'; presets: "),
        (
            "title: a\nknobs:\n  data: {crop: 2050}\n",
            3,
            "2050 is no multiple of gen.hop 32; take 2048 or 2080",
        ),
        ("base: fixed\nknobs:\n  gen.hop: 48\n", 3, "2048 is no multiple of gen.hop 48; take 2016 or 2064"),
        ("knobs:\n  data: {root: '${oc.env:HOME}'}\n", 2, "'${oc.env:HOME}' refers to something else; write"),
        ("a: &x [1]\nb: *x\n", 2, "broken YAML: aliases are not read here"),
        ("knobs: !!python/object/apply:os.getcwd []\n", 1, "broken YAML: could not determine a constructor"),
        ("knobs:\n  disc.lr: !!binary aGk=\n", 2, "disc.lr cannot be b'hi'"),
        ("? [a]\n: b\n", 1, "broken YAML: a key must be a name"),
    ],
)
def test_what_is_wrong_names_file_and_line(own: Own, text: str, line: int, said: str) -> None:
    path = own("mine.yaml", text)
    message = fault()
    assert message.startswith(f"{path}, line {line}: {said}")
    assert "mine" not in {p.name for p in presets("codec")} or broken("codec")
    assert [p.message for p in broken("codec")] == [message]


def test_what_is_no_text_at_all_is_named(own: Own) -> None:
    path = own("mine.yaml", "")
    path.write_bytes(b"title: \xff\xfe")
    assert fault() == f"{path}: is not UTF-8 text at byte 7"
    path.write_bytes(b"title: \x00")
    assert "broken YAML" in fault()
    path.write_text("x" * 300_000)
    assert fault() == f"{path}: 300,000 bytes; a preset has 262,144 at most"
    path.write_text("[" * 1500)
    assert "broken YAML" in fault()
    path.unlink()
    path.mkdir()
    assert fault() == f"{path}: cannot be read: Is a directory"


def test_a_preset_that_stands_on_itself(own: Own) -> None:
    own("mine.yaml", "base: other\n")
    own("other.yaml", "base: mine\n")
    assert fault().endswith("other.yaml: the preset 'mine' stands on itself by way of 'other'")


def test_shipped_names_and_strange_names_are_kept_out(own: Own) -> None:
    own("old.yaml", MINE)
    own("my preset.yaml", MINE)
    found = [p.message for p in broken("codec")]
    assert len(found) == 2
    assert "the name 'my preset' must be letters, digits, - and _" in found[0]
    assert found[1].endswith("'old' is a shipped preset's name; rename the file")
    assert flat(build("codec", "old"))["mel_weight"] == 0.0


def test_no_folder_is_no_trouble(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NASHBOARD_PRESETS", str(tmp_path / "none"))
    assert broken("codec") == []
    assert len(presets("codec")) == 9


def test_every_shipped_preset_says_what_it_is() -> None:
    found = presets("codec")
    assert [p.name for p in found][:4] == ["old", "old-trained", "dac-plain", "fixed"]
    for preset in found:
        assert preset.title
        assert preset.text
        assert preset.source
        assert preset.side in ("old", "fixed")
        assert preset.name == "old" or (preset.base and preset.changes and preset.sets)
