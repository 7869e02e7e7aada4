"""Changing runs by plain forms, as a browser without script does, and by the API as the scripts do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from app import runs

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def post(client: Any, path: str, *pairs: tuple[str, str]) -> Any:
    return client.post(path, content=urlencode(pairs), headers=FORM, follow_redirects=False)


def test_ticked_runs_are_tagged_archived_deleted_and_brought_back(
    client: Any, make_run: Callable[..., str], parse: Callable[[str], Any]
) -> None:
    a, b = make_run(status="finished", name="a"), make_run(status="failed", name="b")
    both = (("run", a), ("run", b), ("back", "/?q=x"))
    answer = post(client, "/runs/bulk", *both, ("act", "tag"), ("tags", "t, u,"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/?q=x")
    assert client.get(f"/api/runs/{a}").json()["tags"] == ["t", "u"]
    post(client, "/runs/bulk", *both, ("act", "untag"), ("tags", "u"))
    assert client.get(f"/api/runs/{b}").json()["tags"] == ["t"]
    post(client, "/runs/bulk", *both, ("act", "delete"))
    page = parse(client.get("/").text)
    assert page.all("tr", **{"data-run": a}) == []
    assert "Deleted" in page.one("div", id="bin").words()
    assert {i.attrs["value"] for i in page.one("div", id="bin").all("input")} == {a, b}
    assert client.get(f"/api/runs/{a}").status_code == 404
    post(client, "/runs/bulk", *both, ("act", "restore"))
    assert client.get(f"/api/runs/{a}").status_code == 200
    assert parse(client.get("/").text).all("div", id="bin") == []


def test_what_is_refused_is_named_and_the_rest_is_done(client: Any, make_run: Callable[..., str]) -> None:
    busy, done = make_run(name="busy"), make_run(status="finished")
    answer = post(client, "/runs/bulk", ("run", busy), ("run", done), ("act", "delete"))
    assert answer.status_code == 409
    assert "busy: it is running; stop it first" in answer.text
    found = client.post("/api/runs/bulk", json={"act": "delete", "ids": [busy, "gone"]}).json()
    assert [r["id"] for r in found["refused"]] == [busy, "gone"]
    assert client.get("/api/runs").json()["total"] == 1


@pytest.mark.parametrize(
    ("pairs", "status"),
    [
        ([("act", "explode"), ("run", "a")], 422),
        ([("act", "archive")], 422),
        ([("act", "tag"), ("run", "a"), ("tags", "a\0b")], 422),
        ([("run", f"r{i}") for i in range(600)], 422),
        ([("act", "archive"), ("run", "\ud7ff'\";--")], 409),
    ],
)
def test_bad_forms_are_refused(client: Any, pairs: list[tuple[str, str]], status: int) -> None:
    assert post(client, "/runs/bulk", *pairs).status_code == status


def test_a_form_leads_back_to_this_server_only(client: Any, make_run: Callable[..., str]) -> None:
    run = make_run(status="finished")
    for back in ("//evil.example", "https://evil.example", "/\\evil"):
        answer = post(client, "/runs/bulk", ("run", run), ("act", "archive"), ("back", back))
        assert answer.headers["location"] == "/"
    foreign = client.post(
        "/runs/bulk", content="act=archive&run=x", headers={**FORM, "Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403


def test_a_run_is_edited_archived_and_deleted_by_its_own_form(
    client: Any, make_run: Callable[..., str], database: Any
) -> None:
    run = make_run(status="finished", name="old")
    given = (("name", "new"), ("tags", "a, b"), ("notes", "one\r\ntwo"))
    assert post(client, f"/runs/{run}/annotate", *given).headers["location"] == f"/runs/{run}#notes"
    found = client.get(f"/api/runs/{run}").json()
    assert (found["name"], found["tags"], found["notes"]) == ("new", ["a", "b"], "one\ntwo")
    assert post(client, f"/runs/{run}/annotate", ("name", "a\0b")).status_code == 422
    post(client, f"/runs/{run}/annotate", ("act", "archive"))
    assert client.get(f"/api/runs/{run}").json()["archived"] is True
    assert post(client, f"/runs/{run}/annotate", ("act", "delete")).headers["location"] == "/"
    with database.reading() as session:
        assert runs.listing(session, archived=True).total == 0
    assert post(client, f"/runs/{run}/annotate", ("act", "delete")).status_code == 409
    assert post(client, f"/runs/{run}/annotate", ("act", "explode")).status_code == 422


def test_a_deletion_by_the_api_can_be_undone_where_that_is_asked(
    client: Any, make_run: Callable[..., str]
) -> None:
    run = make_run(status="finished")
    assert client.delete(f"/api/runs/{run}?undo=true").status_code == 204
    assert client.get(f"/api/runs/{run}").status_code == 404
    back = client.post("/api/runs/bulk", json={"act": "restore", "ids": [run]}).json()
    assert back == {"done": [run], "refused": []}
    assert client.delete(f"/api/runs/{run}").status_code == 204
    assert client.post("/api/runs/bulk", json={"act": "restore", "ids": [run]}).json()["done"] == []


def test_a_search_by_the_api_finds_or_says_where_it_cannot_be_read(
    client: Any, make_run: Callable[..., str]
) -> None:
    make_run({"eval/fid": [30.0]}, name="a", recipe={"disc": {"lr": 1e-4}})
    make_run({"eval/fid": [10.0]}, name="b", recipe={"disc": {"lr": 4e-4}})

    def names(**query: str) -> list[str]:
        return [r["name"] for r in client.get("/api/runs", params=query).json()["runs"]]

    assert names(q="disc.lr<2e-4") == ["a"]
    assert names(sort="-eval/fid") == ["b", "a"]
    error = client.get("/api/runs", params={"q": "a disk.lr<1"}).json()["error"]
    assert (error["code"], error["token"], error["position"], error["near"]) == (
        "bad_query",
        "disk.lr",
        3,
        "disc.lr",
    )
    known = client.get("/api/names").json()
    assert "eval/fid" in known["series"]
    assert "disc.lr" in known["knobs"]


def test_the_page_says_what_cannot_be_read_and_shows_the_list_without_it(
    client: Any, make_run: Callable[..., str], parse: Callable[[str], Any]
) -> None:
    make_run({"eval/fid": [30.0]}, name="a", recipe={"disc": {"lr": 1e-4}})
    page = parse(
        client.get("/", params={"q": "disk.lr<1", "cols": "disc.lr,eval/fid", "sort": "nonsense"}).text
    )
    box = page.one("div", id="query-error")
    assert "'disk.lr' at character 1" in box.words()
    assert box.one("a").attrs["href"].startswith("/?q=disc.lr%3C1")
    assert page.one("input", id="q").attrs["aria-invalid"] == "true"
    row = page.one("tbody").one("tr")
    assert [c.words() for c in row.all("td", class_="c-more")] == ["1e-4", "30.0"]
    head = parse(client.get("/?cols=eval/fid&sort=-eval/fid").text).one("th", class_="c-more")
    assert head.attrs["aria-sort"] == "ascending"
    assert "sort=eval" in head.one("a").attrs["href"]


def test_notes_are_shown_as_markdown_makes_them(client: Any) -> None:
    html = client.post("/api/markdown", json={"text": "**a** <b>"}).json()["html"]
    assert html == "<p><strong>a</strong> &lt;b&gt;</p>\n"


def test_the_webhook_tells_its_state_without_its_secrets(client: Any) -> None:
    assert client.get("/api/webhook").json() == {
        "on": False, "host": "", "events": ["run.ended", "doctor.fail"], "signed": False, "recent": [],
    }  # fmt: skip
    tested = client.post("/api/webhook/test").json()
    assert not tested["ok"]
    assert "NASHBOARD_WEBHOOK" in tested["said"]


def test_the_head_of_a_run_archives_and_deletes_without_scripts(
    client: Any, parse: Any, make_run: Callable[..., str]
) -> None:
    run, busy = make_run(status="finished"), make_run(status="running")
    head = parse(client.get(f"/runs/{run}").text).one("div", id="head")
    form = head.one("form")
    assert (form.attrs["method"], form.attrs["action"]) == ("post", f"/runs/{run}/annotate")
    assert [b.attrs["value"] for b in form.all("button")] == ["archive", "delete"]
    sure = form.one("details")  # a first press asks, a second one deletes
    assert "brought back" in sure.words()
    assert [b.attrs["value"] for b in sure.all("button")] == ["delete"]
    assert not parse(client.get(f"/runs/{busy}").text).one("div", id="head").all("form")
