"""Data folders by page and API: only below the allowed roots, after symlinks."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import dataroots
from recipes import compose
from recipes.base import BadRecipe


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """``allowed`` with audio below it, beside ``secret`` with audio too."""
    for name in ("allowed/speech/deep", "secret"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "allowed/speech/deep/one.FLAC").write_bytes(b"x")
    (tmp_path / "secret/two.wav").write_bytes(b"x")
    return tmp_path


def test_a_folder_with_audio_below_a_root_is_fine(root: Path) -> None:
    allowed = [root / "allowed"]
    assert dataroots.trouble_with(str(root / "allowed"), allowed) == ""
    assert dataroots.trouble_with(str(root / "allowed/speech/deep"), allowed) == ""
    (root / "link").symlink_to(root / "allowed")
    assert dataroots.trouble_with(str(root / "allowed/speech"), [root / "link"]) == ""
    assert dataroots.trouble_with(str(root / "link/speech"), allowed) == ""


@pytest.mark.parametrize(
    "path",
    ["secret", "allowed/../secret", "allowed/way-out", "allowed/way-out/none", "allowed-too", "nowhere"],
)
def test_everything_else_is_outside(root: Path, path: str) -> None:
    (root / "allowed/way-out").symlink_to(root / "secret")
    said = dataroots.trouble_with(f"{root}/{path}", [root / "allowed"])
    assert f"{root}/{path}" in said
    assert f"outside the allowed data folders ({root}/allowed)" in said
    assert "make run DATA=DIR" in said, "the way out"


def test_each_bad_folder_is_named_with_what_is_wrong(root: Path) -> None:
    allowed = [root / "allowed"]
    (root / "allowed/empty/er").mkdir(parents=True)
    (root / "allowed/texts").mkdir()
    (root / "allowed/texts/notes.txt").write_text("x")
    (root / "allowed/loop").symlink_to(root / "allowed/loop")
    wrong = {
        f"{root}/allowed/gone": "does not exist",
        f"{root}/allowed/speech/deep/one.FLAC": "is a file; name the folder that holds it",
        f"{root}/allowed/empty": "is empty; put wav, flac, ogg or mp3 files there",
        f"{root}/allowed/texts": "holds 1 files but no wav, flac, ogg or mp3",
        "speech": f"is not a full path; write it from the root, such as {root}/allowed",
        "a\0b": "is no path",
    }
    for path, text in wrong.items():
        said = dataroots.trouble_with(path, allowed)
        assert said.startswith(repr(path))
        assert text in said
    assert repr(f"{root}/allowed/loop") in dataroots.trouble_with(f"{root}/allowed/loop", allowed)


def test_an_unreadable_folder_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).endswith("deep"))
    said = dataroots.trouble_with(f"{root}/allowed/speech/deep", [root / "allowed"])
    assert "cannot be read by the server's user" in said


def test_sets_of_images_have_files_of_any_name(root: Path) -> None:
    allowed = [root / "allowed"]
    (root / "allowed/mnist/raw").mkdir(parents=True)
    said = dataroots.trouble_with(f"{root}/allowed/mnist", allowed, "images")
    assert said.endswith("is empty; put the data there")
    (root / "allowed/mnist/raw/t10k-images-idx3-ubyte").write_bytes(b"x")
    assert dataroots.trouble_with(f"{root}/allowed/mnist", allowed, "images") == ""
    assert "no wav" in dataroots.trouble_with(f"{root}/allowed/mnist", allowed, "audio")


def test_every_path_of_a_recipe_is_confined(root: Path) -> None:
    from recipes.base import knobs
    from recipes.registry import TRAINERS

    paths = {(name, k.name) for name, recipe in TRAINERS.items() for k in knobs(recipe()) if k.path}
    assert ("codec", "data.root") in paths
    for trainer, knob in sorted(paths):
        digest = f"{knob}_sha256"
        more = {digest: "0" * 64} if digest in {k.name for k in knobs(TRAINERS[trainer]())} else {}
        for bad in (root / "secret", root / "allowed" / ".." / "secret" / "two.wav"):
            with pytest.raises(BadRecipe) as caught:
                dataroots.check(compose.build(trainer, patch={knob: str(bad), **more}), [root / "allowed"])
            assert [p.knob for p in caught.value.problems] == [knob]


def test_no_root_means_the_demo_alone(root: Path) -> None:
    said = dataroots.trouble_with(str(root / "allowed"), [])
    assert "no data folder is" in said
    assert "NASHBOARD_DATA_ROOTS" in said
    dataroots.check(compose.build("codec"), [])


def test_a_recipe_is_refused_by_its_knob(root: Path) -> None:
    recipe = compose.build("codec", patch={"data.root": str(root / "secret")})
    with pytest.raises(BadRecipe) as caught:
        dataroots.check(recipe, [root / "allowed"])
    assert [(p.knob, p.value) for p in caught.value.problems] == [("data.root", str(root / "secret"))]
