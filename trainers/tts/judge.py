"""The mel discriminator: patches of time and frequency, and whole frames over time, as adversarial TTS has them.

FastSpeech2 itself has none. With ``adv_weight`` 0 it is a critic that watches: trained on the same mels, its
loss reported, no gradient of it reaches the generator.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recipes.tts import Discriminator
from trainers.kit.discriminators import Judge

LEAK = 0.2


class MelJudge(Judge):
    """Two sub-discriminators of normalised mels ``[B, M, T]``: ``patch`` (2-D) and ``frames`` (1-D)."""

    leak = LEAK

    def __init__(self, part: Discriminator, bands: int) -> None:
        super().__init__()
        self.names = ["patch", "frames"]
        widths = [part.channels * 2**i for i in range(3)]
        self.patch = nn.ModuleList(
            [nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise([1, *widths])]
        )
        self.frames = nn.ModuleList(
            [
                nn.Conv1d(a, b, 5, stride=s, padding=2)
                for (a, b), s in zip(pairwise([bands, *widths]), (1, 2, 2), strict=True)
            ]
        )
        self.last_patch = nn.Conv2d(widths[-1], 1, 3, padding=1)
        self.last_frames = nn.Conv1d(widths[-1], 1, 3, padding=1)

    def forward(self, mel: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        logits, features = [], []
        for x, layers, last in (
            (mel[:, None], self.patch, self.last_patch),
            (mel, self.frames, self.last_frames),
        ):
            seen = []
            for layer in layers:
                x = F.leaky_relu(layer(x), LEAK)
                seen.append(x)
            logits.append(last(x))
            features.append(seen)
        return logits, features


def stretches(real: Tensor, fake: Tensor, frames: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """The same random stretch of each item of both mels ``[B, T, M]`` as ``[B, M, length]``, no padding in it.

    The length is ``longest``, or that of the shortest item where that is less.
    """
    length = min(longest, int(frames.min()))
    room = (frames - length + 1).cpu()
    start = (torch.rand(len(real)) * room).long().minimum(room - 1)
    place = (start[:, None] + torch.arange(length)).to(real.device)[..., None]
    ours, theirs = (x.gather(1, place.expand(-1, -1, x.shape[2])).transpose(1, 2) for x in (real, fake))
    return ours, theirs
