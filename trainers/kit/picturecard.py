"""Data cards of images: sides of the split, balance of labels, duplicates, blank ones, pictures to see."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from nashboard import media
from trainers.kit.card import SIDES, Item, Trouble, same
from trainers.kit.imagesets import Images

UNEVEN = 3.0  # a class with so many times the images of another one
ROW, SHOWN, ZOOM = 8, 10, 2
FLAT = 2.0  # levels of spread below which a picture holds nothing


def pictures(train: Images, held: Images, classes: tuple[str, ...], out: Path) -> dict[str, Any]:
    """The card of two parts of a set; a sheet of them, a row a class, is written to ``out``."""
    parts = dict(zip(SIDES, (train, held), strict=True))
    labels = {s: np.bincount(p.labels, minlength=len(classes)) for s, p in parts.items()}
    groups: dict[str, list[tuple[Item, int]]] = defaultdict(list)
    blank: list[str] = []
    for side, part in parts.items():
        for at, (pixels, label) in enumerate(zip(part.pixels, part.labels, strict=True)):
            name = f"{classes[label]}, {side} image {at}"
            digest = hashlib.sha256(pixels.tobytes()).hexdigest()
            groups[digest].append((Item(name, Path(), (side,)), int(label)))
            if float(pixels.std()) < FLAT:
                blank.append(name)
    repeated = [g for g in groups.values() if len(g) > 1]
    troubles = same([[i for i, _ in g] for g in repeated], "images", "pixels")
    troubles += two_labels(repeated) + uneven(labels["train"], labels["eval"], classes)
    if blank:
        text = f"{len(blank)} images are of one colour."
        troubles.append(Trouble("blank", "warn", "Images that show nothing", text, tuple(blank), len(blank)))
    pixels = train.pixels[:: max(1, len(train) // 4000)]
    spread = [float(pixels[:, c].mean()) for c in range(3)]
    return {
        "kind": "images",
        "facts": [
            ["Trained at", f"{train.pixels.shape[-1]}×{train.pixels.shape[-1]}, RGB"],
            ["Classes", str(len(classes))],
            ["Mean colour", " ".join(f"{v:.0f}" for v in spread) + " of 255"],
            [
                "At the ends",
                f"{100 * float(((pixels == 0) | (pixels == 255)).mean()):.1f} % of the values are 0 or 255",
            ],
        ],
        "counts": [["Images", len(train), len(held)]],
        "labels": [[c, int(labels["train"][i]), int(labels["eval"][i])] for i, c in enumerate(classes)],
        "troubles": [t.to_dict() for t in troubles],
        "samples": sheet(parts, classes, out),
        "measured": len(train) + len(held),
        "found": len(train) + len(held),
        "left": 0,
    }


def two_labels(repeated: list[list[tuple[Item, int]]]) -> list[Trouble]:
    """Equal pictures that are said to be of different classes."""
    bad = [g for g in repeated if len({label for _, label in g}) > 1]
    names = tuple(" = ".join(i.name for i, _ in g) for g in bad)
    text = f"{len(bad)} pictures stand in two classes: the condition contradicts itself."
    return [Trouble("two_labels", "warn", "One picture, two labels", text, names, len(bad))] if bad else []


def uneven(train: np.ndarray, held: np.ndarray, classes: tuple[str, ...]) -> list[Trouble]:
    """Classes with few images, none in training, or none held out."""
    found = []
    empty = tuple(c for c, n in zip(classes, train, strict=True) if n == 0)
    there = train[train > 0]
    if empty:
        text = f"{len(empty)} of {len(classes)} classes have no training image."
        found.append(Trouble("empty", "fail", "Classes without images", text, empty, len(empty)))
    if len(there) > 1 and there.max() >= UNEVEN * there.min():
        few, many = int(np.where(train > 0, train, np.inf).argmin()), int(train.argmax())
        text = f"{classes[many]} has {train[many]} images to train on, {classes[few]} {train[few]}."
        found.append(Trouble("uneven", "warn", "Labels are out of balance", text, (), 1))
    unheld = tuple(c for c, n, t in zip(classes, held, train, strict=True) if n == 0 and t > 0)
    if unheld:
        text = f"{len(unheld)} classes have no image held out: no score sees them."
        found.append(Trouble("unheld", "warn", "Classes without evaluation", text, unheld, len(unheld)))
    return found


def sheet(parts: dict[str, Images], classes: tuple[str, ...], out: Path) -> list[dict[str, Any]]:
    """One PNG a side: a row a class, up to `ROW` images each, twice their size."""
    told = []
    for side, part in parts.items():
        rows = []
        for label in [k for k in range(len(classes)) if (part.labels == k).any()][:SHOWN]:
            mine = np.flatnonzero(part.labels == label)[:ROW]
            row = np.full((ROW, *part.pixels.shape[1:]), 255, np.uint8)
            row[: len(mine)] = part.pixels[mine]
            rows.append(np.concatenate(list(row), axis=2))
        if rows:
            whole = np.concatenate(rows, axis=1).transpose(1, 2, 0).repeat(ZOOM, 0).repeat(ZOOM, 1)
            data, ext, _ = media.as_image(np.ascontiguousarray(whole))
            (out / f"sheet-{side}.{ext}").write_bytes(data)
            told.append(
                {
                    "file": f"sheet-{side}.{ext}", "media": "image", "ext": ext, "name": side,
                    "caption": f"{side}: a row a class, {len(part)} images",
                }
            )  # fmt: skip
    return told
