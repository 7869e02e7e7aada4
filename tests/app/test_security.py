"""The guard: token, login, host, origin, sizes, headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from app import settings as settings_module
from app.login import local
from app.main import create_app
from app.security import COOKIE, cookie_value, hostname, same
from app.settings import load

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])
TOKEN = "open-sesame"
HERE = "http://127.0.0.1:8000"
AWAY = "http://lab.example:8000"
RUN = {"id": "abc"}


@pytest.fixture
def serve(database, settings) -> Iterator[Callable[..., TestClient]]:
    opened: list[TestClient] = []

    def served(base: str = HERE, client: str = "testclient", **changes) -> TestClient:
        made = load(home=settings.home, **changes)
        settings_module.use(made)
        found = TestClient(create_app(made), base_url=base, client=(client, 50000), follow_redirects=False)
        opened.append(found.__enter__())
        return opened[-1]

    yield served
    for found in opened:
        found.__exit__(None, None, None)


@pytest.fixture
def guarded(serve) -> TestClient:
    return serve(AWAY, token=TOKEN, host="0.0.0.0")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": b"Bearer " + token.encode()}  # type: ignore[dict-item]


PATHS = [
    "/api/runs",
    "/api/live",
    "/openapi.json",
    "/api/blobs/" + "0" * 64,
    "/api/trainers",
    "/nowhere",
    "/",
]


@pytest.mark.parametrize("path", PATHS)
def test_with_a_token_set_every_address_needs_it(guarded, path: str) -> None:
    answer = guarded.get(path)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert guarded.get(path, headers=bearer("wrong")).status_code == 401
    assert guarded.get(path, headers={"Cookie": f"{COOKIE}=wrong"}).status_code == 401


def test_the_token_opens_and_health_needs_none(guarded) -> None:
    assert guarded.get("/api/runs", headers=bearer(TOKEN)).json() == {"runs": [], "total": 0}
    assert guarded.get("/healthz").json()["status"] == "ok"
    assert guarded.post("/api/runs", json=RUN, headers=bearer(TOKEN)).status_code == 201


def test_a_browser_logs_in_by_a_form(guarded) -> None:
    page = {"Accept": "text/html"}
    answer = guarded.get("/?text=a%20b", headers=page)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2F%3Ftext%3Da%2520b")
    form = guarded.get(answer.headers["location"], headers=page)
    assert form.status_code == 200
    assert 'value="/?text=a%20b"' in form.text
    wrong = guarded.post("/login", data={"token": "guess", "next": "/"})
    assert wrong.status_code == 401
    assert "not the server&#x27;s token" in wrong.text or "not the server's token" in wrong.text
    right = guarded.post("/login", data={"token": TOKEN, "next": "/?text=a%20b"})
    assert (right.status_code, right.headers["location"]) == (303, "/?text=a%20b")
    cookie = right.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    assert guarded.get("/api/runs").status_code == 200
    assert guarded.post("/api/runs", json=RUN, headers={"Origin": AWAY}).status_code == 201


def test_a_cookie_alone_does_not_change_anything_from_another_site(guarded) -> None:
    guarded.cookies.set(COOKIE, cookie_value(TOKEN))
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = guarded.post("/api/runs", json=RUN, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "bad_origin")
    assert guarded.get("/api/runs").json()["total"] == 0
    with_token = {**bearer(TOKEN), "Origin": "http://evil.example"}
    assert guarded.post("/api/runs", json=RUN, headers=with_token).status_code == 201


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "", "x", "/a\r\nb"]
)
def test_the_login_leads_nowhere_else(serve, target: str) -> None:
    assert local(target) == "/"


def test_without_a_token_there_is_no_login(serve) -> None:
    client = serve()
    assert client.get("/login").headers["location"] == "/"
    assert client.post("/login", data={"token": "x"}).headers["location"] == "/"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "localhost:1", "[::1]:8000", "127.0.0.9"])
def test_this_machine_is_answered_by_its_names(serve, host: str) -> None:
    assert serve().get("/api/runs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "localhost.evil"]
)
def test_a_name_bound_to_this_machine_from_outside_is_not(serve, host: str) -> None:
    answer = serve().get("/api/runs", headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "bad_host"


def test_a_host_of_ones_own_can_be_allowed(serve) -> None:
    client = serve(allowed_hosts="lab.example, other")
    assert client.get("/api/runs", headers={"Host": "lab.example"}).status_code == 200
    headers = {"Host": "127.0.0.1:8000", "Origin": "https://lab.example"}
    assert client.post("/api/runs", json=RUN, headers=headers).status_code == 201


def test_another_sites_page_changes_nothing_on_loopback(serve) -> None:
    client = serve()
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = client.request(method, "/api/runs", headers={"Origin": "http://evil.example"})
        assert answer.status_code == 403
    assert client.post("/api/runs", json=RUN, headers={"Origin": HERE}).status_code == 201


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7"])
def test_another_machine_is_not_answered_without_a_token(serve, address: str) -> None:
    client = serve(client=address)
    assert client.get("/api/runs").json()["error"]["code"] == "token_required"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_needs_none(serve, address: str) -> None:
    assert serve(client=address).get("/api/runs").status_code == 200


def test_every_answer_carries_the_headers(serve) -> None:
    client = serve()
    for path in ("/api/runs", "/nowhere", "/healthz", "/static/none.css", "/static/plotly.min.js"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_bodies_have_limits_that_are_named(serve) -> None:
    client = serve(max_batch_bytes=2048, max_json_bytes=1024)
    client.post("/api/runs", json=RUN)
    for path, limit in (("/api/runs/abc/events", 2048), ("/api/runs", 1024)):
        answer = client.post(path, content=b"x" * (limit + 1))
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "too_large"
        assert str(limit) in answer.json()["error"]["message"]

        def pieces(limit: int = limit) -> Iterator[bytes]:
            yield from [b"x" * 100] * (limit // 100 + 2)

        streamed = client.post(path, content=pieces(), headers={"Content-Type": "application/json"})
        assert streamed.status_code == 413
        assert str(limit) in streamed.json()["error"]["message"]


def test_secrets_of_any_text_are_compared(serve) -> None:
    assert same("ü\ud800", "ü\ud800")
    assert not same("", "ü")
    assert [hostname(h) for h in ("A:80", "[::1]:80", "u@b:1", "b")] == ["a", "::1", "b", "b"]


def test_plotly_comes_from_the_installed_wheel_compressed_once(serve) -> None:
    client = serve()
    answer = client.get("/static/plotly.min.js")
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.content) > 1_000_000
    assert b"plotly.js" in answer.content[:300]
    again = client.get("/static/plotly.min.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get("/static/plotly.min.js", headers={"Accept-Encoding": "identity"})
    assert plain.content == answer.content


def test_our_own_static_files_are_checked_for_freshness(serve) -> None:
    client = serve()
    answer = client.get("/static/css/tokens.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get("/static/css/tokens.css", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert client.get("/static/../app/main.py").status_code == 404
    assert client.get("/static/%2e%2e/app/main.py").status_code == 404
