"""``python -m trainers probe run_dir=DIR [kind=…] [steps=N] [json=true] [device=cpu]``: what ails a discriminator.

Works on the newest checkpoint of a run folder, or on the one given, in memory: the run's files stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from typing import Any

from nashboard import events
from nashboard.environment import plain
from recipes.registry import load as load_recipe
from trainers.kit.errors import BadInput

WORDS = {"run_dir": "", "kind": "all", "steps": "200", "json": "false", "device": "cpu"}
USAGE = "python -m trainers probe run_dir=DIR [kind=all|overfit|noise|same|ratio] [steps=200] [json=true] [device=cpu]"
MOST_STEPS = 10_000


def main(words: Sequence[str]) -> int:
    """Runs the command line after ``probe``; returns 0. Raises `BadInput` for words that cannot be."""
    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    given = dict(WORDS)
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in WORDS:
            raise BadInput(f"{word!r} is none of {', '.join(f'{n}=' for n in WORDS)}; {USAGE}")
        given[name] = value
    found = probe(given["run_dir"], _kinds(given["kind"]), _steps(given["steps"]), given["device"])
    if given["json"] not in ("true", "false"):
        raise BadInput(f"json={given['json']!r} is neither true nor false")
    if given["json"] == "true":
        print(events.dumps(plain(found)))
        return 0
    print(f"{found['trainer']}: checkpoint at step {found['step']}")
    for one in found["probes"]:
        print(f"  {one['verdict']:<5} {one['title']}: {one['text']}")
    print(f"points to: {found['cause'] or 'nothing'}")
    return 0


def _kinds(word: str) -> tuple[str, ...]:
    from trainers.kit.probe import KINDS

    if word != "all" and word not in KINDS:
        raise BadInput(f"kind={word!r} is none of all, {', '.join(KINDS)}")
    return KINDS if word == "all" else (word,)


def _steps(word: str) -> int:
    if not word.isdecimal() or not 1 <= int(word) <= MOST_STEPS:
        raise BadInput(f"steps={word!r} is not a whole number from 1 to {MOST_STEPS}")
    return int(word)


def probe(run_dir: str, kinds: Sequence[str], steps: int, device: str = "cpu") -> dict[str, Any]:
    """Probes the checkpoint that ``run_dir`` means: {trainer, step, steps, probes: [...], cause}.

    Raises:
        BadInput: without a checkpoint, or for a run whose recipe has no discriminator to probe.
    """
    from trainers.kit import checkpoints
    from trainers.kit.probe import Probes, cause

    if not run_dir:
        raise BadInput(f"probe needs run_dir=DIR; {USAGE}")
    checkpoint = checkpoints.load(checkpoints.find(run_dir))
    recipe = load_recipe(checkpoint.trainer, checkpoint.recipe)
    training = import_module(f"trainers.{checkpoint.trainer}.train").Training(recipe, device, checkpoint)
    probes = Probes(training, import_module(f"trainers.{checkpoint.trainer}.probe").Hook(training), steps)
    probed = {kind: probes(kind) for kind in kinds}
    return {
        "trainer": checkpoint.trainer,
        "step": checkpoint.step,
        "steps": steps,
        "probes": [asdict(p) for p in probed.values()],
        "cause": cause(probed),
    }
