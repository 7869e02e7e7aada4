"""``python -m nashboard push|pack|open``: sends a run folder to a server, packs runs into a file, opens such a file."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from nashboard import __version__, bundling
from nashboard.client import BadAddress, Trouble
from nashboard.journal import BadJournal
from nashboard.pushing import push


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, without the usage: the message names what is wrong."""
        self.exit(2, f"nashboard: {message} (python -m nashboard --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command. 0: done; 1: the server cannot be reached or refuses; 2: bad input."""
    parser = _Parser(prog="python -m nashboard", description="Nashboard's SDK at the command line.")
    parser.add_argument("--version", action="version", version=f"nashboard {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    pushing = commands.add_parser(
        "push",
        help="send a run folder to a server",
        description="Sends the events and samples of a run that the server lacks.",
    )
    pushing.add_argument("run_dir", metavar="RUN_DIR", help="the run's folder, with its events.jsonl")
    pushing.add_argument("--to", metavar="URL", default=os.environ.get("NASHBOARD_URL"), help="the server")
    pushing.add_argument(
        "--token", metavar="T", help="its token; better in NASHBOARD_TOKEN, where no one sees it"
    )
    bundling.add(commands)
    given = parser.parse_args(argv)
    if given.command in ("pack", "open"):
        return bundling.run(given, _tell)
    if given.command is None:
        parser.print_help()
        return 0
    if not given.to:
        parser.error("push needs the server: --to http://127.0.0.1:8000, or NASHBOARD_URL")
    return _push(given.run_dir, given.to, given.token)


def _push(run_dir: str, url: str, token: str | None) -> int:
    try:
        done = push(run_dir, url, token)
    except FileNotFoundError:
        return _tell(f"{run_dir!r} holds no events.jsonl: give the folder of a run", 2)
    except (BadAddress, BadJournal, UnicodeError) as problem:
        return _tell(str(problem), 2)
    except OSError as problem:
        return _tell(f"{run_dir!r} cannot be read ({problem.strerror or problem})", 2)
    except Trouble as trouble:
        return _tell(str(trouble), 1)
    print(
        f"run {done.run}: {done.events} events and {done.blobs} samples sent; "
        f"the server has {done.next_seq} events"
        + (f"; {done.refused} lines were refused" if done.refused else "")
        + (f"; {len(done.wants)} samples are missing here" if done.wants else "")
    )
    return 0


def _tell(text: str, status: int) -> int:
    print(f"nashboard: {' '.join(text.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
