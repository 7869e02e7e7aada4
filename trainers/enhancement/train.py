"""Trains the enhancer: a step of the generator, then one of the metric discriminator on scores k steps old."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from nashboard.reporter import Reporter
from recipes.base import flat
from recipes.enhancement import Enhancement
from trainers.enhancement.data import speech
from trainers.enhancement.evaluate import Evaluation
from trainers.enhancement.game import MetricGame
from trainers.enhancement.model import Generator, MetricDiscriminator, magnitude
from trainers.enhancement.objective import Objective, Turn
from trainers.enhancement.pesqs import Entry, LaggedScores
from trainers.kit import processes, stats
from trainers.kit.audio import tell_skipped
from trainers.kit.checkpoints import Checkpoint, restore
from trainers.kit.contracts import Leaks, early
from trainers.kit.device import adamw, batch_on, count, fabric_for, set_rate
from trainers.kit.loop import Loop, Schedule
from trainers.kit.pairs import Batch, PairSet, moved, own
from trainers.kit.scorers import ScoreBook, Scorers
from trainers.kit.seeding import rng_state, seed_all, seed_training, set_rng_state


class Training:
    """Everything that a run needs, made and checked before anything is written.

    Raises:
        BadInput: for data, a device or a checkpoint that cannot be used.
    """

    def __init__(self, recipe: Enhancement, device: str, checkpoint: Checkpoint | None = None) -> None:
        # the series that chooses the best depends on the rate; what keeps checkpoints wants its name
        best_by = recipe.trainer.model_copy(update={"best_by": recipe.best_by})
        self.recipe = recipe.model_copy(update={"trainer": best_by})
        self.schedule, self.team = Schedule.of(recipe.trainer), processes.current()
        self.fabric = fabric_for(device, recipe.trainer.precision, recipe.trainer.threads)
        self.data = speech(recipe)
        # G, D and training draw from streams of their own: recipes with one seed start from the same G
        seed_all(recipe.seed)
        self.net = Generator(recipe.gen)
        seed_all(recipe.seed + 1)
        judge = MetricDiscriminator(recipe.disc)
        seed_training(recipe.seed + 2)
        self.gen, self.optimizer = self.fabric.setup(self.net, adamw(self.net.parameters(), recipe.gen))
        disc, disc_optimizer = self.fabric.setup(judge, adamw(judge.parameters(), recipe.disc))
        self.game = MetricGame(
            disc,
            disc_optimizer,
            recipe.disc,
            seed=recipe.seed,
            backward=self.fabric.backward,
            autocast=self.fabric.autocast,
        )
        self.objective = Objective(recipe)
        self.scorers = Scorers(recipe.pesq.workers, recipe.data.rate_hz)
        self.scores = LaggedScores(ScoreBook(self.scorers, recipe.pesq.cache), recipe.pesq)
        self.start = 0
        if checkpoint is not None:
            self.start = checkpoint.step
            restore(self._parts(), checkpoint, flat(recipe))
            self.scores.to(self.fabric.device)
            set_rng_state(checkpoint.state["rng"])
        self.evaluation = Evaluation(self.scorers, recipe.data.rate_hz, self.objective, recipe.data.slots)
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
            "scores": self.scores,
        }

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {name: part.state_dict() for name, part in self._parts().items()} | {"rng": rng_state()}

    def train(self, reporter: Reporter, loop: Loop) -> None:
        """The whole run; `loop` says when to report, evaluate, save and stop."""
        with self.scorers:
            self._train(reporter, loop)

    def _train(self, reporter: Reporter, loop: Loop) -> None:
        recipe, items = self.recipe, self.recipe.data.batch
        seconds = items * recipe.data.crop / recipe.data.rate_hz
        self._begin(reporter)
        if loop.goes_on:
            self.evaluation.heard = True
        else:
            self._evaluate(reporter, loop)
        since, learned = time.monotonic(), False
        leaks = Leaks(self.net, self.game.bare)
        for step in loop.steps():
            with loop.waiting():
                batch = own(self.data.crops.next(), self.team)
                clean, noisy = (batch_on(self.fabric.device, w) for w in (batch.clean, batch.noisy))
            found = self._rates(reporter, step)
            turn = self.objective.turn(self.gen, clean, noisy)
            self._ask(batch, turn)
            leaks.before_gen(early(loop))
            losses = self._train_gen(turn, loop, found)
            leaks.after_gen()
            leaks.before_disc(early(loop))
            judged = self._train_disc(loop)
            leaks.after_disc()
            watched = {n: judged.pop(n) for n in ("loss/disc",) if n in judged}
            learned |= bool(watched)
            loop.took(watched | losses, items=items, seconds=seconds)
            if loop.reports:
                found |= judged | leaks.points()
                found |= self._levels(turn)
                found |= self.game.calibration()
                found |= self.scores.points(time.monotonic() - since)
                if not learned:
                    found["loss/disc"] = self.game.untrained(magnitude(turn.clean))
                since, learned = time.monotonic(), False
                found["progress/disc_steps"] = self.game.steps
                found["progress/samples_seen"] = step * items
                found["progress/audio_hours"] = step * seconds / 3600
                self._last = loop.report(found)
            if loop.evaluates:
                loop.save(self._evaluate(reporter, loop))
        if loop.saved != loop.step:  # stopped between two evaluations: what must not be lost comes first
            loop.save({})
            if loop.step > self.start:
                self._evaluate(reporter, loop)

    def _rates(self, reporter: Reporter, step: int) -> dict[str, Tensor | float]:
        """Sets both learning rates of a step: halved every so many epochs, and says so."""
        recipe, trainer = self.recipe, self.recipe.trainer
        every = trainer.lr_every * trainer.steps_per_epoch
        drops = (step - 1) // every
        if drops and (step - 1) % every == 0:
            reporter.mark(step, "lr", f"both learning rates times {trainer.lr_factor:g}")
        return {
            "gen/lr": set_rate(self.optimizer, recipe.gen, trainer.lr_factor, drops),
            "disc/lr": set_rate(self.game.optimizer, recipe.disc, trainer.lr_factor, drops),
        }

    def _ask(self, batch: Batch, turn: Turn) -> None:
        """Has the scores of this batch computed: of the estimates, and of the noisy crops where they count."""
        clean, wave = turn.target.detach().float().cpu(), turn.wave.detach().float().cpu()
        marks = [f"{item}@{epoch}" for item, epoch in zip(batch.items, batch.epochs, strict=True)]
        keys, estimates = {"est": marks}, {"est": magnitude(turn.estimate.detach())}
        waves = {"est": (clean, wave)}
        if self.recipe.disc.noisy_anchor:
            keys["noisy"] = [f"noisy {item}" for item in batch.items]
            estimates["noisy"] = magnitude(turn.noisy)
            waves["noisy"] = clean, torch.from_numpy(batch.noisy)[:, : clean.shape[1]]
        self.scores.push(Entry(magnitude(turn.clean), estimates, keys), waves)

    def _train_gen(self, turn: Turn, loop: Loop, found: dict[str, Tensor | float]) -> dict[str, Tensor]:
        """The generator's step; its losses are returned, what else is to be reported goes into ``found``."""
        params, weights = list(self.net.parameters()), self.objective.weights
        terms = self.objective.terms(turn)
        terms["adv"] = self.game.gen_term(magnitude(turn.clean), magnitude(turn.estimate))
        total, losses = stats.weighted(terms, weights)
        if loop.reports:
            found |= stats.shares(stats.output_grads(terms, turn.estimate, weights))
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        self.team.reduce(params, "gen", detail=loop.reports)
        self.team.average_norms(self.net)
        if loop.reports or self.recipe.gen.clip:
            found["gen/grad_norm"] = stats.clipped(params, self.recipe.gen.clip)
        before = stats.snapshot(params) if loop.reports else []
        self.optimizer.step()
        if loop.reports:
            found["gen/update_ratio"] = stats.update_ratio(params, before)
        return losses

    def _train_disc(self, loop: Loop) -> dict[str, Tensor]:
        """The discriminator's step on the batch whose scores are due; empty where there is none to learn."""
        scored = self.scores.pop()
        if scored is None or not scored.trains:
            return {}
        return self.game.train_disc(scored.clean, scored.groups, detail=loop.reports)

    @torch.no_grad()
    def _levels(self, turn: Turn) -> dict[str, Tensor | float]:
        """Lengths of what is compared, and levels of the estimate in dB against what it is compared with."""
        power = turn.wave.square().mean()
        return {
            "data/length.clean": float(self.recipe.data.crop),
            "data/length.est": float(turn.wave.shape[-1]),
            "gen/level.clean": 10 * torch.log10(power / turn.target.square().mean()),
            "gen/level.time": 10 * torch.log10(power / turn.reference.square().mean()),
        }

    def _evaluate(self, reporter: Reporter, loop: Loop) -> dict[str, float]:
        """Measures, reports and prints; returns what chooses the best checkpoint.

        Where each evaluation cuts anew, the same middles as the fixed side's are measured beside it, under
        names that end in ``.centre``, so that runs can be compared.
        """
        if not self.team.leads:
            return {}
        data, fixed = self.recipe.data, self.data.evaluation
        self.net.eval()
        self.game.bare.eval()
        same = self._measured(fixed, reporter, loop.step, keep=True)
        found = same
        if data.eval_crop == "random":
            turn = moved(self.data.source, fixed, self.recipe.seed, loop.step)
            found = same | self._measured(turn, reporter, loop.step, keep=False)
            found |= {f"{n}.centre": same[n] for n in (self.recipe.pesq_series, "eval/si_sdr") if n in same}
        self.net.train()
        self.game.bare.train()
        reporter.points(loop.step, {**found, "progress/epoch": loop.epoch})
        self._say(loop, found)
        return found

    def _measured(self, pairs: PairSet, reporter: Reporter, step: int, *, keep: bool) -> dict[str, float]:
        device = self.fabric.device
        done = [self.evaluation.enhance(self.gen, self.game, pair, device) for pair in pairs.pairs]
        return self.evaluation(done, pairs, reporter, step, keep=keep)

    def _say(self, loop: Loop, found: dict[str, float]) -> None:
        losses = [f"{n[5:]} {self._last[n]:.4f}" for n in ("loss/disc", "loss/gen") if n in self._last]
        pesq = self.recipe.pesq_series
        told = f"PESQ {found[pesq]:.3f}" if pesq in found else "no PESQ"
        print(
            f"step {loop.step} of {loop.schedule.total}, epoch {loop.epoch:.4g}:",
            *(f"{text}," for text in losses),
            f"{told}, SI-SDR {found['eval/si_sdr']:.2f} dB, loss {found['eval/loss']:.4f}",
            flush=True,
        )

    def _begin(self, reporter: Reporter) -> None:
        recipe, evaluation = self.recipe, self.data.evaluation
        tell_skipped(reporter, self.data.skipped, self.start)
        reporter.mark(self.start, "evaluation_set", evaluation.sha256)
        gen, disc = self.facts["parameters"].values()
        print(
            f"enhancement {recipe.preset} {recipe.size}: {gen:,} parameters in G, {disc:,} in D;",
            f"{self.fabric.device};",
            f"{self.data.about}: {len(self.data.crops.clips)} clips, {self.data.minutes:.1f} min;",
            f"{len(evaluation.pairs)} evaluation clips, {evaluation.sha256[:12]}",
            flush=True,
        )
