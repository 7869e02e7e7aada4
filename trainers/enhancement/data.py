"""The enhancer's data: pairs as VoiceBank-DEMAND lays them out, or clean speech mixed with noise."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recipes.enhancement import Data as Part
from recipes.enhancement import Enhancement
from trainers.kit import audio
from trainers.kit.audio import Bank, Clip, Skipped, Wave
from trainers.kit.crops import split
from trainers.kit.errors import BadInput
from trainers.kit.noise import babble, hum, pink
from trainers.kit.pairs import Matched, Mixed, PairCrops, Pairs, PairSet, pair_set

SHORTEST = 0.25  # seconds: PESQ needs as much
WHOLE = 60.0  # seconds: where a whole clip ends
MADE_SECONDS = 10.0
PARTS = {"train": ("train", "trainset"), "test": ("test", "testset")}
VOICEBANK = re.compile(r"(p\d{3})_\d+")  # p232_014: the speaker is part of the name


@dataclass(frozen=True)
class Speech:
    """What a run trains on and is measured by; ``minutes`` of training audio."""

    crops: PairCrops
    source: Pairs
    evaluation: PairSet
    skipped: tuple[Skipped, ...]
    minutes: float
    about: str


def speech(recipe: Enhancement) -> Speech:
    """Decodes, pairs or mixes, splits and checks the data of a recipe. Raises `BadInput` for what cannot be."""
    data = recipe.data
    training, source, clips, held, about = sides(data)
    crops = PairCrops(
        training, clips, crop=data.crop, batch=data.batch, seed=recipe.seed, step=data.crop_step
    )
    seconds = WHOLE if data.eval_crop == "whole" else data.eval_seconds
    evaluation = pair_set(source, held, items=data.eval_items, seconds=seconds)
    skipped = training.bank.skipped + (source.bank.skipped if source.bank is not training.bank else ())
    minutes = sum(c.length for c in clips) / data.rate_hz / 60
    return Speech(crops, source, evaluation, skipped, minutes, about)


Sides = tuple[Pairs, Pairs, list[Clip], list[Clip], str]


def sides(data: Part) -> Sides:
    """(training pairs, evaluation pairs, training clips, held-out clips, what they are in words)."""
    root = Path(data.root)
    found = {name: pair for name in PARTS if data.root and (pair := _pair(root, PARTS[name]))}
    whole = _pair(root, ()) if data.root else None
    if len(found) == 2:
        train, test = (_matched(found[name], data) for name in ("train", "test"))
        return (
            train,
            test,
            list(train.bank.clips),
            list(test.bank.clips),
            "pairs with a test part of their own",
        )
    if found or whole:
        pairs = _matched(whole or next(iter(found.values())), data)
        training, held = split(pairs.bank, data.eval_share, data.split_seed, shortest=data.crop)
        return pairs, pairs, training, held, "pairs"
    return _mixed(data)


def _pair(root: Path, names: Sequence[str]) -> tuple[Path, Path] | None:
    """The folders of clean and noisy files, one inside the other's neighbourhood; None where there are none.

    Known are ``clean`` and ``noisy``, both inside ``train`` and ``test``, and VoiceBank's own names such as
    ``clean_trainset_28spk_wav`` and ``clean_testset_wav``.
    """
    if not root.is_dir():
        return None
    folders = sorted(p for p in root.iterdir() if p.is_dir())
    sides: list[Path] = []
    for side in ("clean", "noisy"):
        if names:
            inside = [root / names[0] / side]
            inside += [p for p in folders if p.name.startswith(f"{side}_{names[1]}")]
        else:
            inside = [root / side]
        sides += [p for p in inside if p.is_dir()][:1]
    if len(sides) == 2:
        return sides[0], sides[1]
    if not names and [p.name for p in sides] == ["noisy"]:
        raise BadInput(f"data.root {str(root)!r} holds noisy/ but no clean/ beside it: pairs need both")
    return None


def _shortest(data: Part) -> int:
    return int(SHORTEST * data.rate_hz)


def _matched(folders: tuple[Path, Path], data: Part) -> Matched:
    clean, noisy = (audio.load(str(f), data.rate_hz, shortest=_shortest(data)) for f in folders)
    found = Matched(clean, noisy)
    clips = tuple(_named(c) for c in found.bank.clips)
    found.bank = replace(found.bank, clips=clips)
    return found


def _named(clip: Clip) -> Clip:
    """The clip with the speaker that VoiceBank's file names tell."""
    name = VOICEBANK.fullmatch(Path(clip.id).stem)
    return replace(clip, speaker=name[1]) if name and not clip.speaker else clip


def _mixed(data: Part) -> Sides:
    bank = _clean_only(audio.load(data.root, data.rate_hz, shortest=_shortest(data)))
    bank = with_pauses(bank, int(data.pauses * data.rate_hz))
    training, held = split(bank, data.eval_share, data.split_seed, shortest=data.crop)
    if data.noise:
        sides, skipped = _recorded(data)
        bank = replace(bank, skipped=(*bank.skipped, *skipped))
        about = f"speech mixed with noise of {data.noise}"
    else:
        sides = [_made(bank, side, data, i) for i, side in enumerate((training, held))]
        about = "speech mixed with made noise (pink, hum, babble)"
    pairs = [
        Mixed(bank, noises, snrs, data.split_seed)
        for noises, snrs in zip(sides, (data.snrs, data.eval_snrs), strict=True)
    ]
    return pairs[0], pairs[1], training, held, about


def _clean_only(bank: Bank) -> Bank:
    """The bank without files that lie in a folder ``noisy``: they are no clean speech."""
    noisy = [c for c in bank.clips if "noisy" in c.id.split("/")[:-1]]
    kept = tuple(c for c in bank.clips if c not in noisy)
    if not kept:
        raise BadInput(f"data.root {bank.root!r} holds noisy speech only; clean speech is needed to mix")
    gone = [
        Skipped(c.id, "lies in a folder of noisy speech, and clean speech is needed to mix") for c in noisy
    ]
    return replace(bank, clips=kept, skipped=(*bank.skipped, *gone))


def with_pauses(bank: Bank, samples: int) -> Bank:
    """The bank with so many zeros before and after each clip; in memory."""
    if not samples:
        return bank
    waves, clips, start = [], [], 0
    silence = np.zeros(samples, np.float32)
    for clip in bank.clips:
        waves += [silence, bank.wave(clip), silence]
        clips.append(replace(clip, start=start, length=clip.length + 2 * samples))
        start += clip.length + 2 * samples
    return replace(bank, samples=np.concatenate(waves), clips=tuple(clips))


def _recorded(data: Part) -> tuple[list[list[tuple[str, Wave]]], list[Skipped]]:
    """Noises for training and for evaluation, no file in both where there are two or more."""
    try:
        bank = audio.load(data.noise, data.rate_hz, shortest=_shortest(data))
    except BadInput as problem:
        raise BadInput(str(problem).replace("data.root", "data.noise")) from None
    ordered = sorted(
        bank.clips, key=lambda c: hashlib.sha256(f"{data.split_seed}:{c.id}".encode()).hexdigest()
    )
    held = max(1, round(0.3 * len(ordered))) if len(ordered) > 1 else 0
    parts = [ordered[held:], ordered[:held] or ordered]
    skipped = [Skipped(f"{data.noise}: {s.path}", s.reason) for s in bank.skipped]
    return [[(c.id, bank.wave(c)) for c in part] for part in parts], skipped


def _made(bank: Bank, clips: Sequence[Clip], data: Part, side: int) -> list[tuple[str, Wave]]:
    """Made noises of one side of the split, babble from the voices of that side."""
    random = np.random.default_rng([data.split_seed, side])
    length = int(MADE_SECONDS * data.rate_hz)
    chosen = [clips[int(i)] for i in random.permutation(len(clips))[:12]]
    voices = [bank.wave(c) for c in chosen]
    noises: list[tuple[str, Wave]] = []
    for turn in range(2):
        noises.append((f"pink {turn}", pink(length, random)))
        noises.append((f"hum {turn}", hum(length, data.rate_hz, random)))
        noises.append((f"babble {turn}", babble(length, voices, random)))
    return noises
