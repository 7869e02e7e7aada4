from __future__ import annotations

import pytest

from recipes.base import BadRecipe
from recipes.compose import Request, compose

# Every kind of bad input of the command line, with the line that a person reads.
GOLDEN = {
    "disc.lrr=1": "disc.lrr: there is no knob 'disc.lrr'; did you mean disc.lr?",
    "lr=1": "lr: there is no knob 'lr'; did you mean gen.lr or disc.lr?",
    "max_steps=3": "max_steps: there is no knob 'max_steps'; did you mean trainer.max_steps?",
    "run-dir=x": "'run-dir=x' is not of the form knob=value",
    "rundir=x": "rundir: there is no knob 'rundir'; did you mean run_dir?",
    "disc=mpd": "disc: 'disc' is a group of 18 knobs, not one; set disc.kind and the like",
    "hydra.run.dir=x": "hydra.run.dir: there is no knob 'hydra.run.dir'",
    "disc.lr=0": "disc.lr: 0 is too small; it must be more than 0",
    "disc.lr=2": "disc.lr: 2 is too large; the most is 1",
    "disc.beta1=1": "disc.beta1: 1 is too large; it must be less than 1",
    "seed=-1": "seed: -1 is too small; the least is 0",
    "seed=3000000000": "seed: 3000000000 is too large; the most is 2,147,483,647",
    "disc.lr=abc": "disc.lr: 'abc' is not a number",
    "disc.lr=1,5": "disc.lr: '1,5' is several values; a run takes one: write one value",
    "disc.lr=": "disc.lr: no value is given; write disc.lr=VALUE",
    "trainer.max_steps=": "trainer.max_steps: no value is given; write trainer.max_steps=VALUE",
    "disc.lr=nan": "disc.lr: nan is not a finite number",
    "disc.lr=-inf": "disc.lr: -inf is not a finite number",
    "disc.lr=1e400": "disc.lr: inf is not a finite number",
    "disc.lr=true": "disc.lr: True is not a number",
    "seed=true": "seed: True is not a whole number",
    "seed=1.5": "seed: 1.5 is not a whole number",
    "seed=1e3": "seed: 1000.0 is not written as a whole number; write 1000",
    "seed=null": "seed: nothing is not a whole number",
    "trainer.max_epochs=0": "trainer.max_epochs: 0 is too small; the least is 1",
    "disc.periods=3": "disc.periods: 3 is not a list; write it as [2,3,5]",
    "disc.periods=2,3": "disc.periods: '2,3' is several values; a run takes one: write [2,3]",
    "disc.periods=[2,a]": "disc.periods: value 2 of the list: 'a' is not a whole number",
    "disc.periods=[2,3": "disc.periods: '[2,3' cannot be read as a value",
    "loss=bce": "loss: 'bce' is none of hinge, least_squares",
    "disc.bands=3": "disc.bands: 3 is none of 1 or 5",
    "size=huge": "size: there is no size 'huge'; sizes: tiny, small, paper",
    "size=smal": "size: there is no size 'smal'; did you mean small?; sizes: tiny, small, paper",
    "--seed=1": "'--seed=1': there are no flags here; write seed=VALUE",
    "+seed=1": "'+seed=1': knobs can only be set; write seed=VALUE",
    "~seed": "'~seed': knobs can only be set; write seed=VALUE",
    "seed": "'seed' has no value; write seed=VALUE",
    "": "'' has no value; write knob=VALUE",
    "=3": "'=3' is not of the form knob=value",
    "device=gpu": "device: 'gpu' is none of auto, cpu, cuda:N",
    "device=": "device: no value is given; write device=VALUE",
    "url=localhost:8000": "url: 'localhost:8000' is no address; write it as http://127.0.0.1:8000",
    "url=http://h:99999": "url: 'http://h:99999' is no address; write it as http://127.0.0.1:8000",
    "run_dir=": "run_dir: no value is given; write run_dir=VALUE",
    "data.root=a\0": "data.root: 'a\\x00' holds a NUL character, which no path and no name can",
    "disc.lr=${oc.env:HOME}": "disc.lr: '${oc.env:HOME}' refers to something else; write the value itself",
    "disc.lr={a:1}": "disc.lr: '{a:1}' is a group of values; set one knob at a time",
    "disc.lr=range(1,3)": "disc.lr: 'range(1,3)' is several values; a run takes one: write one value",
    "trainer.best_by=(": "trainer.best_by: '(' cannot be read as a value; put text with signs in quotes",
    "trainer.best_by=3": "trainer.best_by: 3 is not text",
}


def read(*words: str) -> Request:
    return compose("codec", words)


@pytest.mark.parametrize("word", list(GOLDEN))
def test_bad_input_is_one_line_with_value_and_way_out(word: str) -> None:
    with pytest.raises(BadRecipe) as caught:
        read(word)
    assert str(caught.value) == GOLDEN[word]
    assert "\n" not in str(caught.value)


def test_unknown_preset_and_trainer_name_what_there_is() -> None:
    with pytest.raises(
        BadRecipe, match="there is no preset 'olf'; did you mean old\\?; presets: dac-plain, "
    ):
        read("preset=olf")
    with pytest.raises(BadRecipe, match="there is no trainer 'kodec'; did you mean codec\\?"):
        compose("kodec", [])


def test_all_problems_of_a_line_come_together() -> None:
    with pytest.raises(BadRecipe) as caught:
        read("disc.lrr=1", "seed=", "device=gpu", "oops")
    assert [p.knob for p in caught.value.problems] == ["disc.lrr", "seed", "device", ""]


PATHS = [
    "/data/a=b(c)[d]~e,f", "~/speech", "'quoted' \"twice\"", "${oc.env:HOME}", "a b\tc", "ünïcödé/日本", "-x",
    "null", "[1,2]", "{a: b}", "1e3", "=", "a\\", "$HOME", "#no comment", "\\'", "choice(1,2)",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_paths_are_taken_letter_by_letter(path: str) -> None:
    found = read(f"data.root={path}", f"run_dir={path}", f"resume={path}", "seed=4")
    assert found.recipe.data.root == found.run_dir == found.resume == path  # type: ignore[attr-defined]


def test_an_empty_root_is_the_demo_speech() -> None:
    assert read("data.root=").recipe.data.root == ""  # type: ignore[attr-defined]


def test_what_is_given_is_told_from_what_is_default() -> None:
    found = read(
        "preset=old", "disc.lr=1e-4", "disc.periods=[2, 3]", "device=cuda:1", "url=https://x.y/z?a=b"
    )
    assert found.given == {"preset": "old", "disc.lr": 1e-4, "disc.periods": [2, 3]}
    assert (found.device, found.url, found.run_dir, found.resume) == (
        "cuda:1",
        "https://x.y/z?a=b",
        None,
        None,
    )
    assert read().given == {}


def test_the_last_of_two_holds() -> None:
    assert read("seed=1", "seed=2", "preset=old", "preset=fixed").recipe.seed == 2


def test_grammar_of_values() -> None:
    made = read(
        "trainer.precision=bf16-mixed", "disc.bands=5", "trainer.best_by='eval/snr'",
        "trainer.max_steps=null", "data.rms=0", "loss=least_squares",
    ).recipe  # fmt: skip
    assert made.trainer.precision == "bf16-mixed"  # type: ignore[attr-defined]
    assert made.trainer.best_by == "eval/snr"  # type: ignore[attr-defined]
    assert made.trainer.max_steps is None  # type: ignore[attr-defined]
    assert made.data.rms == 0.0  # type: ignore[attr-defined]
    assert read("trainer.precision=32-true").recipe.trainer.precision == "32-true"  # type: ignore[attr-defined]
