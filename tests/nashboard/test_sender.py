"""The protocol, one exchange at a time: gaps, repeats, refusals, samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nashboard import events, media
from nashboard.client import Client, Trouble
from nashboard.events import NoteWritten, Points
from nashboard.journal import BadJournal, Journal
from nashboard.sender import MAX_REFUSED, Sender

if TYPE_CHECKING:
    from tests.nashboard.conftest import Server

RUN = "0123456789ab"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def sender(server: Server, run_dir: Path, told: list[str]) -> Sender:
    return Sender(run_dir, Client(server.url, timeout=5), RUN, say=told.append)


def send(sender: Sender, most: int = 100) -> None:
    """Exchanges until there is nothing to do."""
    for _ in range(most):
        again = sender.exchange()
        sender.put_blobs()
        if not again:
            return
    raise AssertionError(f"not done after {most} exchanges")


def journal_lines(run_dir: Path) -> list[bytes]:
    return (run_dir / "events.jsonl").read_bytes().splitlines()


def test_an_unknown_run_is_registered_and_sent_from_its_beginning(
    server: Server, sender: Sender, run_dir: Path
) -> None:
    send(sender)
    assert server.runs[RUN] == journal_lines(run_dir)
    assert server.registered[0] | {"name": "first", "trainer": "codec", "seed": 3} == server.registered[0]
    assert (sender.sent, sender.filed) == (21, (run_dir / "events.jsonl").stat().st_size)


def test_a_given_description_is_preferred(server: Server, run_dir: Path) -> None:
    send(Sender(run_dir, Client(server.url), RUN, {"id": RUN, "name": "given"}))
    assert server.registered == [{"id": RUN, "name": "given"}]


def test_only_what_the_server_lacks_is_sent(server: Server, sender: Sender, run_dir: Path) -> None:
    server.runs[RUN] = journal_lines(run_dir)[:15]
    send(sender)
    assert [json.loads(line)["seq"] for post in server.posts() for line in post.splitlines()] == list(
        range(15, 21)
    )
    assert sender.sent == 6


def test_a_server_that_forgot_gets_it_again(server: Server, sender: Sender, run_dir: Path) -> None:
    send(sender)
    del server.runs[RUN][5:]
    with Journal(run_dir) as journal:
        journal.append(NoteWritten(text="later"))
    send(sender)
    assert server.runs[RUN] == journal_lines(run_dir)


def test_a_server_that_took_part_of_a_batch_is_followed(
    server: Server, sender: Sender, run_dir: Path
) -> None:
    sender.exchange()
    sender.exchange()
    server.runs[RUN] = []
    real = server.answer

    def partly(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        code, _ = real(method, path, body, token)
        del server.runs[RUN][7:]
        server.answer = real  # type: ignore[method-assign]
        return code, json.dumps({"next_seq": 7}).encode()

    server.answer = partly  # type: ignore[method-assign]
    send(sender)
    assert server.runs[RUN] == journal_lines(run_dir)


def test_a_batch_sent_twice_changes_nothing(server: Server, sender: Sender, run_dir: Path) -> None:
    send(sender)
    client = Client(server.url)
    assert client.post_events(RUN, server.posts()[-1]).next_seq == 21
    send(sender)
    assert server.runs[RUN] == journal_lines(run_dir)


def test_a_journal_shorter_than_what_the_server_has_is_another_one(
    server: Server, sender: Sender, run_dir: Path
) -> None:
    server.runs[RUN] = [*journal_lines(run_dir), b"{}"]
    with pytest.raises(
        Trouble, match=r"holds 22 lines .* another journal was sent under this id"
    ) as conflict:
        sender.exchange()
    assert conflict.value.kind == "conflict"


def test_batches_keep_to_a_thousand_lines_and_a_mebibyte(server: Server, tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.append(events.RunStarted(run=RUN))
        for step in range(2500):
            journal.append(Points(step=step, values={"a": 1.0}))
        for _ in range(4):
            journal.append(NoteWritten(text="x" * 600_000))
    send(Sender(tmp_path, Client(server.url), RUN))
    sizes = [post.count(b"\n") for post in server.posts() if post]
    assert sizes == [1000, 1000, 502, 1, 1, 1]
    assert max(map(len, server.posts())) <= 1 << 20
    assert server.runs[RUN] == journal_lines(tmp_path)


def test_a_batch_that_is_too_large_is_halved(
    server: Server, sender: Sender, run_dir: Path, told: list[str]
) -> None:
    server.max_bytes = 400
    send(sender)
    assert server.runs[RUN][1:] == journal_lines(run_dir)[1:]
    assert json.loads(server.runs[RUN][0])["kind"] == "run_started"
    assert told == []


def test_a_line_that_is_too_large_alone_is_told_and_replaced(
    server: Server, sender: Sender, run_dir: Path, told: list[str]
) -> None:
    with Journal(run_dir) as journal:
        journal.append(NoteWritten(text="x" * 5000))
        journal.append(NoteWritten(text="after"))
    server.max_bytes = 2000
    send(sender)
    instead = json.loads(server.runs[RUN][21])
    assert (instead["seq"], instead["kind"], instead["level"]) == (21, "log_line", "error")
    assert "line 21 of the journal (5" in instead["text"]
    assert json.loads(server.runs[RUN][22])["text"] == "after"
    assert len(told) == 1
    assert "line 21" in told[0]
    assert sender.refused == 1


def test_a_line_that_the_server_cannot_read_is_found_told_and_replaced(
    server: Server, sender: Sender, run_dir: Path, told: list[str]
) -> None:
    server.refuses = lambda line: b'"step":13,' in line
    send(sender)
    lines = server.runs[RUN]
    assert len(lines) == 21
    replaced = json.loads(lines[14])
    original = json.loads(journal_lines(run_dir)[14])
    assert (replaced["seq"], replaced["time"], replaced["kind"]) == (14, original["time"], "log_line")
    assert "refuses it (422: line 1 is bad)" in replaced["text"]
    assert [*lines[:14], *lines[15:]] == [*journal_lines(run_dir)[:14], *journal_lines(run_dir)[15:]]
    assert told == [
        f"line 14 of {run_dir / 'events.jsonl'} stays here: {server.url} refuses it (422: line 1 is bad)"
    ]


def test_a_refused_line_keeps_its_time_where_it_can_be_read(
    server: Server, sender: Sender, run_dir: Path
) -> None:
    with (run_dir / "events.jsonl").open("ab") as file:
        file.write(b'{"seq":21,"time":77.5,"kind":"points","step":"x"}\n{"seq":22,"time":"NaN"}\n')
    server.refuses = lambda line: b'"log_line"' not in line and json.loads(line)["seq"] > 20
    send(sender)
    assert [json.loads(line)["time"] for line in server.runs[RUN][21:]] == [77.5, 0.0]


def test_a_server_that_refuses_everything_is_not_flooded(
    server: Server, sender: Sender, told: list[str]
) -> None:
    server.refuses = lambda line: b'"log_line"' not in line
    with pytest.raises(Trouble) as trouble:
        send(sender, 300)
    assert trouble.value.kind == "refused"
    assert sender.refused == MAX_REFUSED
    assert len(told) == MAX_REFUSED


def test_a_server_that_takes_nothing_is_trouble(server: Server, sender: Sender) -> None:
    send(sender)
    server.runs[RUN] = []
    server.trouble = lambda method, path: (200, b'{"next_seq": 0}')
    sender.exchange()  # it goes back to line 0
    with pytest.raises(Trouble, match="takes no events"):
        sender.exchange()


def test_a_server_that_knows_neither_runs_nor_registering_is_trouble(server: Server, sender: Sender) -> None:
    server.trouble = lambda method, path: (404, b"") if path.endswith("/events") else (201, b"{}")
    assert sender.exchange()
    with pytest.raises(Trouble) as told:
        sender.exchange()
    assert told.value.kind == "unknown_run"


def test_wanted_samples_are_sent_once(server: Server, sender: Sender, run_dir: Path) -> None:
    with Journal(run_dir) as journal:
        for data in (b"one", b"two", b"one"):
            digest = media.store(run_dir, data, "wav")
            journal.append(
                events.SampleMade(
                    step=1, series="audio/x", slot="0", media="audio", sha256=digest, ext="wav", size=3
                )
            )
    send(sender)
    assert sorted(server.blobs.values()) == [b"one", b"two"]
    assert sender.blobs == 2
    assert not sender.owing
    send(sender)
    assert sum(method == "PUT" for method, _, _ in server.requests) == 2


def test_a_sample_that_is_gone_or_changed_is_told_once(
    server: Server, sender: Sender, run_dir: Path, told: list[str]
) -> None:
    gone, changed = media.store(run_dir, b"gone", "png"), media.store(run_dir, b"changed", "flac")
    with Journal(run_dir) as journal:
        for digest, ext in ((gone, "png"), (changed, "flac")):
            journal.append(
                events.SampleMade(step=1, series="a", slot="0", media="image", sha256=digest, ext=ext, size=4)
            )
    (run_dir / "samples" / f"{gone}.png").unlink()
    (run_dir / "samples" / f"{changed}.flac").write_bytes(b"other")
    send(sender)
    send(sender)
    assert sorted(told) == sorted(
        [
            f"sample {gone[:12]} is not sent: {run_dir / 'samples'} has no file {gone}",
            f"sample {changed[:12]} is not sent: {server.url} refuses it (422: the digest differs)",
        ]
    )
    assert len(server.runs[RUN]) == 23


def test_a_sample_that_a_server_never_keeps_is_given_up(
    server: Server, sender: Sender, run_dir: Path, told: list[str]
) -> None:
    digest = media.store(run_dir, b"data", "wav")
    answer = json.dumps({"next_seq": 21, "wants": [digest]}).encode()
    server.trouble = lambda method, path: (204, b"") if method == "PUT" else (200, answer)
    send(sender)
    assert sum(method == "PUT" for method, _, _ in server.requests) == 3
    assert told == [f"sample {digest[:12]} is not sent: {server.url} took it 3 times and still asks for it"]


def test_a_sample_survives_any_number_of_failures(server: Server, sender: Sender, run_dir: Path) -> None:
    digest = media.store(run_dir, b"data", "wav")
    with Journal(run_dir) as journal:
        journal.append(
            events.SampleMade(step=1, series="a", slot="0", media="audio", sha256=digest, ext="wav", size=4)
        )
    server.trouble = lambda method, path: (503, b"") if method == "PUT" else None
    for _ in range(6):
        with pytest.raises(Trouble, match="answers 503"):
            send(sender)
    server.trouble = lambda method, path: None
    send(sender)
    assert server.blobs == {digest: b"data"}


def test_a_journal_without_run_started_cannot_be_registered(server: Server, tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.append(NoteWritten(text="x"))
    with pytest.raises(BadJournal):
        send(Sender(tmp_path, Client(server.url), RUN))
