"""The names of series: one table, no row twice, other people's names found in it."""

from __future__ import annotations

import pytest

from nashboard import vocabulary
from nashboard.vocabulary import GROUPS, TABLE, canonical, describe, is_name


def test_every_row_is_well_formed() -> None:
    names = [row.name for row in TABLE]
    assert len(names) == len(set(names))
    for row in TABLE:
        assert is_name(row.name.replace("{", "").replace("}", "")), row.name
        assert row.group in GROUPS
        assert row.better in ("", "up", "down")
        assert row.title


def test_no_alias_stands_for_two_series() -> None:
    aliases = [alias.lower() for row in TABLE for alias in row.aliases]
    spelled = {
        alias: {row.name for row in TABLE if alias in map(str.lower, row.aliases)} for alias in aliases
    }
    assert {alias: rows for alias, rows in spelled.items() if len(rows) > 1} == {}


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ("d_loss", "loss/disc"),
        (" D_LOSS ", "loss/disc"),
        ("fid", "eval/fid"),
        ("inception_score", "eval/is"),
        ("my own metric", "my own metric"),
        ("loss/disc", "loss/disc"),
    ],
)
def test_names_of_other_logs(given: str, ours: str) -> None:
    assert canonical(given) == ours


def test_rows_with_a_part_of_the_trainers_choice() -> None:
    row = describe("disc/mpd2/sign.real")
    assert (row.title, row.unit) == ("Real called real: mpd2", "share")
    assert describe("loss/disc").title == "Discriminator loss"  # the exact row before loss/{term}
    assert describe("codebook/perplexity.3").title == "Codebook perplexity 3"
    assert describe("what/ever") == vocabulary.Series("what/ever", "what/ever")
    assert describe("what/ever").group == "what"


@pytest.mark.parametrize("name", ["a", "loss/disc", "disc/mpd2/sign.real", "val loss (%)", "x" * 200, "0"])
def test_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", " a", "a\n", "a\tb", "x" * 201, "é", "a\0", "<b>"])
def test_no_names(name: str) -> None:
    assert not is_name(name)
