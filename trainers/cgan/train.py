"""Trains the conditional GAN: some steps of the discriminator, then one of the generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nashboard.reporter import Reporter
from recipes.base import flat
from recipes.cgan import Cgan
from trainers.cgan.data import pictures
from trainers.cgan.evaluate import Evaluation, saturation, tanh_health
from trainers.cgan.game import ConditionalGame
from trainers.cgan.model import build_discriminator, build_generator
from trainers.kit import processes, spectral, stats
from trainers.kit.checkpoints import Checkpoint, restore
from trainers.kit.classifier import as_float
from trainers.kit.contracts import Leaks, early, loss_at_zero, set_number
from trainers.kit.device import batch_on, count, fabric_for, set_rate
from trainers.kit.ema import Ema
from trainers.kit.loop import Loop, Schedule
from trainers.kit.schedules import factor, fading
from trainers.kit.seeding import rng_state, seed_all, seed_training, set_rng_state


class Training:
    """Everything that a run needs, made and checked before anything is written.

    Raises:
        BadInput: for data, a device, Inception weights or a checkpoint that cannot be used.
    """

    def __init__(self, recipe: Cgan, device: str, checkpoint: Checkpoint | None = None) -> None:
        self.recipe, self.schedule = recipe, Schedule.of(recipe.trainer)
        self.team = processes.current()
        self.fabric = fabric_for(device, recipe.trainer.precision, recipe.trainer.threads)
        self.data = pictures(recipe)
        self.classes = len(self.data.classes)
        # G, D and training draw from streams of their own: recipes with one seed start from the same G
        seed_all(recipe.seed)
        self.net = build_generator(recipe, self.classes)
        shadow = build_generator(recipe, self.classes)
        seed_all(recipe.seed + 1)
        judge = build_discriminator(recipe, self.classes)
        for net in (self.net, shadow, judge):  # a fifth faster on a CPU, and what bf16 on a GPU wants
            net.to(memory_format=torch.channels_last)
        self.gen, self.optimizer = self.fabric.setup(self.net, adam(self.net, recipe.gen))
        disc, disc_optimizer = self.fabric.setup(judge, adam(judge, recipe.disc))
        self.game = ConditionalGame(
            disc, disc_optimizer, recipe, backward=self.fabric.backward, autocast=self.fabric.autocast
        )
        self.ema = Ema(self.net, shadow.to(self.fabric.device), recipe.gen.ema, recipe.gen.ema_start)
        seed_all(recipe.seed + 3)  # whatever the scorers draw, training goes on from its own stream
        self.evaluation = Evaluation(recipe, self.data, self.fabric.device)
        seed_training(recipe.seed + 2)
        self.start = 0
        if checkpoint is not None:
            self.start = checkpoint.step
            restore(self._parts(), checkpoint, flat(recipe))
            set_rng_state(checkpoint.state["rng"])
        self._last: dict[str, float] = {}
        self.parameters = {"gen": count(self.net), "disc": count(judge)}
        self.facts: dict[str, Any] = {
            "eval_hash": self.data.sha256,
            "device": str(self.fabric.device),
            "parameters": self.parameters,
            "processes": self.team.size,
            "data": f"{self.data.layout}, {self.classes} classes, {len(self.data.train)} images",
            "split": self.data.split,
            "score_protocol": self.evaluation.protocol,
        }

    def _parts(self) -> dict[str, Any]:
        return {
            "gen": self.net,
            "game": self.game,
            "optimizer": self.optimizer,
            "ema": self.ema,
            "batches": self.data.batches,
        }

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {name: part.state_dict() for name, part in self._parts().items()} | {"rng": rng_state()}

    def train(self, reporter: Reporter, loop: Loop) -> None:
        """The whole run; `loop` says when to report, evaluate, save and stop."""
        recipe, game = self.recipe, self.game
        params, turns = list(self.net.parameters()), recipe.trainer.n_critic
        batch, leaks = recipe.data.batch, Leaks(self.net, game.bare)
        own = batch // self.team.size  # items of this process
        self._begin(reporter)
        if loop.goes_on:
            self.evaluation.heard = True
        else:
            self._evaluate(reporter, loop)
        for step in loop.steps():
            found: dict[str, Tensor | float] = self._rates(step - 1)
            judged: dict[str, Tensor] = {}
            leaks.before_disc(early(loop))
            for turn in range(turns):
                with loop.waiting():
                    real, classes = self._real()
                with torch.no_grad():
                    fake, asked = self._fake(own)
                detail = loop.reports and turn == turns - 1
                judged |= game.play_disc(real, classes, fake.image, asked, detail=detail)
            leaks.after_disc()

            leaks.before_gen(early(loop))
            made, asked = self._fake(own)
            # a view: the hook must see the gradient before Fabric's own hooks on what it returned
            image = made.image.view_as(made.image)
            if loop.reports:
                image.register_hook(_kept(found, own))
            loss = game.play_gen(image, asked)
            self.optimizer.zero_grad(set_to_none=True)
            self.fabric.backward(loss)
            self.team.reduce(params, "gen", detail=loop.reports)
            self.team.average_norms(self.net)
            if loop.reports or recipe.gen.clip:
                found["gen/grad_norm"] = stats.clipped(params, recipe.gen.clip)
            before = stats.snapshot(params) if loop.reports else []
            self.optimizer.step()
            leaks.after_gen()
            self.ema.update()

            _, losses = stats.weighted({"adv": loss}, {"adv": 1.0})
            watched = {k: judged.pop(k) for k in ("loss/disc", "loss/r1", "loss/gp") if k in judged}
            loop.took(watched | losses, items=batch)
            if loop.reports:
                found |= judged | leaks.points()
                found["gen/update_ratio"] = stats.update_ratio(params, before)
                found |= {f"gen/{k}": v for k, v in tanh_health(made).items()}
                found["gen/saturation"] = saturation(made.image.detach())["saturation"]
                found["gen/bn_gain"] = self.net.final_bn.weight.abs().max()
                found["gen/ema_distance"] = self.ema.distance()
                found["progress/disc_steps"] = game.steps
                found["progress/samples_seen"] = step * turns * batch
                self._last = loop.report(found)
            if loop.evaluates:
                loop.save(self._evaluate(reporter, loop))
        if loop.saved != loop.step:  # stopped between two evaluations: what must not be lost comes first
            loop.save({})
            if loop.step > self.start:
                self._evaluate(reporter, loop)

    def _rates(self, step: int) -> dict[str, Tensor | float]:
        """Sets the learning rates and the noise of a step, counted from 0; returns them."""
        recipe, trainer = self.recipe, self.recipe.trainer
        planned = trainer.planned_steps
        share = factor(trainer.lr_schedule, step, planned, trainer.warmup * planned)
        self.game.noise_std = fading(recipe.disc.noise_std, step, recipe.disc.noise_until * planned)
        return {
            "gen/lr": set_rate(self.optimizer, recipe.gen, share, 1),
            "disc/lr": set_rate(self.game.optimizer, recipe.disc, share, 1),
            "disc/noise_std": self.game.noise_std,
        }

    def _real(self) -> tuple[Tensor, Tensor]:
        """A batch of real images in [-1, 1] and their classes."""
        pixels, labels = self.data.batches.next()
        rows = self.team.rows(len(pixels))
        pixels, labels = pixels[rows], labels[rows]
        device = self.fabric.device
        return as_float(batch_on(device, pixels)), batch_on(device, labels)

    def _fake(self, batch: int) -> tuple[Any, Tensor]:
        """What G makes of fresh z and classes, and those classes."""
        device = self.fabric.device
        z = torch.randn(batch, self.recipe.gen.latent).to(device)
        classes = torch.randint(self.classes, (batch,)).to(device)
        return self.gen(z, classes), classes

    def _evaluate(self, reporter: Reporter, loop: Loop) -> dict[str, float]:
        """Measures, reports and prints; returns what chooses the best checkpoint."""
        if not self.team.leads:
            return {}
        scored = self.ema.shadow if self.recipe.gen.ema else self.net
        training = self.net.training
        self.net.eval()
        found = self.evaluation(scored, self.net, self.game, reporter, loop.step)
        self.net.train(training)
        found |= self._networks(loop.step)
        found["eval/set"] = set_number(self.data.sha256)
        reporter.points(loop.step, {**found, "progress/epoch": loop.epoch})
        name = self.recipe.trainer.best_by
        losses = [f"{n[5:]} {self._last[n]:.4f}" for n in ("loss/disc", "loss/gen") if n in self._last]
        print(
            f"step {loop.step} of {loop.schedule.total}, epoch {loop.epoch:.4g}:",
            *(f"{text}," for text in losses),
            f"{name[5:]} {found.get(name, float('nan')):.4f}, saturated {found['eval/saturation']:.1%},",
            f"D right on real {found['eval/disc_acc.real']:.2f}, held out {found['eval/disc_acc.held']:.2f},",
            f"fake {found['eval/disc_acc.fake']:.2f}",
            flush=True,
        )
        return found

    def _networks(self, step: int) -> dict[str, float]:
        """Spectral norms of both networks; at the start of a run their sizes too."""
        values: dict[str, Tensor | float] = {}
        for player, net in (("gen", self.net), ("disc", self.game.bare)):
            norms = spectral.sigmas(net)
            values |= {f"{player}/{name}/sigma": value for name, value in norms.items()}
            values[f"{player}/sigma.max"] = torch.stack(list(norms.values())).max()
        if step == self.start:
            gen, disc = self.parameters.values()
            values |= {"gen/parameters": gen, "disc/parameters": disc, "gen/param_ratio": gen / disc}
            values["gen/bn_gain"] = self.net.final_bn.weight.detach().abs().max()
        return stats.read(values)

    def _begin(self, reporter: Reporter) -> None:
        recipe, protocol = self.recipe, self.evaluation.protocol
        reporter.mark(self.start, "evaluation_set", self.data.sha256)
        reporter.points(self.start, {"disc/loss_at_zero": loss_at_zero(self.game.loss)})
        rows = [[name, str(value)] for name, value in protocol.items()]
        reporter.table("score_protocol", self.start, ["what", "value"], rows)
        until = round(recipe.disc.noise_until * recipe.trainer.planned_steps)
        if recipe.disc.noise_std and self.start < until <= self.schedule.total:
            reporter.mark(until, "noise_ends", f"instance noise fades from {recipe.disc.noise_std:g} to 0")
        gen, disc = self.parameters.values()
        print(
            f"cgan {recipe.preset} {recipe.size}: {gen:,} parameters in G, {disc:,} in D ({gen / disc:.2f});",
            f"{self.fabric.device}; {self.facts['data']}; {len(self.data.held)} held out;",
            f"scores on {protocol['fakes']} fakes by {protocol['extractor']}",
            flush=True,
        )


def adam(net: torch.nn.Module, part: Any) -> torch.optim.Adam:
    """Adam with the learning rate and betas of a recipe's part."""
    return torch.optim.Adam(net.parameters(), lr=part.lr, betas=(part.beta1, part.beta2))


def _kept(found: dict[str, Tensor | float], batch: int) -> Callable[[Tensor], None]:
    """A hook that notes the gradient of an item's own loss at that item: its norm, mean over the items."""

    def keep(grad: Tensor) -> None:
        found["gen/output_grad"] = batch * grad.detach().float().flatten(1).norm(dim=1).mean()

    return keep
