"""A second network that follows the first: its weights averaged over steps, its buffers copied."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Ema:
    """``shadow ← decay · shadow + (1 − decay) · net`` after each step; before ``start`` the shadow is the net.

    Buffers (batch-norm statistics, singular vectors) are copied, not averaged: they follow the data already.
    ``shadow`` must be built as ``net`` is; it is set to evaluation mode and takes no gradients.
    """

    def __init__(self, net: nn.Module, shadow: nn.Module, decay: float, start: int = 0) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay {decay!r} is not in [0, 1)")
        self.net, self.shadow, self.decay, self.start = net, shadow, decay, start
        self.updates = 0
        shadow.load_state_dict(net.state_dict())
        shadow.requires_grad_(False).eval()

    @torch.no_grad()
    def update(self) -> None:
        """To be called after the optimiser's step."""
        self.updates += 1
        decay = self.decay if self.updates > self.start else 0.0
        pairs = list(zip(self.shadow.parameters(), self.net.parameters(), strict=True))
        torch._foreach_lerp_([s for s, _ in pairs], [p.detach() for _, p in pairs], 1 - decay)
        for mine, theirs in zip(self.shadow.buffers(), self.net.buffers(), strict=True):
            mine.copy_(theirs)

    @torch.no_grad()
    def distance(self) -> Tensor:
        """|shadow − net| / |net| over all parameters."""
        apart = size = torch.zeros(())
        for mine, theirs in zip(self.shadow.parameters(), self.net.parameters(), strict=True):
            apart = apart + (mine - theirs).float().square().sum()
            size = size + theirs.float().square().sum()
        return (apart / size.clamp(min=1e-30)).sqrt()

    def state_dict(self) -> dict[str, Any]:
        return {"shadow": self.shadow.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`; raises RuntimeError or KeyError where it belongs to something else."""
        self.shadow.load_state_dict(state["shadow"])
        self.updates = int(state["updates"])
