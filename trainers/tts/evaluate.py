"""FastSpeech2 measured on its fixed evaluation set: mels in one common space, prosody, pictures and sound.

Mels are judged with true durations and predicted pitch and energy, so that frames lie upon each other;
durations and what is heard come from text alone.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nashboard.reporter import Reporter
from trainers.kit.contracts import middles
from trainers.kit.pictures import mel_picture
from trainers.tts.data import Batch, Speech
from trainers.tts.features import Utterance, decode
from trainers.tts.model import Controls, FastSpeech2, Out
from trainers.tts.vocoder import Vocoder

CEPSTRA = 13  # without the zeroth, as mel-cepstral distortion is used
BINS = 64


class Evaluation:
    """Measures the same utterances each time. References are kept at the first one, unless ``heard`` is set."""

    def __init__(self, speech: Speech, vocoder: Vocoder) -> None:
        self.speech, self.vocoder = speech, vocoder
        self.heard = False
        self.last: list[tuple[Tensor, Tensor]] = []

    @torch.no_grad()
    def __call__(
        self, net: FastSpeech2, device: torch.device, reporter: Reporter, step: int
    ) -> dict[str, float]:
        """Means over the utterances by series name; samples and histograms go to the reporter."""
        rows: list[dict[str, float]] = []
        said: list[Tensor] = []
        wanted: list[Tensor] = []
        pitches: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        for i, u in enumerate(self.speech.evaluation):
            batch = self.speech.batch([u]).to(device)
            out, free = self._both(net, batch)
            rows.append(self._mels(out, batch) | self._lengths(free, batch))
            self.last = [] if i == 0 else self.last
            self.last.append((batch.mel[0].float().cpu().T, out.after[0].float().cpu().T))
            said.append(out.after[0].float().cpu())
            wanted.append(batch.mel[0].cpu())
            pitches.append(self._pitch(out, u))
            if i == 0:
                rows[0] |= self._control(net, batch, free)
            if i < self.speech.recipe.data.slots:
                self._keep(reporter, step, u, out, free, batch)
        self.heard = True
        found = {}
        for name in dict.fromkeys(n for row in rows for n in row):
            values = [row[name] for row in rows if name in row]
            found[name] = sum(values) / len(values)
        return found | prosody(pitches) | self._ranges(reporter, step, torch.cat(said), torch.cat(wanted))

    def stretches(self, most: int) -> tuple[Tensor, Tensor]:
        """(true, predicted) mels ``[n, M, frames]`` of the last evaluation, from the middles of its utterances."""
        length = min([most, *(true.shape[1] for true, _ in self.last)])
        return middles((t for t, _ in self.last), length), middles((p for _, p in self.last), length)

    def _both(self, net: FastSpeech2, batch: Batch) -> tuple[Out, Out]:
        """(with true durations but predicted pitch and energy, from text alone)."""
        free = net(batch.tokens, batch.lengths)
        told = net(batch.tokens, batch.lengths, guided(batch, net))
        return told, free

    def _mels(self, out: Out, batch: Batch) -> dict[str, float]:
        scale = self.speech.scale
        ours, theirs = scale.common(out.after[0].float()), scale.common(batch.mel[0])
        own = (out.after[0].float() - batch.mel[0]).abs().mean()
        return {
            "eval/mel_common": float((ours - theirs).abs().mean()),
            "eval/mel_own": float(own),
            "eval/mcd": mcd(ours, theirs),
        }

    def _lengths(self, free: Out, batch: Batch) -> dict[str, float]:
        recipe = self.speech.recipe
        milliseconds = 1000 * recipe.mel.hop / recipe.data.rate_hz
        apart = (free.durations[0] - batch.durations[0]).abs().float().mean()
        return {
            "eval/duration_mae": float(apart) * milliseconds,
            "eval/length_ratio": float(free.frames[0]) / float(batch.frames[0]),
        }

    def _pitch(self, out: Out, u: Utterance) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(predicted, true) ln F0 of the frames that are voiced."""
        _, hz, _ = self.speech.rows(u)
        mean, spread = self.speech.facts.pitch
        ours = out.contour[0].double().cpu().numpy() * spread + mean
        return ours[hz > 0], np.log(hz[hz > 0])

    def _control(self, net: FastSpeech2, batch: Batch, free: Out) -> dict[str, float]:
        """How much predicted energy answers when only pitch is turned up: 0 is right."""
        turned = net(batch.tokens, batch.lengths, None, Controls(pitch=1.0))
        return {"eval/energy_by_pitch": float((turned.energy - free.energy).abs().mean())}

    def _ranges(self, reporter: Reporter, step: int, said: Tensor, wanted: Tensor) -> dict[str, float]:
        floor = self.speech.scale.floor()
        for name, values in (("eval/output", said), ("data/target", wanted)):
            if name == "eval/output" or step == 0:
                flat = values[values.isfinite()].double().numpy()
                counts, edges = np.histogram(flat, BINS) if len(flat) else (np.zeros(1), np.array([0.0, 1.0]))
                reporter.distribution(name, step, edges.tolist(), counts.tolist())
        return {
            "eval/output_min": float(said.min()),
            "eval/output_max": float(said.max()),
            "eval/output_mean": float(said.mean()),
            "eval/output_std": float(said.std()),
            "data/target_min": float(wanted.min()),
            "data/target_max": float(wanted.max()),
            "data/target_mean": float(wanted.mean()),
            "data/target_std": float(wanted.std()),
            "data/target_negative": float((wanted < 0).float().mean()),
            "data/target_floor": float((wanted <= floor + 1e-3 * max(abs(floor), 1e-2)).float().mean()),
        }

    def _keep(self, reporter: Reporter, step: int, u: Utterance, out: Out, free: Out, batch: Batch) -> None:
        recipe, scale = self.speech.recipe, self.speech.scale
        rate_hz, caption = recipe.data.rate_hz, u.text
        target, told = batch.mel[0].cpu(), out.after[0].float().cpu()
        # durations are the true ones, so that frame lies upon frame
        reporter.image("mel", step, mel_picture(scale.common(told)), slot=u.id, caption=caption)
        wave = self.vocoder(scale.inverse(free.after[0].float().cpu()))
        reporter.audio("speech", step, wave.numpy(), rate_hz=rate_hz, slot=u.id, caption=caption)
        if not self.heard:
            picture = mel_picture(scale.common(target))
            reporter.image("mel/target", step, picture, slot=u.id, caption=caption)
            reporter.audio(
                "reference", step, decode(Path(u.path), rate_hz), rate_hz=rate_hz, slot=u.id, caption=caption
            )
            wave = self.vocoder(scale.inverse(target))
            reporter.audio(
                "reference_vocoded", step, wave.numpy(), rate_hz=rate_hz, slot=u.id, caption=caption
            )


def guided(batch: Batch, net: FastSpeech2) -> Batch:
    """The batch with predicted pitch and energy in place of the true ones, on the true durations."""
    known = net(batch.tokens, batch.lengths, batch)
    return batch._replace(pitch=known.pitch, log_f0=known.contour, energy=known.energy)


def mcd(ours: Tensor, theirs: Tensor) -> float:
    """Mel-cepstral distortion in dB of two log mels ``[T, M]`` whose frames belong together.

    Cepstra are those of c_0 + 2 Σ c_m cos(mω), as in SPTK: c_m is the mean over bands of log mel · cos. Without
    the zeroth, 10/ln 10 · √(2 Σ Δ²), mean over frames.
    """
    bands = ours.shape[1]
    n = torch.arange(bands, dtype=torch.float64)
    basis = torch.cos(math.pi / bands * (n[:, None] + 0.5) * torch.arange(1, CEPSTRA + 1)[None]) / bands
    apart = (ours.double().cpu() - theirs.double().cpu()) @ basis
    return float(10 / math.log(10) * math.sqrt(2) * apart.norm(dim=1).mean())


def prosody(pitches: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> dict[str, float]:
    """F0 over all voiced frames: RMSE in Hz, correlation of ln F0, spread of the prediction over the true one."""
    ours, theirs = (np.concatenate([p[i] for p in pitches]) for i in (0, 1))
    if len(theirs) < 2:
        return {}
    far = np.exp(np.clip(ours, -20, 20)) - np.exp(theirs)
    found = {"eval/f0_rmse": float(np.sqrt(np.mean(far**2)))}
    if theirs.std() > 0:
        found["eval/pitch_std_ratio"] = float(ours.std() / theirs.std())
        if ours.std() > 1e-9:
            found["eval/f0_correlation"] = float(np.corrcoef(ours, theirs)[0, 1])
    return found
