"""The client: what each answer, and each silence, of a server means."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nashboard.client import BadAddress, Client, Trouble, address, is_loopback

if TYPE_CHECKING:
    from tests.nashboard.conftest import Server

RUN = "0123456789ab"


def ready(server: Server) -> Client:
    server.runs[RUN] = []
    return Client(server.url, timeout=5)


def trouble(client: Client, body: bytes = b"") -> Trouble:
    with pytest.raises(Trouble) as told:
        client.post_events(RUN, body)
    return told.value


def test_a_batch_is_answered_by_a_receipt(server: Server) -> None:
    client = ready(server)
    assert client.post_events(RUN, b'{"seq":0}\n').next_seq == 1
    assert server.headers[0]["Content-Type"] == "application/x-ndjson"
    assert "Authorization" not in server.headers[0]


def test_the_token_goes_along(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = ready(server)
    server.token = "s3cret"
    assert trouble(client).kind == "token"
    assert "wants a token and none was given" in str(trouble(client))
    assert "NASHBOARD_TOKEN" in str(trouble(client))
    wrong = trouble(Client(server.url, "other"))
    assert "refuses the token (401)" in str(wrong)
    assert "other" not in str(wrong)
    assert Client(server.url, "s3cret").post_events(RUN, b"").next_seq == 0
    monkeypatch.setenv("NASHBOARD_TOKEN", "s3cret")
    assert Client(server.url).post_events(RUN, b"").next_seq == 0


@pytest.mark.parametrize(
    ("code", "body", "kind", "message"),
    [
        (500, b"", "server", "answers 500"),
        (503, b"<html>busy</html>", "server", "answers 503"),
        (403, b"", "token", "wants a token"),
        (404, b"", "unknown_run", "answers 404"),
        (409, b'{"error": {"message": "other run"}}', "conflict", "answers 409: other run"),
        (413, b"", "too_large", "answers 413"),
        (422, b'{"error": {"message": "line 3 is bad"}}', "refused", r"refuses it \(422: line 3 is bad\)"),
        (400, b'{"error": 5}', "refused", r"refuses it \(400\)"),
        (200, b"hello", "foreign", "is no receipt"),
        (200, b"", "foreign", "is no receipt"),
        (200, b"[" * 100_000, "foreign", "is no receipt"),
        (200, b'{"next_seq": "many"}', "foreign", "is no receipt"),
        (200, b"\xff\xfe", "foreign", "is no receipt"),
        (302, b"http://elsewhere.example/steal?token=abc", "foreign", "redirect"),
    ],
)
def test_every_refusal_has_its_kind(server: Server, code: int, body: bytes, kind: str, message: str) -> None:
    client = ready(server)
    server.trouble = lambda method, path: (code, body)
    told = trouble(client)
    assert told.kind == kind
    with pytest.raises(Trouble, match=message):
        client.post_events(RUN, b"")
    assert "elsewhere" not in str(told)


def test_a_redirect_is_not_followed(server: Server) -> None:
    client = ready(server)
    server.trouble = lambda method, path: (307, f"{server.url}/stolen".encode())
    assert trouble(client, b"{}\n").kind == "foreign"
    assert [path for _, path, _ in server.requests] == [f"/api/runs/{RUN}/events"]


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = trouble(Client(f"http://127.0.0.1:{port}"))
    assert told.kind == "unreachable"
    assert str(told) == f"cannot reach http://127.0.0.1:{port} (Connection refused)"


def test_a_server_that_hangs_is_left_after_the_timeout(server: Server) -> None:
    ready(server)
    server.hold.clear()
    told = trouble(Client(server.url, timeout=0.1))
    assert (told.kind, str(told).split("(")[1]) == ("unreachable", "no answer in time)")


@pytest.mark.parametrize(
    ("spoken", "kind"),
    [
        (b"", "unreachable"),
        (b"SSH-2.0-OpenSSH\r\n", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", "foreign"),
    ],
)
def test_something_that_is_no_http_server(spoken: bytes, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(spoken)

        thread = threading.Thread(target=speak)
        thread.start()
        told = trouble(Client(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=2))
        thread.join()
    assert told.kind == kind


def test_a_server_that_drips_does_not_hold_the_client() -> None:
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not over.wait(0.02):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        told = trouble(Client(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.2))
        over.set()
        thread.join()
    assert "did not finish its answer" in str(told)


def test_a_run_is_registered_and_one_that_is_there_stays(server: Server) -> None:
    client = Client(server.url)
    client.create_run({"id": RUN, "name": "a"})
    client.create_run({"id": RUN, "name": "b"})
    assert [run["name"] for run in server.registered] == ["a"]
    server.trouble = lambda method, path: (404, b"")
    with pytest.raises(Trouble, match="is not a Nashboard server"):
        client.create_run({"id": RUN})


def test_a_blob_is_put_whole(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(300_000))
    digest = "d16c1d2dbf53f1ad5ffbb1aaad9aa5ba4f1a3ff3fa3a3f9a1bcd5d4c7d5f4d8e"
    with pytest.raises(Trouble, match="digest differs"):
        Client(server.url).put_blob(digest, tmp_path / "a")
    assert len(server.requests[0][2]) == 300_000


def test_proxies_of_the_environment_do_not_break_loopback(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ready(server).post_events(RUN, b"").next_seq == 0


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        (" https://box.example/nash/ ", "https://box.example/nash"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_addresses(url: str, shown: str) -> None:
    assert address(url) == shown


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:8000", "looks like http://127.0.0.1:8000"),
        ("ftp://box", "looks like"),
        ("http://", "looks like"),
        ("http://box:port", "cannot be read"),
        ("http://bo x/", "characters that no address can hold"),
        ("http://b\u00f6x/", "characters that no address can hold"),
        ("http://me:s3cret@box:8000", r"give only http://box:8000, and the token in NASHBOARD_TOKEN"),
        ("http://box/?token=s3cret", r"give only http://box, and the token in NASHBOARD_TOKEN"),
    ],
)
def test_bad_addresses_are_told_without_their_secrets(url: str, message: str) -> None:
    with pytest.raises(BadAddress, match=message) as problem:
        address(url)
    assert "s3cret" not in str(problem.value)


@pytest.mark.parametrize("token", ["s3cr\net", "s3cr\u00e9t", "s3c ret"])
def test_a_token_that_cannot_be_sent_is_told_without_itself(token: str) -> None:
    with pytest.raises(BadAddress, match="NASHBOARD_TOKEN") as problem:
        Client("http://127.0.0.1:8000", token)
    assert "s3c" not in str(problem.value)
    assert Client("http://127.0.0.1:8000", " s3cret\n").token == "s3cret"


@pytest.mark.parametrize(
    ("host", "answer"),
    [("localhost", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("box.example", False)],
)
def test_what_is_this_machine(host: str, answer: bool) -> None:
    assert is_loopback(host) is answer


def test_errors_are_json_in_the_house_shape_or_left_out(server: Server) -> None:
    client = ready(server)
    server.trouble = lambda method, path: (500, json.dumps({"error": {"message": "x" * 9999}}).encode())
    assert len(str(trouble(client))) < 400
