"""The conformer block that CMGAN's generator stacks along time and along frequency.

Half a feed-forward, attention with relative positions, a gated depthwise convolution, half a feed-forward,
a last layer norm; every part added to what went in. Sequences are ``[N, L, C]``.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recipes.enhancement import Generator as Part

FARTHEST = 512  # positions further apart than this share an embedding


def _feed_forward(width: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, 4 * width),
        nn.SiLU(),
        nn.Dropout(dropout),
        nn.Linear(4 * width, width),
        nn.Dropout(dropout),
    )


class RelativeAttention(nn.Module):
    """Softmax attention whose scores have a term q · e(i - j) for the distance of two positions (Shaw)."""

    def __init__(self, width: int, heads: int, head_dim: int, dropout: float) -> None:
        super().__init__()
        inner = heads * head_dim
        self.heads, self.scale = heads, head_dim**-0.5
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, inner, bias=False)
        self.key_value = nn.Linear(width, 2 * inner, bias=False)
        self.out = nn.Linear(inner, width)
        self.distance = nn.Embedding(2 * FARTHEST + 1, head_dim)
        self.dropout = nn.Dropout(dropout)

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def positions(self, query: Tensor) -> Tensor:
        """q · e(i - j) for all i, j: ``[N, heads, L, L]`` from queries ``[N, heads, L, D]``.

        Each query meets the 2L - 1 distances once; a skewed view then lines them up with the keys, which
        needs a fraction of the memory of an embedding for each pair.
        """
        length = query.shape[2]
        apart = torch.arange(length - 1, -length, -1, device=query.device).clamp(-FARTHEST, FARTHEST)
        scores = query @ self.distance(apart + FARTHEST).T  # [N, h, L, 2L - 1], distance L-1 first
        padded = F.pad(scores, (0, 1)).flatten(2)[..., : -length or None]
        padded = padded.reshape(*scores.shape[:2], length, 2 * length - 1) if length > 1 else scores
        return padded[..., length - 1 :] if length > 1 else scores

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        query = self._split(self.query(x)) * self.scale
        key, value = (self._split(y) for y in self.key_value(x).chunk(2, -1))
        weights = (query @ key.transpose(-1, -2) + self.positions(query)).softmax(-1)
        mixed = (weights @ value).transpose(1, 2).flatten(2)
        attended: Tensor = self.dropout(self.out(mixed))
        return attended


class Convolution(nn.Module):
    """Pointwise to twice the width with a gate, depthwise, norm, SiLU, pointwise back."""

    def __init__(self, width: int, kernel: int, norm: str, dropout: float) -> None:
        super().__init__()
        inner = 2 * width
        self.norm = nn.LayerNorm(width)
        self.wide = nn.Conv1d(width, 2 * inner, 1)
        self.depthwise = nn.Conv1d(inner, inner, kernel, padding=kernel // 2, groups=inner)
        self.middle = nn.BatchNorm1d(inner) if norm == "batch" else nn.GroupNorm(1, inner)
        self.narrow = nn.Conv1d(inner, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.glu(self.wide(self.norm(x).transpose(1, 2)), 1)
        hidden = self.narrow(F.silu(self.middle(self.depthwise(hidden))))
        convolved: Tensor = self.dropout(hidden.transpose(1, 2))
        return convolved


class Conformer(nn.Module):
    """One block on ``[N, L, channels]``; without heads there is no attention, and the block is local."""

    def __init__(self, part: Part) -> None:
        super().__init__()
        width, dropout = part.channels, part.dropout
        self.before, self.after = _feed_forward(width, dropout), _feed_forward(width, dropout)
        self.attention = RelativeAttention(width, part.heads, part.head_dim, dropout) if part.heads else None
        self.convolution = Convolution(width, part.kernel, part.norm, dropout)
        self.last = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + 0.5 * self.before(x)
        if self.attention is not None:
            x = x + self.attention(x)
        x = x + self.convolution(x)
        x = x + 0.5 * self.after(x)
        normed: Tensor = self.last(x)
        return normed
