"""Losses of the adversarial game, and the owner of the discriminator's side of it.

An adversarial loss is told apart by `Adversarial.kind`; ``disc`` and ``gen`` give one scalar a
sub-discriminator, ``reduce`` joins them. ``dead`` is the discriminator's loss where it answers 0 to
everything: hinge 2, vanilla 1.386, least squares 1, Wasserstein 0.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm

from trainers.kit import dsp, processes, stats

Features = list[list[Tensor]]
REDUCTIONS = ("mean", "sum")


def _reduced(values: Sequence[Tensor], reduction: str) -> Tensor:
    together = torch.stack(list(values))
    return together.mean() if reduction == "mean" else together.sum()


def _checked(reduction: str) -> str:
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction {reduction!r} is neither mean nor sum")
    return reduction


@dataclass(frozen=True)
class Adversarial(ABC):
    """One adversarial loss; `adversarial` makes it by name.

    ``threshold`` is the logit between "real" and "fake"; None where only the difference counts.
    """

    reduction: str = "mean"
    kind: ClassVar[str] = ""
    dead: ClassVar[float] = 0.0
    threshold: ClassVar[float | None] = 0.0

    def __post_init__(self) -> None:
        _checked(self.reduction)

    @abstractmethod
    def real(self, logit: Tensor) -> Tensor:
        """D's loss on real items, elementwise."""

    @abstractmethod
    def fake(self, logit: Tensor) -> Tensor:
        """D's loss on fake items, elementwise."""

    @abstractmethod
    def fooled(self, logit: Tensor) -> Tensor:
        """G's loss on fake items, elementwise; falls as the logit rises."""

    def disc(self, real_logits: Sequence[Tensor], fake_logits: Sequence[Tensor]) -> list[Tensor]:
        """The discriminator's loss, one scalar a sub-discriminator."""
        pairs = zip(real_logits, fake_logits, strict=True)
        return [self.real(real).mean() + self.fake(fake).mean() for real, fake in pairs]

    def gen(self, fake_logits: Sequence[Tensor]) -> list[Tensor]:
        """The generator's loss, one scalar a sub-discriminator."""
        return [self.fooled(fake).mean() for fake in fake_logits]

    def reduce(self, values: Sequence[Tensor]) -> Tensor:
        """Mean or sum over the sub-discriminators, as ``reduction`` says."""
        return _reduced(values, self.reduction)

    def dead_total(self, sub_discriminators: int) -> float:
        """What `reduce` gives for a discriminator of so many parts that answers 0 to everything."""
        return self.dead * (1 if self.reduction == "mean" else sub_discriminators)


class Hinge(Adversarial):
    kind, dead = "hinge", 2.0

    def real(self, logit: Tensor) -> Tensor:
        return F.relu(1 - logit)

    def fake(self, logit: Tensor) -> Tensor:
        return F.relu(1 + logit)

    def fooled(self, logit: Tensor) -> Tensor:
        return -logit


class LeastSquares(Adversarial):
    """Targets 1 for real and 0 for fake, as in LSGAN, HiFi-GAN and DAC."""

    kind, dead, threshold = "least_squares", 1.0, 0.5

    def real(self, logit: Tensor) -> Tensor:
        return (1 - logit).square()

    def fake(self, logit: Tensor) -> Tensor:
        return logit.square()

    def fooled(self, logit: Tensor) -> Tensor:
        return (1 - logit).square()


class Vanilla(Adversarial):
    """Binary cross-entropy on logits, the generator's side non-saturating."""

    kind, dead = "vanilla", 2 * math.log(2)

    def real(self, logit: Tensor) -> Tensor:
        return F.softplus(-logit)

    def fake(self, logit: Tensor) -> Tensor:
        return F.softplus(logit)

    def fooled(self, logit: Tensor) -> Tensor:
        return F.softplus(-logit)


class Wasserstein(Adversarial):
    """The critic's difference; its Lipschitz bound (a penalty, a norm) is the trainer's to add."""

    kind, dead, threshold = "wasserstein", 0.0, None

    def real(self, logit: Tensor) -> Tensor:
        return -logit

    def fake(self, logit: Tensor) -> Tensor:
        return logit

    def fooled(self, logit: Tensor) -> Tensor:
        return -logit


KINDS: dict[str, type[Adversarial]] = {c.kind: c for c in (Hinge, LeastSquares, Vanilla, Wasserstein)}


def adversarial(kind: str, reduction: str = "mean") -> Adversarial:
    """The adversarial loss of that name. Raises ValueError with the names that there are."""
    if kind not in KINDS:
        raise ValueError(f"adversarial loss {kind!r} is none of {', '.join(KINDS)}")
    return KINDS[kind](reduction)


def feature_matching(real: Features, fake: Features, reduction: str = "mean") -> tuple[Tensor, Tensor]:
    """(L1 between the features of real and fake, its relative form). Real features are held fixed.

    The L1 is the mean over all layers of all sub-discriminators, or with ``reduction="sum"`` (DAC) their sum:
    tens of times as much. The relative form, for reading only, is the mean over layers of
    ``sum|real - fake| / sum|real|``.
    """
    _checked(reduction)
    ours = [layer.detach() for layers in real for layer in layers]
    theirs = [layer for layers in fake for layer in layers]
    far = [(a - b).abs().mean() for a, b in zip(ours, theirs, strict=True)]
    with torch.no_grad():
        size = torch.stack([a.abs().mean() for a in ours])
        relative = (torch.stack(far) / size.clamp(min=1e-12)).mean()
    return _reduced(far, reduction), relative


class MelDistance(nn.Module):
    """L1 of log10 mel magnitude at DAC's 7 scales: windows 32 to 2048, mels 5 to 320, hop a quarter.

    Magnitudes are clamped at 1e-5. Where mels lie closer than bins, the filters that contain no bin are left
    out of the mean (they would add a constant 0); ``unheard`` counts them a scale. ``reduction`` over the
    scales is ``mean`` (the measure ``eval/mel``) or ``sum`` (DAC's training loss, 7 times as much).
    """

    def __init__(
        self,
        rate_hz: int,
        windows: Sequence[int] = (32, 64, 128, 256, 512, 1024, 2048),
        mels: Sequence[int] = (5, 10, 20, 40, 80, 160, 320),
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        if len(windows) != len(mels):
            raise ValueError(f"{len(windows)} windows and {len(mels)} numbers of mels; one belongs to each")
        self.rate_hz, self.scales = rate_hz, tuple(zip(windows, mels, strict=True))
        self.reduction = _checked(reduction)
        plain = torch.empty(0)
        heard = [dsp.heard(dsp.mel_filters(rate_hz, window, n, plain)) for window, n in self.scales]
        self.unheard = [int((~kept).sum()) for kept in heard]
        self._heard = [None if bool(kept.all()) else kept.nonzero()[:, 0] for kept in heard]

    def log_mel(self, wave: Tensor, scale: int) -> Tensor:
        """log10 mel magnitudes ``[..., mels heard, frames]`` of a wave ``[..., T]`` at one scale."""
        window, n_mels = self.scales[scale]
        mel = dsp.mel_spectrogram(wave, self.rate_hz, window, window // 4, n_mels)
        kept = self._heard[scale]
        if kept is not None:
            mel = mel.index_select(-2, kept.to(mel.device))
        return mel.clamp(min=dsp.FLOOR).log10()

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        """The distance of two waves of equal shape ``[..., T]``: a scalar in decades."""
        if real.shape != fake.shape:
            raise ValueError(f"waves of unlike shapes {tuple(real.shape)} and {tuple(fake.shape)}")
        scales = range(len(self.scales))
        return _reduced(
            [F.l1_loss(self.log_mel(fake, i), self.log_mel(real, i)) for i in scales], self.reduction
        )


@contextmanager
def readonly(net: nn.Module) -> Iterator[None]:
    """Inside, gradients flow through ``net`` but none reaches its parameters; those they have stay.

    The singular vectors of spectral norm stay too: they take one power iteration a forward in the net's own
    turn, as in the paper (Miyato et al. 2018, algorithm 1). Dropout goes on as it was.
    """
    frozen = [p for p in net.parameters() if p.requires_grad]
    norms = [m for m in net.modules() if isinstance(m, _SpectralNorm) and m.training]
    for p in frozen:
        p.requires_grad_(False)
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()
        for p in frozen:
            p.requires_grad_(True)


class AdversarialLoss:
    """Owns the discriminator and its optimiser, so that the generator's loop stays small.

    Module and optimiser may be wrapped by Fabric: then pass ``backward=fabric.backward`` and
    ``autocast=fabric.autocast``. The generator's turn goes past the wrapper, since a distributed wrapper
    waits for parameter gradients that never come while the discriminator is frozen.
    """

    def __init__(
        self,
        discriminator: nn.Module,
        optimizer: torch.optim.Optimizer,
        kind: str | Adversarial = "hinge",
        *,
        reduction: str = "mean",
        feature_reduction: str = "mean",
        clip: float = 0.0,
        backward: Callable[[Tensor], Any] = torch.Tensor.backward,
        autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
        names: Sequence[str] = (),
    ) -> None:
        self.discriminator, self.optimizer = discriminator, optimizer
        self.loss = adversarial(kind, reduction) if isinstance(kind, str) else kind
        self.feature_reduction = _checked(feature_reduction)
        self.clip, self.backward, self.autocast = clip, backward, autocast
        inner = getattr(discriminator, "module", discriminator)
        self.bare: nn.Module = getattr(inner, "module", inner)
        self.names = list(names) or list(getattr(self.bare, "names", ()))
        self.relative = torch.tensor(math.nan)
        self.team = processes.current()
        self.steps = 0

    def train_disc(self, real: Tensor, fake: Tensor, *, detail: bool = True) -> dict[str, Tensor]:
        """One step of the discriminator on waves ``[B, C, T]`` of equal shape; the fake one is detached here.

        Returns device scalars by the names of the vocabulary; `stats.read` fetches them in one go. With
        ``detail=False`` only ``loss/disc`` and the gradient norm. ``loss/disc`` is the mean over
        sub-discriminators whatever the reduction, so that runs can be compared.
        """
        if real.shape != fake.shape:
            raise ValueError(f"real {tuple(real.shape)} and fake {tuple(fake.shape)} differ in shape")
        logits, _ = self.discriminator(torch.cat([real, fake.detach()]))
        real_logits, fake_logits = [x[: len(real)] for x in logits], [x[len(real) :] for x in logits]
        each = self.loss.disc(real_logits, fake_logits)
        self.optimizer.zero_grad(set_to_none=True)
        self.backward(self.loss.reduce(each))
        params = [p for p in self.discriminator.parameters() if p.grad is not None]
        self.team.reduce(params, "disc", detail=detail)
        norm = stats.clipped(params, self.clip)
        before = stats.snapshot(params) if detail else []
        self.optimizer.step()
        self.steps += 1
        found = {"loss/disc": torch.stack(each).detach().mean(), "disc/grad_norm": norm}
        if detail:
            found["disc/update_ratio"] = stats.update_ratio(params, before)
            found |= stats.judgement(real_logits, fake_logits, self.names, self.loss.threshold)
            found |= {f"disc/{name}/loss": x.detach() for name, x in zip(self.names, each, strict=True)}
        return found

    def gen_terms(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """The generator's raw terms ``adv`` and ``feat``; the discriminator and its gradients stay untouched.

        ``relative`` holds the relative feature distance of the latest call.
        """
        with readonly(self.bare), self.autocast():
            with torch.no_grad():
                _, real_features = self.bare(real)
            logits, features = self.bare(fake)
        feat, self.relative = feature_matching(real_features, features, self.feature_reduction)
        return {"adv": self.loss.reduce(self.loss.gen(logits)), "feat": feat}

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimiser and number of steps: tensors and plain values only."""
        return {
            "discriminator": self.bare.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`; raises KeyError or RuntimeError where it belongs to something else."""
        self.bare.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = int(state["steps"])
