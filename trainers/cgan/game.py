"""The discriminator's side of the conditional game: classes, instance noise, augmentation, penalties."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recipes.cgan import Cgan
from trainers.kit import penalties, stats
from trainers.kit.diffaugment import OPERATIONS, DiffAugment
from trainers.kit.losses import AdversarialLoss, readonly


class ConditionalGame(AdversarialLoss):
    """Owns D and its optimiser. What D sees, real or fake and in either step, passes `seen`.

    ``policy`` is the one augmentation of both sides and both steps; ``noise_std`` is set by the loop.
    """

    def __init__(
        self, disc: torch.nn.Module, optimizer: torch.optim.Optimizer, recipe: Cgan, **how: Any
    ) -> None:
        super().__init__(disc, optimizer, recipe.loss, clip=recipe.disc.clip, **how)
        self.part = recipe.disc
        chosen = recipe.augment
        self.policy = DiffAugment([name for name in OPERATIONS if getattr(chosen, name)])
        self.noise_std = 0.0

    def seen(self, images: Tensor) -> Tensor:
        """The images as D is shown them."""
        if self.noise_std > 0:
            images = images + self.noise_std * torch.randn_like(images)
        return self.policy(images)

    def play_disc(
        self, real: Tensor, real_classes: Tensor, fake: Tensor, fake_classes: Tensor, *, detail: bool = True
    ) -> dict[str, Tensor]:
        """One step of D on images ``[B, 3, 32, 32]``; the fakes are detached here.

        Returns device scalars by their names; ``loss/disc`` is without penalties, which stand beside it.
        """
        shown = self.seen(real), self.seen(fake.detach())
        logits = self.discriminator(torch.cat(shown), torch.cat([real_classes, fake_classes])).float()
        on_real, on_fake = logits[: len(real)], logits[len(real) :]
        (loss,) = self.loss.disc([on_real], [on_fake])
        total, found = self._penalised(loss, shown[0], shown[1], real_classes)
        self.optimizer.zero_grad(set_to_none=True)
        self.backward(total)
        params = [p for p in self.bare.parameters() if p.grad is not None]
        self.team.reduce(params, "disc", detail=detail)
        self.team.average_norms(self.bare)
        found["disc/grad_norm"] = stats.clipped(params, self.clip)
        before = stats.snapshot(params) if detail else []
        self.optimizer.step()
        self.steps += 1
        found["loss/disc"] = loss.detach()
        if detail:
            found["disc/update_ratio"] = stats.update_ratio(params, before)
            signs = stats.judgement([on_real], [on_fake], ["only"], self.loss.threshold)
            found |= {k: v for k, v in signs.items() if not k.startswith("disc/only/")}
        return found

    def _penalised(
        self, loss: Tensor, real: Tensor, fake: Tensor, classes: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """(the loss with the penalties that are due, each raw); in 32 bits, outside autocast."""
        part, found = self.part, {}

        def judge(images: Tensor) -> Tensor:
            logits: Tensor = self.bare(images, classes)
            return logits

        if part.r1_gamma and self.steps % part.r1_every == 0:
            found["loss/r1"] = penalties.r1(judge, real)
            loss = loss + part.r1_gamma / 2 * part.r1_every * found["loss/r1"]
        if self.loss.kind == "wasserstein" and part.gp_weight:
            found["loss/gp"], found["disc/grad_between"] = penalties.gradient_penalty(judge, real, fake)
            loss = loss + part.gp_weight * found["loss/gp"]
        return loss, {name: value.detach() for name, value in found.items()}

    def play_gen(self, fake: Tensor, classes: Tensor) -> Tensor:
        """The generator's loss. D stays bit for bit as it is, its running singular vectors too."""
        training = self.bare.training
        self.bare.eval()
        try:
            with readonly(self.bare), self.autocast():
                logits = self.bare(self.seen(fake), classes)
        finally:
            self.bare.train(training)
        return self.loss.gen([logits.float()])[0]

    @torch.no_grad()
    def judged(self, images: Tensor, classes: Tensor) -> Tensor:
        """Logits ``[B]`` of plain images, without noise, augmentation or a change to D."""
        training = self.bare.training
        self.bare.eval()
        try:
            logits: Tensor = self.bare(images, classes)
        finally:
            self.bare.train(training)
        return logits.float()
