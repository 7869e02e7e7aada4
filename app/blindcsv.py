"""The answers of a closed blind test as CSV."""

from __future__ import annotations

import csv
import io

from sqlalchemy.orm import Session

from app import blindresults
from app.tables_blind import BlindTest


def as_csv(session: Session, test: BlindTest) -> str:
    """One row a trial, for ratings one a stimulus; all listeners, also those who did not finish. Raises `Conflict`."""
    blindresults.sealed(test)
    names = {s["key"]: s for s in [*blindresults.sources_of(test), *test.sources]}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ["test", "kind", "level", "listener", "name", "finished", "trial", "slot", "seconds"]
    more = ["stimulus", "source", "run", "step", "rating"]
    if test.kind != "mushra":
        more = ["A_run", "A_step", "B_run", "B_step", "X", "choice", "chosen_run", "right"]
    writer.writerow([*head, *more])

    def shown(key: str) -> tuple[str, object]:
        source = names[key]
        made = source["step"] is not None
        return plain(str(source["run"] if made else source["name"])), source["step"] if made else ""

    for h in blindresults.heard(session, test):
        for t in h.trials:
            spent = round((t.answered or t.served) - t.served, 1)
            given = t.answer or {}
            start = [test.id, test.kind, test.level, h.who.number, plain(h.name), int(h.who.finished is not None),
                     t.number + 1, plain(t.slot), spent]  # fmt: skip
            if test.kind == "mushra":
                for label, rating in given["ratings"].items():
                    key = t.hidden[label]
                    writer.writerow([*start, label, plain(names[key]["name"]), *shown(key), rating])
                continue
            choice = given["choice"]
            x = next((k for k in "AB" if t.hidden[k] == t.hidden.get("X")), "")
            chosen = shown(t.hidden[choice])[0] if choice in t.hidden else ""
            right = int(blindresults.is_right(t)) if test.kind == "abx" else ""
            writer.writerow([*start, *shown(t.hidden["A"]), *shown(t.hidden["B"]), x, choice, chosen, right])
    return out.getvalue()


def plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
