"""Several runs in a few words: which side each is on, and what all of them share."""

from __future__ import annotations

from collections.abc import Sequence

from app import differs
from app.models import Run
from recipes import TRAINERS, compose

SIDES = {"old": "Old", "fixed": "New"}


def sides(found: Sequence[Run]) -> list[str]:
    """Old, New or the run's name, for each run: sides are those of the presets."""
    found_sides = []
    for run in found:
        presets = {p.name: p.side for p in compose.presets(run.trainer)} if run.trainer in TRAINERS else {}
        found_sides.append(SIDES.get(presets.get(run.preset, ""), run.name or run.id))
    doubled = {s for s in found_sides if found_sides.count(s) > 1}
    return [run.name or run.id if s in doubled else s for s, run in zip(found_sides, found, strict=True)]


def about(found: Sequence[Run], differences: differs.Differences) -> str:
    """ "codec, tiny, seed 3, same data and evaluation set": what all of them share."""
    parts = []
    for name in ("trainer", "size"):
        values = {getattr(r, name) for r in found}
        if len(values) == 1 and (only := values.pop()):
            parts.append(only)
    seeds = {r.seed for r in found}
    if len(found) > 1 and len(seeds) == 1 and (seed := seeds.pop()) is not None:
        parts.append(f"seed {seed}")
    if len(found) > 1 and differences.same_data is not None:
        hashes = {r.environment.get("eval_hash") for r in found}
        same = differences.same_data and (None in hashes or len(hashes) == 1)
        parts.append("same data and evaluation set" if same else "different data")
    return ", ".join(parts)
