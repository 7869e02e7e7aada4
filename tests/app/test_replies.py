"""Failures of the database and of the code, in the one shape."""

from __future__ import annotations

import json
import sqlite3

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from app import replies
from app.errors import Conflict
from recipes.base import BadRecipe, Problem


def asked(problem: Exception, accept: str = "*/*", path: str = "/api/x"):
    app = FastAPI()
    replies.install(app)

    def fail() -> None:
        raise problem

    app.get(path)(fail)
    with TestClient(app, raise_server_exceptions=False) as client:
        return client.get(path, headers={"Accept": accept})


def lite(text: str) -> OperationalError:
    return OperationalError("INSERT", {}, sqlite3.OperationalError(text))


@pytest.mark.parametrize(
    ("problem", "status", "code"),
    [
        (lite("database or disk is full"), 507, "disk_full"),
        (
            OperationalError("", {}, psycopg.errors.DiskFull("could not extend file: No space left")),
            507,
            "disk_full",
        ),
        (lite("database is locked"), 503, "unavailable"),
        (lite("attempt to write a readonly database"), 503, "unavailable"),
        (OperationalError("", {}, psycopg.OperationalError("connection refused")), 503, "unavailable"),
        (DataError("", {}, psycopg.DataError("value too long")), 422, "bad_input"),
        (IntegrityError("", {}, sqlite3.IntegrityError("UNIQUE")), 409, "conflict"),
        (BadRecipe([Problem("disc.lr", "fast", "'fast' is no number")]), 422, "bad_recipe"),
        (RecursionError(), 422, "bad_input"),
        (ZeroDivisionError("secret"), 500, "internal"),
    ],
)
def test_every_failure_has_its_status_and_code(problem: Exception, status: int, code: str) -> None:
    answer = asked(problem)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    replies.ErrorShape.model_validate(answer.json())


def test_a_bad_recipe_names_each_knob() -> None:
    problems = [Problem("disc.lr", float("nan"), "too odd"), Problem("data.root", "/etc", "outside")]
    error = asked(BadRecipe(problems)).json()["error"]
    assert error["problems"] == [
        {"knob": "disc.lr", "value": "NaN", "message": "too odd"},
        {"knob": "data.root", "value": "/etc", "message": "outside"},
    ]
    assert error["field"] == "disc.lr"


def test_what_a_failure_says_beside_is_kept() -> None:
    problem = Conflict("no", field="id", headers={"X-Way": "out"}, seq=4)
    answer = asked(problem)
    assert answer.json() == {"error": {"code": "conflict", "message": "no", "field": "id", "seq": 4}}
    assert answer.headers["x-way"] == "out"


def test_a_page_is_given_to_a_browser_with_its_text_escaped() -> None:
    answer = asked(Conflict("<b>no</b>"), "text/html", "/page")
    assert answer.status_code == 409
    assert "<b>no</b>" not in answer.text
    assert "&lt;b&gt;no" in answer.text


def test_json_is_strict_whatever_it_holds() -> None:
    body = replies.Json({"a": float("nan"), "b": ["\ud800", float("-inf")], "c": "ü"}).body
    assert body.isascii()
    assert json.loads(body)["a"] == "NaN"
    assert json.loads(body)["b"][1] == "-Infinity"


class Sent(BaseModel, extra="forbid"):
    n: int


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"{bad", "application/json", "not valid JSON"),
        (b'{"n": 1}', "text/plain", "Content-Type: application/json"),
        (b"[" * 100_000, "application/json", "nests too deep"),
        (b'{"n": ' + b"1" * 5000 + b"}", "application/json", "too many digits"),
        (b'{"n": 1, "m": 2}', "application/json", "m: there is no such field here"),
    ],
)
def test_a_body_that_cannot_be_read_says_how_to_send_one(body: bytes, kind: str, said: str) -> None:
    app = FastAPI()
    replies.install(app)

    @app.post("/api/x")
    def take(sent: Sent) -> int:
        return sent.n

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.post("/api/x", content=body, headers={"Content-Type": kind})
    assert 400 <= answer.status_code < 500
    assert said in answer.json()["error"]["message"]


def test_a_message_repeats_no_endless_value() -> None:
    problem = BadRecipe([Problem("k" * 5000, 1, f"there is no knob {'k' * 5000!r}")])
    told = asked(problem).json()["error"]
    assert len(told["message"]) <= 2000
    assert len(told["problems"][0]["message"]) <= 500
    assert len(told["problems"][0]["knob"]) <= 200
