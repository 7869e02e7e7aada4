"""Trains the AudioVAE with Lightning's Trainer; the house's loop decides what is reported, kept and stopped."""

from __future__ import annotations

import logging
import math
import signal
import threading
import warnings
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from nashboard.reporter import Reporter
from recipes.base import flat
from recipes.vae import Vae
from trainers.kit import histograms, stats
from trainers.kit.audio import tell
from trainers.kit.checkpoints import Checkpoint, restore
from trainers.kit.contracts import called_real, early, loss_at_zero, middles, same_scales, set_number
from trainers.kit.device import count, fabric_for
from trainers.kit.loop import Loop, Schedule
from trainers.kit.seeding import rng_state, set_rng_state
from trainers.vae.data import Batches, as_channels, sound
from trainers.vae.evaluate import Evaluation
from trainers.vae.lightning_module import VAELightningModule
from trainers.vae.model import AudioVAE

for name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(name).setLevel(logging.WARNING)  # stderr is kept for what goes wrong

COUNTS = ("progress/disc_steps", "progress/samples_seen", "progress/audio_hours")


class House(Callback):
    """Lets the house's loop drive a Lightning Trainer: reports, evaluations, checkpoints and stops are its."""

    def __init__(self, training: Training, reporter: Reporter, loop: Loop) -> None:
        self.training, self.reporter, self.loop = training, reporter, loop
        self._told = False
        self._on_sigterm = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: Any, module: Any) -> None:
        # Lightning adds a handler of its own, which leaves the process without a word at the next batch
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._on_sigterm)

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Tensor, batch_idx: int) -> None:
        module.detail, module.measure = self.loop.reports, self.loop.evaluates
        module.watch = early(self.loop)
        if module.playing and not self._told:
            self._told = True
            self.reporter.mark(self.loop.step, "adversarial", "the generator hears the discriminator")

    def on_train_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Tensor, batch_idx: int
    ) -> None:
        loop, seen = self.loop, dict(module.seen)
        items = len(batch) * loop.team.size
        seconds = items * batch.shape[-1] / self.training.recipe.data.rate_hz
        # the generator's total comes last, so that a NaN is blamed on the term that it comes from
        names = [n for n in seen if n.startswith(("loss/", "weighted/")) and n != "loss/gen"]
        watched = {name: seen.pop(name) for name in (*names, "loss/gen")}
        loop.took(watched, items=items, seconds=seconds)
        if loop.reports:
            counts = (module.disc_steps, loop.step * items, loop.step * seconds / 3600)
            seen |= dict(zip(COUNTS, counts, strict=True))
            self.training.last = loop.report(seen)
        if loop.evaluates:
            loop.save(self.training.evaluate(self.reporter, loop))

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        if self.loop.stopped or self.loop.step >= self.loop.schedule.total:
            trainer.should_stop = True


class Training:
    """Everything that a run needs, made and checked before anything is written.

    Raises:
        BadInput: for data, a device or a checkpoint that cannot be used.
    """

    def __init__(self, recipe: Vae, device: str, checkpoint: Checkpoint | None = None) -> None:
        self.recipe = recipe
        trainer, per = recipe.trainer, recipe.trainer.steps_an_epoch
        self.schedule = Schedule(trainer.total_steps, per, trainer.log_every, trainer.eval_every * per)
        self.device = fabric_for(device, "32-true", trainer.threads).device
        self.data = sound(recipe)
        self.module = VAELightningModule.of(recipe)
        self.start = 0
        if checkpoint is not None:
            self.start = checkpoint.step
            restore(self._parts(), checkpoint, flat(recipe))
            self.module.updates = checkpoint.step
            set_rng_state(checkpoint.state["rng"])
        self.evaluation = Evaluation(self.data.evaluation, recipe.data.slots)
        self.last: dict[str, float] = {}
        judge = self.module.discriminator
        self.facts: dict[str, Any] = {
            "eval_hash": self.data.evaluation.sha256,
            "device": str(self.device),
            "parameters": {"gen": count(self.module.model), "disc": count(judge) if judge is not None else 0},
            "processes": self.module.team.size,
        }

    def _parts(self) -> dict[str, Any]:
        return {**self.module.parts(), "crops": self.data.crops}

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {name: part.state_dict() for name, part in self._parts().items()} | {"rng": rng_state()}

    def train(self, reporter: Reporter, loop: Loop) -> None:
        """The whole run; `loop` says when to report, evaluate, save and stop."""
        self._place()
        self._begin(reporter)
        if loop.goes_on:
            self.evaluation.heard = True
        else:
            self.evaluate(reporter, loop)
        epochs = math.ceil(self.schedule.total / self.schedule.per_epoch)
        on_gpu = self.device.type == "cuda"
        trainer = Trainer(
            accelerator="cuda" if on_gpu else "cpu",
            devices=[self.device.index or 0] if on_gpu else 1,
            precision=self.recipe.trainer.precision,
            max_epochs=epochs - self.start // self.schedule.per_epoch,
            callbacks=[House(self, reporter, loop)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        with warnings.catch_warnings():
            # Lightning 2.6 asks torch 2.13 for a class that torch has renamed; nothing a user could do
            warnings.filterwarnings("ignore", message=".*LeafSpec.*")
            trainer.fit(self.module, Batches(loop, self.data.crops, self.recipe.model.in_channels))
        self._place()  # Lightning takes a module off the GPU when its fit ends
        if loop.saved != loop.step:  # stopped between two evaluations: what must not be lost comes first
            loop.save({})
            if loop.step > self.start:
                self.evaluate(reporter, loop)

    def _place(self) -> None:
        self.module.to(self.device)
        if self.module.ema is not None:
            self.module.ema.shadow.to(self.device)

    def evaluate(self, reporter: Reporter, loop: Loop) -> dict[str, float]:
        """Measures, reports and prints; returns what chooses the best checkpoint."""
        if not loop.team.leads:
            return {}
        net = self.module.evaluated
        was = net.training
        net.eval()
        found = self.evaluation(net, self.device, reporter, loop.step)
        self._tell(reporter, loop.step, net, held := self._held())
        net.train(was)
        if self.module.game is not None:
            found |= stats.read(called_real(self.module.game, held))
        found["eval/set"] = set_number(self.data.evaluation.sha256)
        reporter.points(loop.step, {**found, **self.module.effective(), "progress/epoch": loop.epoch})
        losses = [f"{n[5:]} {self.last[n]:.4f}" for n in ("loss/disc", "loss/feat") if n in self.last]
        print(
            f"step {loop.step} of {loop.schedule.total}, epoch {loop.epoch:.4g}:",
            *(f"{text}," for text in losses),
            f"SNR {found['eval/snr']:.2f} dB, spectra {found['eval/stft']:.3f},",
            f"width error {found.get('eval/width_error', math.nan):.3f},",
            f"KL {found['eval/kl_per_dim']:.2f} a dimension, {found['eval/active_units']:.0%} active",
            flush=True,
        )
        return found

    @torch.no_grad()
    def _tell(self, reporter: Reporter, step: int, net: AudioVAE, held: Tensor) -> None:
        """Histograms of the latent's means and of D's logits, on held-out crops ``[n, C, crop]``."""
        if len(held):
            out = net(held)
            histograms.tell(reporter, "latent/values", step, out.mean)
            if self.module.game is not None:
                histograms.logits(reporter, step, self.module.game, held, out.recon.float())

    def _held(self) -> Tensor:
        """Crops ``[n, C, crop]`` from the middles of evaluation clips."""
        waves = (
            item.wave if item.wave.ndim == 2 else item.wave[:, None] for item in self.data.evaluation.items
        )
        return middles((as_channels(w) for w in waves), self.recipe.data.crop).to(self.device)

    def _begin(self, reporter: Reporter) -> None:
        recipe, data, module = self.recipe, self.data, self.module
        tell(reporter, data.bank, self.start)
        about = {"data/mono_doubled": data.mono, "data/resampled": data.resampled, **module.effective()}
        if module.game is not None:
            silence = torch.zeros(1, recipe.model.in_channels, recipe.data.crop, device=self.device)
            about["disc/loss_at_zero"] = loss_at_zero(module.game.loss)
            about["disc/same_scales"] = same_scales(module.game.bare, silence)
        reporter.points(self.start, about)
        reporter.mark(self.start, "evaluation_set", data.evaluation.sha256)
        gen, disc = self.facts["parameters"].values()
        print(
            f"vae {recipe.preset} {recipe.size}: {gen:,} parameters in G, {disc:,} in D; {self.device};",
            f"{len(data.crops.clips)} clips, {data.minutes:.1f} min of training audio;",
            f"{len(data.evaluation.items)} evaluation clips, {data.evaluation.sha256[:12]}",
            flush=True,
        )
        if data.mono:
            way = "doubled" if recipe.data.mono == "double" else "panned by their names"
            print(f"{data.mono} of {len(data.bank.clips)} files are mono and are {way}", flush=True)
        print(self._game(), flush=True)
        if recipe.use_adversarial and not module.playing:
            waits = module.calculator.warmup_steps
            reporter.mark(self.start, "warm-up", f"the generator trains alone for {waits} steps")
            if waits >= self.schedule.total:
                reporter.note(
                    f"The run ends at step {self.schedule.total}, before the adversarial warm-up of {waits} "
                    "steps does: the generator never hears the discriminator.",
                    self.start,
                )

    def _game(self) -> str:
        """The effective weights in a sentence: they must not change in silence."""
        known = self.module.calculator
        if not self.module.use_adversarial:
            return "use_adversarial=false: the discriminator watches, untrained"
        counted = "generator updates" if self.module.clock == "generator" else "optimiser steps (global_step)"
        return (
            f"adversarial weight {known.adversarial_weight:g}, feature matching "
            f"{known.feature_matching_weight:g}, warm-up {known.warmup_steps} {counted}"
        )
