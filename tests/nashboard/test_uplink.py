"""The uplink: whatever the server does, the run goes on, and what was reported arrives in the end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nashboard import media
from nashboard.client import BadAddress, Client
from nashboard.events import NoteWritten, Points, SampleMade
from nashboard.journal import Journal
from nashboard.uplink import HEARTBEAT_S, Uplink

if TYPE_CHECKING:
    from tests.nashboard.conftest import Server

RUN = "0123456789ab"
Make = Callable[..., Uplink]


class Told(list[str]):
    """What the user was told, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    def __call__(self, text: str) -> None:
        self.append(text)
        self.heard.set()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def make(server: Server, run_dir: Path, told: Told) -> Iterator[Make]:
    """Uplinks of ``run_dir`` with short waits; closed at the end."""
    made: list[Uplink] = []

    def uplink(**other: Any) -> Uplink:
        settings = {"linger": 0.02, "heartbeat": 0.2, "back_off": (0.02, 0.1), "say": told} | other
        client = settings.pop("client", None) or Client(server.url, timeout=5)
        made.append(Uplink(run_dir, client.url, RUN, client=client, **settings))
        return made[-1]

    yield uplink
    server.hold.set()
    for each in made:
        each.close(0.5)


def lines(run_dir: Path) -> list[bytes]:
    return (run_dir / "events.jsonl").read_bytes().splitlines()


def test_what_is_reported_arrives(server: Server, run_dir: Path, make: Make, told: Told) -> None:
    uplink = make()
    assert uplink.flush(10)
    assert server.runs[RUN] == lines(run_dir)
    with Journal(run_dir) as journal:
        for step in range(300):
            journal.append(Points(step=step, values={"a": float(step)}))
    assert server.wait(lambda: len(server.runs[RUN]) == 321)
    assert uplink.flush(10)
    assert server.runs[RUN] == lines(run_dir)
    assert not uplink.stop_requested
    assert uplink.close(5)
    assert told == []


def test_a_heartbeat_goes_out_when_nothing_happens(server: Server, make: Make) -> None:
    make().flush(10)
    before = len(server.requests)
    assert server.wait(lambda: len(server.requests) >= before + 2)
    assert [body for _, _, body in server.requests[before:]] == [b""] * len(server.requests[before:])
    assert HEARTBEAT_S <= 5


def test_a_stop_is_heard(server: Server, make: Make) -> None:
    uplink = make()
    assert uplink.flush(10)
    server.stop = True
    assert server.wait(lambda: uplink.stop_requested)
    server.stop = False
    uplink.flush(10)
    assert uplink.stop_requested


def test_samples_follow_their_lines(server: Server, run_dir: Path, make: Make) -> None:
    uplink = make()
    with Journal(run_dir) as journal:
        for number in range(5):
            data = bytes([number]) * 1000
            digest = media.store(run_dir, data, "wav")
            journal.append(
                SampleMade(step=1, series="a", slot="0", media="audio", sha256=digest, ext="wav", size=1000)
            )
    assert uplink.flush(10)
    assert len(server.blobs) == 5


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((500, b"broken"), "answers 500"),
        ((401, b""), "wants a token and none was given (401): set NASHBOARD_TOKEN"),
        ((200, b"<html>Welcome to the hotel</html>"), "is no receipt"),
        ((302, b"http://elsewhere.example/"), "redirect"),
        ((404, b""), "is not a Nashboard server"),
    ],
)
def test_trouble_is_one_line_and_everything_arrives_afterwards(
    server: Server, run_dir: Path, make: Make, told: Told, answer: tuple[int, bytes], message: str
) -> None:
    server.trouble = lambda method, path: answer
    uplink = make()
    assert told.heard.wait(10)
    assert server.wait(lambda: len(server.requests) >= 5)  # it was tried again and again
    with Journal(run_dir) as journal:
        journal.append(NoteWritten(text="training goes on"))
    assert len(told) == 1
    assert message in told[0]
    assert "the run goes on" in told[0]
    server.trouble = lambda method, path: None
    assert uplink.flush(10)
    assert server.runs[RUN] == lines(run_dir)
    assert told[1:] == [f"{server.url} answers again; the journal is being sent"]


def test_attempts_become_rarer(server: Server, make: Make) -> None:
    server.trouble = lambda method, path: (500, b"")
    begun = time.monotonic()
    make(back_off=(0.05, 0.2))
    assert server.wait(lambda: len(server.requests) >= 5)
    assert time.monotonic() - begun >= 0.05 + 0.1 + 0.2 + 0.2 - 0.05


def test_a_flaky_server_gets_every_line_once(server: Server, run_dir: Path, make: Make, told: Told) -> None:
    turn = iter(range(10**6))
    real = server.answer

    def flaky(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        number = next(turn)
        if number % 3 == 1:
            return 503, b""
        answered = real(method, path, body, token)
        return (500, b"filed, but the answer was lost") if number % 5 == 4 else answered

    server.answer = flaky  # type: ignore[method-assign]
    uplink = make(linger=0.01)
    with Journal(run_dir) as journal:
        for step in range(200):
            journal.append(Points(step=step, values={"a": step / 3}))
            if step % 20 == 0:
                uplink.flush(0.02)
    assert uplink.flush(20)
    assert server.runs[RUN] == lines(run_dir)
    assert len([text for text in told if "the run goes on" in text]) == 1


def test_a_hanging_server_holds_nobody(server: Server, run_dir: Path, make: Make, told: Told) -> None:
    server.hold.clear()
    begun = time.monotonic()
    uplink = make(client=Client(server.url, timeout=0.2))
    with Journal(run_dir) as journal:
        for step in range(1000):
            journal.append(Points(step=step, values={"a": 1.0}))
    assert time.monotonic() - begun < 1.0
    assert told.heard.wait(10)
    assert "no answer in time" in told[0]
    begun = time.monotonic()
    assert not uplink.close(0.3)
    assert time.monotonic() - begun < 1.0
    assert "python -m nashboard push" in told[-1]


def test_closing_does_not_wait_for_a_server_that_never_answered(run_dir: Path, told: Told) -> None:
    uplink = Uplink(run_dir, "http://127.0.0.1:9", RUN, say=told, back_off=(5.0, 5.0))
    assert told.heard.wait(10)
    begun = time.monotonic()
    assert not uplink.close(10)
    assert time.monotonic() - begun < 1.0
    assert len(told) == 2
    assert told[1] == (
        f"not all of {run_dir} has reached http://127.0.0.1:9; this sends the rest: "
        f"python -m nashboard push {run_dir} --to http://127.0.0.1:9"
    )
    assert not uplink.close(10)
    assert len(told) == 2


def test_closing_waits_for_a_server_that_restarts(server: Server, run_dir: Path, make: Make) -> None:
    uplink = make()
    assert uplink.flush(10)
    left = iter([(503, b"")] * 3)
    server.trouble = lambda method, path: next(left, None)
    with Journal(run_dir) as journal:
        journal.append(NoteWritten(text="last words"))
    assert uplink.close(10)
    assert json.loads(server.runs[RUN][-1])["text"] == "last words"


def test_the_last_line_is_sent_when_it_closes_at_once(server: Server, run_dir: Path, make: Make) -> None:
    assert make(linger=5.0, heartbeat=5.0).close(10)
    assert server.runs[RUN] == lines(run_dir)


def test_a_conflict_is_told_and_nothing_is_mixed(
    server: Server, run_dir: Path, make: Make, told: Told
) -> None:
    server.runs[RUN] = [b"{}"] * 100
    make()
    assert told.heard.wait(10)
    assert "another journal was sent under this id" in told[0]
    assert server.runs[RUN] == [b"{}"] * 100


def test_a_journal_that_vanishes_is_told(server: Server, run_dir: Path, make: Make, told: Told) -> None:
    uplink = make()
    assert uplink.flush(10)
    (run_dir / "events.jsonl").unlink()
    assert told.heard.wait(10)
    assert "events.jsonl" in told[0]


def test_even_a_mistake_of_ours_does_not_end_the_uplink(
    server: Server, run_dir: Path, make: Make, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, turns = Client.post_events, iter(range(99))

    def broken(client: Client, run_id: str, body: bytes) -> Any:
        if next(turns) < 3:
            raise AssertionError
        return real(client, run_id, body)

    monkeypatch.setattr(Client, "post_events", broken)
    assert make().flush(10)
    assert server.runs[RUN] == lines(run_dir)
    assert [text.split(";")[0] for text in told] == ["AssertionError", f"{server.url} answers again"]


def test_another_machine_without_a_token_is_warned_of(
    run_dir: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "post_events", lambda *arguments: pytest.fail("no network in tests"))
    monkeypatch.setattr(threading.Thread, "start", lambda thread: None)
    Uplink(run_dir, "http://box.example:8000", RUN, say=told)
    assert told == [
        "http://box.example:8000 is another machine, which will want a token: set NASHBOARD_TOKEN"
    ]
    Uplink(run_dir, "http://box.example:8000", RUN, "t", say=told)
    assert len(told) == 1


def test_a_bad_address_is_refused_at_once(run_dir: Path) -> None:
    with pytest.raises(BadAddress):
        Uplink(run_dir, "box:8000", RUN)
