"""What can be heard: for each slot the reference and every run's samples, by step and epoch."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from app import reading, records
from app.models import Run, Sample
from app.plots import keyed

REFERENCES = ("reference", "target", "clean", "real")
FACTS = (
    "peak_dbfs",
    "rms_dbfs",
    "lufs",
    "clipped_share",
    "dc",
    "nonfinite",
    "seconds",
    "rate_hz",
    "channels",
)


def is_reference(series: str) -> bool:
    """Whether a series of samples is what others are held against: by the last part of its name."""
    return series.rsplit("/", 1)[-1].split(".")[0] in REFERENCES


def heard(session: Session, runs: Sequence[Run]) -> dict[str, Any]:
    """``{"slots": [{slot, caption, sources: {"R" | key: [take]}, same}], "runs": [...]}``, slots by name.

    A take is ``{step, epoch, url, facts, series}``; ``url`` is None while its bytes are on their way. ``same``
    is false where runs were given different references in one slot: they cannot be compared by ear.
    """
    by_key = keyed(runs)
    found = records.samples(session, [r.id for r in runs])
    audio = [s for s in found if s.media == "audio"]
    epochs = {r.id: _epochs(session, r.id, [s.step for s in audio if s.run_id == r.id]) for r in runs}
    slots = []
    for name in sorted({s.slot for s in audio}, key=natural):
        mine = [s for s in audio if s.slot == name]
        sources: dict[str, list[dict[str, Any]]] = {}
        digests = set()
        for key, run in by_key.items():
            takes = [s for s in mine if s.run_id == run.id]
            references = [s for s in takes if is_reference(s.series)]
            if references:
                digests.add(references[-1].sha256)
                sources.setdefault("R", [_take(references[-1], epochs[run.id])])
            made = _main([s for s in takes if not is_reference(s.series)])
            if made:
                latest = {s.step: s for s in made}  # a step that came twice counts once, the later one
                sources[key] = [_take(latest[step], epochs[run.id]) for step in sorted(latest)]
        caption = next((s.caption for s in mine if s.caption), "")
        slots.append({"slot": name, "caption": caption, "sources": sources, "same": len(digests) < 2})
    return {
        "slots": slots,
        "runs": [{"key": k, "id": r.id, "name": r.name or r.id} for k, r in by_key.items()],
    }


def _main(samples: list[Sample]) -> list[Sample]:
    """The samples of the run's main series: the one with most of them."""
    series = sorted({s.series for s in samples}, key=lambda n: (-sum(s.series == n for s in samples), n))
    return [s for s in samples if s.series == series[0]] if series else []


def _epochs(session: Session, run_id: str, steps: list[int]) -> dict[int, float]:
    unique = sorted(set(steps))
    places = reading.on_axis(session, run_id, unique, "epoch").tolist()
    return {s: e for s, e in zip(unique, places, strict=True) if math.isfinite(e)}


def _take(sample: Sample, epochs: dict[int, float]) -> dict[str, Any]:
    epoch = epochs.get(sample.step)
    facts = {name: sample.facts.get(name) for name in FACTS if name in sample.facts}
    url = records.sample_json(sample)["url"]
    shown = {"step": sample.step, "epoch": epoch if epoch is None else round(epoch, 3), "url": url}
    return shown | {"series": sample.series, "facts": facts, "seconds": facts.get("seconds")}


def natural(text: str) -> list[tuple[int, int, str]]:
    """Slots in the order that people count: clip 2 before clip 10."""
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"(\d+)", text) if p]
