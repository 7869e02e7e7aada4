"""Augmentation that gradients pass through (Zhao et al. 2020): colour, translation, cutout, in that order.

Strengths are those of the paper: brightness ±0.5, saturation × 0 to 2, contrast × 0.5 to 1.5; shifts by up to
an eighth of the side, filled with 0; a square of half the side blanked. One policy object serves real and fake
images, in the discriminator's step and in the generator's alike: augmenting on one side only teaches the
generator to imitate the augmentation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

SHIFT, HOLE = 1 / 8, 1 / 2


def _draw(images: Tensor) -> Tensor:
    """One number in [0, 1) an image, ``[B, 1, 1, 1]``."""
    return torch.rand(len(images), 1, 1, 1, device=images.device, dtype=images.dtype)


def color(images: Tensor) -> Tensor:
    """Brightness, saturation and contrast, drawn for each image."""
    images = images + _draw(images) - 0.5
    grey = images.mean(1, keepdim=True)
    images = (images - grey) * (2 * _draw(images)) + grey
    middle = images.mean((1, 2, 3), keepdim=True)
    return (images - middle) * (_draw(images) + 0.5) + middle


def _offsets(images: Tensor, low: int, high: int) -> tuple[Tensor, Tensor]:
    """A row and a column offset an image in [low, high], each ``[B, 1]``."""
    draw = torch.randint(low, high + 1, (2, len(images), 1), device=images.device)
    return draw[0], draw[1]


def translation(images: Tensor) -> Tensor:
    """Shifts each image by up to an eighth of its sides; what comes in is 0."""
    batch, _, height, width = images.shape
    most = max(round(height * SHIFT), 1), max(round(width * SHIFT), 1)
    down, _ = _offsets(images, -most[0], most[0])
    _, right = _offsets(images, -most[1], most[1])
    rows = torch.arange(height, device=images.device)[None] - down
    columns = torch.arange(width, device=images.device)[None] - right
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None]
    each = torch.arange(batch, device=images.device)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[
        each, rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None]
    ]
    return moved.permute(0, 3, 1, 2) * inside[:, None]


def cutout(images: Tensor) -> Tensor:
    """Blanks a square of half the side of each image; it may lie partly outside."""
    _, _, height, width = images.shape
    tall, wide = max(round(height * HOLE), 1), max(round(width * HOLE), 1)
    top, _ = _offsets(images, -(tall // 2), height - tall + tall // 2)
    _, left = _offsets(images, -(wide // 2), width - wide + wide // 2)
    rows = torch.arange(height, device=images.device)[None] - top
    columns = torch.arange(width, device=images.device)[None] - left
    hole = ((rows >= 0) & (rows < tall))[:, :, None] & ((columns >= 0) & (columns < wide))[:, None]
    return images * ~hole[:, None]


OPERATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}


class DiffAugment:
    """The policy: which operations, on images ``[B, C, H, W]`` in [-1, 1]. Draws from torch's generator."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        strange = [n for n in names if n not in OPERATIONS]
        if strange:
            raise ValueError(f"augmentation {strange[0]!r} is none of {', '.join(OPERATIONS)}")
        self.names = tuple(n for n in OPERATIONS if n in names)

    def __call__(self, images: Tensor) -> Tensor:
        for name in self.names:
            images = OPERATIONS[name](images)
        return images
