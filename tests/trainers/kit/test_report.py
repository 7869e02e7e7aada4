"""The console in the journal, and losses watched without waiting for the device."""

import math
import sys

import pytest
import torch

from trainers.kit.report import Console, Window


def test_lines_are_printed_and_handed_on(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[tuple[str, str]] = []
    before = sys.stdout
    with Console(lambda line, stream: said.append((stream, line))):
        print("one")
        print("two\nthree", file=sys.stderr)
        sys.stdout.write("\r10 %\r20 %\n")
        sys.stdout.write("no end")
    assert sys.stdout is before
    assert said == [
        ("stdout", "one"),
        ("stderr", "two"),
        ("stderr", "three"),
        ("stdout", "20 %"),
        ("stdout", "no end"),
    ]
    out = capsys.readouterr()
    assert out.out == "one\n\r10 %\r20 %\nno end"
    assert out.err == "two\nthree\n"


def test_what_the_journal_prints_does_not_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    def say(line: str, stream: str) -> None:
        said.append(line)
        print("the journal says something itself")

    with Console(say):
        print("one")
    assert said == ["one"]
    assert "itself" in capsys.readouterr().out


def test_a_window_averages_and_names_the_first_bad_term() -> None:
    window = Window()
    for step, (disc, gen) in enumerate([(2.0, 1.0), (4.0, 3.0)], start=5):
        window.add(step, {"loss/disc": torch.tensor(disc), "loss/gen": torch.tensor(gen)})
    window.add(7, {"loss/disc": torch.tensor(6.0)})
    found, bad = window.read({"gen/lr": 0.5, "disc/margin": torch.tensor(0.25)})
    assert found == {"loss/disc": 4.0, "loss/gen": 2.0, "gen/lr": 0.5, "disc/margin": 0.25}
    assert bad is None
    window.add(8, {"loss/gen": torch.tensor(math.inf), "loss/adv": torch.tensor(math.inf)})
    window.add(9, {"loss/adv": torch.tensor(math.nan)})
    found, bad = window.read({})
    assert bad == (8, "loss/adv", math.inf), "the term, not the total that it spoils"
    assert math.isnan(found["loss/adv"])
    assert window.read({}) == ({}, None)


def test_a_window_fetches_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = []
    tolist = torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "tolist", lambda self: fetched.append(self.shape) or tolist(self))
    for name in ("item", "__float__", "__bool__", "numpy", "cpu"):
        monkeypatch.setattr(torch.Tensor, name, lambda *a, name=name: pytest.fail(f"{name} waits"))
    window = Window()
    for step in range(10):
        window.add(step, {"loss/gen": torch.ones(()), "loss/disc": torch.ones(())})
    window.read({"disc/margin": torch.ones(())})
    assert fetched == [(21,)]
