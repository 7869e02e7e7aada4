"""Pushing a run folder, from Python and from the command line."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import nashboard
from nashboard import events, media
from nashboard.__main__ import main
from nashboard.client import Trouble
from nashboard.journal import Journal

if TYPE_CHECKING:
    from tests.nashboard.conftest import Server

RUN = "0123456789ab"


@pytest.fixture
def ended(run_dir: Path) -> Path:
    """The run with a sample and its end."""
    with Journal(run_dir) as journal:
        digest = media.store(run_dir, b"RIFF", "wav")
        journal.append(
            events.SampleMade(step=1, series="a", slot="0", media="audio", sha256=digest, ext="wav", size=4)
        )
        journal.append(events.RunEnded(status="finished"))
    return run_dir


def test_a_folder_is_sent_once(server: Server, ended: Path) -> None:
    done = nashboard.push(ended, server.url)
    assert (done.run, done.next_seq, done.events, done.blobs, done.refused, done.wants) == (
        RUN,
        23,
        23,
        1,
        0,
        [],
    )
    assert server.runs[RUN] == (ended / "events.jsonl").read_bytes().splitlines()
    again = nashboard.push(ended / "events.jsonl", server.url)
    assert (again.next_seq, again.events, again.blobs) == (23, 0, 0)


def test_a_running_folder_is_sent_as_far_as_it_is(server: Server, run_dir: Path) -> None:
    with Journal(run_dir) as journal:
        assert nashboard.push(run_dir, server.url).events == 21
        journal.append(events.NoteWritten(text="more"))
        assert nashboard.push(run_dir, server.url).events == 1


def test_push_stays_a_function_after_its_first_use() -> None:
    assert callable(nashboard.push)
    assert callable(nashboard.push)
    with pytest.raises(AttributeError, match="no attribute 'pusch'"):
        nashboard.pusch  # noqa: B018


def test_the_command_says_what_it_did(
    server: Server, ended: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["push", str(ended), "--to", server.url]) == 0
    assert capsys.readouterr().out == f"run {RUN}: 23 events and 1 samples sent; the server has 23 events\n"
    assert main(["push", str(ended), "--to", server.url + "/"]) == 0
    assert capsys.readouterr() == (f"run {RUN}: 0 events and 0 samples sent; the server has 23 events\n", "")


def test_what_is_missing_or_refused_is_said(
    server: Server, ended: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next((ended / "samples").iterdir()).unlink()
    server.refuses = lambda line: b'"step":3,' in line
    assert main(["push", str(ended), "--to", server.url]) == 0
    out, err = capsys.readouterr()
    assert "1 lines were refused; 1 samples are missing here" in out
    assert len(err.splitlines()) == 2


def test_the_token_comes_from_option_or_environment(
    server: Server, ended: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = "s3cret"
    assert main(["push", str(ended), "--to", server.url]) == 1
    assert "set NASHBOARD_TOKEN" in capsys.readouterr().err
    assert main(["push", str(ended), "--to", server.url, "--token", "s3cret"]) == 0
    monkeypatch.setenv("NASHBOARD_TOKEN", "s3cret")
    monkeypatch.setenv("NASHBOARD_URL", server.url)
    assert main(["push", str(ended)]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["push", "{tmp}/nothing", "--to", "http://127.0.0.1:9"], "nothing' holds no events.jsonl"),
        (["push", "{tmp}", "--to", "http://127.0.0.1:9"], "holds no events.jsonl"),
        (["push", "{run}", "--to", "127.0.0.1:9"], "looks like http://127.0.0.1:8000"),
        (["push", "{run}", "--to", "http://me:pw@127.0.0.1:9"], "the token in NASHBOARD_TOKEN"),
        (["push", "{run}"], "push needs the server"),
        (["push"], "the following arguments are required: RUN_DIR"),
        (["pull", "x"], "invalid choice: 'pull'"),
        (["push", "{run}", "--to", "http://127.0.0.1:9", "--fast"], "unrecognized arguments: --fast"),
        (["push", "{bad}", "--to", "http://127.0.0.1:9"], "does not begin with run_started"),
        (["push", "{torn}", "--to", "http://127.0.0.1:9"], "does not begin with run_started"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    for name, text in (("bad", '{"seq":0,"time":1,"kind":"note_written","text":"x"}\n'), ("torn", '{"seq"')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "events.jsonl").write_text(text)
    places = {name: str(tmp_path / name) for name in ("bad", "torn", "run")} | {"tmp": str(tmp_path)}
    try:
        status = main([argument.format(**places) for argument in arguments])
    except SystemExit as ended:
        status = int(ended.code or 0)
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert message in err
    assert run_dir.exists()


def test_a_server_that_is_down_is_one_line_and_status_1(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert main(["push", str(run_dir), "--to", url]) == 1
    assert capsys.readouterr().err == f"nashboard: cannot reach {url} (Connection refused)\n"
    with pytest.raises(Trouble, match="cannot reach"):
        nashboard.push(run_dir, url)


def test_help_is_printed_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "push" in capsys.readouterr().out
