"""The words of ``python -m nashboard pack`` and ``open`` at the command line."""

from __future__ import annotations

import argparse
import os
import re
import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nashboard.bundle import SUFFIX, BadBundle, Bundle
from nashboard.carrying import Carrier
from nashboard.client import BadAddress, Trouble
from nashboard.packing import Packed, pack, unpack

SHOWN = 20
_RUN_PAGE = re.compile(r"(.*)/runs/([A-Za-z0-9_-]{1,32})/?")


def add(commands: Any) -> None:
    """The two commands' options."""
    packing = commands.add_parser(
        "pack",
        help="pack runs into one file to share",
        description=(
            "Packs runs into one file: journal, samples, recipe, environment. Give run folders, or runs of a server: "
            "http://HOST:8000/runs/ID, or ids with url=http://HOST:8000. Host name, user names and absolute paths "
            "are taken out and listed; --no-strip leaves them in."
        ),
    )
    packing.add_argument("runs", metavar="RUN", nargs="+", help="a run's folder, address or id")
    packing.add_argument("-o", "--out", metavar="FILE", help=f"the file to write (NAME{SUFFIX})")
    packing.add_argument(
        "--url", metavar="URL", help="the server that has the runs, where they are given by id"
    )
    packing.add_argument(
        "--strip", action=argparse.BooleanOptionalAction, default=True,
        help="take out host name, user names and absolute paths (the default)",
    )  # fmt: skip
    packing.add_argument(
        "--checkpoints", action="store_true", help="take the checkpoints along (run folders only)"
    )
    packing.add_argument("--token", metavar="T", help="the server's token; better in NASHBOARD_TOKEN")
    opening = commands.add_parser(
        "open",
        help="open a bundle at a server, or unpack it into run folders",
        description="Opens a bundle at a server (url=http://HOST:8000, or NASHBOARD_URL), or unpacks it with --into.",
    )
    opening.add_argument("file", metavar="FILE", help="the bundle")
    opening.add_argument("words", metavar="url=URL", nargs="*", help="the server")
    opening.add_argument("--url", "--to", metavar="URL", dest="url", help="the same as url=URL")
    opening.add_argument(
        "--into", metavar="DIR", help="unpack it into run folders below DIR; no server is asked"
    )
    opening.add_argument("--token", metavar="T", help="the server's token; better in NASHBOARD_TOKEN")


def run(given: argparse.Namespace, tell: Callable[[str, int], int]) -> int:
    """Runs the command that was given; ``tell`` says what is wrong and gives the exit status."""
    try:
        return _pack(given, tell) if given.command == "pack" else _open(given, tell)
    except (BadBundle, BadAddress) as problem:
        return tell(str(problem), 2)
    except Trouble as trouble:
        return tell(str(trouble), 1)
    except OSError as problem:
        return tell(f"{problem.filename or 'the file'}: {problem.strerror or problem}", 2)


def _pack(given: argparse.Namespace, tell: Callable[[str, int], int]) -> int:
    url, names = _url(given.runs, given.url)
    pages = [m for n in names if n.startswith(("http://", "https://")) and (m := _RUN_PAGE.fullmatch(n))]
    if pages or (url and not any(Path(n).exists() for n in names)):
        servers = {m[1] for m in pages} | ({url} if url else set())
        if len(servers) > 1 or (pages and len(pages) < len(names) and not url):
            return tell("give runs of one server at a time, or run folders alone", 2)
        if given.checkpoints:
            return tell("checkpoints stay on the host that wrote them: pack the run's folder there", 2)
        ids = [m[2] if (m := _RUN_PAGE.fullmatch(n)) else n for n in names]
        if bad := next((i for i in ids if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", i)), None):
            return tell(f"{bad!r} is neither a run's id nor a folder that is there", 2)
        out = given.out or f"{ids[0]}{SUFFIX}"
        carrier = Carrier(servers.pop(), given.token)
        found = carrier.found(ids)
        size = carrier.fetch(ids, out, given.strip)
        print(f"{len(ids)} {'run' if len(ids) == 1 else 'runs'} of {carrier.url}")
        _list(found, given.strip)
        print(f"{out}: {size} bytes")
        return 0
    if bad := next((n for n in names if n.startswith(("http://", "https://"))), None):
        return tell(f"{bad!r} is no run's address: it looks like http://127.0.0.1:8000/runs/ID", 2)
    _say(pack(names, given.out, strip=given.strip, checkpoints=given.checkpoints))
    return 0


def _say(packed: Packed) -> None:
    for told in packed.runs:
        parts = [f"{told.events} events", f"{len(told.samples)} samples"]
        if told.checkpoints:
            parts.append(f"{len(told.checkpoints)} checkpoints")
        if told.missing:
            parts.append(f"{len(told.missing)} samples are missing or damaged here and left out")
        if not told.status:
            parts.append("it has not ended")
        print(f"run {told.id}: {', '.join(parts)}")
    _list(list(packed.found), packed.stripped)
    print(f"{packed.path}: {packed.size} bytes")


def _list(rows: list[dict[str, Any]], stripped: bool) -> None:
    """What tells of the place where the runs ran, before the file goes to anybody."""
    if not rows:
        print("nothing in it tells host name, user names or absolute paths")
        return
    print("taken out:" if stripped else "it tells the following; without --no-strip it does not:")
    for row in rows[:SHOWN]:
        print(f"  {row['what']} {row['text']!r:.160} ({row['times']} times)")
    if len(rows) > SHOWN:
        print(f"  and {len(rows) - SHOWN} more")


def _open(given: argparse.Namespace, tell: Callable[[str, int], int]) -> int:
    url, rest = _url(given.words, given.url)
    if rest:
        return tell(f"{rest[0]!r} is not understood: open FILE url=http://127.0.0.1:8000", 2)
    with Bundle(given.file) as bundle:  # what is wrong with it is said before anything is sent
        if given.into:
            for path in unpack(bundle, given.into):
                print(path)
            return 0
    url = url or os.environ.get("NASHBOARD_URL", "")
    if not url:
        return tell("open needs the server, url=http://127.0.0.1:8000 or NASHBOARD_URL, or --into DIR", 2)
    carrier = Carrier(url, given.token)
    answer = carrier.send(given.file)
    for row in answer["runs"]:
        print(f"{row['words']} {carrier.url}/runs/{urllib.parse.quote(str(row['id']), safe='')}")
    for note in answer["notes"]:
        print(f"nashboard: {note}", file=sys.stderr)
    return 0


def _url(words: list[str], option: str | None) -> tuple[str, list[str]]:
    """(the server's address, the other words)."""
    found = [w.removeprefix("url=") for w in words if w.startswith("url=")]
    return (option or (found[-1] if found else "")), [w for w in words if not w.startswith("url=")]
