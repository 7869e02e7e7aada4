"""``python -m trainers say run_dir=DIR text="…" out=FILE.wav``: a sentence of one's own, by a checkpoint.

eSpeak NG turns the text into phonemes and is not heard: the sound is the network's mel through the vocoder.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from nashboard import events
from nashboard.environment import plain
from nashboard.media import audio_facts, write_wav
from recipes.base import patched
from recipes.registry import load
from recipes.tts import Tts
from trainers.kit import checkpoints
from trainers.kit.checkpoints import Checkpoint
from trainers.kit.errors import BadInput
from trainers.kit.reading import checked, read_aloud
from trainers.tts.data import Facts
from trainers.tts.model import Controls, FastSpeech2
from trainers.tts.scale import Scale
from trainers.tts.symbols import Inventory
from trainers.tts.vocoder import build_vocoder

WORDS = {
    "run_dir": "run folder or checkpoint",
    "text": "what to say",
    "out": "the wav file to write",
    "speed": "1: as predicted; 2: twice as fast",
    "pitch": "factor of F0",
    "energy": "factor of energy",
    "vocoder": "TorchScript file instead of the recipe's vocoder",
    "json": "true: what was done as one JSON object",
}
USAGE = 'python -m trainers say run_dir=DIR text="…" out=FILE.wav [speed=1] [pitch=1] [energy=1] [vocoder=FILE] [json=true]'


@dataclass(frozen=True)
class Spoken:
    """A sentence: its wave ``[samples]``, what stood in for phonemes unheard, and the checkpoint's step."""

    wave: NDArray[Any]
    rate_hz: int
    folded: dict[str, str]
    step: int


def speak(
    checkpoint: Checkpoint,
    text: str,
    *,
    speed: float = 1.0,
    pitch: float = 1.0,
    energy: float = 1.0,
    vocoder: str = "",
) -> Spoken:
    """The text in the voice of a checkpoint of the trainer tts.

    Raises:
        BadInput: for a text with unknown symbols, or a network whose mel is not finite.
    """
    recipe = load("tts", checkpoint.recipe)
    assert isinstance(recipe, Tts)
    if vocoder:
        recipe = patched(recipe, {"vocoder.path": vocoder})
    facts = Facts.from_dict(checkpoint.state["facts"])
    text = checked(text)
    phonemes = read_aloud([text], facts.voice)[0].phonemes
    inventory = Inventory(facts.symbols)
    ids, folded = inventory.ids(phonemes, f"text {text[:60]!r}")
    net = FastSpeech2(recipe, len(inventory))
    net.load_state_dict(checkpoint.state["gen"])
    net.eval()
    turn = Controls(
        duration=1 / speed,
        pitch=float(torch.tensor(pitch).log()) / facts.pitch[1],
        energy=(energy - 1) * facts.energy[0] / facts.energy[1],
    )
    tokens = torch.tensor(ids)[None]
    with torch.no_grad():
        out = net(tokens, torch.tensor([len(ids)]), None, turn)
        if not bool(out.after.isfinite().all()):
            raise BadInput(
                f"the network of {str(checkpoint.path)!r} says NaN or infinity: take an earlier checkpoint"
            )
        wave = build_vocoder(recipe)(Scale(recipe.mel).inverse(out.after[0]))
    return Spoken(wave.numpy(), recipe.data.rate_hz, folded, checkpoint.step)


def main(words: Sequence[str]) -> int:
    """The command line after ``say``; returns the exit status 0. Raises `BadInput`."""
    if any(word in ("-h", "--help") for word in words):
        print("\n".join([USAGE, *(f"  {name:<10}{text}" for name, text in WORDS.items())]))
        return 0
    given = _given(words)
    checked(given["text"])
    out = Path(given["out"])
    if out.suffix.lower() != ".wav":
        raise BadInput(f"out {given['out']!r} must end in .wav")
    if not out.absolute().parent.is_dir():
        raise BadInput(f"out {given['out']!r}: there is no folder {str(out.parent)!r}")
    if given.get("json", "false") not in ("true", "false"):
        raise BadInput(f"json={given['json']!r} is neither true nor false")
    turned = {name: _factor(name, given[name]) for name in ("speed", "pitch", "energy") if name in given}
    checkpoint = checkpoints.load(_found(given["run_dir"]), "tts")
    said = speak(checkpoint, given["text"], vocoder=given.get("vocoder", ""), **turned)
    try:
        write_wav(out, said.wave, said.rate_hz)
    except OSError as problem:
        raise BadInput(f"out {given['out']!r} cannot be written: {problem.strerror or problem}") from problem
    if given.get("json") == "true":
        print(events.dumps(plain(told(said, given["text"], out, given.get("vocoder", "")))))
        return 0
    for phoneme, instead in said.folded.items():
        print(f"the run's data lacks the phoneme {phoneme}; {instead} stands in for it", file=sys.stderr)
    print(f"{out}: {len(said.wave) / said.rate_hz:.2f} s at {said.rate_hz} Hz, step {said.step}")
    return 0


def told(said: Spoken, text: str, out: Path, vocoder: str = "") -> dict[str, Any]:
    """What was said, for programs: its sample with the facts measured on the float signal, and what stood in."""
    sample = {
        "file": out.name,
        "media": "audio",
        "ext": "wav",
        "series": "said/speech",
        "slot": text[:200],
        "step": said.step,
        "caption": text,
        "facts": audio_facts(said.wave, said.rate_hz),
    }
    return {
        "text": text,
        "step": said.step,
        "seconds": len(said.wave) / said.rate_hz,
        "rate_hz": said.rate_hz,
        "vocoder": "TorchScript file" if vocoder else "the recipe's",
        "stood_in": said.folded,
        "samples": [sample],
    }


def _found(run_dir: str) -> Path:
    try:
        return checkpoints.find(run_dir)
    except BadInput as problem:
        raise BadInput(str(problem).replace("resume", "run_dir", 1)) from problem


def _given(words: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in WORDS:
            raise BadInput(f"{word!r} is none of {', '.join(f'{n}=…' for n in WORDS)}; {USAGE}")
        given[name] = value
    lost = [n for n in ("run_dir", "text", "out") if not given.get(n, "").strip()]
    if lost:
        raise BadInput(f"say needs {' and '.join(f'{n}=…' for n in lost)}; {USAGE}")
    return given


def _factor(name: str, value: str) -> float:
    try:
        factor = float(value)
    except ValueError:
        factor = float("nan")
    if not 0.2 <= factor <= 5:
        raise BadInput(f"{name} {value!r} must be a number from 0.2 to 5")
    return factor
