"""Trains FastSpeech2: one update from one or more batches; a mel discriminator watches, or plays if it is asked to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nashboard.reporter import Reporter
from recipes.base import flat
from recipes.tts import Tts
from trainers.kit import histograms, processes, stats
from trainers.kit.checkpoints import Checkpoint, restore
from trainers.kit.contracts import Leaks, called_real, early, loss_at_zero, middles, set_number
from trainers.kit.device import adamw, count, fabric_for, set_rate
from trainers.kit.loop import Loop, Schedule
from trainers.kit.losses import AdversarialLoss
from trainers.kit.seeding import rng_state, seed_all, seed_training, set_rng_state
from trainers.tts.data import Batch, Facts, Speech, Stream
from trainers.tts.evaluate import Evaluation
from trainers.tts.judge import MelJudge, stretches
from trainers.tts.model import FastSpeech2, Out, mask_of
from trainers.tts.vocoder import build_vocoder

Pair = tuple[Tensor, Tensor]


def distance(said: Tensor, wanted: Tensor, mask: Tensor | None, kind: str = "mse") -> Tensor:
    """Mean ``l1`` or ``mse`` of ``[B, N]`` or ``[B, N, C]`` over what ``mask`` ``[B, N]`` marks, None: over all."""
    apart = said.float() - wanted
    each = apart.abs() if kind == "l1" else apart.square()
    if mask is None:
        return each.mean()
    each = each.flatten(2).mean(2) if each.ndim > 2 else each
    # not each * mask: what is masked may be infinite
    total = torch.where(mask, each, 0.0).sum()
    team = processes.current()  # several processes: each one's part, so that their mean is that of all rows
    return total * team.size / team.sum(mask.sum())


def losses(out: Out, batch: Batch, recipe: Tts) -> dict[str, Tensor]:
    """The raw terms of `Tts.weights`; padding counts as well unless ``recipe.masked``."""
    phonemes = mask_of(batch.lengths, batch.tokens.shape[1]) if recipe.masked else None
    frames = mask_of(batch.frames, batch.mel.shape[1]) if recipe.masked else None
    kind = recipe.mel_distance
    terms = {"mel": distance(out.before, batch.mel, frames, kind)}
    if recipe.gen.postnet_layers:
        terms["postnet"] = distance(out.after, batch.mel, frames, kind)
    terms["duration"] = distance(out.log_durations, torch.log1p(batch.durations.float()), phonemes)
    if out.pitch_mean is not None and out.pitch_std is not None:
        terms["pitch_spectrogram"] = distance(out.pitch, batch.pitch, frames)
        terms["pitch_mean"] = F.mse_loss(out.pitch_mean.float(), batch.pitch_mean)
        terms["pitch_std"] = F.mse_loss(out.pitch_std.float(), batch.pitch_std)
    else:
        terms["pitch"] = distance(out.pitch, batch.pitch, phonemes)
    by_frame = recipe.gen.energy == "frame"
    terms["energy"] = distance(out.energy, batch.energy, frames if by_frame else phonemes)
    return terms


def averaged(told: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Each scalar's mean over the rounds that have it, by its name."""
    names = dict.fromkeys(name for one in told for name in one)
    return {n: torch.stack([one[n] for one in told if n in one]).mean() for n in names}


class Training:
    """Everything that a run needs, made and checked before anything is written.

    Raises:
        BadInput: for data, a vocoder, a device or a checkpoint that cannot be used.
    """

    def __init__(self, recipe: Tts, device: str, checkpoint: Checkpoint | None = None) -> None:
        self.recipe, self.schedule = recipe, Schedule.of(recipe.trainer)
        self.team = processes.current()
        self.fabric = fabric_for(device, recipe.trainer.precision, recipe.trainer.threads)
        vocoder = build_vocoder(recipe)
        known = Facts.from_dict(checkpoint.state["facts"]) if checkpoint is not None else None
        self.data = Speech(recipe, known)
        self.stream = Stream(self.data, recipe.data.batch, recipe.seed, recipe.data.nonfinite == "drop")
        # G, D and training draw from streams of their own: recipes with one seed start from the same D
        seed_all(recipe.seed)
        self.net = FastSpeech2(recipe, len(self.data.inventory))
        seed_all(recipe.seed + 1)
        judge = MelJudge(recipe.disc, recipe.mel.n_mels)
        seed_training(recipe.seed + 2)
        # the network is called bare, under autocast: gradients are asked for at its inner `hidden`
        _, self.optimizer = self.fabric.setup(self.net, adamw(self.net.parameters(), recipe.gen))
        disc, disc_optimizer = self.fabric.setup(judge, adamw(judge.parameters(), recipe.disc))
        self.game = AdversarialLoss(
            disc,
            disc_optimizer,
            recipe.loss,
            clip=recipe.disc.clip,
            backward=self.fabric.backward,
            autocast=self.fabric.autocast,
        )
        self.start = 0
        if checkpoint is not None:
            self.start = checkpoint.step
            restore(self._parts(), checkpoint, flat(recipe))
            set_rng_state(checkpoint.state["rng"])
        self.evaluation = Evaluation(self.data, vocoder)
        self._last: dict[str, float] = {}
        self.facts: dict[str, Any] = {
            "eval_hash": self.data.sha256,
            "device": str(self.fabric.device),
            "parameters": {"gen": count(self.net), "disc": count(judge)},
            "processes": self.team.size,
            "durations": self.data.features.source,
            "symbols": len(self.data.inventory.symbols),
        }

    def _parts(self) -> dict[str, Any]:
        return {"gen": self.net, "game": self.game, "optimizer": self.optimizer, "stream": self.stream}

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        kept = {name: part.state_dict() for name, part in self._parts().items()}
        return kept | {"facts": self.data.facts.to_dict(), "rng": rng_state()}

    def train(self, reporter: Reporter, loop: Loop) -> None:
        """The whole run; `loop` says when to report, evaluate, save and stop."""
        recipe, game, device = self.recipe, self.game, self.fabric.device
        params, rounds = list(self.net.parameters()), recipe.trainer.accumulate
        frame_seconds, leaks = recipe.mel.hop / recipe.data.rate_hz, Leaks(self.net, game.bare)
        self._begin(reporter)
        if loop.goes_on:
            self.evaluation.heard = True
        else:
            self._evaluate(reporter, loop)
        for step in loop.steps():
            playing = step > recipe.disc.start
            if step == recipe.disc.start + 1:
                role = "is played against" if recipe.adv_weight else "watches: its weight is 0"
                reporter.mark(step, "adversarial", f"the mel discriminator trains and {role}")
            found: dict[str, Tensor | float] = {
                "gen/lr": set_rate(self.optimizer, recipe.gen, recipe.trainer.rate(step), 1),
                "disc/lr": set_rate(game.optimizer, recipe.disc, 1.0, 1),
            }
            self.optimizer.zero_grad(set_to_none=True)
            told: list[dict[str, Tensor]] = []
            items, seconds = 0, 0.0
            for turn in range(1, rounds + 1):
                last = turn == rounds
                with loop.waiting():
                    batch = self.stream.next().to(device)
                items += len(batch.tokens) * self.team.size
                seconds += float(batch.frames.sum()) * frame_seconds * self.team.size
                with self.fabric.autocast():
                    out = self.net(batch.tokens, batch.lengths, batch)
                terms, weights = losses(out, batch, recipe), recipe.weights()
                pair = self._pair(out, batch)
                if last:
                    leaks.before_disc(early(loop))
                    judged = self._judge(pair, playing, detail=loop.reports)
                    leaks.after_disc()
                    leaks.before_gen(early(loop))
                if playing and (recipe.adv_weight or (loop.reports and last)):
                    weights["adv"] = recipe.adv_weight
                    terms["adv"] = self._adversarial(pair)
                total, found_here = stats.weighted(terms, weights)
                told.append(found_here)
                if loop.evaluates and last:
                    found |= stats.shares(stats.output_grads(terms, out.hidden, weights))
                self.fabric.backward(total / rounds)
            self.team.reduce(params, "gen", detail=loop.reports)
            if loop.reports or recipe.gen.clip:
                found["gen/grad_norm"] = stats.clipped(params, recipe.gen.clip)
            before = stats.snapshot(params) if loop.reports else []
            self.optimizer.step()
            leaks.after_gen()

            watched = {"loss/disc": judged.pop("loss/disc")} | averaged(told)
            loop.took(watched, items=items, seconds=seconds)
            self._name(reporter, step)
            if loop.reports:
                found |= judged | leaks.points()
                found["gen/update_ratio"] = stats.update_ratio(params, before)
                if playing:
                    found["feat/relative"] = game.relative
                found["progress/disc_steps"] = game.steps
                found["progress/samples_seen"] = self.stream.position - self.stream.dropped
                self._last = loop.report(found | self.stream.counts())
            if loop.evaluates:
                loop.save(self._evaluate(reporter, loop))
        if loop.saved != loop.step:  # stopped between two evaluations: what must not be lost comes first
            loop.save({})
            if loop.step > self.start:
                self._evaluate(reporter, loop)

    def _pair(self, out: Out, batch: Batch) -> Pair:
        """Stretches of (real, fake) mels ``[B, M, length]`` for the discriminator, normalised."""
        mean, spread = self.data.facts.mel
        real, fake = stretches(batch.mel, out.after.float(), batch.frames, self.recipe.disc.frames)
        return (real - mean) / spread, (fake - mean) / spread

    def _judge(self, pair: Pair, playing: bool, detail: bool) -> dict[str, Tensor]:
        """The discriminator's step, or its loss alone while it waits for its start."""
        if playing:
            return self.game.train_disc(*pair, detail=detail)
        with torch.no_grad():
            logits, _ = self.game.bare(torch.cat(pair))
            halves = [x.chunk(2) for x in logits]
            each = self.game.loss.disc([real for real, _ in halves], [fake for _, fake in halves])
        return {"loss/disc": torch.stack(each).mean()}

    def _adversarial(self, pair: Pair) -> Tensor:
        with torch.set_grad_enabled(self.recipe.adv_weight > 0):
            return self.game.gen_terms(*pair)["adv"]

    def _name(self, reporter: Reporter, step: int) -> None:
        """Says once which items were dropped."""
        for name in self.stream.fresh:
            why = self.data.broken.get(name, "its targets are NaN or infinite")
            reporter.note(f"{name} was dropped: {why}", step)
            print(f"{name} dropped at step {step}: {why}", flush=True)
        self.stream.fresh.clear()

    def _evaluate(self, reporter: Reporter, loop: Loop) -> dict[str, float]:
        """Measures, reports and prints; returns what chooses the best checkpoint."""
        if not self.team.leads:
            return {}
        self.net.eval()
        found = self.evaluation(self.net, self.fabric.device, reporter, loop.step)
        self.net.train()
        mean, spread = self.data.facts.mel
        pairs = [
            ((x - mean) / spread).to(self.fabric.device)
            for x in self.evaluation.stretches(self.recipe.disc.frames)
        ]
        histograms.logits(reporter, loop.step, self.game, *pairs)
        found |= stats.read(called_real(self.game, self._held()))
        found["eval/set"] = set_number(self.data.sha256)
        reporter.points(loop.step, {**found, "progress/epoch": loop.epoch})
        told = [
            f"{n[5:]} {self._last[n]:.4f}" for n in ("loss/disc", "loss/gen", "loss/mel") if n in self._last
        ]
        print(
            f"step {loop.step} of {loop.schedule.total}, epoch {loop.epoch:.4g}:",
            *(f"{text}," for text in told),
            f"log mel {found['eval/mel_common']:.3f} nats, MCD {found['eval/mcd']:.2f} dB,",
            f"durations {found['eval/duration_mae']:.1f} ms, length {found['eval/length_ratio']:.2f}",
            flush=True,
        )
        return found

    def _held(self) -> Tensor:
        """Stretches ``[n, M, frames]`` from the middles of evaluation mels, normalised as D sees them."""
        mean, spread = self.data.facts.mel
        mels = [self.data.targets(u)["mel"].float().t() for u in self.data.evaluation]
        length = min([self.recipe.disc.frames, *(m.shape[1] for m in mels)])
        return ((middles(mels, length) - mean) / spread).to(self.fabric.device)

    def _begin(self, reporter: Reporter) -> None:
        recipe, data = self.recipe, self.data
        zero = loss_at_zero(self.game.loss)
        reporter.points(self.start, {"data/skipped": len(data.features.skipped), "disc/loss_at_zero": zero})
        if data.features.skipped:
            rows = [[s.path, s.reason] for s in data.features.skipped]
            reporter.table("skipped_files", self.start, ["path", "reason"], rows)
        reporter.mark(self.start, "evaluation_set", data.sha256)
        reporter.mark(self.start, "durations", data.features.source)
        if recipe.blind:
            share = float(
                torch.cat([data.targets(u)["mel"].flatten() for u in data.evaluation]).lt(0).float().mean()
            )
            reporter.note(
                f"{100 * share:.1f} % of the targets are negative and the head's {recipe.gen.activation} cannot reach "
                "them (gen.allow_unreachable): the mel loss stays above a floor.",
                self.start,
            )
        if recipe.data.nonfinite == "clamp":
            reporter.note(
                "NaN and infinity are clamped, the document's way: infinities are bounded, NaN stays NaN and "
                "ends the run. data.nonfinite=drop names and drops the item.",
                self.start,
            )
        if recipe.disc.start > self.start:
            reporter.mark(self.start, "reconstruction", f"the discriminator waits until {recipe.disc.start}")
        gen, disc = self.facts["parameters"].values()
        print(
            f"tts {recipe.preset} {recipe.size}: {gen:,} parameters in G, {disc:,} in D; {self.fabric.device};",
            f"{len(data.training)} utterances, {data.minutes:.1f} min, durations: {data.features.source};",
            f"{len(data.inventory.symbols)} symbols; {len(data.evaluation)} evaluation utterances, {data.sha256[:12]}",
            flush=True,
        )
