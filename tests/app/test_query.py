"""The search language: what it reads, what it refuses and how it says so; no text makes it fail otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.query import BadQuery, Comparison, Field, Word, parse, quoted

TOKENS = [
    "codec",
    "disc.lr<2e-4",
    "tag:",
    '"',
    "best(",
    ")",
    "-",
    "a\\",
    ",",
    "=",
    "status:failed",
    " ",
    "eval/fid>=",
    "!",
]


def test_each_kind_of_term_is_read() -> None:
    text = (
        'cgan disc.lr<2e-4 best(eval/pesq)>2.5 tag:paper -status:failed,lost name:"two words" -"a b" x!=relu'
    )
    assert parse(text) == (
        Word("cgan", 0),
        Comparison("disc.lr", "<", "2e-4", 2e-4, 5),
        Comparison("eval/pesq", ">", "2.5", 2.5, 18, "best"),
        Field("tag", ("paper",), 38),
        Field("status", ("failed", "lost"), 48, True),
        Field("name", ("two words",), 68),
        Word("a b", 85, True),
        Comparison("x", "!=", "relu", None, 92),
    )
    assert parse("  ") == ()
    assert parse("a - b")[1] == Word("-", 2)


@pytest.mark.parametrize(
    ("text", "token", "position", "said", "near"),
    [
        ("codec stauts:failed", "stauts:failed", 7, "nothing to filter by", "status:…"),
        ("tag:", "tag:", 1, "a value is missing", ""),
        ("disc.lr<", "disc.lr<", 1, "a value is missing", ""),
        ("disc.lr<abc", "disc.lr<abc", 1, "is no number", ""),
        ('x "abc', '"abc', 3, "not closed", ""),
        ('""', '""', 1, "nothing stands", ""),
        ("<3", "<3", 1, "a name is missing", ""),
        ("bset(eval/fid)<3", "bset(eval/fid)", 1, "best()", "best(eval/fid)"),
        ("best(eval/fid)", "best(eval/fid)", 1, "a comparison is missing", ""),
        ("best()>3", "best()", 1, "needs a series", ""),
        ("a!3", "a!3", 1, "not equal is !=", "a!=…"),
        ('tag:"a"b', 'tag:"a"b', 1, "a blank is missing", ""),
    ],
)
def test_what_cannot_be_read_names_the_token_its_place_and_what_is_near(
    text: str, token: str, position: int, said: str, near: str
) -> None:
    with pytest.raises(BadQuery) as caught:
        parse(text)
    problem = caught.value
    assert (problem.more["token"], problem.more["position"], problem.more["near"]) == (token, position, near)
    assert said in problem.message
    assert (problem.status, problem.field) == (422, "q")


def test_a_search_has_an_end() -> None:
    for text in ("a" * 2001, "a " * 33):
        with pytest.raises(BadQuery, match=r"limit is 2000|more than 32"):
            parse(text)


@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(TOKENS), max_size=12).map("".join)))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    refused = None
    try:
        terms = parse(text)
    except BadQuery as problem:
        refused = problem
    if refused is not None:
        assert 1 <= refused.more["position"] <= len(text) + 1
        assert refused.message
        return
    assert all(text[t.at] for t in terms)
    assert len(terms) <= len(text.split()) + 1


@given(st.text(min_size=1, max_size=60))
def test_what_is_quoted_is_read_back_as_it_was(value: str) -> None:
    (field,) = parse(f"tag:{quoted(value)}")
    assert field == Field("tag", (value,), 0)
    (word,) = parse(quoted(value))
    assert word == Word(value, 0)
