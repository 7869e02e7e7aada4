"""``python -m trainers dry TRAINER [knob=value …] [device=…] [json=true]``: two steps, and what the whole would take.

A real run of two steps in a folder that is removed afterwards: it evaluates at its start and its end and saves, as
every run does. What is told of the whole run is extrapolated from that, and says from what.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from nashboard import events, journal
from nashboard.environment import plain
from recipes.base import Recipe, flat, patched
from recipes.compose import compose
from recipes.registry import recipe_type
from trainers.card import told
from trainers.kit.errors import BadInput
from trainers.kit.runs import carry_out

USAGE = "python -m trainers dry TRAINER [knob=value …] [device=auto|cpu|cuda:N] [json=true]"
STEPS = 2
WORD = "run_dir"
CHANGED = {"trainer.max_steps": STEPS, "trainer.log_every": 1, "trainer.processes": 1}


def main(words: Sequence[str]) -> int:
    """Runs the command line after ``dry``; 0, or 1 where the two steps failed, with the reason as its last line.

    Raises:
        BadInput, BadRecipe: for what cannot be: a batch larger than the data, a GPU that is not there.
    """
    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    recipe_type(words[0])
    own, rest = told(words[1:], "json")
    if any(word.startswith((f"{WORD}=", "resume=", "url=")) for word in rest):
        raise BadInput("a dry run keeps nothing: leave run_dir, resume and url out")
    request = compose(words[0], rest)
    folder = Path(tempfile.mkdtemp(prefix="nashboard-dry-"))
    try:
        began = time.time()
        status = carry_out(
            replace(request, recipe=patched(request.recipe, CHANGED), run_dir=str(folder / "run"), stop_on=())
        )
        told_events = list(journal.events(folder / "run"))
        if status:
            print(_reason(told_events), file=sys.stderr)
            return 1
        found = estimate(request.recipe, told_events, began) | peak()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if own["json"] == "true":
        print(events.dumps(plain(found)))
    else:
        for name, value in found.items():
            print(f"  {name:<18} {value}")
    return 0


def _reason(found: Sequence[events.Event]) -> str:
    """Why the two steps failed, in one line with a way out where there is one."""
    ended = next((e for e in reversed(found) if isinstance(e, events.RunEnded)), None)
    reason = " ".join((ended.reason if ended else "").split()) or "the run ended without a reason"
    low = reason.lower()
    if "out of memory" in low or "memoryerror" in low or "can't allocate memory" in low:
        return f"out of memory: take a smaller size or a smaller data.batch ({reason[:200]})"
    return reason[:500]


def peak() -> dict[str, Any]:
    """Peak memory of this process in bytes, and on its GPU where it has used one."""
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gpu = torch.cuda.max_memory_reserved() if torch.cuda.is_available() and torch.cuda.is_initialized() else 0
    name = torch.cuda.get_device_name() if gpu else ""
    return {
        "memory": kib * 1024,
        "gpu_memory": gpu,
        "device": name or "CPU",
        "threads": torch.get_num_threads(),
    }


def estimate(recipe: Recipe, found: Sequence[events.Event], began: float) -> dict[str, Any]:
    """Seconds and bytes of the whole run, extrapolated from the events of a run of two steps.

    ``seconds_per_step`` is that of the last step: the first one also pays for what is made once.
    """
    part: Any = getattr(recipe, "trainer")  # noqa: B009 - each trainer's own type
    total, per = int(part.total_steps), int(part.steps_per_epoch)
    points = [e for e in found if isinstance(e, events.Points) and "speed/steps_per_s" in e.values]
    if not points or not points[-1].values["speed/steps_per_s"] > 0:
        raise BadInput(f"the run of {STEPS} steps reported no speed")
    step_s = 1 / points[-1].values["speed/steps_per_s"]
    last = points[-1]
    saved = [e for e in found if isinstance(e, events.CheckpointSaved)]
    ended = found[-1].time
    evaluation_s = max(ended - last.time, 0.0)
    evaluations = total // (int(part.eval_every) * per) + (total % (int(part.eval_every) * per) > 0)
    first_step = points[0].time - began
    checkpoint = saved[-1].size if saved else 0
    kept = min(int(part.keep_last) + bool(part.best_by), evaluations)
    sounds = sum(e.size for e in found if isinstance(e, events.SampleMade) and e.step == last.step)
    line = len(events.encode(last))
    disk = kept * checkpoint + (evaluations + 1) * sounds + total // max(int(part.log_every), 1) * line
    seconds = first_step + max(total - 1, 0) * step_s + evaluations * evaluation_s
    return {
        "steps": total,
        "seconds_per_step": _short(step_s),
        "evaluation_seconds": _short(evaluation_s),
        "evaluations": evaluations,
        "start_seconds": _short(first_step),
        "seconds": _short(seconds),
        "checkpoint": checkpoint,
        "checkpoints": kept,
        "disk": disk,
        "from": (
            f"the last of {STEPS} steps; evaluations as long as the one at the end ({evaluations} of them); "
            f"{kept} checkpoints kept"
        ),
        "notes": notes(recipe, total),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def notes(recipe: Recipe, total: int) -> list[str]:
    """What makes later steps cost something else than the first two."""
    found = []
    start = _early(recipe)
    if start > STEPS:
        found.append(
            f"the adversarial game begins at step {start}: it was not played in these steps, and those after it take longer"
        )
    processes = getattr(getattr(recipe, "trainer"), "processes", 1)  # noqa: B009
    if processes > 1:
        found.append(f"measured in one process; the run has {processes}")
    return found


def _early(recipe: Recipe) -> int:
    """The step at which the adversarial game begins, by the recipe's warm-ups."""
    warm = [v for k, v in flat(recipe).items() if k == "disc.start" or k.endswith(".warmup_steps")]
    return max((v for v in warm if isinstance(v, int)), default=0)


def _short(value: float) -> float:
    return float(f"{value:.4g}")
