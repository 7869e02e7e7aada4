"""Every endpoint is described, and no input of any kind ends in a 500."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from app import api, pages
from app.main import create_app
from app.replies import ErrorShape

METHODS = ("get", "post", "put", "patch", "delete", "head")
NAMES = ["nobody", "%00", "..%2f..", "a%20b", "%F0%9F%8E%A7", "x" * 300, "%ED%A0%80", "-1", "'"]
TEXTS = [
    "",
    "\0",
    "\udc80",
    "ü☃",
    "-1",
    "1e999",
    "NaN",
    str(2**70),
    "a,b,c",
    "'; DROP TABLE runs; --",
    "%",
    "x" * 9000,
]
VALUES: list[Any] = [
    None,
    True,
    -1,
    2**70,
    1e308,
    "",
    "\0",
    "\ud800",
    [],
    {},
    [[[]]],
    {"a": {"b": None}},
    "x" * 3000,
]
BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"1",
    b'"x"',
    b"\xff\xfe",
    b"[" * 50_000,
    b'{"a": NaN}',
    b'{"id": 1e999}',
]


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    from app import settings

    settings.use(None)
    found = create_app().openapi()
    settings.use(None)
    return found


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in spec["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def addresses(package: Any) -> set[str]:
    """The paths of the routers of a package's modules."""
    names = [n for n in package.MODULES if find_spec(f"{package.__name__}.{n}")]
    return {r.path for n in names for r in import_module(f"{package.__name__}.{n}").router.routes}


def test_every_promised_endpoint_is_there(spec) -> None:
    found = {(method, path) for method, path, _ in operations(spec)}
    assert found >= {
        ("get", "/healthz"),
        ("get", "/api/runs"),
        ("post", "/api/runs"),
        ("get", "/api/runs/{run_id}"),
        ("patch", "/api/runs/{run_id}"),
        ("delete", "/api/runs/{run_id}"),
        ("post", "/api/runs/{run_id}/events"),
        ("get", "/api/runs/{run_id}/series"),
        ("get", "/api/runs/{run_id}/findings"),
        ("get", "/api/runs/{run_id}/samples"),
        ("get", "/api/runs/{run_id}/checkpoints"),
        ("delete", "/api/runs/{run_id}/checkpoints/{checkpoint_id}"),
        ("get", "/api/runs/{run_id}/log"),
        ("get", "/api/runs/{run_id}/records"),
        ("put", "/api/blobs/{sha256}"),
        ("get", "/api/blobs/{sha256}"),
        ("get", "/api/trainers"),
        ("get", "/api/trainers/{trainer}/recipe"),
        ("get", "/api/bands"),
        ("get", "/api/live"),
    }


def test_every_endpoint_is_described(spec) -> None:
    for method, path, operation in operations(spec):
        where = f"{method} {path}"
        assert operation.get("summary"), where
        assert operation.get("tags"), where
        good = [code for code in operation["responses"] if code.startswith(("2", "3"))]
        assert good, where
        assert all(operation["responses"][code].get("description") for code in operation["responses"]), where
        for name in operation.get("parameters", []):
            assert name.get("schema"), f"{where} {name['name']}"
        if path.startswith("/api/"):
            shape = operation["responses"]["422"]["content"]["application/json"]["schema"]
            assert shape == {"$ref": "#/components/schemas/ErrorShape"}, where
        if "{run_id}" in path:
            assert "404" in operation["responses"], where


def test_every_endpoint_of_the_application_is_in_the_document(spec) -> None:
    described = {path for _, path, _ in operations(spec)}
    served = {path for path in (*addresses(api), *addresses(pages)) if path.startswith("/api/")}
    assert "/api/figures" in served
    assert served <= described


def test_the_document_is_served_without_foreign_scripts(client) -> None:
    assert client.get("/openapi.json").json()["info"]["title"] == "Nashboard"
    assert client.get("/docs").status_code == 404


def check(answer: Any, what: str) -> None:
    assert answer.status_code < 500 or answer.status_code in (503, 507), f"{what}: {answer.text[:300]}"
    if answer.status_code >= 400 and answer.content:
        error = ErrorShape.model_validate(answer.json()).error
        assert error.message, what
        assert len(answer.content) < 20_000, what


def paths(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for method, path, operation in operations(spec):
        if path != "/api/live":
            yield method, path, operation


def filled(path: str, name: str) -> str:
    for part in ("{run_id}", "{sha256}", "{trainer}", "{checkpoint_id}", "{name}"):
        path = path.replace(part, name)
    return path


def test_odd_names_in_paths(client, spec) -> None:
    for (method, path, _), name in itertools.product(paths(spec), NAMES):
        if "{" in path:
            where = filled(path, name)
            check(client.request(method, where, follow_redirects=False), f"{method} {where}")


def test_odd_query_values(client, spec, make_run) -> None:
    run_id = make_run({"s": [1.0, 2.0]})
    for method, path, operation in paths(spec):
        where = filled(path, run_id)
        for given in operation.get("parameters", []):
            if given["in"] != "query":
                continue
            for text in TEXTS:
                asked = {given["name"]: text.encode("utf-8", "surrogateescape").decode("latin-1")}
                if given["name"] != "series":
                    asked.setdefault("series", "s")
                check(client.request(method, where, params=asked), f"{method} {where} {asked}")


def test_odd_bodies(client, spec, make_run) -> None:
    run_id = make_run()
    for method, path, _ in paths(spec):
        if method in ("get", "head", "delete"):
            continue
        for body in BODIES:
            where = filled(path, run_id)
            answer = client.request(method, where, content=body, headers={"Content-Type": "application/json"})
            check(answer, f"{method} {where} {body[:40]!r}")


def test_odd_values_of_every_field(client, spec, make_run) -> None:
    run_id = make_run()
    schemas = spec["components"]["schemas"]
    for method, path, operation in paths(spec):
        body = (
            operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        )
        fields = schemas.get(body.get("$ref", "").rsplit("/", 1)[-1], {}).get("properties", {})
        for field, value in itertools.product(fields, VALUES):
            # what is no JSON that a client library would write is written by hand
            text = json.dumps({"trainer": "codec", field: value})
            answer = client.request(
                method, filled(path, run_id), content=text, headers={"Content-Type": "application/json"}
            )
            check(answer, f"{method} {path} {text[:80]}")


def test_a_stream_of_what_cannot_be_a_run_is_refused(client) -> None:
    for text in ("a b", "%00", "x" * 40, ",".join(str(n) for n in range(300))):
        answer = client.get(f"/api/live?runs={text}")
        assert answer.status_code == 422
        check(answer, text)


def test_wrong_methods_and_addresses_have_the_shape(client) -> None:
    for method, path in (("DELETE", "/api/runs"), ("GET", "/api/nothing"), ("POST", "/healthz")):
        answer = client.request(method, path)
        assert answer.status_code in (404, 405)
        check(answer, path)


def test_a_person_gets_a_page_and_a_program_json(client) -> None:
    page = client.get("/runs/nobody", headers={"Accept": "text/html,*/*"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert (
        client.get("/api/runs/nobody", headers={"Accept": "text/html"}).json()["error"]["code"]
        == "unknown_run"
    )


def test_odd_addresses_of_pages(client, make_run) -> None:
    run_id = make_run({"s": [1.0]})
    known = [path for path in (*addresses(pages), "/login") if not path.startswith("/api/")]
    where = {filled(path, name) for path in known for name in [run_id, *NAMES]}
    assert f"/runs/{run_id}" in where
    keys = ("runs", "text", "status", "tag", "limit", "x", "smooth", "from", "to", "preset", "next", "fork")
    for path in sorted(where):
        for text in TEXTS if path.count("/") == 1 else [""]:
            asked = dict.fromkeys(keys, text[:2000].encode("utf-8", "surrogateescape").decode("latin-1"))
            headers = {"Accept": "text/html"}
            answer = client.get(path, params=asked if text else {}, headers=headers, follow_redirects=False)
            assert answer.status_code < 500, f"{path} {text!r:.40}: {answer.text[:300]}"
