"""Saved views: kept under a name, renamed, replaced, deleted; what is none is refused in words."""

from __future__ import annotations

import pytest

QUERY = "runs=a,b&x=epoch&group=disc.lr&from=1&to=4.5&off=A"


@pytest.fixture
def saved(client):
    answer = client.post("/api/views", json={"name": " old  against new ", "query": f"?{QUERY}"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_view_keeps_every_option_and_opens_at_its_address(client, saved):
    assert saved["name"] == "old against new"
    assert saved["query"] == QUERY
    assert saved["url"] == f"/compare?{QUERY}"
    assert client.get("/api/views").json() == [saved]
    assert client.get("/api/views", params={"page": "runs"}).json() == []


def test_a_taken_name_is_refused_and_may_be_replaced(client, saved):
    asked = {"name": "old against new", "query": "runs=c"}
    answer = client.post("/api/views", json=asked)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "name_taken"
    again = client.post("/api/views", json={**asked, "replace": True}).json()
    assert (again["id"], again["query"]) == (saved["id"], "runs=c")
    assert len(client.get("/api/views").json()) == 1


def test_renaming_and_deleting(client, saved):
    other = client.post("/api/views", json={"name": "other", "query": "runs=c"}).json()
    assert client.patch(f"/api/views/{other['id']}", json={"name": saved["name"]}).status_code == 409
    assert client.patch(f"/api/views/{other['id']}", json={"name": "third"}).json()["name"] == "third"
    assert client.delete(f"/api/views/{other['id']}").status_code == 204
    assert client.delete(f"/api/views/{other['id']}").status_code == 404
    assert [v["name"] for v in client.get("/api/views").json()] == [saved["name"]]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"name": "  ", "query": "runs=a"}, "a view needs a name"),
        ({"name": "a\x07b", "query": "runs=a"}, "a view needs a name"),
        ({"name": "x" * 121, "query": "runs=a"}, "the name has 121 characters; the limit is 120"),
        ({"name": "x", "query": "x=epoch"}, "the options name no runs"),
        ({"name": "x", "query": "runs=,"}, "the options name no runs"),
        ({"name": "x", "query": "runs=" + "a" * 9000}, "the limit is 8000"),
        ({"name": "x", "query": "&".join(["runs=a"] * 200)}, "no query of an address"),
        ({"name": "x", "query": "runs=a", "page": "moon"}, "'moon' is no page"),
        ({"name": "x", "query": "runs=a", "colour": 1}, "there is no such field here"),
        ({"query": "runs=a"}, "this field is required"),
    ],
)
def test_what_is_no_view_is_said(client, asked, words):
    answer = client.post("/api/views", json=asked)
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]


def test_nothing_but_options_is_kept(client):
    asked = {"name": "x", "query": "runs=a&note=<script>&x=javascript:alert(1)#top"}
    kept = client.post("/api/views", json=asked).json()
    assert kept["url"].startswith("/compare?runs=a&note=%3Cscript%3E&")
    assert "#" not in kept["url"]
