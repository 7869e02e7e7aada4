"""``python -m trainers diagnose NAME run_dir=DIR [json=true] [device=cpu]``: a trainer's tests on a checkpoint.

The verdicts are printed and stored in the run's journal as a table, ``diagnosis``; a run that is still being
written is diagnosed without storing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from typing import Any

from nashboard import events, journal
from nashboard.environment import plain
from nashboard.journal import Journal, JournalBusy
from trainers.kit.errors import BadInput

ABLE = ("enhancement",)
WORDS = {"run_dir": "", "json": "false", "device": "cpu"}
USAGE = "python -m trainers diagnose enhancement run_dir=DIR [json=true] [device=cpu]"


def main(words: Sequence[str]) -> int:
    """Runs the command line after ``diagnose``; returns 0. Raises `BadInput` for words that cannot be."""
    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    trainer, given = words[0], dict(WORDS)
    if trainer not in ABLE:
        raise BadInput(f"diagnose {trainer!r}: only {', '.join(ABLE)} can be diagnosed; {USAGE}")
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals or name not in WORDS:
            raise BadInput(f"{word!r} is none of run_dir=, json=, device=; {USAGE}")
        given[name] = value
    if not given["run_dir"]:
        raise BadInput(f"diagnose needs run_dir=DIR; {USAGE}")
    if given["json"] not in ("true", "false"):
        raise BadInput(f"json={given['json']!r} is neither true nor false")
    module = import_module(f"trainers.{trainer}.diagnose")
    step, tested = module.diagnose(given["run_dir"], given["device"])
    stored = store(given["run_dir"], step, *module.table(tested))
    if given["json"] == "true":
        found = {
            "trainer": trainer,
            "step": step,
            "stored": stored,
            "hypotheses": [asdict(t) for t in tested],
        }
        print(events.dumps(plain(found)))
        return 0
    print(f"checkpoint at step {step}")
    for t in tested:
        print(f"{t.code:>4}  {t.verdict:<14} {t.title}: {t.text}")
    print(
        "stored in the journal as the table 'diagnosis'" if stored else "not stored: the run is still written"
    )
    return 0


def store(run_dir: str, step: int, columns: list[str], rows: list[list[Any]]) -> bool:
    """Adds the table to the run's journal, its last line repeated after it; False while a trainer writes it."""
    last = deque(journal.events(run_dir), maxlen=1)[-1]
    try:
        with Journal(run_dir) as book:
            book.append(events.Table(step=step, name="diagnosis", columns=columns, rows=plain(rows)))
            if isinstance(last, events.RunEnded):
                book.end(events.RunEnded(status=last.status, reason=last.reason, step=last.step))
    except JournalBusy:
        return False
    return True
