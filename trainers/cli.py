"""The command line of the trainers: ``python -m trainers NAME knob=value …``.

Exit status 0: finished or stopped; 1: failed, and the journal says why; 2: bad input, one line on stderr and
nothing written. Lists and help need no torch; it is imported once the words are known to be good.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from recipes.base import BadRecipe, Knob, knobs
from recipes.compose import build, compose, presets, sizes
from recipes.registry import TRAINERS, recipe_type
from recipes.values import to_text
from trainers.kit.errors import BadInput

WORDS = (
    ("preset=NAME", "the named recipe to start from"),
    ("size=NAME", "size of the networks; without one: tiny, or small where there is a GPU"),
    ("run_dir=DIR", "the run's folder; without one: runs/<trainer>-<preset>-s<seed>-<id>"),
    ("resume=PATH", "go on from a run folder or a checkpoint; with another run_dir this makes a fork"),
    ("device=auto|cpu|cuda:N", "where to compute"),
    ("url=http://HOST:PORT", "the server that gets a copy of the journal; without one: the journal alone"),
    ("stop_on=RULE,RULE", "stop, saved, when the server's doctor says fail by one of these rules"),
)


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit status."""
    try:
        if not argv or argv[0] in ("-h", "--help", "help"):
            print(overview())
            return 0
        trainer, words = argv[0], argv[1:]
        if trainer == "diagnose":
            from trainers import diagnosis

            return diagnosis.main(words)
        if trainer == "card":
            from trainers import card

            return card.main(words)
        if trainer == "dry":
            from trainers import dry

            return dry.main(words)
        if trainer == "nearest":
            from trainers.cgan import nearest

            return nearest.main(words)
        if trainer == "probe":
            from trainers import probing

            return probing.main(words)
        if trainer == "say":
            from trainers.tts import say

            return say.main(words)
        recipe_type(trainer)
        if any(word in ("-h", "--help") for word in words):
            print(help_of(trainer))
            return 0
        request = compose(trainer, words, default_size=default_size(trainer, words))
        from trainers.kit.runs import carry_out

        return carry_out(request)
    except KeyboardInterrupt:  # while torch is imported; later the loop ends its step and saves
        print("ended before the run began", file=sys.stderr)
        return 0
    except (BadRecipe, BadInput) as problem:
        print(" ".join(str(problem).split()), file=sys.stderr)
        return 2


def default_size(trainer: str, words: Sequence[str]) -> str:
    """``small`` where the machine has an NVIDIA GPU that may be used, else ``tiny``; needs no torch."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or "device=cpu" in words
    there = any(Path(p).exists() for p in ("/proc/driver/nvidia/gpus", "/dev/nvidiactl", "/dev/dxg"))
    return "small" if there and not hidden and "small" in sizes(trainer) else "tiny"


def overview() -> str:
    """What ``python -m trainers`` prints: the trainers and how to go on."""
    width = max(map(len, TRAINERS))
    return "\n".join(
        [
            "Trainers:",
            *(f"  {name:<{width}}  {recipe.title}" for name, recipe in TRAINERS.items()),
            "",
            "python -m trainers NAME --help              knobs, presets and sizes",
            "python -m trainers NAME preset=fixed …      train",
            "python -m trainers card NAME data.root=DIR  what the data holds, and what is wrong with it",
            "python -m trainers dry NAME …               two steps: time, memory and disk of the whole run",
            "python -m trainers say --help               speak a sentence by a checkpoint of tts",
            "python -m trainers nearest --help           real images nearest to a generated one (cgan)",
            "python -m trainers diagnose enhancement run_dir=DIR",
            "python -m trainers probe run_dir=DIR        what ails a discriminator, on a copy of a checkpoint",
        ]
    )


def help_of(trainer: str) -> str:
    """What ``python -m trainers NAME --help`` prints."""
    recipe = build(trainer)
    out = [
        f"python -m trainers {trainer} [word=value …]    {recipe_type(trainer).title}",
        "",
        "Words of the run:",
    ]
    out += [_entry(word, text) for word, text in WORDS]
    out += ["", "Presets:"]
    for preset in presets(trainer):
        base = f" (against {preset.base}: {preset.changes})" if preset.base and preset.changes else ""
        out.append(_entry(preset.name, f"{preset.title}{base}. {preset.text}".strip()))
    out += ["", f"Sizes: {', '.join(sizes(trainer))}", ""]
    out.append(f"Knobs, with their values for preset={recipe.preset} size={recipe.size}:")
    group = ""
    for knob in knobs(recipe):
        if knob.name in ("preset", "size"):
            continue
        if knob.group != group:
            group = knob.group
            out += ["", f"  {group}"]
        out.append(_entry(f"{knob.name}={to_text(knob.default)}", described(knob)))
    return "\n".join(out)


def described(knob: Knob) -> str:
    """A knob's help with its unit, range or choices."""
    facts = [f"in {knob.unit}" if knob.unit else "", " | ".join(knob.choices) or knob.range]
    told = "; ".join(f for f in facts if f)
    return f"{knob.help} [{told}]" if told else knob.help


def _entry(head: str, text: str) -> str:
    width = min(shutil.get_terminal_size((110, 24)).columns, 120)
    lines = textwrap.wrap(text, max(width - 38, 30)) or [""]
    first = f"  {head:<34}"
    if len(head) > 34:
        return "\n".join([first, *(" " * 37 + line for line in lines)])
    return "\n".join([f"{first} {lines[0]}", *(" " * 37 + line for line in lines[1:])])
