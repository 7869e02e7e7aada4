"""What can be seen: for each slot the reference's and every run's pictures, by step and epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from app import errands, listening, reading, records
from app.expected import knob
from app.models import Run, Sample
from app.tracks import keyed

Json = dict[str, Any]
GAP = 2  # white pixels between the images of a grid
FACTS = ("width", "height", "clipped_share", "nonfinite")
ASKED = ("nearest/", "said/")
"""Series of what a person asked for: they stand with the question, not among the run's own samples."""


def family(series: str) -> str:
    """What a picture is of: mel, or image. ``mel``, ``mel/target`` and ``mel/noisy`` are drawn on one grey scale."""
    return "mel" if series.split("/", 1)[0] == "mel" else "image"


def cells(run: Run, facts: Json, caption: str) -> Json | None:
    """How a grid of images is laid out: ``{columns, rows, side, gap, classes}``; None for a picture that is no grid.

    A class a row, as the cGAN draws them; their names stand in the caption.
    """
    columns, width, height = knob(run, "data.slots"), facts.get("width"), facts.get("height")
    if run.trainer != "cgan" or not isinstance(columns, int) or not isinstance(width, int) or columns < 1:
        return None
    side, left = divmod(width - GAP, columns)
    rows, under = divmod((height or 0) - GAP, side) if side > 0 else (0, 1)
    if left or under or side <= GAP or rows < 1:
        return None
    classes = [c.strip() for c in caption.split(",")]
    named = classes if len(classes) == rows else [str(i) for i in range(rows)]
    return {"columns": columns, "rows": rows, "side": side - GAP, "gap": GAP, "classes": named}


def seen(session: Session, runs: Sequence[Run]) -> Json:
    """``{"slots": [{slot, family, caption, cells, same, sources: [{id, key, label, takes}]}], "runs": [...]}``.

    A take is ``{step, epoch, url, sha256, facts}``; ``url`` is None while its bytes are on their way. ``same`` is
    false where runs were given different references in one slot: they cannot be compared.
    """
    by_key = keyed(runs)
    made = [
        s
        for s in records.samples(session, [r.id for r in runs])
        if s.media == "image" and not s.series.startswith(ASKED)
    ]
    epochs = {r.id: _epochs(session, r.id, [s.step for s in made if s.run_id == r.id]) for r in runs}
    names = {(family(s.series), s.slot) for s in made}
    slots = []
    for kind, slot in sorted(names, key=lambda n: (n[0], listening.natural(n[1]))):
        mine = [s for s in made if s.slot == slot and family(s.series) == kind]
        caption = next((s.caption for s in mine if s.caption), "")
        slots.append(_slot(kind, slot, caption, mine, by_key, epochs))
    shown = []
    for key, run in by_key.items():
        shown.append(
            {"key": key, "id": run.id, "name": run.name or run.id, "nearest": "nearest" in errands.able(run)}
        )
    return {"slots": slots, "runs": shown}


def _slot(
    kind: str,
    slot: str,
    caption: str,
    mine: Sequence[Sample],
    by_key: dict[str, Run],
    epochs: dict[str, dict[int, float]],
) -> Json:
    sources: list[Json] = []
    digests: set[str] = set()
    layout = None
    for key, run in by_key.items():
        here = [s for s in mine if s.run_id == run.id]
        references = [s for s in here if listening.is_reference(s.series)]
        if references:
            digests.add(references[-1].sha256)
            if not any(s["id"] == "R" for s in sources):
                takes = [_take(references[-1], epochs[run.id])]
                sources.insert(
                    0, {"id": "R", "key": "R", "label": _label(references[-1].series), "takes": takes}
                )
        others = [s for s in here if not listening.is_reference(s.series)]
        for series in sorted({s.series for s in others}, key=lambda n: (n.count("/"), n)):
            latest = {s.step: s for s in others if s.series == series}  # a step that came twice counts once
            first = not any(s["key"] == key for s in sources)
            sources.append({
                "id": key if first else f"{key}.{_label(series)}", "key": key, "label": _label(series),
                "takes": [_take(latest[step], epochs[run.id]) for step in sorted(latest)],
            })  # fmt: skip
        if layout is None and here:
            layout = cells(run, here[-1].facts or {}, caption)
    return {
        "slot": slot,
        "family": kind,
        "caption": caption,
        "cells": layout,
        "sources": sources,
        "same": len(digests) < 2,
    }


def _label(series: str) -> str:
    return {"mel": "predicted", "samples": "generated", "reference": "real"}.get(
        series, series.rsplit("/", 1)[-1]
    )


def _epochs(session: Session, run_id: str, steps: Sequence[int]) -> dict[int, float]:
    unique = sorted(set(steps))
    places = reading.on_axis(session, run_id, unique, "epoch").tolist() if unique else []
    return {s: e for s, e in zip(unique, places, strict=True) if math.isfinite(e)}


def _take(sample: Sample, epochs: dict[int, float]) -> Json:
    epoch = epochs.get(sample.step)
    facts = {name: sample.facts.get(name) for name in FACTS if name in (sample.facts or {})}
    url = records.sample_json(sample)["url"]
    return {"step": sample.step, "epoch": None if epoch is None else round(epoch, 3), "url": url,
            "sha256": sample.sha256, "facts": facts}  # fmt: skip
