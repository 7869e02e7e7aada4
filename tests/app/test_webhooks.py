"""The webhook: what is told and what is not, signatures, retries; and that it never holds anything else up."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from app import findings, posting, runs, webhooks
from app import settings as settings_module
from app.posting import BadTarget, Told, check, headers, link_local, post
from app.settings import BadSettings, load
from doctor.findings import Diagnosis


class Hook:
    """Somebody's server: keeps what it is sent, answers as it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers = [200]
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append((dict(self.headers), body))
                self.send_response(hook.answers[0] if len(hook.answers) == 1 else hook.answers.pop(0))
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?x=1"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def told(database: Any, settings: Any, hook: Hook) -> Iterator[Any]:
    """Settings with the webhook on."""
    own = settings.model_copy(update={"webhook": hook.url, "webhook_secret": "s3cret"})
    settings_module.use(own)
    yield own
    settings_module.use(settings)


def test_the_end_of_a_run_is_told_once_and_signed(
    told: Any, hook: Hook, make_run: Callable[..., str]
) -> None:
    run = make_run(
        {"loss/disc": [1.0, 2.0]}, "finished", name="one", notes="private", recipe={"key": "private"}
    )
    messenger = webhooks.Messenger(told)
    assert messenger.once() == 1
    assert messenger.once() == 0
    ((got, body),) = hook.got
    message = json.loads(body)
    assert (message["event"], message["run"]["id"], message["run"]["status"]) == (
        "run.ended",
        run,
        "finished",
    )
    assert message["run"]["step"] == 1
    assert "private" not in body.decode()
    signed = hmac.new(
        b"s3cret", got["X-Nashboard-Timestamp"].encode() + b"." + body, hashlib.sha256
    ).hexdigest()
    assert got["X-Nashboard-Signature"] == f"sha256={signed}"
    assert [(n.state, n.tries) for n in webhooks.recent()] == [("sent", 1)]


def test_only_the_first_fail_of_the_doctor_is_told(
    told: Any, hook: Hook, database: Any, make_run: Any
) -> None:
    run = make_run()
    bad = replace(findings.NOTHING, findings=())

    class Failing(Diagnosis):
        verdict = "fail"

    for diagnosis in (bad, Failing((), {}, ()), Failing((), {}, ()), bad):
        with database.transaction() as session:
            findings.store(session, run, diagnosis, 1, 0)
    webhooks.Messenger(told).once()
    assert [json.loads(b)["event"] for _, b in hook.got] == ["doctor.fail"]


def test_a_server_that_is_busy_is_asked_again_later_and_one_that_refuses_is_not(
    told: Any, hook: Hook, database: Any, make_run: Callable[..., str]
) -> None:
    make_run(status="failed")
    messenger = webhooks.Messenger(told)
    now = webhooks.clock.time()
    hook.answers = [503]
    assert messenger.once(now + 1) == 0
    assert messenger.once(now + 5) == 0
    assert len(hook.got) == 1, "not before its time"
    hook.answers = [200]
    assert messenger.once(now + 1 + webhooks.BACK_OFF_S[0] + 1) == 1
    assert hook.got[0][0]["X-Nashboard-Delivery"] == hook.got[1][0]["X-Nashboard-Delivery"]
    make_run(status="failed")
    hook.answers = [404]
    messenger.once(now + 100)
    assert [(n.state, n.tries) for n in webhooks.recent()] == [("given_up", 1), ("sent", 2)]


def test_after_the_last_try_it_is_given_up(told: Any, hook: Hook, make_run: Callable[..., str]) -> None:
    make_run(status="failed")
    hook.answers = [500]
    messenger, now = webhooks.Messenger(told), webhooks.clock.time() + 1
    for wait in (*webhooks.BACK_OFF_S, 0.0):
        messenger.once(now)
        now += wait + 1
    assert [(n.state, n.tries) for n in webhooks.recent()] == [("given_up", 6)]


def test_without_a_webhook_nothing_is_written(database: Any, make_run: Callable[..., str]) -> None:
    make_run(status="finished")
    assert webhooks.recent() == []
    assert not webhooks.try_out().ok


def test_events_can_be_chosen(told: Any, hook: Hook, database: Any, make_run: Callable[..., str]) -> None:
    settings_module.use(told.model_copy(update={"webhook_events": ["doctor.fail"]}))
    run = make_run()
    with database.transaction() as session:
        runs.set_status(session, runs.get(session, run), "failed")
    assert webhooks.recent() == []


def test_nobody_there_is_said_and_tried_again() -> None:
    assert post("http://127.0.0.1:9/", {}, "1") == Told(
        False, 0, post("http://127.0.0.1:9/", {}, "1").said, True
    )
    assert "is not found" in post("http://nowhere.invalid/", {}, "1").said


def test_redirects_are_not_followed(hook: Hook) -> None:
    hook.answers = [302]
    said = post(hook.url, {}, "1")
    assert (said.ok, said.status, said.again, len(hook.got)) == (False, 302, False, 1)
    assert "X-Nashboard-Signature" not in hook.got[0][0]


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1%eth0", "::ffff:169.254.169.254", "100.100.100.200", "fd00:ec2::254"],
)
def test_addresses_where_clouds_tell_their_keys_are_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert link_local(address)
    place = [(posting.socket.AF_INET, 1, 6, "", (address, 80))]
    monkeypatch.setattr(posting.socket, "getaddrinfo", lambda *_a, **_k: place)
    said = post("http://metadata.example/", {}, "1")
    assert (said.ok, said.again) == (False, False)
    assert "it is refused" in said.said
    assert not link_local("10.0.0.8")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/b",
        "file:///etc/passwd",
        "javascript:1",
        "http://",
        "http://a:99999/",
        "http://u:p@a/",
        "http://a/ b",
    ],
)
def test_what_is_no_web_address_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(BadTarget):
        check(url)
    with pytest.raises(BadSettings, match=r"^NASHBOARD_WEBHOOK=[^\n]*$"):
        load(webhook=url)


def test_settings_name_what_cannot_be() -> None:
    with pytest.raises(BadSettings, match="is no event; there are"):
        load(webhook_events="run.ended,lunch")
    with pytest.raises(BadSettings, match=r"NASHBOARD_TOKEN=…: a token has no blank") as caught:
        load(token="two words")
    assert "two words" not in str(caught.value)
    assert load(token=" fine ").token == "fine"
    assert headers(b"{}", "1", "", now=5)["X-Nashboard-Timestamp"] == "5"
