"""A log that somebody brings: diagnosed as it comes, kept nowhere."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

from app.errors import BadInput
from doctor.engine import diagnose
from doctor.findings import Diagnosis
from doctor.reading import Unusable, parse
from doctor.view import LOSSES, RunView
from nashboard.bundle import BadBundle, Bundle

MAX_JOURNAL = 256 * 1024 * 1024


@dataclass(frozen=True)
class Diagnosed:
    """What the doctor says of a log, and how much of it there was."""

    name: str
    diagnosis: Diagnosis
    points: int
    series: tuple[str, ...]
    last_step: int
    adv_loss: str
    view: RunView
    note: str = ""


def diagnosed(body: bytes, name: str = "log", adv_loss: str = "") -> Diagnosed:
    """The diagnosis of a CSV or a journal. Raises `BadInput` that names file, line and value, and the way out."""
    return _diagnosed(read(body, name), name, adv_loss)


def bundle_diagnosed(path: Path, label: str, adv_loss: str = "") -> Diagnosed:
    """The diagnosis of the first run of a bundle; nothing of it is kept. Raises `BadInput`."""
    try:
        with Bundle(path, label) as bundle:
            run, *others = bundle.runs
            size = bundle.size(f"runs/{run}/events.jsonl")
            if size > MAX_JOURNAL:
                raise BadInput(
                    f"the journal of run {run} in {label} has {size} bytes; the limit is {MAX_JOURNAL}: open the bundle",
                    field="log",
                )
            name = str(bundle.about(run).get("name") or run)
            body = b"\n".join(bundle.lines(run))
    except BadBundle as problem:
        raise BadInput(str(problem), code="bad_bundle", field="log") from None
    found = _diagnosed(read(body, f"{label}: {name}"[:200]), f"{name} in {label}"[:200], adv_loss)
    if not others:
        return found
    told = f"The bundle holds {len(others)} more {'run' if len(others) == 1 else 'runs'}: {', '.join(others[:8])}"
    more = f" and {len(others) - 8} others" if len(others) > 8 else ""
    return replace(found, note=f"{told}{more}. Open it to see what the doctor says of each.")


def _diagnosed(view: RunView, name: str, adv_loss: str) -> Diagnosed:
    if adv_loss and adv_loss not in LOSSES:
        known = ", ".join(LOSSES)
        raise BadInput(
            f"the form of the adversarial loss {adv_loss!r:.40} is not known; choose one of {known}",
            field="adv_loss",
        )
    if adv_loss:
        view = replace(view, facts=replace(view.facts, adv_loss=adv_loss))
    points = sum(len(t) for t in view.tracks.values())
    return Diagnosed(
        name, diagnose(view), points, tuple(view.tracks), view.last_step, view.facts.adv_loss or "", view
    )


def read(body: bytes, name: str) -> RunView:
    """The run in a CSV or a journal. Raises `BadInput` that names file, line and value, and the way out."""
    try:
        return parse(body.decode("utf-8-sig"), name)
    except UnicodeDecodeError as problem:
        line = body.count(b"\n", 0, problem.start) + 1
        raise BadInput(
            f"{name}, line {line}: not text (byte {problem.start} is not UTF-8); give a CSV or a journal",
            field="log",
        ) from None
    except csv.Error as problem:
        raise BadInput(f"{name}: no CSV: {problem}", field="log") from None
    except Unusable as problem:
        raise BadInput(str(problem), field="log") from None
