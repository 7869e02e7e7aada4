"""What must hold in every adversarial training, looked at in the first reports of a run.

The doctor's rules read these numbers: a loss that is what its name says, scales that differ, players that leave
each other alone. They cost a few copies in three steps, nothing after that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from trainers.kit import stats
from trainers.kit.loop import Loop
from trainers.kit.losses import Adversarial, AdversarialLoss

LOOKS = 2
"""How many of a run's full reports look for leaks, the first step aside: by the step, so that a resume looks alike."""


def loss_at_zero(loss: Adversarial) -> float:
    """The discriminator's loss where it answers 0 to everything, for each sub-discriminator."""
    zero = torch.zeros(2)
    return float(loss.disc([zero], [zero])[0])


@torch.no_grad()
def same_scales(judge: nn.Module, wave: Tensor) -> int:
    """How many scales of a multi-scale discriminator (``names`` that begin with msd) have the same length as another.

    ``wave`` ``[B, C, T]`` is one input of its; a discriminator without such scales has 0.
    """
    training = judge.training
    judge.eval()
    try:
        _, features = judge(wave)
    finally:
        judge.train(training)
    names: Sequence[str] = getattr(judge, "names", ())
    lengths = [f[0].shape[-1] for name, f in zip(names, features, strict=False) if name.startswith("msd")]
    return len(lengths) - len(set(lengths))


@torch.no_grad()
def called_real(game: AdversarialLoss, real: Tensor) -> dict[str, Tensor]:
    """``disc/sign.heldout``: share of held-out reals ``[B, …]`` that D calls real, mean over its parts.

    D stays as it is. Empty for a loss without a threshold, where only the difference to fakes counts.
    """
    threshold, judge = game.loss.threshold, game.bare
    if threshold is None or not len(real):
        return {}
    training = judge.training
    judge.eval()
    try:
        with game.autocast():
            logits, _ = judge(real)
    finally:
        judge.train(training)
    signs = [stats.called(x.float(), threshold, True) for x in logits]
    return {"disc/sign.heldout": torch.stack(signs).mean()}


def set_number(sha256: str) -> float:
    """The first 48 bits of an evaluation set's digest: a number that ``eval/set`` can hold exactly."""
    return float(int(sha256[:12], 16))


def middles(waves: Iterable[Tensor], length: int, most: int = 32) -> Tensor:
    """``[n, C, length]`` from the middles of waves ``[C, T]``; those that are shorter are left out."""
    found = [w[..., (w.shape[-1] - length) // 2 :][..., :length] for w in waves if w.shape[-1] >= length]
    return torch.stack(found[:most]) if found else torch.empty(0, 1, length)


def _apart(now: Sequence[Tensor | None], before: Sequence[Tensor | None]) -> Tensor:
    """Norm of the difference of two lists of tensors; None counts as zeros."""
    found = [
        (a if a is not None else torch.zeros_like(b)) - (b if b is not None else torch.zeros_like(a))
        for a, b in zip(now, before, strict=True)
        if a is not None or b is not None
    ]
    if not found:
        return torch.zeros(())
    return torch.stack([x.detach().float().norm() for x in found]).norm()


def early(loop: Loop) -> bool:
    """Whether the step of this loop is one of the first reports of its run, in which `Leaks` looks."""
    return loop.reports and loop.step <= LOOKS * loop.schedule.log_every


class Leaks:
    """Whether D's step leaves a gradient in G, and G's step moves D: both must be exactly 0.

    Around D's step call `before_disc` and `after_disc`, around G's `before_gen` and `after_gen`, in either
    order; ``points`` then holds what to report. Where ``look`` is false all of them return at once.
    """

    def __init__(self, gen: nn.Module, disc: nn.Module) -> None:
        self.gen, self.disc = gen, disc
        self._grads: list[Tensor | None] | None = None
        self._weights: list[Tensor] | None = None
        self._found: dict[str, Tensor] = {}

    def _of_gen(self) -> list[Tensor | None]:
        return [None if p.grad is None else p.grad.detach().clone() for p in self.gen.parameters()]

    def _of_disc(self) -> Iterable[Tensor]:
        yield from self.disc.parameters()
        yield from self.disc.buffers()

    def before_disc(self, look: bool = True) -> None:
        self._grads = self._of_gen() if look else None

    def after_disc(self) -> None:
        if self._grads is not None:
            self._found["gen/grad_in_disc_step"] = _apart(self._of_gen(), self._grads)
            self._grads = None

    def before_gen(self, look: bool = True) -> None:
        self._weights = [x.detach().clone() for x in self._of_disc()] if look else None

    def after_gen(self) -> None:
        if self._weights is not None:
            self._found["disc/moved_in_gen_step"] = _apart(list(self._of_disc()), self._weights)
            self._weights = None

    def points(self) -> dict[str, Tensor]:
        """Both numbers of the step that was looked at; empty where none was."""
        found, self._found = self._found, {}
        return found
