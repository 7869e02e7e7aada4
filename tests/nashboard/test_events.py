"""Events: what is written is read again, and what is no event is refused by name."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nashboard import events
from nashboard.events import BadEvent, Points, UnknownKind

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
STEPS = st.integers(-(2**53), 2**53)
NAMES = st.from_regex(r"[a-z0-9_][a-z0-9_.]{0,20}(/[a-z0-9_.]{1,20}){0,2}", fullmatch=True)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=80)
SHORT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=10)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=4)
DIGESTS = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
PLACE = {"seq": st.integers(0, 2**53), "time": st.floats(0, 4e9)}

EVENTS = st.one_of(
    st.builds(
        events.RunStarted,
        **PLACE,
        run=st.from_regex(r"[0-9a-f]{12}", fullmatch=True),
        name=TEXT,
        seed=st.none() | st.integers(0, 2**31),
        recipe=OBJECTS,
        environment=OBJECTS,
        command=st.lists(TEXT, max_size=3),
        resumed_from=st.none() | STEPS,
    ),
    st.builds(Points, **PLACE, step=STEPS, values=st.dictionaries(NAMES, NUMBERS, max_size=6)),
    st.builds(
        events.SampleMade,
        **PLACE,
        step=STEPS,
        series=NAMES,
        slot=SHORT,
        media=st.sampled_from(["audio", "image"]),
        sha256=DIGESTS,
        ext=st.sampled_from(["wav", "png"]),
        size=st.integers(0, 2**40),
        facts=OBJECTS,
        caption=TEXT,
    ),
    st.builds(
        events.CheckpointSaved,
        **PLACE,
        step=STEPS,
        path=TEXT,
        size=st.integers(0, 2**40),
        sha256=st.just("") | DIGESTS,
        best=st.dictionaries(NAMES, NUMBERS, max_size=3),
        kept=st.lists(TEXT, max_size=3),
    ),
    st.builds(events.Mark, **PLACE, step=STEPS, name=SHORT, label=TEXT),
    st.lists(NUMBERS, max_size=5).flatmap(
        lambda counts: st.builds(
            events.Distribution,
            **PLACE,
            step=STEPS,
            series=NAMES,
            edges=st.lists(NUMBERS, min_size=len(counts) + 1, max_size=len(counts) + 1),
            counts=st.just(counts),
        )
    ),
    st.builds(
        events.Table,
        **PLACE,
        step=STEPS,
        name=SHORT,
        columns=st.just(["a", "b"]),
        rows=st.lists(st.lists(JSON, min_size=2, max_size=2), max_size=3),
    ),
    st.builds(events.NoteWritten, **PLACE, text=TEXT, step=st.none() | STEPS),
    st.builds(events.LogLine, **PLACE, text=TEXT, stream=SHORT, level=SHORT),
    st.builds(events.RunEnded, **PLACE, status=st.sampled_from(events.ENDINGS), reason=TEXT),
)


def told(event: events.Event) -> str:
    """The event with NaN equal to itself."""
    return repr(events.to_dict(event))


@given(EVENTS)
def test_what_is_written_is_read_again(event: events.Event) -> None:
    line = events.encode(event)
    assert "\n" not in line
    json.loads(line, parse_constant=lambda name: pytest.fail(f"bare {name}"))
    assert told(events.decode(line)) == told(event)
    assert told(events.decode(line.encode())) == told(event)


@given(EVENTS)
def test_the_body_and_its_place_make_the_line(event: events.Event) -> None:
    body = json.loads(events.encode_body(event))
    line = json.loads(events.encode(event))
    assert list(line)[:3] == ["seq", "time", "kind"]
    assert {k: v for k, v in line.items() if k not in ("seq", "time")} == body


@given(st.binary(max_size=200) | st.text(max_size=200) | JSON.map(json.dumps))
def test_anything_else_is_refused_without_a_traceback(line: Any) -> None:
    with pytest.raises(BadEvent):
        events.decode(line)


def test_nonfinite_numbers_are_strings_in_the_file_and_numbers_again() -> None:
    values = {"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1.5}
    line = events.encode(Points(seq=0, step=1, values=values))
    assert json.loads(line)["values"] == {"a": "NaN", "b": "Infinity", "c": "-Infinity", "d": 1.5}
    read = events.decode(line)
    assert isinstance(read, Points)
    assert math.isnan(read.values["a"])
    assert (read.values["b"], read.values["c"]) == (math.inf, -math.inf)


def line(**fields: Any) -> str:
    return json.dumps({"seq": 0, "time": 1.0, **fields})


DIGEST = "0" * 64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[1]", "JSON object"),
        ('{"seq": -1, "kind": "points"}', "seq must be a whole number from 0, not -1"),
        ('{"seq": true, "kind": "points"}', "not True"),
        ('{"seq": 1e400, "kind": "points"}', "not inf"),
        ('{"seq": 1' + "0" * 400 + ', "kind": "points"}', "a number of 1329 bits"),
        ('{"seq": 0, "kind": 5}', "kind must be a string, not 5"),
        ('{"seq": 0, "kind": "points", "step": 1, "values": {"a": NaN}}', "bare NaN"),
        (line(kind="points", values={}), "points lacks the field 'step'"),
        (line(kind="points", step=1.5, values={}), "points.step must be int, not 1.5"),
        (line(kind="points", step=True, values={}), "points.step must be int"),
        (line(kind="points", step=2**54, values={}), "points.step is out of range"),
        (line(kind="points", step=1, values={"a": "nan"}), "points.values: 'nan' is not a number"),
        (line(kind="points", step=1, values={"a": None}), "points.values: None is not a number"),
        (line(kind="points", step=1, values={"a": 10**400}), "no number that a float can hold"),
        (line(kind="points", step=1, values={"a//": 1}), "'a//' cannot name a series"),
        (line(kind="points", step=1, values={"x" * 201: 1}), "cannot name a series"),
        (line(kind="points", step=1, values=[1]), "points.values must be dict"),
        ('{"seq": 0, "time": "NaN", "kind": "note_written", "text": ""}', "note_written.time must be finite"),
        (line(kind="run_started", run="../x"), "run_started.run is letters, digits, _ and -, not '../x'"),
        (line(kind="run_started", run="a" * 33), "the limit is 32"),
        (line(kind="run_started", run="a", tags=[1]), "run_started.tags must hold only strings"),
        (
            line(kind="run_started", run="a", name="n" * 201),
            "run_started.name of 201 characters, the limit is 200",
        ),
        (
            line(kind="run_ended", status="lost"),
            "run_ended.status is one of finished, stopped, failed, not 'lost'",
        ),
        (line(kind="distribution", step=0, series="a", edges=[0, 1], counts=[1, 2]), "2 edges and 2 counts"),
        (line(kind="table", step=0, name="t", columns=["a"], rows=[[1, 2]]), "not as long as its columns"),
        (line(kind="table", step=0, name="t", columns=["a"], rows=[1]), "table.rows must hold only lists"),
        (
            line(
                kind="sample_made", step=0, series="a", slot="0", media="audio", sha256="", ext="wav", size=1
            ),
            "sha256 is 64 hex digits",
        ),
        (
            line(
                kind="sample_made",
                step=0,
                series="a",
                slot="0",
                media="audio",
                sha256=DIGEST,
                ext="../x",
                size=1,
            ),
            "sample_made.ext",
        ),
        (
            '{"seq": 0, "kind": "run_started", "run": "a", "recipe": ' + "[" * 100_000 + "]" * 100_000 + "}",
            "recursion",
        ),
    ],
)
def test_bad_lines_are_told_by_field_and_value(text: str, message: str) -> None:
    with pytest.raises(BadEvent) as problem:
        events.decode(text)
    assert message in str(problem.value)
    assert len(str(problem.value)) < 400


def test_an_unknown_kind_is_told_apart_and_keeps_its_place() -> None:
    with pytest.raises(UnknownKind) as known:
        events.decode('{"seq": 7, "time": 1.0, "kind": "dream"}')
    assert (known.value.kind, known.value.seq) == ("dream", 7)


def test_unknown_fields_are_passed_over() -> None:
    assert events.decode(line(kind="note_written", text="x", mood="good")) == events.NoteWritten(
        seq=0, time=1.0, text="x"
    )


def test_a_line_longer_than_the_limit_is_refused() -> None:
    with pytest.raises(BadEvent, match="the limit is"):
        events.decode(line(kind="note_written", text="x" * events.MAX_LINE))


def test_text_is_such_that_a_database_takes_it() -> None:
    read = events.decode('{"seq":0,"time":1,"kind":"log_line","text":"a\\u0000b \\udc80"}')
    assert isinstance(read, events.LogLine)
    assert read.text == "a␀b \\udc80"
    started = events.decode(line(kind="run_started", run="a", recipe={"k\0": ["\0", 1]}))
    assert isinstance(started, events.RunStarted)
    assert started.recipe == {"k␀": ["␀", 1]}


def test_a_file_name_that_is_no_utf8_is_written_with_a_visible_escape() -> None:
    text = events.encode(events.LogLine(seq=0, text="é\udc80"))
    assert json.loads(text.encode())["text"] == "é\\udc80"


def test_infinities_inside_free_form_fields_stay_strict() -> None:
    read = events.decode(
        '{"seq":0,"time":1,"kind":"table","step":1,"name":"t","columns":["a"],"rows":[[1e999]]}'
    )
    assert isinstance(read, events.Table)
    assert read.rows == [["Infinity"]]
    assert '"rows":[["NaN",{"a":"-Infinity"}]]' in events.encode(
        events.Table(seq=0, step=1, name="t", columns=["a", "b"], rows=[[math.nan, {"a": -math.inf}]])
    )


def test_what_no_json_can_hold_is_refused_when_written() -> None:
    with pytest.raises(BadEvent, match="cannot be written as JSON"):
        events.encode(events.Table(seq=0, step=1, name="t", columns=["a"], rows=[[object()]]))


def test_every_kind_has_its_name() -> None:
    assert list(events.KINDS) == [
        "run_started",
        "points",
        "sample_made",
        "checkpoint_saved",
        "mark",
        "distribution",
        "table",
        "note_written",
        "log_line",
        "run_ended",
    ]
