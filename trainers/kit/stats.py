"""What is reported of a step: device scalars by the names of the vocabulary; `read` fetches all at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

Scalars = dict[str, Tensor]


def read(values: Mapping[str, Tensor | float]) -> dict[str, float]:
    """All values as Python floats, the tensors of a device in one transfer, in their order."""
    groups: dict[torch.device, list[str]] = {}
    for name, value in values.items():
        if isinstance(value, Tensor):
            groups.setdefault(value.device, []).append(name)
    fetched: dict[str, float] = {}
    for names in groups.values():
        together = torch.stack([values[n].detach().double().reshape(()) for n in names])  # type: ignore[union-attr]
        fetched |= dict(zip(names, together.tolist(), strict=True))
    return {name: fetched[name] if name in fetched else float(value) for name, value in values.items()}


def grad_norm(params: Iterable[nn.Parameter]) -> Tensor:
    """The 2-norm of all gradients together; 0 where there is none."""
    grads = [p.grad for p in params if p.grad is not None]
    return get_total_norm(grads) if grads else torch.zeros(())


def clipped(params: Sequence[nn.Parameter], limit: float) -> Tensor:
    """The gradients' norm before clipping; they are clipped to ``limit`` unless that is 0."""
    norm = grad_norm(params)
    if limit > 0:
        clip_grads_with_norm_(params, limit, norm)
    return norm


def snapshot(params: Iterable[nn.Parameter]) -> list[Tensor]:
    """Copies of the parameters, to be compared with after the step."""
    return [p.detach().clone() for p in params]


def update_ratio(params: Sequence[nn.Parameter], before: Sequence[Tensor]) -> Tensor:
    """Norm of what a step changed over the norm of the weights before it."""
    if not before:
        return torch.zeros(())
    moved = [p.detach() - old for p, old in zip(params, before, strict=True)]
    return get_total_norm(moved) / get_total_norm(list(before)).clamp(min=1e-12)


def called(logits: Tensor, threshold: Tensor | float, real: bool) -> Tensor:
    """Share of logits on the right side of the threshold; one exactly on it counts half."""
    side = torch.sign(logits.detach() - threshold)
    return 0.5 + 0.5 * (side if real else -side).mean()


def _one(real: Tensor, fake: Tensor, threshold: float | None) -> Scalars:
    real, fake = real.detach().float(), fake.detach().float()
    middle: Tensor | float = (real.mean() + fake.mean()) / 2 if threshold is None else threshold
    on_real, on_fake = called(real, middle, True), called(fake, middle, False)
    return {
        "sign.real": on_real,
        "sign.fake": on_fake,
        "sign_acc": (on_real + on_fake) / 2,
        "mean.real": real.mean(),
        "mean.fake": fake.mean(),
        "margin": real.mean() - fake.mean(),
        "logit_std": torch.cat([real.flatten(), fake.flatten()]).std(correction=0),
    }


def judgement(
    real: Sequence[Tensor], fake: Sequence[Tensor], names: Sequence[str], threshold: float | None = 0.0
) -> Scalars:
    """Signs, means, margin and spread of D's logits: ``disc/{sub}/…`` for each, ``disc/…`` their mean.

    ``sign_acc`` is balanced over real and fake, 0.5 is chance. Without a threshold (Wasserstein) the middle
    between both means is taken.
    """
    each = [_one(r, f, threshold) for r, f in zip(real, fake, strict=True)]
    found = {f"disc/{key}": torch.stack([one[key] for one in each]).mean() for key in each[0]}
    for name, one in zip(names, each, strict=True):
        found |= {f"disc/{name}/{key}": value for key, value in one.items()}
    return found


def weighted(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> tuple[Tensor, Scalars]:
    """(sum of the weighted terms, what to report): ``loss/gen``, ``loss/{term}`` raw, ``weighted/{term}``.

    A term without a weight, or a weight without a term, raises KeyError: nothing is left out in silence.
    """
    lost = set(terms) ^ set(weights)
    if lost:
        raise KeyError(f"terms and weights do not match: {', '.join(sorted(lost))}")
    parts = {name: weights[name] * term for name, term in terms.items()}
    total = torch.stack(list(parts.values())).sum()
    found = {f"loss/{name}": term.detach() for name, term in terms.items()}
    found |= {f"weighted/{name}": part.detach() for name, part in parts.items()}
    return total, {"loss/gen": total.detach(), **found}


def output_grads(
    terms: Mapping[str, Tensor], output: Tensor, weights: Mapping[str, float]
) -> dict[str, Tensor]:
    """d(weight × term)/d(output) of each term, the graph kept; zeros where a term does not see the output."""
    found = {}
    for name, term in terms.items():
        if weights[name] == 0 or not term.requires_grad:
            found[name] = torch.zeros_like(output)
            continue
        (grad,) = torch.autograd.grad(term, [output], retain_graph=True, allow_unused=True)
        found[name] = torch.zeros_like(output) if grad is None else grad * weights[name]
    return found


def shares(grads: Mapping[str, Tensor]) -> Scalars:
    """``share/{term}``: the norm of a term's gradient at the output over the sum of all norms."""
    norms = {name: grad.detach().float().norm() for name, grad in grads.items()}
    total = torch.stack(list(norms.values())).sum().clamp(min=1e-30)
    return {f"share/{name}": norm / total for name, norm in norms.items()}


class Speed:
    """Steps, items and seconds of audio a second of wall time since the last `points`."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._steps = self._items = 0
        self._audio = 0.0

    def add(self, items: int, audio_seconds: float) -> None:
        """One step of so many items."""
        self._steps += 1
        self._items += items
        self._audio += audio_seconds

    def points(self) -> dict[str, float]:
        """The rates by their series names; counting starts anew. Empty where no time has passed."""
        wall, counted = time.monotonic() - self._start, (self._steps, self._items, self._audio)
        self._start, self._steps, self._items, self._audio = time.monotonic(), 0, 0, 0.0
        if wall <= 0:
            return {}
        names = ("speed/steps_per_s", "speed/items_per_s", "speed/audio_s_per_s")
        return {name: n / wall for name, n in zip(names, counted, strict=True)}
