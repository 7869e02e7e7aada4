"""``python -m trainers nearest run_dir=DIR picture=SHA256 cell=N``: the real images nearest to a generated one.

By the features that the run's scores are computed on (Inception's, or those of the data set's own classifier) and by
plain pixels. A generator that repeats its training images shows here, and not in its scores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nashboard import events, media
from nashboard.environment import plain
from recipes.cgan import Cgan
from recipes.registry import load as load_recipe
from trainers.cgan.data import Pictures, pictures
from trainers.cgan.evaluate import GAP, GRID_ROWS
from trainers.kit import checkpoints, classifier, imagefile, inception
from trainers.kit.classifier import as_float
from trainers.kit.errors import BadInput

WORDS = {
    "run_dir": "run folder",
    "picture": "SHA-256 of a picture in its folder samples",
    "cell": "which image of the grid, row by row from 0",
    "out": "a folder to write the images into",
    "json": "true: what was found as one JSON object",
}
USAGE = "python -m trainers nearest run_dir=DIR picture=SHA256 cell=N [out=DIR] [json=true]"
BATCH = 256
BEST = 3


@dataclass(frozen=True)
class Match:
    """A real image ``[3, S, S]`` of bytes: how far it is, ``by`` which measure, and where it stands in the data."""

    by: str
    distance: float
    split: str
    index: int
    label: str
    pixels: Tensor


def nearest(image: Tensor, data: Pictures, extract: Callable[[Tensor], tuple[Tensor, Tensor]]) -> list[Match]:
    """The `BEST` nearest of all real images by features, then the one nearest by pixels.

    ``image`` ``[3, S, S]`` of bytes. Feature distance is Euclidean; that of pixels is the RMS in the range −1 to 1.
    """
    asked = as_float(image[None])
    with torch.no_grad():
        wanted = extract(asked)[0].float()
        found: list[tuple[str, int, float, float]] = []
        for split, part in (("training", data.train), ("held out", data.held)):
            real = torch.from_numpy(part.pixels)
            for start in range(0, len(part), BATCH):
                some = as_float(real[start : start + BATCH])
                far = (extract(some)[0].float() - wanted).norm(dim=1)
                apart = (some - asked).square().mean((1, 2, 3)).sqrt()
                pairs = zip(far.tolist(), apart.tolist(), strict=True)
                found += [(split, start + i, a, b) for i, (a, b) in enumerate(pairs)]
    best = [("features", m, m[2]) for m in sorted(found, key=lambda m: m[2])[:BEST]]
    by_pixels = min(found, key=lambda m: m[3])
    parts = {"training": data.train, "held out": data.held}
    out = []
    for by, (split, index, _, _), distance in [*best, ("pixels", by_pixels, by_pixels[3])]:
        part = parts[split]
        label = data.classes[int(part.labels[index])]
        out.append(Match(by, distance, split, index, str(label), torch.from_numpy(part.pixels[index])))
    return out


def cell_of(path: Path, cell: int, columns: int, classes: int) -> Tensor:
    """One image ``[3, S, S]`` of bytes out of a grid as `trainers.cgan.evaluate.grid` draws it.

    Raises:
        BadInput: for a picture that is no such grid, or a cell that it does not have.
    """
    try:
        pixels = torch.from_numpy(imagefile.read(path).copy())
    except (OSError, imagefile.BadPicture) as problem:
        raise BadInput(f"picture {str(path)!r} cannot be read: {problem}") from problem
    rows = min(classes, GRID_ROWS)
    side, left = divmod(pixels.shape[1] - GAP, columns)
    if left or side <= GAP or pixels.shape[0] != rows * side + GAP:
        height, width = pixels.shape[:2]
        raise BadInput(
            f"picture {path.name!r} of {width}×{height} pixels is no grid of {columns} by {rows} images"
        )
    if cell >= rows * columns:
        raise BadInput(f"cell={cell}: the grid has {rows * columns} images, from 0 to {rows * columns - 1}")
    top, start = GAP + cell // columns * side, GAP + cell % columns * side
    return pixels[top : top + side - GAP, start : start + side - GAP].permute(2, 0, 1)


def main(words: Sequence[str]) -> int:
    """The command line after ``nearest``; returns 0. Raises `BadInput`."""
    if not words or any(word in ("-h", "--help") for word in words):
        print("\n".join([USAGE, *(f"  {name:<9}{text}" for name, text in WORDS.items())]))
        return 0
    given = _given(words)
    folder = Path(given["run_dir"])
    checkpoint = checkpoints.load(checkpoints.find(given["run_dir"]), "cgan")
    recipe = load_recipe("cgan", checkpoint.recipe)
    assert isinstance(recipe, Cgan)
    picture = folder / "samples" / f"{given['picture']}.png"
    if not picture.is_file():
        raise BadInput(f"picture {given['picture']!r}: {str(folder / 'samples')!r} does not hold it")
    data = pictures(recipe)
    image = cell_of(picture, int(given["cell"]), recipe.data.slots, len(data.classes))
    if recipe.score.inception:
        name = "Inception (2015)"
        extract = inception.load(recipe.score.inception, recipe.score.inception_sha256, torch.device("cpu"))
    else:
        known = classifier.trained(data.train, data.held, len(data.classes))
        name, extract = f"classifier of the data set ({known.accuracy:.0%} right)", known.net
    found = nearest(image, data, extract)
    told = _told(found, name, len(data.train) + len(data.held), given)
    if given.get("json") == "true":
        print(events.dumps(plain(told)))
    else:
        for m in found:
            print(f"by {m.by}: {m.split} image {m.index}, {m.label}, distance {m.distance:.4g}")
        print(told["text"])
    return 0


def _told(found: Sequence[Match], extractor: str, count: int, given: dict[str, str]) -> dict[str, Any]:
    matches: list[dict[str, Any]] = []
    samples: list[dict[str, Any]] = []
    for i, m in enumerate(found):
        where = {"by": m.by, "distance": m.distance, "split": m.split, "index": m.index, "class": m.label}
        matches.append(where)
        if "out" in given:
            name = f"nearest-{i}.png"
            (Path(given["out"]) / name).write_bytes(media.png(m.pixels.permute(1, 2, 0).contiguous()))
            caption = f"{m.split} image {m.index}, {m.label}, distance {m.distance:.4g} by {m.by}"
            samples.append(
                {"file": name, "media": "image", "ext": "png", "series": f"nearest/{m.by}", "step": 0,
                 "slot": f"{given['picture'][:12]} {given['cell']}", "caption": caption}
            )  # fmt: skip
    text = (
        f"Among {count:,} real images. Features: {extractor}, Euclidean distance; pixels: root mean square in the "
        "range −1 to 1. Indices count from 0 in the order of the files."
    )
    return {"extractor": extractor, "images": count, "matches": matches, "text": text, "samples": samples}


def _given(words: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in WORDS:
            raise BadInput(f"{word!r} is none of {', '.join(f'{n}=…' for n in WORDS)}; {USAGE}")
        given[name] = value
    lost = [n for n in ("run_dir", "picture", "cell") if not given.get(n, "").strip()]
    if lost:
        raise BadInput(f"nearest needs {' and '.join(f'{n}=…' for n in lost)}; {USAGE}")
    if not re.fullmatch(r"[0-9a-f]{64}", given["picture"]):
        raise BadInput(f"picture={given['picture']!r:.80} is no SHA-256: 64 hex digits in small letters")
    if not re.fullmatch(r"\d{1,6}", given["cell"], re.ASCII):
        raise BadInput(f"cell={given['cell']!r:.40} is no whole number from 0")
    if given.get("json", "false") not in ("true", "false"):
        raise BadInput(f"json={given['json']!r:.40} is neither true nor false")
    if "out" in given and not Path(given["out"]).is_dir():
        raise BadInput(f"out {given['out']!r}: there is no such folder")
    return given
