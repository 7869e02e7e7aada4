"""Trains the codec: a step of the discriminator and one of the generator on the same forward, as in DAC."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nashboard.reporter import Reporter
from recipes.base import flat
from recipes.codec import Codec
from trainers.codec.data import speech
from trainers.codec.evaluate import Evaluation
from trainers.codec.model import build_generator, nominal_kbps
from trainers.kit import histograms, processes, stats
from trainers.kit.audio import tell
from trainers.kit.checkpoints import Checkpoint, restore
from trainers.kit.contracts import Leaks, called_real, early, loss_at_zero, middles, same_scales, set_number
from trainers.kit.device import adamw, batch_on, count, fabric_for, set_rate
from trainers.kit.discriminators import build_discriminator
from trainers.kit.loop import Loop, Schedule
from trainers.kit.losses import AdversarialLoss, MelDistance
from trainers.kit.seeding import rng_state, seed_all, seed_training, set_rng_state


class Training:
    """Everything that a run needs, made and checked before anything is written.

    Raises:
        BadInput: for data, a device or a checkpoint that cannot be used.
    """

    def __init__(self, recipe: Codec, device: str, checkpoint: Checkpoint | None = None) -> None:
        self.recipe, self.schedule = recipe, Schedule.of(recipe.trainer)
        self.team = processes.current()
        self.fabric = fabric_for(device, recipe.trainer.precision, recipe.trainer.threads)
        self.data = speech(recipe)
        # G, D and training draw from streams of their own: recipes with one seed start from the same G
        seed_all(recipe.seed)
        self.net = build_generator(recipe, team=self.team)
        seed_all(recipe.seed + 1)
        judge = build_discriminator(recipe.disc)
        seed_training(recipe.seed + 2)
        self.gen, self.optimizer = self.fabric.setup(self.net, adamw(self.net.parameters(), recipe.gen))
        disc, disc_optimizer = self.fabric.setup(judge, adamw(judge.parameters(), recipe.disc))
        self.game = AdversarialLoss(
            disc,
            disc_optimizer,
            recipe.loss,
            reduction=recipe.reduction,
            feature_reduction=recipe.feat_reduction,
            clip=recipe.disc.clip,
            backward=self.fabric.backward,
            autocast=self.fabric.autocast,
        )
        self.mel = MelDistance(recipe.data.rate_hz)
        self.start = 0
        if checkpoint is not None:
            self.start = checkpoint.step
            restore(self._parts(), checkpoint, flat(recipe))
            set_rng_state(checkpoint.state["rng"])
        self.evaluation = Evaluation(
            self.data.evaluation,
            slots=recipe.data.slots,
            stages=recipe.quantizer.codebooks,
            codes=recipe.quantizer.size,
            kbps=nominal_kbps(recipe),
        )
        self._last: dict[str, float] = {}
        self.facts: dict[str, Any] = {
            "eval_hash": self.data.evaluation.sha256,
            "device": str(self.fabric.device),
            "parameters": {"gen": count(self.net), "disc": count(judge)},
            "processes": self.team.size,
        }

    def _parts(self) -> dict[str, Any]:
        return {
            "gen": self.net,
            "game": self.game,
            "optimizer": self.optimizer,
            "crops": self.data.crops,
        }

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {name: part.state_dict() for name, part in self._parts().items()} | {"rng": rng_state()}

    def train(self, reporter: Reporter, loop: Loop) -> None:
        """The whole run; `loop` says when to report, evaluate, save and stop."""
        recipe, game, device = self.recipe, self.game, self.fabric.device
        params, gamma = list(self.net.parameters()), recipe.trainer.gamma
        items, leaks = recipe.data.batch, Leaks(self.net, game.bare)
        seconds = items * recipe.data.crop / recipe.data.rate_hz
        self._begin(reporter)
        if loop.goes_on:
            self.evaluation.heard = True
        else:
            self._evaluate(reporter, loop)
        for step in loop.steps():
            with loop.waiting():
                real = batch_on(device, self.data.crops.next()[self.team.rows(items)])[:, None]
            playing = step > recipe.disc.start
            if step == recipe.disc.start + 1:
                reporter.mark(step, "adversarial", "the discriminator trains and is played against")
            found: dict[str, Tensor | float] = {
                "gen/lr": set_rate(self.optimizer, recipe.gen, gamma, step - 1),
                "disc/lr": set_rate(game.optimizer, recipe.disc, gamma, step - 1),
            }
            out = self.gen(real)
            # views: gradients that are asked for here do not run into Fabric's hooks on what it returned
            fake, vq = (x.view_as(x) for x in (out.wave, out.vq_loss))

            if playing:
                leaks.before_disc(early(loop))
                judged = game.train_disc(real, fake, detail=loop.reports)
                leaks.after_disc()
            else:
                judged = self._judged(real, fake) if loop.reports else {}

            leaks.before_gen(early(loop))
            weights = self._weights(playing, measure=loop.reports)
            terms = self._terms(real, fake, vq, weights)
            total, losses = stats.weighted(terms, weights)
            if loop.evaluates:
                found |= stats.shares(stats.output_grads(terms, fake, weights))
            self.optimizer.zero_grad(set_to_none=True)
            self.fabric.backward(total)
            self.team.reduce(params, "gen", detail=loop.reports)
            if loop.reports or recipe.gen.clip:
                found["gen/grad_norm"] = stats.clipped(params, recipe.gen.clip)
            before = stats.snapshot(params) if loop.reports else []
            self.optimizer.step()
            leaks.after_gen()

            watched = ({"loss/disc": judged.pop("loss/disc")} if "loss/disc" in judged else {}) | losses
            loop.took(watched, items=items, seconds=seconds)
            if loop.reports:
                found |= judged | leaks.points() | self.net.quantizer.restarts()
                found["gen/update_ratio"] = stats.update_ratio(params, before)
                if playing:
                    found["feat/relative"] = game.relative
                found["progress/disc_steps"] = game.steps
                found["progress/samples_seen"] = step * items
                found["progress/audio_hours"] = step * seconds / 3600
                self._last = loop.report(found)
            if loop.evaluates:
                loop.save(self._evaluate(reporter, loop))
        if loop.saved != loop.step:  # stopped between two evaluations: what must not be lost comes first
            loop.save({})
            if loop.step > self.start:
                self._evaluate(reporter, loop)

    def _weights(self, playing: bool, measure: bool) -> dict[str, float]:
        """The weight of each term of this step; terms of weight 0 are left out unless they are measured."""
        r = self.recipe
        weights = {"adv": r.adv_weight, "feat": r.feat_weight} if playing else {}
        rest = {"recon": r.recon_weight, "mel": r.mel_weight}
        return weights | {n: w for n, w in rest.items() if w or measure} | {"vq": r.vq_weight}

    def _terms(self, real: Tensor, fake: Tensor, vq: Tensor, weights: dict[str, float]) -> dict[str, Tensor]:
        """The generator's raw losses that ``weights`` names."""
        terms = self.game.gen_terms(real, fake) if "adv" in weights else {}
        for name, measure in (("recon", F.l1_loss), ("mel", self.mel)):
            if name in weights:
                with torch.set_grad_enabled(weights[name] > 0):
                    terms[name] = measure(fake, real)
        return terms | {"vq": vq}

    @torch.no_grad()
    def _judged(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """The discriminator's loss while it waits for its start, untrained."""
        logits, _ = self.game.bare(torch.cat([real, fake]))
        halves = [x.chunk(2) for x in logits]
        each = self.game.loss.disc([real for real, _ in halves], [fake for _, fake in halves])
        return {"loss/disc": torch.stack(each).mean()}

    def _evaluate(self, reporter: Reporter, loop: Loop) -> dict[str, float]:
        """Measures, reports and prints; returns what chooses the best checkpoint."""
        if not self.team.leads:
            return {}
        self.net.eval()
        found = self.evaluation(self.gen, self.fabric.device, reporter, loop.step)
        self._tell(reporter, loop.step, held := self._held())
        self.net.train()
        found |= stats.read(called_real(self.game, held))
        found["eval/set"] = set_number(self.data.evaluation.sha256)
        reporter.points(loop.step, {**found, "progress/epoch": loop.epoch})
        losses = [f"{n[5:]} {self._last[n]:.4f}" for n in ("loss/disc", "loss/feat") if n in self._last]
        print(
            f"step {loop.step} of {loop.schedule.total}, epoch {loop.epoch:.4g}:",
            *(f"{text}," for text in losses),
            f"SNR {found['eval/snr']:.2f} dB, SI-SDR {found['eval/si_sdr']:.2f} dB,",
            f"amplitude {found['eval/amplitude']:.1f} %, mel {found['eval/mel']:.3f}",
            flush=True,
        )
        return found

    @torch.no_grad()
    def _tell(self, reporter: Reporter, step: int, held: Tensor) -> None:
        """Histograms of the latent and of D's logits, on held-out crops ``[n, 1, crop]`` and what G makes of them."""
        if len(held):
            with self.fabric.autocast():
                latent, fake = self.net.latent(held), self.net(held).wave
            histograms.tell(reporter, "latent/values", step, latent)
            histograms.logits(reporter, step, self.game, held, fake.float())

    def _held(self) -> Tensor:
        """Crops ``[n, 1, crop]`` from the middles of evaluation clips."""
        waves = (torch.from_numpy(item.wave)[None] for item in self.data.evaluation.items)
        return middles(waves, self.recipe.data.crop).to(self.fabric.device)

    def _begin(self, reporter: Reporter) -> None:
        recipe, evaluation = self.recipe, self.data.evaluation
        tell(reporter, self.data.bank, self.start)
        scales = same_scales(self.game.bare, torch.zeros(1, 1, recipe.data.crop, device=self.fabric.device))
        zero = loss_at_zero(self.game.loss)
        reporter.points(self.start, {"disc/loss_at_zero": zero, "disc/same_scales": scales})
        reporter.mark(self.start, "evaluation_set", evaluation.sha256)
        if recipe.disc.start > self.start:
            reporter.mark(self.start, "reconstruction", f"the discriminator waits until {recipe.disc.start}")
        gen, disc = self.facts["parameters"].values()
        print(
            f"codec {recipe.preset} {recipe.size}: {gen:,} parameters in G, {disc:,} in D;",
            f"{self.fabric.device};",
            f"{len(self.data.crops.clips)} clips, {self.data.minutes:.1f} min of training audio;",
            f"{len(evaluation.items)} evaluation clips, {evaluation.sha256[:12]}",
            flush=True,
        )
