"""Weights as shares of the gradient at the generator's output (EnCodec's balancer).

Losses differ in scale, so equal weights are not equal influence. Here each loss's gradient at the output is
divided by its own running norm first; a weight then is that loss's part in the step, whatever its scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from trainers.kit import stats

Sync = Callable[[Tensor], Tensor]


class Balancer:
    """Scales the gradients of several losses at one output so that their norms stand as the weights do.

    ``total_norm`` is the norm that all of them together are given, ``decay`` that of the running norms.
    ``per_item`` takes the mean of the items' norms instead of the norm of the batch. ``mean`` averages a
    tensor over all processes, where there are several.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        *,
        total_norm: float = 1.0,
        decay: float = 0.999,
        per_item: bool = True,
        mean: Sync | None = None,
    ) -> None:
        if any(w < 0 for w in weights.values()) or not sum(weights.values()) > 0:
            raise ValueError(f"weights must not be negative and not all 0: {dict(weights)}")
        self.weights = dict(weights)
        self.total_norm, self.decay, self.per_item, self.mean = total_norm, decay, per_item, mean
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, float] = {}
        self.monitor: dict[str, Tensor] = {}

    def _norm(self, grad: Tensor) -> Tensor:
        each = grad.detach().float().flatten(1).norm(dim=1) if self.per_item else grad.detach().float().norm()
        return each.mean()

    def _running(self, norms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        together = torch.stack(list(norms.values()))
        if self.mean is not None:
            together = self.mean(together)
        found = {}
        for name, norm in zip(norms, together, strict=True):
            old = self._sums.get(name)
            self._sums[name] = norm if old is None else old.to(norm.device) * self.decay + norm
            self._counts[name] = self._counts.get(name, 0.0) * self.decay + 1
            found[name] = self._sums[name] / self._counts[name]
        return found

    def balanced(self, losses: Mapping[str, Tensor], output: Tensor) -> Tensor:
        """The gradient to give ``output`` ``[B, …]``; ``losses`` keep their graph.

        ``monitor`` then holds ``share/{name}``: the part of each loss as it would be by the plain weights,
        and ``balanced/{name}``: as it is now.

        Raises:
            KeyError: where losses and weights do not match.
            ValueError: for a loss that does not depend on the output; give it to `backward` as ``extra``.
        """
        lost = set(losses) ^ set(self.weights)
        if lost:
            raise KeyError(f"losses and weights do not match: {', '.join(sorted(lost))}")
        grads: dict[str, Tensor] = {}
        for name, loss in losses.items():
            found = torch.autograd.grad(loss, [output], retain_graph=True, allow_unused=True)[0]
            if found is None:
                raise ValueError(f"the loss {name!r} does not depend on the output")
            grads[name] = found
        running = self._running({name: self._norm(grad) for name, grad in grads.items()})
        whole = sum(self.weights.values())
        scaled = {
            name: grad * (self.weights[name] / whole * self.total_norm / running[name].clamp(min=1e-12))
            for name, grad in grads.items()
        }
        plain = stats.shares({name: grad * self.weights[name] for name, grad in grads.items()})
        now = stats.shares(scaled)
        self.monitor = plain | {f"balanced/{name}": now[f"share/{name}"] for name in scaled}
        return torch.stack(list(scaled.values())).sum(0)

    def backward(
        self,
        losses: Mapping[str, Tensor],
        output: Tensor,
        *,
        extra: Tensor | None = None,
        backward: Callable[[Tensor], Any] = torch.Tensor.backward,
    ) -> None:
        """Send the balanced gradient back through the generator, and ``extra`` (say a VQ loss) as it is."""
        surrogate = (output * self.balanced(losses, output)).sum()
        backward(surrogate if extra is None else surrogate + extra)

    def state_dict(self) -> dict[str, Any]:
        """The running norms."""
        return {"sums": dict(self._sums), "counts": dict(self._counts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._sums, self._counts = dict(state["sums"]), dict(state["counts"])
