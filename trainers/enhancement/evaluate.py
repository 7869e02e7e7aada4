"""The enhancer measured: quality on its evaluation set, D's calibration on it, the audio of its slots."""

from __future__ import annotations

import math
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nashboard.reporter import Reporter
from trainers.enhancement.game import MetricGame, calibration, normalised
from trainers.enhancement.model import magnitude
from trainers.enhancement.objective import Objective
from trainers.kit import histograms, quality
from trainers.kit.composite import composite, segmental_snr
from trainers.kit.contracts import set_number
from trainers.kit.pairs import Pair, PairSet
from trainers.kit.pictures import wave_picture
from trainers.kit.scorers import Scorers
from trainers.kit.scores import Score

MEASURED = ("pesq", "stoi", "si_sdr", "snr", "ssnr")


@dataclass(frozen=True)
class Enhanced:
    """One item at its own level, ``[T]`` each, on the CPU, with D's predictions and the loss's terms."""

    clean: Tensor
    noisy: Tensor
    estimate: Tensor
    predicted: dict[str, float]
    terms: dict[str, float]


class Evaluation:
    """Measures sets of pairs; ``objective`` is the one that is trained, so that its loss is measured too."""

    def __init__(self, scorers: Scorers, rate_hz: int, objective: Objective, slots: int) -> None:
        self.scorers, self.rate_hz, self.objective, self.slots = scorers, rate_hz, objective, slots
        self.heard = False
        self._noisy: dict[str, list[dict[str, float]]] = {}
        self._explained: set[str] = set()

    @property
    def pesq_name(self) -> str:
        return f"pesq_{quality.PESQ_MODES.get(self.rate_hz, 'wb')}"

    @torch.no_grad()
    def enhance(self, gen: Any, game: MetricGame, pair: Pair, device: torch.device) -> Enhanced:
        """One pair through the generator, at the level that it came with. Both networks are in eval mode."""
        clean, noisy = (torch.from_numpy(w)[None].to(device) for w in (pair.item.wave, pair.noisy))
        turn = self.objective.turn(gen, clean, noisy)
        reference = magnitude(turn.clean)
        mags = {"est": magnitude(turn.estimate), "noisy": magnitude(turn.noisy), "clean": reference}
        predicted = {name: float(game.bare(reference, mag)[0]) for name, mag in mags.items()}
        terms = {**self.objective.terms(turn), "adv": game.gen_term(reference, mags["est"])}
        length = turn.wave.shape[-1]
        return Enhanced(
            clean[0, :length].float().cpu(),
            noisy[0, :length].float().cpu(),
            (turn.wave / turn.scale)[0].float().cpu(),
            predicted,
            {name: float(value) for name, value in terms.items()},
        )

    def __call__(
        self, enhanced: list[Enhanced], pairs: PairSet, reporter: Reporter, step: int, *, keep: bool = True
    ) -> dict[str, float]:
        """Means over the items by series name; audio and the scatter of D go to the reporter."""
        scores = [self.scorers.submit(e.clean, e.estimate) for e in enhanced]
        noisy = self._noisy.get(pairs.sha256)
        if noisy is None:
            coming = [self.scorers.submit(e.clean, e.noisy) for e in enhanced]
            noisy = [self._one(e.clean, e.noisy, s) for e, s in zip(enhanced, coming, strict=True)]
            if keep:  # a set that comes back
                self._noisy[pairs.sha256] = noisy
        each = [self._one(e.clean, e.estimate, s) for e, s in zip(enhanced, scores, strict=True)]
        found = {f"eval/{name}": value for name, value in _means(each).items()}
        found |= {f"eval/{name}.noisy": value for name, value in _means(noisy).items() if _kept(name)}
        found["eval/pesq_missing"] = sum(self.pesq_name not in one for one in each) / len(each)
        found["eval/set"] = set_number(pairs.sha256)
        found["eval/samples_lost"] = sum(
            len(p.item.wave) - len(e.estimate) for p, e in zip(pairs.pairs, enhanced, strict=True)
        ) / len(enhanced)
        terms = [e.terms for e in enhanced]
        found["eval/loss"] = sum(
            weight * sum(t[n] for t in terms) / len(terms) for n, weight in self.objective.weights.items()
        )
        if keep:
            self._explain(reporter, scores, step)
            found |= self._judged(enhanced, each, noisy, pairs, reporter, step)
            self._keep(enhanced, pairs, reporter, step)
        return found

    def _one(self, clean: Tensor, estimate: Tensor, coming: Future[Score]) -> dict[str, float]:
        """All measures of one item that exist."""
        x, y = clean.double().numpy(), estimate.double().numpy()
        found = {
            "si_sdr": quality.si_sdr(clean, estimate),
            "snr": quality.snr(clean, estimate),
            "ssnr": segmental_snr(x, y, self.rate_hz),
            "gain_db": quality.gain_db(clean, estimate),
        }
        stoi = quality.stoi(clean, estimate, self.rate_hz)
        if stoi.value is not None:
            found["stoi"] = stoi.value
        pesq = coming.result()
        if pesq.value is not None:
            found[self.pesq_name] = pesq.value
            if self.rate_hz == 16000:
                rated = composite(x, y, self.rate_hz, pesq.value, found["ssnr"])
                found |= {"csig": rated.csig, "cbak": rated.cbak, "covl": rated.covl}
        return found

    def _judged(
        self,
        enhanced: list[Enhanced],
        each: list[dict[str, float]],
        noisy: list[dict[str, float]],
        pairs: PairSet,
        reporter: Reporter,
        step: int,
    ) -> dict[str, float]:
        """D's prediction against the truth on enhanced and noisy items, as numbers and as a scatter."""
        rows: list[list[Any]] = [
            [pair.item.slot, kind, scores[self.pesq_name], 1 + 3.5 * e.predicted[kind]]
            for kind, found in (("est", each), ("noisy", noisy))
            for pair, e, scores in zip(pairs.pairs, enhanced, found, strict=True)
            if self.pesq_name in scores
        ]
        for kind in ("clean", "est", "noisy"):
            predicted = torch.tensor([e.predicted[kind] for e in enhanced])
            histograms.tell(reporter, f"disc/pred.{kind}", step, predicted, bins=24)
        columns = ["item", "kind", "pesq", "predicted"]
        if rows:
            reporter.table("pesq_scatter", step, columns, rows)
        table = torch.tensor([[normalised(p), normalised(t)] for _, _, t, p in rows], dtype=torch.float64)
        table = table.reshape(-1, 2)
        found = {f"eval/disc_{n}": float(v) for n, v in calibration(table[:, 0], table[:, 1]).items()}
        found["eval/disc_clean"] = sum(e.predicted["clean"] for e in enhanced) / len(enhanced)
        return {name: value for name, value in found.items() if rows or name == "eval/disc_clean"}

    def _keep(self, enhanced: list[Enhanced], pairs: PairSet, reporter: Reporter, step: int) -> None:
        for pair, e in zip(pairs.pairs[: self.slots], enhanced, strict=False):
            item, rate = pair.item, self.rate_hz
            waves = {} if self.heard else {"clean": e.clean, "noisy": e.noisy}
            for name, wave in {**waves, "enhanced": e.estimate}.items():
                reporter.audio(name, step, wave.numpy(), rate_hz=rate, slot=item.slot, caption=item.speaker)
                shown = "mel" if name == "enhanced" else f"mel/{name}"
                reporter.image(shown, step, wave_picture(wave, rate), slot=item.slot, caption=item.speaker)
        self.heard = True

    def _explain(self, reporter: Reporter, scores: list[Future[Score]], step: int) -> None:
        """Says once why PESQ is missing, for how many clips."""
        missing = Counter(s.result().detail for s in scores if s.result().value is None)
        for detail, clips in missing.items():
            if detail not in self._explained:
                self._explained.add(detail)
                reporter.note(
                    f"eval/{self.pesq_name} is missing for {clips} of {len(scores)} clips: {detail}", step
                )


def _kept(name: str) -> bool:
    """Whether a measure of the noisy input is worth a series."""
    return any(name.startswith(m) for m in MEASURED)


def _means(each: list[dict[str, float]]) -> dict[str, float]:
    """Means over the items that have the measure; undefined ones (NaN) stay out where others are defined."""
    names = dict.fromkeys(name for one in each for name in one)
    found = {}
    for name in names:
        values = [one[name] for one in each if name in one]
        defined = [v for v in values if not math.isnan(v)]
        found[name] = sum(defined) / len(defined) if defined else math.nan
    return found
