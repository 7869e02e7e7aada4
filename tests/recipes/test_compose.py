from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra

from recipes.base import BadRecipe, flat
from recipes.compose import about_size, build, compose, presets, sizes


def test_the_line_of_the_docs() -> None:
    found = compose(
        "codec",
        [
            "preset=fixed",
            "size=tiny",
            "data.root=/d",
            "trainer.max_steps=20",
            "seed=1",
            "run_dir=/r",
            "disc.lr=1e-4",
        ],
    )
    assert found.recipe == build(
        "codec", "fixed", "tiny", {"data.root": "/d", "trainer.max_steps": 20, "seed": 1, "disc.lr": 1e-4}
    )
    assert (found.trainer, found.run_dir, found.device, found.url) == ("codec", "/r", "auto", None)


def test_the_machine_says_the_default_size() -> None:
    assert compose("codec", []).recipe.size == "tiny"
    assert compose("codec", [], default_size="small").recipe.size == "small"
    assert compose("codec", ["size=tiny"], default_size="paper").recipe.size == "tiny"
    assert compose("codec", []).recipe.preset == "fixed"


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = compose("codec", ["preset=old", "disc.lr=1e-3"])
    assert compose("codec", ["preset=old", "disc.lr=1e-3"]) == first
    assert os.listdir(tmp_path) == []
    assert not GlobalHydra.instance().is_initialized()
    assert not set(ConfigStore.instance().repo) - {"hydra", "_dummy_empty_config_.yaml"}


def test_an_override_does_not_stick() -> None:
    assert compose("codec", ["disc.periods=[2,3]"]).recipe != build("codec")
    assert compose("codec", ["seed=0"]).recipe == build("codec")


def test_threads_do_not_disturb_each_other() -> None:
    names = [p.name for p in presets("codec")]

    def both(name: str) -> tuple[str, float]:
        made = compose("codec", [f"preset={name}", "disc.lr=0.5"]).recipe
        return made.preset, flat(made)["disc.lr"] + flat(build("codec", name))["feat_weight"]

    expected = [both(n) for n in names]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(both, names)) == expected


def test_a_patch_on_top_is_checked_with_the_rest() -> None:
    assert flat(build("codec", "old", patch={"seed": 3}))["seed"] == 3
    with pytest.raises(BadRecipe, match=r"data\.crop: 2050 is no multiple"):
        build("codec", patch={"data.crop": 2050})


def test_sizes_say_what_they_are() -> None:
    for size in sizes("codec"):
        assert "kHz" in about_size("codec", size)
    with pytest.raises(BadRecipe, match="there is no trainer 'x'"):
        sizes("x")
