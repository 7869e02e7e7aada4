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
from trainers.kit import processes, stats
from trainers.kit.losses import readonly

KEPT = ("clean", "estimate", "targets")
CALIBRATION = 128  # latest pairs of prediction and truth that the calibration is measured on


def normalised(pesq: float) -> float:
    """PESQ 1 to 4.5 as 0 to 1, which the discriminator predicts."""
    return (pesq - 1) / 3.5


def to_one(judge: nn.Module, clean: Tensor, estimate: Tensor) -> Tensor:
    """The generator's term: mean squared distance of D's prediction to 1; D and its gradients stay untouched."""
    with readonly(judge):
        return (1 - judge(clean, estimate)).square().mean()


@dataclass(frozen=True)
class Judged:
    """Estimates with known scores: magnitudes ``[n, T, F]`` of both, ``targets`` ``[n]`` normalised.

    Of several processes each has its own rows; ``known`` ``[N]`` are the targets of all, ``here`` tells which of
    those are this one's. Without them there is one process.
    """

    clean: Tensor
    estimate: Tensor
    targets: Tensor
    known: Tensor | None = None
    here: Sequence[bool] | None = None

    @property
    def total(self) -> int:
        """Rows in all processes."""
        return len(self.targets if self.known is None else self.known)

    @property
    def everyone(self) -> Tensor:
        """The targets of all processes' rows, in their order."""
        return self.targets if self.known is None else self.known

    @property
    def places(self) -> Sequence[bool]:
        """For each row of all processes, whether it is here."""
        return [True] * len(self.targets) if self.here is None else self.here


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


# magnitudes of clean and estimate, the target; None where another process holds the magnitudes
Row = tuple[Tensor | None, Tensor | None, float]


class MetricGame:
    """Trains D to predict scores, and gives the generator the distance of its prediction to 1.

    Module and optimiser may be wrapped by Fabric; the generator's turn goes past the wrapper. Several processes
    play one game: each group counts by its mean over all their rows, and the history is one list, of which each
    holds its own rows.
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
        self.team = processes.current()
        inner = getattr(discriminator, "module", discriminator)
        self.bare: nn.Module = getattr(inner, "module", inner)
        self.steps = self._new = 0
        self._history: deque[Row] = deque(maxlen=part.history)
        self._seen: deque[tuple[float, float]] = deque(maxlen=CALIBRATION)

    def gen_term(self, clean: Tensor, estimate: Tensor) -> Tensor:
        """`to_one` of this game's D."""
        with self.autocast():
            return to_one(self.bare, clean, estimate)

    def train_disc(self, clean: Tensor, groups: dict[str, Judged], *, detail: bool) -> dict[str, Tensor]:
        """One step: (clean, clean) to 1, each group of ``est`` and ``noisy`` to its targets.

        Earlier estimates of the history join ``est``. Every group counts by its mean, however many there are.
        """
        replayed = self._replayed(groups["est"].total if "est" in groups else 0, clean)
        ones = clean.new_ones(len(clean))
        parts = [("clean", Judged(clean, clean, ones, ones.repeat(self.team.size))), *groups.items()]
        parts += [("replay", replayed)] if replayed is not None else []
        parts = [(name, part) for name, part in parts if part.total]
        predicted = self.discriminator(
            torch.cat([p.clean for _, p in parts]), torch.cat([p.estimate for _, p in parts])
        ).float()
        each = dict(
            zip((n for n, _ in parts), predicted.split([len(p.targets) for _, p in parts]), strict=True)
        )
        errors = {name: (each[name] - part.targets).square() for name, part in parts}
        totals_of = {name: part.total for name, part in parts}
        totals = dict(totals_of)
        if "replay" in errors and "est" in errors:
            errors["est"] = torch.cat([errors["est"], errors.pop("replay")])
            totals["est"] += totals["replay"]
        loss = torch.stack([self._mean(error, totals[name]) for name, error in errors.items()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        self.backward(loss)
        params = [p for p in self.discriminator.parameters() if p.grad is not None]
        self.team.reduce(params, "disc", detail=detail)
        norm = stats.clipped(params, self.part.clip)
        before = stats.snapshot(params) if detail else []
        self.optimizer.step()
        self.steps += 1
        for name in ("est", "noisy"):
            if name in groups and name in each:
                answers = [p for told in self.team.gather(each[name].tolist()) for p in told]
                self._seen.extend(zip(answers, groups[name].everyone.tolist(), strict=True))
        if "est" in groups:
            self._remember(groups["est"])
        found = {"loss/disc": loss.detach()}
        if detail:
            found |= {"disc/grad_norm": norm, "disc/update_ratio": stats.update_ratio(params, before)}
            shown = {name: self._mean(values.detach(), totals_of[name]) for name, values in each.items()}
            found |= {f"disc/pred.{name}": value for name, value in shown.items()}
            found |= {
                f"disc/true.{name}": part.everyone.mean() for name, part in groups.items() if name in each
            }
        return found

    def _mean(self, values: Tensor, total: int) -> Tensor:
        """This process's part of a mean over ``total`` values: the mean of all parts is that mean."""
        return values.sum() * (self.team.size / total)

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
        if not self.part.replay:
            return
        mine = iter(zip(part.clean.cpu(), part.estimate.cpu(), strict=True))
        for target, here in zip(part.everyone.tolist(), part.places, strict=True):
            clean, estimate = next(mine) if here else (None, None)
            self._history.append((clean, estimate, target))

    def _replayed(self, new: int, like: Tensor) -> Judged | None:
        """``replay`` earlier items for each new one, drawn by the number of the step."""
        before, self._new = self._new, self._new + new
        due = int(self._new * self.part.replay) - int(before * self.part.replay)
        if not due or not self._history:
            return None
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + self.steps)
        drawn = torch.randint(len(self._history), (due,), generator=random).tolist()
        return _together([self._history[i] for i in drawn], like)

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimiser, steps and history: tensors and plain values only.

        Of several processes the history says which row was whose, so that as many deal it out as it was.
        """
        rows, owners = _merged(self.team.collect(list(self._history)))
        history = _together(rows, torch.empty(0)) if rows else None
        dealt = {} if self.team.size == 1 else {"owners": owners, "processes": self.team.size}
        return {
            "discriminator": self.bare.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
            "new": self._new,
            "history": {} if history is None else {n: getattr(history, n) for n in KEPT} | dealt,
            "seen": torch.tensor(list(self._seen), dtype=torch.float64).reshape(-1, 2),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`; raises KeyError or RuntimeError where it belongs to something else."""
        self.bare.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps, self._new = int(state["steps"]), int(state["new"])
        self._history.clear()
        if state["history"]:
            h, rank, size = state["history"], self.team.rank, self.team.size
            rows = list(zip(h["clean"], h["estimate"], h["targets"].tolist(), strict=True))
            same = h.get("processes") == size
            owners = h["owners"].tolist() if same else [i % size for i in range(len(rows))]
            self._history.extend(
                row if owner == rank else (None, None, row[2])
                for row, owner in zip(rows, owners, strict=True)
            )
        self._seen = deque((tuple(row) for row in state["seen"].tolist()), maxlen=CALIBRATION)


def _merged(told: Sequence[Sequence[Row]]) -> tuple[list[Row], Tensor]:
    """One history of the parts of it that several processes hold, and whose each row is, ``[n]``."""
    places = list(zip(*told, strict=True))
    owners = [next((r for r, row in enumerate(rows) if row[0] is not None), 0) for rows in places]
    return [rows[r] for rows, r in zip(places, owners, strict=True)], torch.tensor(owners)


def _together(rows: Sequence[Row], like: Tensor) -> Judged:
    """Rows as tensors on the device of ``like``, those that are here; shaped as ``like`` where none is."""
    here = [row[0] is not None for row in rows]
    clean, estimate = ([r[i] for r in rows if isinstance(r[i], Tensor)] for i in (0, 1))
    known = torch.tensor([row[2] for row in rows], device=like.device)
    stacked = [torch.stack(x).to(like.device) if x else like[:0] for x in (clean, estimate)]
    return Judged(stacked[0], stacked[1], known[torch.tensor(here, device=like.device)], known, here)
