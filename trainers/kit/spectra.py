"""Multi-resolution STFT distance, of channels as they are or of their sum and difference too."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.kit import dsp, stereo

WINDOWS = (32, 64, 128, 256, 512, 1024, 2048)  # stable audio's
SHOWN = ("channels", "sum_difference")


class SpectralDistance(nn.Module):
    """Mean over windows (hop a quarter) of spectral convergence and L1 of log10 magnitude.

    Convergence is |‖X‖ − ‖Y‖| over ‖X‖, Frobenius over all channels of an item together, so that a silent side
    or a silent channel does not blow it up; magnitudes are clamped at 1e-5 before the logarithm, a distance in
    decades. ``shown="sum_difference"`` is the mean of the distance of left and right and that of middle and
    side, as stable audio weighs them.
    """

    def __init__(self, windows: Sequence[int] = WINDOWS, shown: str = "channels") -> None:
        super().__init__()
        if shown not in SHOWN:
            raise ValueError(f"spectra of {shown!r}; it must be one of {', '.join(SHOWN)}")
        self.windows, self.shown = tuple(windows), shown

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        """The distance of two waves of equal shape ``[..., C, T]``: a scalar."""
        if real.shape != fake.shape:
            raise ValueError(f"waves of unlike shapes {tuple(real.shape)} and {tuple(fake.shape)}")
        found = self.plain(real, fake)
        if self.shown == "channels":
            return found
        return (found + self.plain(stereo.mid_side(real), stereo.mid_side(fake))) / 2

    def plain(self, real: Tensor, fake: Tensor) -> Tensor:
        """The distance of the channels as they are."""
        return torch.stack([self._at(real, fake, window) for window in self.windows]).mean()

    @staticmethod
    def _at(real: Tensor, fake: Tensor, window: int) -> Tensor:
        spectra = [dsp.stft(wave, window, window // 4) for wave in (real, fake)]
        # the square root has no gradient at 0, where a wave is digitally silent
        x, y = ((s.real.square() + s.imag.square()).clamp(min=dsp.FLOOR**2).sqrt() for s in spectra)
        apart = (x - y).flatten(-3).norm(dim=-1) / x.flatten(-3).norm(dim=-1).clamp(min=1e-8)
        return apart.mean() + F.l1_loss(y.log10(), x.log10())
