"""The error page: for people in words, with a way out; for programs JSON; never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Request

from app.pages import errors

HTML = {"accept": "text/html"}


def request(path: str = "/x", query: bytes = b"", method: str = "GET") -> Request:
    server = ("127.0.0.1", 8000)
    return Request(
        {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query,
            "headers": [],
            "server": server,
            "scheme": "http",
        }
    )


@pytest.mark.parametrize(
    "path", ["/runs/000000000000", "/nothing/here", "/runs/%3Cscript%3Ealert(1)%3C%2Fscript%3E"]
)
def test_what_is_not_there_is_said_with_a_way_out(
    client: Any, parse: Callable[[str], Any], path: str
) -> None:
    answer = client.get(path, headers=HTML)
    page = parse(answer.text)
    assert answer.status_code == 404
    assert page.one("a", class_="main").attrs["href"] == "/"
    assert page.one("h1").words()
    assert "<script>alert" not in answer.text
    assert "Traceback" not in answer.text


def test_an_unknown_run_is_called_that(client: Any, parse: Callable[[str], Any]) -> None:
    page = parse(client.get("/runs/000000000000", headers=HTML).text)
    assert page.one("h1").words() == "There is no such run"
    assert "000000000000" in page.one("main").words()


def test_a_program_gets_json(client: Any) -> None:
    answer = client.get("/runs/000000000000", headers={"accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "unknown_run"


def test_an_unexpected_error_shows_no_traceback(
    database: Any, settings: Any, parse: Callable[[str], Any]
) -> None:
    from fastapi.testclient import TestClient

    from app.main import create_app

    app = create_app(settings)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("secret detail")

    with TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        answer = client.get("/broken?a=1", headers=HTML)
    page = parse(answer.text)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert page.one("a", class_="main").attrs["href"] == "/broken?a=1"


@pytest.mark.parametrize(
    ("status", "way"),
    [
        (401, "/login?next=%2Fx%3Fa%3D1"),
        (403, "/"),
        (404, "/"),
        (422, "/"),
        (500, "/x?a=1"),
        (503, "/x?a=1"),
        (507, "/"),
    ],
)
def test_every_failure_has_a_heading_and_a_way_out(
    parse: Callable[[str], Any], status: int, way: str
) -> None:
    answer = errors.page(request(query=b"a=1"), status, "the disk is on fire", {"X-Kept": "1"})
    page = parse(bytes(answer.body).decode())
    assert answer.status_code == status
    assert answer.headers["x-kept"] == "1"
    assert page.one("h1").words() == errors.HEADINGS[status]
    assert "The disk is on fire." in page.one("main").words()
    assert page.one("a", class_="main").attrs["href"] == way


def test_an_unknown_status_still_has_a_page(parse: Callable[[str], Any]) -> None:
    answer = errors.page(request(), 418, "")
    assert parse(bytes(answer.body).decode()).one("h1").words() == "Error 418"


def test_a_message_becomes_a_sentence() -> None:
    assert errors.sentence("there is nothing") == "There is nothing."
    assert errors.sentence("Is it? ") == "Is it?"
    assert errors.sentence("  ") == ""


def test_a_comparison_of_nothing_leads_to_the_runs(parse: Callable[[str], Any]) -> None:
    page = parse(bytes(errors.page(request("/compare"), 404, "no such run").body).decode())
    assert page.one("a", class_="main").words() == "Choose runs"
