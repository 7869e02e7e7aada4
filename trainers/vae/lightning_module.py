"""The AudioVAE as a LightningModule: two optimisers by hand, a discriminator's step and then a generator's.

Lightning's ``global_step`` counts the steps of every optimiser, so that it runs twice as fast as batches do
while both train. ``updates`` counts generator updates, and the warm-up goes by it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from recipes.vae import Disc, Generator, Vae
from trainers.kit import processes, stats
from trainers.kit.balance import Balancer
from trainers.kit.contracts import Leaks
from trainers.kit.device import adamw, set_rate
from trainers.kit.ema import Ema
from trainers.kit.losses import AdversarialLoss
from trainers.kit.seeding import seed_all, seed_training
from trainers.kit.spectra import SpectralDistance
from trainers.vae.discriminator import EnCodecDiscriminator, build_discriminator, make_discriminator
from trainers.vae.losses import AdversarialLossCalculator
from trainers.vae.model import AudioVAE, VaeOut, build_model, kl_divergence

OLD = {"adversarial_warmup_steps": 0, "adversarial_weight": 0.1, "feature_matching_weight": 10.0}
NO_DISCRIMINATOR = "discriminator must be provided when use_adversarial=True"


class Stepper:
    """An optimiser whose steps Lightning counts; state and gradients are the optimiser's own."""

    def __init__(self, module: LightningModule, index: int, raw: torch.optim.Optimizer) -> None:
        self.module, self.index, self.raw = module, index, raw

    def step(self) -> None:
        known = self.module.optimizers()
        (known[self.index] if isinstance(known, list) else known).step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.raw.zero_grad(set_to_none=set_to_none)

    def state_dict(self) -> dict[str, Any]:
        return self.raw.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.raw.load_state_dict(state)


class VAELightningModule(LightningModule):
    """Trains an `AudioVAE`, with or without a discriminator, on batches of waves ``[B, C, T]``.

    ``discriminator`` is a module or a configuration with ``_target_`` (a registered name);
    ``adversarial_loss_calculator`` an object or its arguments. ``clock`` and ``disc_start`` (None: when the
    warm-up is over) say when who plays, as in `recipes.vae`. The three old parameters still work.

    Attributes:
        updates: generator updates made.
        detail, measure: what the next step finds out for ``seen``: everything, gradient shares too.
        watch: whether the next step looks for leaks between the players.
        seen: device scalars of the latest step by the names of the vocabulary.

    Raises:
        ValueError: without a discriminator where one is needed, and for what is given twice.
    """

    def __init__(
        self,
        model: AudioVAE | None = None,
        discriminator: nn.Module | Mapping[str, Any] | None = None,
        adversarial_loss_calculator: AdversarialLossCalculator | Mapping[str, Any] | None = None,
        use_adversarial: bool = True,
        *,
        adversarial_warmup_steps: int | None = None,
        adversarial_weight: float | None = None,
        feature_matching_weight: float | None = None,
        recon_weight: float = 1.0,
        stft_weight: float = 1.0,
        stft: str = "channels",
        kl_weight: float = 1e-4,
        balancer: bool = False,
        clock: str = "generator",
        disc_start: int | None = None,
        gamma: float = 1.0,
        gen: Generator | None = None,
        disc: Disc | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.team = processes.current()
        old = {
            "adversarial_warmup_steps": adversarial_warmup_steps,
            "adversarial_weight": adversarial_weight,
            "feature_matching_weight": feature_matching_weight,
        }
        given = {name: value for name, value in old.items() if value is not None}
        if given and use_adversarial and discriminator is None:
            discriminator = EnCodecDiscriminator(use_msd=False, use_mpd=False)  # as before there was a choice
        if use_adversarial and discriminator is None:
            raise ValueError(NO_DISCRIMINATOR)
        self.model = AudioVAE() if model is None else model
        self.discriminator = (
            make_discriminator(discriminator) if isinstance(discriminator, Mapping) else discriminator
        )
        self.calculator = _calculator(adversarial_loss_calculator, given)
        self.use_adversarial, self.clock, self.disc_start = use_adversarial, clock, disc_start
        self.base = {"recon": recon_weight, "stft": stft_weight}
        self.kl_weight, self.gamma = kl_weight, gamma
        self.spectra = SpectralDistance(shown=stft)
        self.gen, self.disc = gen or Generator(), disc or Disc()
        self.balancer = Balancer({"recon": 1.0}, mean=self._over_processes) if balancer else None
        self.updates, self.detail, self.measure, self.watch = 0, True, False, False
        self.seen: dict[str, Tensor | float] = {}
        self.optimizer = Stepper(self, 0, adamw(self.model.parameters(), self.gen))
        self.game: AdversarialLoss | None = None
        if self.discriminator is not None:
            raw = adamw(self.discriminator.parameters(), self.disc)
            self.game = AdversarialLoss(
                self.discriminator,
                Stepper(self, 1, raw),
                self.calculator.loss,
                clip=self.disc.clip,
                backward=self.manual_backward,
                names=getattr(self.discriminator, "names", ()) or ["disc"],
            )
        self.leaks = Leaks(self.model, self.discriminator or nn.Module())
        self.ema: Ema | None = None
        if self.gen.ema:
            self.ema = Ema(self.model, AudioVAE(**self.model.config), self.gen.ema)

    @classmethod
    def of(cls, recipe: Vae) -> VAELightningModule:
        """The module of a recipe; G, D and training draw from streams of their own by its seed."""
        seed_all(recipe.seed)
        model = build_model(recipe.model)
        seed_all(recipe.seed + 1)
        part = recipe.model.discriminator
        judge = build_discriminator(part, init=recipe.disc.init, gain=recipe.disc.input_gain)
        adversarial = recipe.model.adversarial
        module = cls(
            model,
            judge,
            AdversarialLossCalculator(
                adversarial.adversarial_weight,
                adversarial.feature_matching_weight,
                adversarial.warmup_steps,
                loss=recipe.loss,
            ),
            recipe.use_adversarial,
            recon_weight=recipe.recon_weight,
            stft_weight=recipe.stft_weight,
            stft=recipe.stft,
            kl_weight=recipe.kl_weight,
            balancer=recipe.balancer,
            clock=adversarial.clock,
            disc_start=recipe.disc.start,
            gamma=recipe.trainer.gamma,
            gen=recipe.gen,
            disc=recipe.disc,
        )
        seed_training(recipe.seed + 2)
        return module

    def _over_processes(self, norms: Tensor) -> Tensor:
        return self.team.sum(norms) / self.team.size

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        both = [self.optimizer.raw]
        if self.game is not None:
            both.append(self.game.optimizer.raw)
        return both

    def forward(self, wave: Tensor) -> VaeOut:
        return self.model(wave)

    @property
    def disc_steps(self) -> int:
        """Steps of the discriminator made."""
        return self.game.steps if self.game is not None else 0

    @property
    def time(self) -> int:
        """What the warm-up counts."""
        return self.updates + (self.disc_steps if self.clock == "global_step" else 0)

    @property
    def playing(self) -> bool:
        """Whether the generator hears the discriminator in the next step."""
        return self.use_adversarial and self.calculator.is_active(self.time)

    @property
    def training_disc(self) -> bool:
        """Whether the discriminator trains in the next step."""
        waits = self.playing if self.disc_start is None else self.updates >= self.disc_start
        return self.use_adversarial and waits

    def effective(self) -> dict[str, float]:
        """The weights that count in the next step, 0 in the warm-up: ``weight/adv`` and ``weight/feat``."""
        known = self.calculator.weights(self.time)
        return {f"weight/{n}": w if self.use_adversarial else 0.0 for n, w in known.items()}

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        playing, training = self.playing, self.training_disc
        seen: dict[str, Tensor | float] = {**self.effective()}
        seen["gen/lr"] = set_rate(self.optimizer.raw, self.gen, self.gamma, self.updates)
        out = self.model(batch)
        fake = out.recon
        if self.game is not None:
            raw = self.game.optimizer.raw
            seen["disc/lr"] = set_rate(raw, self.disc, self.gamma, self.updates)
            if training:
                self.leaks.before_disc(self.watch)
                seen |= self.game.train_disc(batch, fake, detail=self.detail)
                self.leaks.after_disc()
            elif self.detail:
                seen["loss/disc"] = self._watched(batch, fake)
        self.leaks.before_gen(self.watch and self.game is not None)
        terms, relative = self._terms(batch, fake, playing)
        weights = self.base | (self.calculator.weights(self.time) if playing else {})
        weights = {name: weight for name, weight in weights.items() if name in terms}
        kl = kl_divergence(out.mean, out.logvar).sum()
        total, losses = stats.weighted({**terms, "kl": kl}, {**weights, "kl": self.kl_weight})
        if self.measure:
            seen |= stats.shares(stats.output_grads(terms, fake, weights))
        self.optimizer.zero_grad()
        self._backward(total, terms, weights, fake, kl)
        params = [p for p in self.model.parameters() if p.grad is not None]
        self.team.reduce(params, "gen", detail=self.detail)
        if self.detail or self.gen.clip:
            seen["gen/grad_norm"] = stats.clipped(params, self.gen.clip)
        before = stats.snapshot(params) if self.detail else []
        self.optimizer.step()
        self.leaks.after_gen()
        self.updates += 1
        if self.ema is not None:
            self.ema.update()
        if self.detail:
            seen |= self.leaks.points()
            seen["gen/update_ratio"] = stats.update_ratio(params, before)
            if playing:
                seen["feat/relative"] = relative
            if self.ema is not None:
                seen["gen/ema_distance"] = self.ema.distance()
        self.seen = seen | losses
        return total.detach()

    def _terms(self, real: Tensor, fake: Tensor, playing: bool) -> tuple[dict[str, Tensor], Tensor]:
        """(raw terms of the output, relative feature distance); weight 0 is measured but does not pull."""
        terms: dict[str, Tensor] = {}
        for name, measure in (("recon", F.l1_loss), ("stft", self.spectra)):
            if self.base[name] or self.detail:
                with torch.set_grad_enabled(self.base[name] > 0):
                    terms[name] = measure(fake, real)
        if not playing or self.discriminator is None:
            return terms, fake.new_zeros(())
        found = self.calculator.compute_generator_loss(self.discriminator, real, fake, self.time)
        return (
            {**terms, "adv": found["adversarial"], "feat": found["feature_matching"]},
            found["feature_relative"],
        )

    def _backward(
        self, total: Tensor, terms: dict[str, Tensor], weights: dict[str, float], fake: Tensor, kl: Tensor
    ) -> None:
        if self.balancer is None:
            self.manual_backward(total)
            return
        self.balancer.weights = {name: weight for name, weight in weights.items() if weight}
        self.balancer.backward(
            {name: terms[name] for name in self.balancer.weights},
            fake,
            extra=self.kl_weight * kl,
            backward=self.manual_backward,
        )

    @torch.no_grad()
    def _watched(self, real: Tensor, fake: Tensor) -> Tensor:
        """The loss of a discriminator that does not train now."""
        assert self.discriminator is not None
        return self.calculator.compute_discriminator_loss(self.discriminator, real, fake)["total"]

    def parts(self) -> dict[str, Any]:
        """What a checkpoint keeps, each with ``state_dict`` and ``load_state_dict``."""
        found: dict[str, Any] = {"model": self.model, "optimizer": self.optimizer, "game": self.game}
        found |= {"ema": self.ema, "balancer": self.balancer}
        return {name: part for name, part in found.items() if part is not None}

    @property
    def evaluated(self) -> AudioVAE:
        """The model to judge: the averaged weights where there are."""
        averaged: AudioVAE = self.model if self.ema is None else self.ema.shadow
        return averaged

    def on_fit_start(self) -> None:
        if self.ema is not None:
            self.ema.shadow.to(self.device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["model_config"] = dict(self.model.config)
        checkpoint["latent_statistics"] = dict(self.model.latent_statistics)
        checkpoint["encoder_frozen"] = self.model.encoder_frozen
        checkpoint["adversarial"] = self.calculator.config()
        checkpoint["counts"] = {"updates": self.updates, "disc_steps": self.disc_steps}
        for name, part in (("ema", self.ema), ("balancer", self.balancer)):
            if part is not None:
                checkpoint[name] = part.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        counts = checkpoint.get("counts", {})
        self.updates = int(counts.get("updates", 0))
        if self.game is not None:
            self.game.steps = int(counts.get("disc_steps", 0))
        for name, part in (("ema", self.ema), ("balancer", self.balancer)):
            if part is not None and name in checkpoint:
                part.load_state_dict(checkpoint[name])


def _calculator(
    given: AdversarialLossCalculator | Mapping[str, Any] | None, old: Mapping[str, Any]
) -> AdversarialLossCalculator:
    """The calculator; old parameters make one with the old defaults, so that no weight changes in silence."""
    if given is not None and old:
        raise ValueError(
            f"{', '.join(old)} and adversarial_loss_calculator are both given; the calculator alone is enough"
        )
    for name in old:
        new = "warmup_steps" if name == "adversarial_warmup_steps" else name
        warnings.warn(
            f"{name} is deprecated: pass adversarial_loss_calculator=AdversarialLossCalculator({new}=…)",
            DeprecationWarning,
            stacklevel=4,
        )
    if isinstance(given, AdversarialLossCalculator):
        return given
    if isinstance(given, Mapping):
        arguments = {name: value for name, value in given.items() if name != "_target_"}
        return AdversarialLossCalculator(**arguments)
    if not old:
        return AdversarialLossCalculator()
    values = {**OLD, **old}
    return AdversarialLossCalculator(
        values["adversarial_weight"], values["feature_matching_weight"], values["adversarial_warmup_steps"]
    )
