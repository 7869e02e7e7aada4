"""The data card of speech with texts: recordings as in any audio, and which symbols their texts cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import soundfile

from recipes.tts import Tts
from trainers.kit import card
from trainers.kit.audio import Skipped
from trainers.kit.card import SIDES, Item, Trouble
from trainers.kit.reading import read_aloud
from trainers.tts import corpus, demo
from trainers.tts.corpus import Spoken
from trainers.tts.data import split

READ = 400  # texts that are read into phonemes where the folder brings none
RARE = 5


def made(recipe: Tts, out: Path) -> dict[str, Any]:
    """The card of a recipe's data. Raises `BadInput` for data that cannot be used at all."""
    data = recipe.data
    found = corpus.read(data, data.root or str(demo.folder()))
    short, skipped = [], list(found.skipped)
    for spoken in found.spoken:
        try:
            seconds = soundfile.info(spoken.path).duration
        except (soundfile.LibsndfileError, OSError, RuntimeError) as problem:
            skipped.append(Skipped(spoken.id, f"cannot be read: {problem}"))
            continue
        if seconds > data.max_seconds:
            reason = f"{seconds:.1f} s, longer than data.max_seconds {data.max_seconds:g}"
            skipped.append(Skipped(spoken.id, reason))
        else:
            short.append(spoken)
    sides = cast(Any, split)([SimpleNamespace(id=s.id) for s in short], data.eval_share, data.split_seed)
    held = {u.id for u in sides[1]}
    items = [
        Item(s.path.relative_to(found.folder).as_posix(), s.path, ("eval" if s.id in held else "train",))
        for s in short
    ]
    told = card.audio(items, skipped, out, rate_hz=data.rate_hz)
    phonemes, source = _phonemes(short, found.source, data.voice)
    told["facts"].append(["Durations", demo.SOURCE if not data.root else found.source])
    told["text"], troubles = coverage(short, held, phonemes)
    told["text"]["source"] = source
    told["troubles"] += [t.to_dict() for t in troubles]
    return told


def _phonemes(spoken: Sequence[Spoken], source: str, voice: str) -> tuple[dict[str, Sequence[str]], str]:
    """({id: phonemes}, where they come from); of at most `READ` texts where they must be read first."""
    if all(s.phonemes for s in spoken):
        return {s.id: s.phonemes for s in spoken}, source
    some = spoken[:: max(1, -(-len(spoken) // READ))]
    readings = read_aloud([s.text for s in some], voice)
    part = "" if len(some) == len(spoken) else f", of {len(some)} of {len(spoken)} texts"
    return {s.id: r.phonemes for s, r in zip(some, readings, strict=True)}, f"eSpeak NG, {voice}{part}"


def coverage(
    spoken: Sequence[Spoken], held: set[str], phonemes: dict[str, Sequence[str]]
) -> tuple[dict[str, Any], list[Trouble]]:
    """What the texts cover: symbols by side, rare ones, lengths; and what evaluation has that training lacks."""
    counts: dict[str, Counter[str]] = {s: Counter() for s in SIDES}
    for name, symbols in phonemes.items():
        counts["eval" if name in held else "train"].update(p for p in symbols if p.strip())
    unseen = sorted(set(counts["eval"]) - set(counts["train"]))
    rare = sorted(p for p, n in counts["train"].items() if n < RARE)
    lengths = np.array([len(s.text) for s in spoken])
    low, middle, high = (int(v) for v in np.quantile(lengths, (0, 0.5, 1)))
    texts: dict[str, list[Spoken]] = {}
    for s in spoken:
        texts.setdefault(" ".join(s.text.lower().split()), []).append(s)
    both = [g for g in texts.values() if len({s.id in held for s in g}) > 1]
    troubles = []
    if unseen:
        text = (
            f"{len(unseen)} symbols of the evaluation texts do not occur in training: they cannot be spoken."
        )
        troubles.append(
            Trouble("unseen", "warn", "Symbols that training lacks", text, tuple(unseen), len(unseen))
        )
    if both:
        names = tuple(" = ".join(s.id for s in g) for g in both)
        text = f"{len(both)} texts are read in training and in evaluation: prosody scores will look better than they are."
        troubles.append(Trouble("texts", "warn", "Texts on both sides of the split", text, names, len(both)))
    table = [[p, n, counts["eval"][p]] for p, n in counts["train"].most_common()]
    table += [[p, 0, counts["eval"][p]] for p in unseen]
    return {
        "symbols": table,
        "rare": rare,
        "characters": f"{low} to {high}, middle {middle}",
        "utterances": len(spoken),
    }, troubles
