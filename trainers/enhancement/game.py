"""The metric discriminator's side: it owns the network, its optimiser, and the history for replay."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from recipes.enhancement import Discriminator as Part
from trainers.kit import stats
from trainers.kit.losses import readonly

CALIBRATION = 128  # latest pairs of prediction and truth that the calibration is measured on


def normalised(pesq: float) -> float:
    """PESQ 1 to 4.5 as 0 to 1, which the discriminator predicts."""
    return (pesq - 1) / 3.5


@dataclass(frozen=True)
class Judged:
    """Estimates with known scores: magnitudes ``[n, T, F]`` of both, ``targets`` ``[n]`` normalised."""

    clean: Tensor
    estimate: Tensor
    targets: Tensor


def calibration(predicted: Tensor, true: Tensor) -> dict[str, Tensor]:
    """``corr`` (Pearson), ``spearman``, ``mae`` and ``bias`` of predictions ``[n]``; NaN below three pairs."""
    if len(predicted) < 3:
        nan = torch.tensor(float("nan"))
        return {"corr": nan, "spearman": nan, "mae": nan, "bias": nan}
    p, t = predicted.double().cpu(), true.double().cpu()
    return {
        "corr": _pearson(p, t),
        "spearman": _pearson(_ranks(p), _ranks(t)),
        "mae": (p - t).abs().mean(),
        "bias": (p - t).mean(),
    }


def _pearson(a: Tensor, b: Tensor) -> Tensor:
    a, b = a - a.mean(), b - b.mean()
    return (a * b).sum() / (a.norm() * b.norm())


def _ranks(values: Tensor) -> Tensor:
    """Ranks from 0; equal values share their mean rank."""
    below = (values[None] < values[:, None]).sum(1)
    equal = (values[None] == values[:, None]).sum(1)
    return below + (equal - 1) / 2


class MetricGame:
    """Trains D to predict scores, and gives the generator the distance of its prediction to 1.

    Module and optimiser may be wrapped by Fabric; the generator's turn goes past the wrapper.
    """

    def __init__(
        self,
        discriminator: nn.Module,
        optimizer: torch.optim.Optimizer,
        part: Part,
        *,
        seed: int = 0,
        backward: Callable[[Tensor], Any] = torch.Tensor.backward,
        autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self.discriminator, self.optimizer, self.part = discriminator, optimizer, part
        self.backward, self.autocast, self.seed = backward, autocast, seed
        inner = getattr(discriminator, "module", discriminator)
        self.bare: nn.Module = getattr(inner, "module", inner)
        self.steps = self._new = 0
        self._history: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=part.history)
        self._seen: deque[tuple[float, float]] = deque(maxlen=CALIBRATION)

    def gen_term(self, clean: Tensor, estimate: Tensor) -> Tensor:
        """Mean squared distance of D's prediction to 1; D and its gradients stay untouched."""
        with readonly(self.bare), self.autocast():
            return (1 - self.bare(clean, estimate)).square().mean()

    def train_disc(self, clean: Tensor, groups: dict[str, Judged], *, detail: bool) -> dict[str, Tensor]:
        """One step: (clean, clean) to 1, each group of ``est`` and ``noisy`` to its targets.

        Earlier estimates of the history join ``est``. Every group counts by its mean, however many there are.
        """
        replayed = self._replayed(len(groups["est"].targets) if "est" in groups else 0, clean)
        parts = [("clean", Judged(clean, clean, clean.new_ones(len(clean)))), *groups.items()]
        parts += [("replay", replayed)] if replayed is not None else []
        parts = [(name, part) for name, part in parts if len(part.targets)]
        predicted = self.discriminator(
            torch.cat([p.clean for _, p in parts]), torch.cat([p.estimate for _, p in parts])
        ).float()
        each = dict(
            zip((n for n, _ in parts), predicted.split([len(p.targets) for _, p in parts]), strict=True)
        )
        errors = {name: (each[name] - part.targets).square() for name, part in parts}
        if "replay" in errors and "est" in errors:
            errors["est"] = torch.cat([errors["est"], errors.pop("replay")])
        loss = torch.stack([error.mean() for error in errors.values()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        self.backward(loss)
        params = [p for p in self.discriminator.parameters() if p.grad is not None]
        norm = stats.clipped(params, self.part.clip)
        before = stats.snapshot(params) if detail else []
        self.optimizer.step()
        self.steps += 1
        for name in ("est", "noisy"):
            if name in groups and name in each:
                self._seen.extend(zip(each[name].tolist(), groups[name].targets.tolist(), strict=True))
        if "est" in groups:
            self._remember(groups["est"])
        found = {"loss/disc": loss.detach()}
        if detail:
            found |= {"disc/grad_norm": norm, "disc/update_ratio": stats.update_ratio(params, before)}
            found |= {f"disc/pred.{name}": values.detach().mean() for name, values in each.items()}
            found |= {
                f"disc/true.{name}": part.targets.mean() for name, part in groups.items() if name in each
            }
        return found

    @torch.no_grad()
    def untrained(self, clean: Tensor) -> Tensor:
        """What of D's loss is known without a score: the squared distance of D(clean, clean) to 1."""
        with self.autocast():
            return (1 - self.bare(clean, clean)).square().mean()

    def calibration(self) -> dict[str, Tensor]:
        """`calibration` of the latest training pairs, as they were predicted before D learned them."""
        seen = torch.tensor(list(self._seen), dtype=torch.float64).reshape(-1, 2)
        return {f"disc/{name}": v for name, v in calibration(seen[:, 0], seen[:, 1]).items()}

    def _remember(self, part: Judged) -> None:
        if self.part.replay:
            rows = zip(part.clean.cpu(), part.estimate.cpu(), part.targets.tolist(), strict=True)
            self._history.extend(rows)

    def _replayed(self, new: int, like: Tensor) -> Judged | None:
        """``replay`` earlier items for each new one, drawn by the number of the step."""
        before, self._new = self._new, self._new + new
        due = int(self._new * self.part.replay) - int(before * self.part.replay)
        if not due or not self._history:
            return None
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + self.steps)
        drawn = torch.randint(len(self._history), (due,), generator=random).tolist()
        return _together([self._history[i] for i in drawn], like.device)

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimiser, steps and history: tensors and plain values only."""
        history = _together(list(self._history), torch.device("cpu")) if self._history else None
        return {
            "discriminator": self.bare.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
            "new": self._new,
            "history": {} if history is None else vars(history),
            "seen": torch.tensor(list(self._seen), dtype=torch.float64).reshape(-1, 2),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`; raises KeyError or RuntimeError where it belongs to something else."""
        self.bare.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self._new = int(state["steps"]), int(state["new"])
        self._history.clear()
        if state["history"]:
            h = state["history"]
            self._history.extend(zip(h["clean"], h["estimate"], h["targets"].tolist(), strict=True))
        self._seen = deque((tuple(row) for row in state["seen"].tolist()), maxlen=CALIBRATION)


def _together(rows: Sequence[tuple[Tensor, Tensor, float]], device: torch.device) -> Judged:
    clean, estimate = (torch.stack([r[i] for r in rows]).to(device) for i in (0, 1))
    return Judged(clean, estimate, torch.tensor([r[2] for r in rows], device=device))
