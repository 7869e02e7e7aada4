"""Residual vector quantisers: each stage codes what the stages before it left over.

`EmaResidualVQ` learns its codebooks by running averages (EnCodec) and gives codes that fall out of use a new
place at once; `FactorizedResidualVQ` learns them by gradient, in few dimensions and by direction only (DAC).
All draws come from torch's global generator, so a seed fixes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from recipes.codec import Quantizer as Part
from trainers.kit.processes import SOLO, Team


@dataclass(frozen=True)
class Quantized:
    """``z`` like the input ``[B, D, T]``, gradient straight through; scalar ``loss``; codes ``[B, q, T]``."""

    z: Tensor
    loss: Tensor
    codes: Tensor


def _kept_stages(batch: int, stages: int, dropout: float, like: Tensor) -> Tensor:
    """Stages used for each item ``[B]``: a random number for the first ``dropout`` share of the batch."""
    kept = torch.full((batch,), stages, device=like.device)
    dropped = int(batch * dropout)
    if dropped:
        kept[:dropped] = torch.randint(1, stages + 1, (dropped,), device=like.device)
    return kept


class ResidualVQ(nn.Module):
    """The walk through the stages that both quantisers share; a stage takes ``[B, D, T]`` and codes it.

    Each stage sees what is left with the gradient that the stages before it give it: none from `EmaCodebook`,
    the straight-through one from `FactorizedCodebook`, as in their models.
    """

    def __init__(self, stages: list[nn.Module], dropout: float, mean_loss: bool) -> None:
        super().__init__()
        self.stages, self.dropout, self.mean_loss = nn.ModuleList(stages), dropout, mean_loss

    def __call__(self, z: Tensor) -> Quantized:
        done: Quantized = super().__call__(z)
        return done

    def forward(self, z: Tensor) -> Quantized:
        count = len(self.stages)
        kept = _kept_stages(len(z), count, self.dropout if self.training else 0.0, z)
        rest, total = z, torch.zeros_like(z)
        losses, codes = [], []
        for i, stage in enumerate(self.stages):
            found, loss, code = stage(rest)
            used = (kept > i).to(z.dtype)
            total = total + found * used[:, None, None]
            rest = rest - found
            losses.append((loss * used).mean())
            codes.append(code)
        loss = torch.stack(losses)
        return Quantized(total, loss.mean() if self.mean_loss else loss.sum(), torch.stack(codes, 1))

    def restarts(self) -> dict[str, Tensor]:
        """``codebook/restart_error.{stage}``: how far codes restarted in the latest step are from their new place.

        Measured at the end of that step, of the code and of the average that it will follow; 0 is right. Empty
        for codebooks that restart no codes.
        """
        stages = [s for s in self.stages if isinstance(s, EmaCodebook)]
        return {f"codebook/restart_error.{i}": stage.restart_error for i, stage in enumerate(stages)}

    def decode(self, codes: Tensor) -> Tensor:
        """``[B, D, T]`` of codes ``[B, q, T]``; the first q stages only, where q is smaller than all."""
        parts = [stage.look_up(codes[:, i]) for i, stage in enumerate(self.stages) if i < codes.shape[1]]
        return torch.stack(parts).sum(0)


class EmaCodebook(nn.Module):
    """One stage of `EmaResidualVQ`: ``size`` vectors of ``dim`` numbers, moved towards what they code.

    In training its first batch places the codes: on random frames (``data``) or on their k-means centres. A
    code whose running count falls under ``dead_below`` times the even share is put on a random frame, with
    running sum and count to match, so that the next average does not undo it.
    """

    embed: Tensor
    embed_sum: Tensor
    cluster_size: Tensor
    placed: Tensor

    def __init__(
        self,
        dim: int,
        size: int,
        decay: float = 0.99,
        init: str = "data",
        dead_below: float = 0.1,
        team: Team = SOLO,
    ) -> None:
        super().__init__()
        if init not in ("data", "kmeans"):
            raise ValueError(f"codebook init {init!r} is neither data nor kmeans")
        self.size, self.decay, self.init, self.dead_below = size, decay, init, dead_below
        self.team = team
        self.register_buffer("embed", torch.randn(size, dim) / math.sqrt(dim))
        self.register_buffer("embed_sum", self.embed.clone())
        self.register_buffer("cluster_size", torch.ones(size))
        self.register_buffer("placed", torch.tensor(False))
        self.restart_error = torch.tensor(0.0)
        self._placed = False  # the buffer's twin, read without waiting for the device
        self.register_load_state_dict_post_hook(lambda module, _: module._loaded())

    def _loaded(self) -> None:
        self._placed = bool(self.placed)

    def _frames(self, rows: Tensor) -> Tensor:
        """``size`` random rows of all processes, as the first one draws them; each process has equally many."""
        count = len(rows)
        whole = count * self.team.size
        chosen = torch.randint(whole, (self.size,), device=rows.device)
        if whole >= self.size and not self._placed:
            chosen = torch.randperm(whole, device=rows.device)[: self.size]
        chosen = self.team.sum(chosen if self.team.leads else torch.zeros_like(chosen))
        mine = chosen - self.team.rank * count
        here = (mine >= 0) & (mine < count)
        return self.team.sum(torch.where(here[:, None], rows[mine.clamp(0, count - 1)], 0.0))

    def _tally(self, rows: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
        """(how often each code was used ``[K]``, the sum of what it coded ``[K, D]``), over all processes."""
        used = torch.zeros(self.size, device=rows.device).index_add_(0, code, torch.ones_like(rows[:, 0]))
        sums = torch.zeros_like(self.embed).index_add_(0, code, rows)
        return self.team.sum(used), self.team.sum(sums)

    def nearest(self, rows: Tensor) -> Tensor:
        """The code of each row ``[N, D]``."""
        far = self.embed.square().sum(1) - 2 * rows @ self.embed.t()
        return far.argmin(1)

    def _place(self, rows: Tensor) -> None:
        self.embed.copy_(self._frames(rows))
        for _ in range(10 if self.init == "kmeans" else 0):
            used, sums = self._tally(rows, self.nearest(rows))
            self.embed.copy_(torch.where(used[:, None] > 0, sums / used.clamp(min=1)[:, None], self.embed))
        self.cluster_size.fill_(len(rows) * self.team.size / self.size)
        self.embed_sum.copy_(self.embed * self.cluster_size[:, None])
        self.placed.fill_(True)
        self._placed = True

    def _learn(self, rows: Tensor, code: Tensor) -> None:
        used, sums = self._tally(rows, code)
        self.cluster_size.lerp_(used, 1 - self.decay)
        self.embed_sum.lerp_(sums, 1 - self.decay)
        self.embed.copy_(self.embed_sum / self.cluster_size.clamp(min=1e-5)[:, None])
        dead, frames = self._revive(rows, used.sum() / self.size)
        average = self.embed_sum / self.cluster_size.clamp(min=1e-5)[:, None]
        undone = torch.maximum((self.embed - frames).abs(), (average - frames).abs()).amax(1)
        self.restart_error = torch.where(dead, undone, 0.0).max()

    def _revive(self, rows: Tensor, even: Tensor) -> tuple[Tensor, Tensor]:
        """Put dead codes on random frames; returns (which were dead ``[K]``, the frames ``[K, D]``).

        Runs last: what it writes must survive this forward pass, and the average the next one.
        """
        dead = self.cluster_size < self.dead_below * even
        frames = self._frames(rows)
        self.embed.copy_(torch.where(dead[:, None], frames, self.embed))
        self.cluster_size.copy_(torch.where(dead, even, self.cluster_size))
        self.embed_sum.copy_(torch.where(dead[:, None], frames * even, self.embed_sum))
        return dead, frames

    def look_up(self, code: Tensor) -> Tensor:
        """``[B, D, T]`` of codes ``[B, T]``."""
        return F.embedding(code, self.embed).transpose(1, 2)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows = z.detach().transpose(1, 2).flatten(0, 1).float()
        if self.training and not self._placed:
            self._place(rows)
        code = self.nearest(rows)
        found = F.embedding(code, self.embed).view(len(z), -1, z.shape[1]).transpose(1, 2).to(z.dtype)
        loss = (z - found).square().mean((1, 2))
        if self.training:
            self._learn(rows, code)
        return found, loss, code.view(len(z), -1)


class EmaResidualVQ(ResidualVQ):
    """``codebooks`` stages of `EmaCodebook`; the loss is ``commitment`` times the stages' mean squared rest.

    The processes of a ``team`` learn one codebook of all their batches. Without a training batch the codes are
    random: an evaluation changes nothing.
    """

    def __init__(
        self,
        dim: int,
        codebooks: int = 4,
        size: int = 256,
        decay: float = 0.99,
        commitment: float = 0.25,
        dropout: float = 0.0,
        init: str = "data",
        dead_below: float = 0.1,
        team: Team = SOLO,
    ) -> None:
        stages: list[nn.Module] = [
            EmaCodebook(dim, size, decay, init, dead_below, team) for _ in range(codebooks)
        ]
        super().__init__(stages, dropout, mean_loss=True)
        self.commitment, self.size = commitment, size

    def forward(self, z: Tensor) -> Quantized:
        done = super().forward(z)
        # straight through once for all stages: once for each would multiply the encoder's gradient
        return Quantized(z + (done.z - z).detach(), self.commitment * done.loss, done.codes)


class FactorizedCodebook(nn.Module):
    """One stage of DAC: projected to ``code_dim`` numbers, looked up by direction, projected back."""

    def __init__(self, dim: int, size: int, code_dim: int, commitment: float) -> None:
        super().__init__()
        self.inward = weight_norm(nn.Conv1d(dim, code_dim, 1))
        self.outward = weight_norm(nn.Conv1d(code_dim, dim, 1))
        nn.init.zeros_(self.inward.bias)
        nn.init.zeros_(self.outward.bias)
        self.codebook = nn.Embedding(size, code_dim)
        self.commitment = commitment

    def look_up(self, code: Tensor) -> Tensor:
        """``[B, D, T]`` of codes ``[B, T]``."""
        wide: Tensor = self.outward(self.codebook(code).transpose(1, 2))
        return wide

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        low = self.inward(z)
        rows = F.normalize(low.detach().transpose(1, 2).flatten(0, 1), dim=1)
        code = (rows @ F.normalize(self.codebook.weight.detach(), dim=1).t()).argmax(1).view(len(z), -1)
        found = self.codebook(code).transpose(1, 2)
        commit = (low - found.detach()).square().mean((1, 2))
        learn = (found - low.detach()).square().mean((1, 2))
        return self.outward(low + (found - low).detach()), self.commitment * commit + learn, code


class FactorizedResidualVQ(ResidualVQ):
    """DAC's. The loss sums, over stages, ``commitment`` × commitment loss + codebook loss (equal values)."""

    def __init__(
        self,
        dim: int,
        codebooks: int = 9,
        size: int = 1024,
        code_dim: int = 8,
        commitment: float = 0.25,
        dropout: float = 0.0,
    ) -> None:
        stages: list[nn.Module] = [
            FactorizedCodebook(dim, size, code_dim, commitment) for _ in range(codebooks)
        ]
        super().__init__(stages, dropout, mean_loss=False)
        self.size = size


def build_quantizer(part: Part, dim: int, *, team: Team = SOLO) -> ResidualVQ:
    """The quantiser that a recipe's ``quantizer`` describes, over latents of ``dim`` numbers."""
    if part.kind == "ema":
        return EmaResidualVQ(
            dim, part.codebooks, part.size, part.decay, part.commitment, part.dropout, team=team
        )
    return FactorizedResidualVQ(dim, part.codebooks, part.size, part.dim, part.commitment, part.dropout)


@dataclass(frozen=True)
class StageUse:
    """How one stage used its codes: ``perplexity`` in codes; ``relative`` and ``use`` over min(K, tokens)."""

    perplexity: float
    relative: float
    use: float
    bits: float
    tokens: int


class CodeUse:
    """Counts codes over many batches: perplexity cannot exceed min(codebook size, tokens counted)."""

    def __init__(self, stages: int, size: int) -> None:
        self.stages, self.size = stages, size
        self._counts: Tensor | None = None

    def add(self, codes: Tensor) -> None:
        """Count codes ``[B, q, T]``, on their own device."""
        if self._counts is None:
            self._counts = torch.zeros(self.stages, self.size, device=codes.device)
        by_stage = codes.detach().transpose(0, 1).flatten(1)
        self._counts.scatter_add_(1, by_stage, torch.ones_like(by_stage, dtype=torch.float32))

    def read(self, reset: bool = True) -> list[StageUse]:
        """One `StageUse` a stage, none where nothing was counted; counting starts anew unless told not to."""
        if self._counts is None:
            return []
        counts = self._counts.double().cpu()
        if reset:
            self._counts = None
        found = []
        for stage in counts:
            tokens = int(stage.sum())
            share = stage[stage > 0] / tokens
            bits = float(-(share * share.log2()).sum())
            most = min(self.size, tokens)
            found.append(StageUse(2**bits, 2**bits / most, len(share) / most, bits, tokens))
        return found

    def points(self, reset: bool = True) -> dict[str, float]:
        """`read` by the names of the vocabulary: ``codebook/perplexity.0``, ``codebook/use.0``, …"""
        found: dict[str, Any] = {}
        for i, stage in enumerate(self.read(reset)):
            found |= {
                f"codebook/perplexity.{i}": stage.perplexity,
                f"codebook/relative.{i}": stage.relative,
                f"codebook/use.{i}": stage.use,
            }
        return found
