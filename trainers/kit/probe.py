"""Differential probes of a discriminator, on a copy of a checkpoint in memory: nothing of the run is written.

``ratio`` makes one step of the run itself and looks at what moved; ``overfit`` trains D alone on one fixed batch;
``noise`` on real against noise of the same spread; ``same`` on real against real, which nobody can tell apart.
They tell the causes of a stuck discriminator apart: wiring, initialisation and learning rate, architecture.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from trainers.kit import processes, stats
from trainers.kit.checkpoints import copied
from trainers.kit.losses import Adversarial

KINDS = ("ratio", "overfit", "noise", "same")
STILL = 1e-7
LEARNED_LOSS, LEARNED_ACC, LEAK = 0.8, 0.9, 0.15
FASTER = (1.0, 10.0, 30.0)
BUDGET_S = 15.0
"""Most seconds that one training of a probe takes; it is judged by the steps made until then."""


@dataclass(frozen=True)
class Pair:
    """What D compares: ``real`` and ``fake`` as it sees them; ``about`` is the hook's own (classes, clean side)."""

    real: Tensor
    fake: Tensor
    about: Any = None


class Hook(Protocol):
    """What a trainer gives to be probed; made of its `Training`."""

    gen: nn.Module
    disc: nn.Module
    optimizer: torch.optim.Optimizer
    loss: Adversarial

    def draw(self) -> Pair:
        """The next training batch and what G makes of it."""

    def train(self, pair: Pair) -> None:
        """The trainer's own step of D."""

    def logits(self, side: Tensor, pair: Pair) -> list[Tensor]:
        """D's answers to one side of the pair, one tensor a sub-discriminator."""


@dataclass
class Probed:
    """One probe: ``verdict`` is pass or fail; ``text`` says it with the numbers that stand in ``values``."""

    code: str
    title: str
    verdict: str
    text: str
    values: dict[str, Any] = field(default_factory=dict)


class OneStep:
    """Stands where the loop stands in ``Training.train``: one step, its report kept, nothing written."""

    def __init__(self, schedule: Any, start: int) -> None:
        self.schedule, self.step, self.start = schedule, start, start
        self.goes_on, self.reports, self.evaluates = True, True, False
        self.team, self.stopped, self.saved = processes.current(), "", start + 1

    @property
    def epoch(self) -> float:
        return self.step / self.schedule.per_epoch

    def steps(self) -> Iterator[int]:
        if self.step == self.start:
            self.step += 1
            yield self.step
        self.stopped = "probed"

    def waiting(self) -> AbstractContextManager[None]:
        return nullcontext()

    def took(self, terms: Mapping[str, Tensor], **counts: float) -> None:
        pass

    def report(self, values: Mapping[str, Tensor | float]) -> dict[str, float]:
        return stats.read(values)

    def save(self, metrics: Mapping[str, float]) -> None:
        pass


class Silent:
    """A reporter that keeps nothing."""

    stop_requested = False

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Probes:
    """Probes of one `Training`; each begins at the checkpoint's state again."""

    def __init__(self, training: Any, hook: Hook, steps: int = 200, budget_s: float = BUDGET_S) -> None:
        self.training, self.hook, self.steps, self.budget_s = training, hook, steps, budget_s
        self._state = copied({name: part.state_dict() for name, part in training._parts().items()})
        subs = hook.loss.disc([torch.zeros(1)], [torch.zeros(1)])
        self.dead = float(subs[0])

    def again(self) -> None:
        """Back to the state of the checkpoint."""
        for name, part in self.training._parts().items():
            part.load_state_dict(copied(self._state[name]))

    def __call__(self, kind: str) -> Probed:
        self.again()
        probed: Probed = {
            "ratio": self.ratio,
            "overfit": self.overfit,
            "noise": self.noise,
            "same": self.same,
        }[kind]()
        self.again()
        return probed

    @torch.no_grad()
    def judged(self, pair: Pair) -> tuple[float, float]:
        """(sign accuracy, loss a sub-discriminator) of D on a pair, without a change to it."""
        training = self.hook.disc.training
        self.hook.disc.eval()
        try:
            real = [x.float() for x in self.hook.logits(pair.real, pair)]
            fake = [x.float() for x in self.hook.logits(pair.fake, pair)]
        finally:
            self.hook.disc.train(training)
        names = [str(i) for i in range(len(real))]
        found = stats.judgement(real, fake, names, self.hook.loss.threshold)
        return float(found["disc/sign_acc"]), float(torch.stack(self.hook.loss.disc(real, fake)).mean())

    def _faster(self, times: float) -> None:
        for group in self.hook.optimizer.param_groups:
            group["lr"] *= times

    def _learns(self, accuracy: float, loss: float) -> bool:
        return accuracy >= LEARNED_ACC or (self.dead > 0 and loss < LEARNED_LOSS * self.dead)

    def ratio(self) -> Probed:
        """One step of the run: how much of each player it moves, and which parts of D stay."""
        hook, training = self.hook, self.training
        named = list(hook.disc.named_parameters())
        gen, disc = list(hook.gen.parameters()), [p for _, p in named]
        if training.schedule.total <= training.start + training.schedule.per_epoch:
            more = training.start + 2 * training.schedule.per_epoch
            training.schedule = replace(training.schedule, total=more)
        before = stats.snapshot(gen), stats.snapshot(disc)
        rate = float(hook.optimizer.param_groups[0]["lr"])
        if hasattr(training, "module"):
            training.train(Silent(), OneStep(training.schedule, training.start))
            hook.gen.to(before[0][0].device)
        else:
            training.train(Silent(), OneStep(training.schedule, training.start))
        ours, theirs = (float(stats.update_ratio(p, b)) for p, b in zip((gen, disc), before, strict=True))
        still = [name for (name, p), old in zip(named, before[1], strict=True) if torch.equal(p, old)]
        blind = [name for name, p in named if p.grad is None or not bool(p.grad.any())]
        share = len(still) / max(len(named), 1)
        values = {"disc": theirs, "gen": ours, "lr": rate, "still": still[:20], "still_share": share,
                  "no_gradient": blind[:20], "no_gradient_share": len(blind) / max(len(named), 1)}  # fmt: skip
        moves = theirs >= STILL
        told = f"one step moves D by {theirs:.2g} and G by {ours:.2g} of their weights (D's learning rate {rate:.2g})"
        if share and moves:
            told += f"; {len(still)} of {len(named)} tensors of D stay: {', '.join(still[:3])}"
        if not moves:
            told += ": D does not move, its optimiser does not reach it"
        return Probed("ratio", "Update ratio of one step", "pass" if moves else "fail", told, values)

    def _train(self, pairs: Callable[[], Pair], steps: int) -> tuple[int, Pair]:
        began, made, pair = time.monotonic(), 0, pairs()
        while made < steps and time.monotonic() - began < self.budget_s:
            pair = pairs()
            self.hook.train(pair)
            made += 1
        return made, pair

    def overfit(self) -> Probed:
        """D alone on one fixed batch, at the run's rate and, where that fails, at higher ones."""
        tried: list[dict[str, float]] = []
        for times in FASTER:
            self.again()
            pair = self.hook.draw()
            self._faster(times)
            first = self.judged(pair)
            made, _ = self._train(lambda pair=pair: pair, self.steps)  # type: ignore[misc]
            accuracy, loss = self.judged(pair)
            tried.append(
                {"times": times, "steps": made, "accuracy": accuracy, "loss": loss, "before": first[1]}
            )
            if self._learns(accuracy, loss):
                break
        last, learned = tried[-1], self._learns(tried[-1]["accuracy"], tried[-1]["loss"])
        at = "" if last["times"] == 1 else f" at {last['times']:g} times the learning rate"
        text = f"{tried[0]['accuracy']:.2f} after {int(tried[0]['steps'])} steps"
        if learned and last["times"] == 1:
            text += ": it learns one batch"
        elif learned:
            text += f", {last['accuracy']:.2f} after {int(last['steps'])}{at}: it can learn, but not at its own rate"
        else:
            text += f", {last['accuracy']:.2f}{at}: cannot learn even one batch"
        verdict = "pass" if learned and last["times"] == 1 else "fail"
        values = {"tried": tried, "dead": self.dead, "learned_at": last["times"] if learned else None}
        return Probed("overfit", "One fixed batch learned by heart", verdict, text, values)

    def noise(self) -> Probed:
        """Fresh reals against noise of their mean and spread."""

        def pairs() -> Pair:
            pair = self.hook.draw()
            like = torch.randn_like(pair.real) * pair.real.std() + pair.real.mean()
            return replace(pair, fake=like)

        made, _ = self._train(pairs, self.steps)
        accuracy, loss = self.judged(pairs())
        learned = self._learns(accuracy, loss)
        text = f"{accuracy:.2f} after {made} steps: " + (
            "it tells noise" if learned else "it cannot tell noise"
        )
        values = {"accuracy": accuracy, "loss": loss, "steps": made}
        return Probed("noise", "Real against noise", "pass" if learned else "fail", text, values)

    def same(self) -> Probed:
        """Fresh reals against other fresh reals: an accuracy off 0.5 betrays which side an item was put on."""
        seen: list[float] = []

        def pairs() -> Pair:
            one = self.hook.draw()
            pair = replace(one, fake=self._others(one))
            seen.append(self.judged(pair)[0])  # before it is trained on
            return pair

        made, _ = self._train(pairs, max(self.steps // 2, 1))
        late = seen[len(seen) // 2 :]
        accuracy = sum(late) / len(late)
        off = abs(accuracy - 0.5) > LEAK
        text = f"{accuracy:.2f} on fresh items over {made} steps: " + (
            "a side betrays itself" if off else "chance"
        )
        return Probed(
            "same",
            "Real against real",
            "fail" if off else "pass",
            text,
            {"accuracy": accuracy, "steps": made},
        )

    def _others(self, pair: Pair) -> Tensor:
        """Other reals of the same shape; where a real belongs to its partner (pairs, classes), the same ones."""
        if pair.about is not None:
            return pair.real
        other = self.hook.draw().real
        length = min(other.shape[-1], pair.real.shape[-1])
        return other if other.shape == pair.real.shape else pair.real[..., :length]


def cause(probed: Mapping[str, Probed]) -> str:
    """The cause that the probes point to: wiring, training (init and rate), architecture, near, or "" for none."""
    ratio, overfit = probed.get("ratio"), probed.get("overfit")
    same, noise = probed.get("same"), probed.get("noise")
    if (ratio and ratio.verdict == "fail") or (same and same.verdict == "fail"):
        return "wiring"
    if overfit and overfit.verdict == "fail":
        return "training" if overfit.values.get("learned_at") else "architecture"
    if noise and noise.verdict == "fail":
        return "architecture"
    return "near" if overfit and noise else ""
