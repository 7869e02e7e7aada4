"""The codec measured on its fixed evaluation set: quality, codebooks, and the audio of its slots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor

from nashboard.reporter import Reporter
from trainers.codec.model import CodecOut
from trainers.kit import quality
from trainers.kit.crops import EvaluationSet
from trainers.kit.quantize import CodeUse


class Evaluation:
    """Measures the same clips each time. References are reported at the first one, unless ``heard`` is set."""

    def __init__(self, clips: EvaluationSet, *, slots: int, stages: int, codes: int, kbps: float) -> None:
        self.clips, self.slots, self.kbps = clips, slots, kbps
        self._use = CodeUse(stages, codes)
        self.heard = False
        self._explained: set[str] = set()

    @torch.no_grad()
    def __call__(
        self, codec: Callable[[Tensor], CodecOut], device: torch.device, reporter: Reporter, step: int
    ) -> dict[str, float]:
        """Means over the clips by series name; reconstructions go to the reporter. ``codec`` is in eval mode.

        A measure that a clip lacks (PESQ of a very short one) is averaged over the other clips.
        """
        sums: dict[str, list[float]] = {}
        missing: Counter[tuple[str, str]] = Counter()
        for i, item in enumerate(self.clips.items):
            clean = torch.from_numpy(item.wave)
            out = codec(clean[None, None].to(device))
            rebuilt = out.wave[0, 0].float().cpu()
            self._use.add(out.codes)
            values, without = quality.measures(clean, rebuilt, self.clips.rate_hz)
            for name, value in values.items():
                sums.setdefault(name, []).append(value)
            missing.update((name, score.detail) for name, score in without.items())
            if i < self.slots:
                self._keep(reporter, step, item.slot, item.speaker, clean, rebuilt)
        self.heard = True
        self._explain(reporter, missing, step)
        found = {name: sum(values) / len(values) for name, values in sums.items()}
        return {**found, "eval/kbps": self.kbps, **self._use.points()}

    def _keep(
        self, reporter: Reporter, step: int, slot: str, speaker: str, clean: Tensor, rebuilt: Tensor
    ) -> None:
        rate_hz = self.clips.rate_hz
        if not self.heard:
            reporter.audio("reference", step, clean.numpy(), rate_hz=rate_hz, slot=slot, caption=speaker)
        reporter.audio("reconstruction", step, rebuilt.numpy(), rate_hz=rate_hz, slot=slot, caption=speaker)

    def _explain(self, reporter: Reporter, missing: Counter[tuple[str, str]], step: int) -> None:
        """Says once why a measure is missing, and for how many clips."""
        for (name, detail), clips in missing.items():
            if name not in self._explained:
                self._explained.add(name)
                reporter.note(
                    f"{name} is missing for {clips} of {len(self.clips.items)} clips: {detail}", step
                )
