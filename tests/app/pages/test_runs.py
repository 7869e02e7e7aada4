"""The Runs page: rows, states with their reasons, filters in the URL, paging, escaping, constant queries."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from app import runs
from app.pages.runs import PER_PAGE, Asked, read

HOSTILE = '<script>alert("x")</script>'
STEP = {"trainer": {"max_steps": 10, "steps_per_epoch": 5}}


def rows(page: Any) -> dict[str, Any]:
    return {r.attrs["data-name"]: r for r in page.one("tbody").all("tr")}


def cell(row: Any, kind: str) -> Any:
    return row.one("td", class_=kind)


def test_a_row_has_state_numbers_progress_and_curve(
    client: Any, make_run: Callable[..., str], parse: Callable[[str], Any]
) -> None:
    run = make_run(
        points={"loss/disc": [2.0, 1.9, 1.5], "eval/snr": [1.0, 6.84], "progress/epoch": [0, 0.2, 0.4]},
        name="first", trainer="codec", preset="old", size="tiny", tags=["a", "b"], notes="sounds thin",
        recipe=STEP,
    )  # fmt: skip
    page = parse(client.get("/").text)
    row = rows(page)["first"]
    link = row.one("a", class_="run-name")
    assert (link.words(), link.attrs["href"]) == ("first", f"/runs/{run}")
    assert "codec · old · tiny" in row.words()
    assert "sounds thin" in row.words()
    assert cell(row, "c-st").words() == "running"
    assert cell(row, "c-disc").words() == "1.50"
    assert cell(row, "c-score").words() == "6.8 SNR, dB"
    assert cell(row, "c-prog").words().startswith("2 / 10")
    assert row.one("rect").attrs["width"] == "20.0"
    assert len(row.one("svg", class_="spark").all("polyline")) == 1
    assert [t.words() for t in cell(row, "c-tags").all("a")] == ["a", "b"]
    assert page.one("input", name="run").attrs["value"] == run


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        ("queued", "", "waits for a worker"),
        ("running", "", "no step yet"),
        ("stopping", "", "ends its step and saves"),
        ("finished", "", "took"),
        ("stopped", "stopped from the page", "stopped from the page"),
        ("failed", "exit 1: CUDA out of memory", "exit 1: CUDA out of memory"),
        ("lost", "no sign of life since 13:58 (52 s)", "no sign of life since 13:58 (52 s)"),
    ],
)
def test_each_state_is_said_with_its_reason(
    client: Any,
    database: Any,
    make_run: Callable[..., str],
    parse: Callable[[str], Any],
    status: str,
    reason: str,
    said: str,
) -> None:
    run = make_run(status="queued" if status == "queued" else "running", name="one")
    with database.transaction() as session:
        if status in ("stopping", "finished", "stopped", "failed", "lost"):
            runs.set_status(session, runs.get(session, run), status, reason)
    row = rows(parse(client.get("/").text))["one"]
    assert cell(row, "c-st").words().startswith(status)
    assert said in row.words()
    assert ("data-active" in row.attrs) == (status in runs.ACTIVE)


def test_hostile_names_tags_and_notes_are_text(
    client: Any, make_run: Callable[..., str], parse: Callable[[str], Any]
) -> None:
    make_run(
        name=HOSTILE,
        tags=[HOSTILE, '"><img src=x>'],
        notes=HOSTILE,
        preset=HOSTILE,
        status="queued",
        project=HOSTILE,
    )
    text = client.get("/").text
    page = parse(text)
    assert "<script>alert" not in text
    assert "<img" not in text
    row = rows(page)[HOSTILE]
    assert row.attrs["data-notes"] == HOSTILE
    assert row.one("a", class_="run-name").words() == HOSTILE
    assert all("alert" not in s.words() for s in page.all("script"))
    assert page.one("tbody").all("script") == []


def test_numbers_that_are_none_or_no_numbers(
    client: Any, make_run: Callable[..., str], parse: Callable[[str], Any]
) -> None:
    make_run(points={"loss/disc": [1.0, float("nan")], "eval/fid": [float("inf")]}, name="sick")
    make_run(name="bare", status="queued")
    found = rows(parse(client.get("/").text))
    assert cell(found["sick"], "c-disc").words() == "NaN"
    assert cell(found["sick"], "c-score").words().startswith("Inf")
    assert cell(found["bare"], "c-disc").words() == "none"
    assert cell(found["bare"], "c-spark").words() == "waits for its first point"


def test_filters_are_in_the_url_and_kept_by_its_links(
    client: Any, make_run: Callable[..., str], parse: Callable[[str], Any]
) -> None:
    make_run(name="apple", status="finished", trainer="codec", tags=["x", "shared"], project="p")
    make_run(name="apple pie", status="failed", trainer="codec", tags=["x"])
    make_run(name="pear", status="finished", trainer="vae", tags=["y"])
    make_run(name="gone", status="finished", archived=True, tags=["x"])

    def names(query: str) -> list[str]:
        page = parse(client.get(f"/?{query}").text)
        return sorted(rows(page)) if page.all("tbody") else []

    assert names("") == ["apple", "apple pie", "pear"]
    assert names("q=apple") == ["apple", "apple pie"]
    assert names("q=apple&status=failed") == ["apple pie"]
    assert names("trainer=vae") == ["pear"]
    assert names("tag=x") == ["apple", "apple pie"]
    assert names("project=p") == ["apple"]
    assert names("archived=1") == ["gone"]
    assert names("q=nothing") == []
    assert names("status=nonsense&page=x") == ["apple", "apple pie", "pear"]
    page = parse(client.get("/?q=apple&tag=x").text)
    chips = {a.words(): a.attrs["href"] for a in page.one("div", id="statuses").all("a")}
    assert chips["Failed 1"] == "/?q=apple&status=failed&tag=x"
    assert chips["Archived 1"] == "/?q=apple&tag=x&archived=1"
    assert page.one("input", name="q").attrs["value"] == "apple"
    assert [o.words() for o in page.one("select", name="tag").all("option")] == [
        "all tags",
        "shared",
        "x",
        "y",
    ]


def test_a_filter_that_nothing_matches_says_so_and_leads_back(
    client: Any, make_run: Callable[..., str], parse: Callable[[str], Any]
) -> None:
    make_run()
    page = parse(client.get("/", params={"q": '"<b>no</b>"'}).text)
    box = page.one("div", class_="nothing")
    assert 'No run matches "<b>no</b>"' in box.words()
    assert box.one("a", class_="btn").attrs["href"] == "/"


def test_pages_hold_so_many_runs_and_lead_on(
    client: Any, make_run: Callable[..., str], parse: Callable[[str], Any]
) -> None:
    for i in range(PER_PAGE + 2):
        make_run(status="queued", name=f"r{i:02}", created=float(i))
    first = parse(client.get("/").text)
    assert len(rows(first)) == PER_PAGE
    assert next(iter(rows(first))) == f"r{PER_PAGE + 1:02}"
    assert first.one("a", rel="next").attrs["href"] == "/?page=2"
    second = parse(client.get("/?page=2").text)
    assert list(rows(second)) == ["r01", "r00"]
    assert second.all("a", rel="next") == []
    assert "only" in parse(client.get("/?page=99").text).one("div", class_="nothing").words()


def test_an_empty_installation_says_how_to_begin(client: Any, parse: Callable[[str], Any]) -> None:
    page = parse(client.get("/").text)
    assert "No runs yet" in page.words()
    assert page.one("a", class_="main").attrs["href"] == "/launch"
    assert "nashboard.init(" in page.words()
    assert page.all("table") == []


def test_the_demo_pair_is_announced_while_it_waits(
    client: Any, database: Any, make_run: Callable[..., str], parse: Callable[[str], Any]
) -> None:
    ids = [
        make_run(status="queued", project="demo", tags=["demo"], created=float(i), group="g")
        for i in range(2)
    ]
    page = parse(client.get("/").text)
    note = page.one("div", id="demo-note")
    assert "DEMO=0" in note.words()
    assert note.one("a").attrs["href"] == f"/compare?runs={','.join(ids)}"
    with database.transaction() as session:
        runs.set_status(session, runs.get(session, ids[0]), "failed", "x")
    assert parse(client.get("/").text).all("div", id="demo-note") == []


def test_runs_that_belong_together_share_a_bracket(
    client: Any, make_run: Callable[..., str], parse: Callable[[str], Any]
) -> None:
    parent = make_run(name="old", created=1.0, group="g", status="finished")
    make_run(name="fixed", created=2.0, group="g", status="finished")
    make_run(name="alone", created=3.0, status="finished")
    make_run(name="again", created=0.5, parent=parent, status="finished")
    found = rows(parse(client.get("/").text))
    assert {n: r.attrs["class"] for n, r in found.items()} == {
        "alone": "",
        "fixed": "pa",
        "old": "pm",
        "again": "pb",
    }
    assert "fork of old" in found["again"].words()


def test_rows_alone_are_the_list_of_the_page(
    client: Any, make_run: Callable[..., str], parse: Callable[[str], Any]
) -> None:
    make_run(name="one")
    part = parse(client.get("/rows?q=one").text)
    assert list(rows(part)) == ["one"]
    assert part.all("nav", class_="nav") == []
    assert part.one("div", id="list").attrs["data-count"] == "1 running"


def test_the_count_of_the_bar_can_be_asked_alone(client: Any, make_run: Callable[..., str]) -> None:
    assert client.get("/count").text == ""
    make_run()
    answer = client.get("/count")
    assert answer.text == "1 running"
    assert answer.headers["content-type"].startswith("text/plain")


def test_ticked_runs_are_compared_without_script(client: Any) -> None:
    answer = client.get("/select?run=a1&run=b2&run=%3Cbad%3E", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/compare?runs=a1,b2")
    many = "&".join(f"run=r{i}" for i in range(120))
    assert client.get(f"/select?{many}", follow_redirects=False).headers["location"].count(",") == 99


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True)
def test_the_number_of_queries_does_not_depend_on_the_number_of_runs(
    client: Any, make_run: Callable[..., str], counted: Callable[[], Any]
) -> None:
    def made(n: int) -> None:
        for _ in range(n):
            parent = make_run(points={"loss/disc": [2.0, 1.0], "eval/snr": [1.0]}, tags=["t"])
            make_run(points={"loss/disc": [2.0] * 5}, parent=parent)

    made(1)
    client.get("/")
    with counted() as few:
        assert client.get("/").status_code == 200
    made(6)
    with counted() as many:
        assert client.get("/").status_code == 200
    assert len(few) == len(many) <= 14


def test_a_query_is_read_with_care() -> None:
    assert read({"q": " a  ", "status": "lost", "page": "3", "archived": "1"}) == Asked(
        q="a", status="lost", page=3, archived=True
    )
    assert read({"page": "0"}).page == read({"page": "-1"}).page == read({"page": "٣"}).page == 1
    assert read({"page": "9" * 30}).page == 10**6
    assert Asked(q="a b", tag="x&y").url(page=2) == "/?q=a+b&tag=x%26y&page=2"
    assert not Asked(page=4).filtered


def test_many_runs_are_shown_soon(client: Any, make_run: Callable[..., str]) -> None:
    for _ in range(PER_PAGE):
        make_run(points={"loss/disc": [2.0] * 60, "eval/snr": [1.0] * 5}, trainer="codec", recipe=STEP)
    client.get("/")
    began = time.perf_counter()
    html = client.get("/").text
    assert time.perf_counter() - began < 2.0
    assert len(re.findall("<polyline", html)) == PER_PAGE
