"""The AudioVAE measured on its fixed evaluation set: quality of channels, middle and side, width, latent."""

from __future__ import annotations

import math
from collections import Counter

import torch
from torch import Tensor

from nashboard.reporter import Reporter
from trainers.kit import quality, stereo
from trainers.kit.crops import EvaluationSet
from trainers.kit.spectra import SpectralDistance
from trainers.vae.data import as_channels
from trainers.vae.model import AudioVAE, kl_divergence

ACTIVE = (
    0.01  # a latent dimension is active where its mean varies more than this over the data (Burda et al.)
)
SIDES = ("left", "right", "mid", "side")


class Evaluation:
    """Measures the same clips each time. References are reported at the first one, unless ``heard`` is set."""

    def __init__(self, clips: EvaluationSet, slots: int) -> None:
        self.clips, self.slots = clips, slots
        self.heard = False
        self._spectra = SpectralDistance()
        self._explained: set[str] = set()

    @torch.no_grad()
    def __call__(
        self, net: AudioVAE, device: torch.device, reporter: Reporter, step: int
    ) -> dict[str, float]:
        """Means over the clips by series name; reconstructions go to the reporter. ``net`` is in eval mode.

        A measure that a clip lacks (SI-SDR of a silent side) is averaged over the other clips, and left out
        where all lack it.
        """
        values: dict[str, list[float]] = {}
        missing: Counter[str] = Counter()
        means: list[Tensor] = []
        kls: list[Tensor] = []
        effects: list[Tensor] = []
        for i, item in enumerate(self.clips.items):
            clean = as_channels(item.wave if item.wave.ndim == 2 else item.wave[:, None])
            out = net(clean[None].to(device))
            without = net.decode(torch.zeros_like(out.z), clean.shape[-1])
            effects.append((out.recon - without).norm() / out.recon.norm().clamp(min=1e-12))
            means.append(out.mean[0])
            kls.append(kl_divergence(out.mean, out.logvar))
            rebuilt = out.recon[0].float().cpu()
            for name, value in self._measured(clean, rebuilt).items():
                if math.isnan(value):
                    missing[name] += 1
                else:
                    values.setdefault(name, []).append(value)
            if i < self.slots:
                self._keep(reporter, step, item.slot, item.speaker, clean, rebuilt)
        self.heard = True
        self._explain(reporter, missing, step)
        found = {name: sum(each) / len(each) for name, each in values.items()}
        return found | self._latent(means, kls, effects)

    def _measured(self, clean: Tensor, rebuilt: Tensor) -> dict[str, float]:
        rate_hz = self.clips.rate_hz
        found = {
            "eval/snr": quality.snr(clean, rebuilt),
            "eval/si_sdr": quality.si_sdr(clean, rebuilt),
            "eval/amplitude": quality.amplitude(clean, rebuilt),
            "eval/gain_db": quality.gain_db(clean, rebuilt),
            "eval/mel": quality.mel_distance(clean, rebuilt, rate_hz),
            "eval/stft": float(self._spectra(clean, rebuilt)),
        }
        if len(clean) < 2:
            return found
        ours, theirs = (
            torch.cat([clean, stereo.mid_side(clean)]),
            torch.cat([rebuilt, stereo.mid_side(rebuilt)]),
        )
        for name, x, y in zip(SIDES, ours, theirs, strict=True):
            silent = float(x.square().mean().sqrt()) < stereo.QUIET
            found[f"eval/si_sdr.{name}"] = math.nan if silent else quality.si_sdr(x, y)
        sides = stereo.mid_side(clean), stereo.mid_side(rebuilt)
        for name, x, y in (("mid", sides[0][:1], sides[1][:1]), ("side", sides[0][1:], sides[1][1:])):
            found[f"eval/stft.{name}"] = float(self._spectra(x, y))
        found["eval/stft.left"] = float(self._spectra(clean[:1], rebuilt[:1]))
        found["eval/stft.right"] = float(self._spectra(clean[1:], rebuilt[1:]))
        if float(sides[0][1].square().mean().sqrt()) < stereo.QUIET:
            found["eval/stft.side"] = math.nan  # nothing to be relative to
        found["eval/width_error"] = abs(stereo.width(rebuilt) - stereo.width(clean))
        found["eval/ild_error"] = abs(stereo.level_difference(rebuilt) - stereo.level_difference(clean))
        return found

    @staticmethod
    def _latent(means: list[Tensor], kls: list[Tensor], effects: list[Tensor]) -> dict[str, float]:
        """KL and spread of each latent dimension, over all clips and frames, and what of them is in use."""
        mean = torch.cat(means, -1).float()
        kl = torch.stack(kls).mean(0).float().cpu()
        varied = mean.var(-1, correction=0).cpu()
        found = {
            "eval/kl_per_dim": float(kl.mean()),
            "eval/active_units": float((varied > ACTIVE).float().mean()),
            "eval/mu_std": float(varied.mean().sqrt()),
            "eval/latent_effect": float(torch.stack(effects).mean()),
        }
        width = len(str(len(kl) - 1))
        return found | {f"latent/kl.{i:0{width}d}": float(value) for i, value in enumerate(kl)}

    def _keep(
        self, reporter: Reporter, step: int, slot: str, speaker: str, clean: Tensor, rebuilt: Tensor
    ) -> None:
        rate_hz = self.clips.rate_hz
        if not self.heard:
            reporter.audio("reference", step, clean.numpy(), rate_hz=rate_hz, slot=slot, caption=speaker)
        reporter.audio("reconstruction", step, rebuilt.numpy(), rate_hz=rate_hz, slot=slot, caption=speaker)

    def _explain(self, reporter: Reporter, missing: Counter[str], step: int) -> None:
        """Says once why a measure is missing, and for how many clips."""
        for name, clips in missing.items():
            if name not in self._explained:
                self._explained.add(name)
                reporter.note(
                    f"{name} is missing for {clips} of {len(self.clips.items)} clips: there is nothing to compare "
                    "(a silent channel, or no side: both channels alike)",
                    step,
                )
