"""The AudioVAE's discriminators, swapped by the registered names that ``_target_`` may have.

`register` adds a class of your own. Nothing is imported or called by a path that somebody typed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from recipes.vae import TARGETS
from recipes.vae import Discriminator as Part
from trainers.kit import dsp
from trainers.kit.discriminators import (
    DACDiscriminator,
    JoinedDiscriminator,
    Judge,
    Judged,
    MultiPeriodDiscriminator,
    MultiScaleDiscriminator,
    initialise,
)

Maker = Callable[..., nn.Module]
REGISTERED: dict[str, Maker] = {}


class _EncodecWindow(nn.Module):
    """EnCodec's network for one window: kernels (3, 9), dilated in time by 1, 2 and 4, halving frequency."""

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()

        def layer(before: int, kernel: tuple[int, int], stride: int = 1, dilation: int = 1) -> nn.Module:
            padding = (dilation * (kernel[0] - 1) // 2, (kernel[1] - 1) // 2)
            return weight_norm(
                nn.Conv2d(before, filters, kernel, (1, stride), padding, dilation=(dilation, 1))
            )

        self.layers = nn.ModuleList(
            [
                layer(inputs, (3, 9)),
                *(layer(filters, (3, 9), 2, d) for d in (1, 2, 4)),
                layer(filters, (3, 3)),
            ]
        )
        self.last = weight_norm(nn.Conv2d(filters, 1, (3, 3), padding=(1, 1)))

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = []
        for layer in self.layers:
            image = F.leaky_relu(layer(image), EncodecSTFTDiscriminator.leak)
            features.append(image)
        return self.last(image), features


class EncodecSTFTDiscriminator(Judge):
    """EnCodec's: real and imaginary part of each channel's normalised spectrum, hop a quarter.

    0.094 M parameters a window at 32 filters and one channel. Frames are centred here, EnCodec's are not.
    """

    leak = 0.2

    def __init__(self, n_ffts: Sequence[int], filters: int, audio_channels: int) -> None:
        super().__init__()
        self.n_ffts = tuple(n_ffts)
        self.names = [f"stft{n}" for n in n_ffts]
        self.windows = nn.ModuleList(_EncodecWindow(2 * audio_channels, filters) for _ in n_ffts)

    def forward(self, wave: Tensor) -> Judged:
        logits, features = [], []
        for n_fft, net in zip(self.n_ffts, self.windows, strict=True):
            spectrum = dsp.stft(wave, n_fft, n_fft // 4, normalized=True).transpose(-1, -2)
            logit, feature = net(torch.cat([spectrum.real, spectrum.imag], 1))
            logits.append(logit)
            features.append(feature)
        return logits, features


class ScaledDiscriminator(Judge):
    """MelGAN's network on the wave slowed by each of ``scales``; averaging keeps what is above from folding."""

    leak = MultiScaleDiscriminator.leak

    def __init__(self, scales: Sequence[int], channels: Sequence[int], audio_channels: int) -> None:
        super().__init__()
        groups = [max(1, before // 4) for before in channels[:-1]]
        self.factors = tuple(scales)
        self.names = [f"msd{scale}" for scale in scales]
        self.scales = nn.ModuleList(
            MultiScaleDiscriminator(1, channels, groups, audio_channels) for _ in scales
        )

    def slowed(self, wave: Tensor, factor: int) -> Tensor:
        """The wave ``[B, C, T / factor]``."""
        if factor == 1:
            return wave
        wide = 2 * factor
        return F.avg_pool1d(wave, wide, factor, padding=factor // 2, count_include_pad=False)

    def forward(self, wave: Tensor) -> Judged:
        logits, features = [], []
        for factor, net in zip(self.factors, self.scales, strict=True):
            logit, feature = net(self.slowed(wave, factor))
            logits += logit
            features += feature
        return logits, features


class EnCodecDiscriminator(JoinedDiscriminator):
    """The document's: EnCodec's STFT discriminators, and beside them multi-scale and multi-period ones.

    ``msd_channels`` is ours, so that a tiny one can be made; groups are a quarter of the input channels.
    """

    def __init__(
        self,
        stft_filters: int = 32,
        in_channels: int = 2,
        n_ffts: Sequence[int] = (2048, 1024, 512, 256, 128),
        use_msd: bool = True,
        msd_scales: Sequence[int] = (1, 2, 4),
        use_mpd: bool = True,
        mpd_periods: Sequence[int] = (2, 3, 5, 7, 11),
        mpd_channels: Sequence[int] = (32, 128, 512, 1024, 1024),
        msd_channels: Sequence[int] = (16, 64, 256, 1024, 1024),
    ) -> None:
        parts: list[Judge] = [EncodecSTFTDiscriminator(n_ffts, stft_filters, in_channels)]
        if use_msd:
            parts.append(ScaledDiscriminator(msd_scales, msd_channels, in_channels))
        if use_mpd:
            parts.append(MultiPeriodDiscriminator(mpd_periods, mpd_channels, in_channels))
        super().__init__(parts)


def register(name: str, maker: Maker) -> Maker:
    """Makes ``_target_=NAME`` build ``maker(**options)``: the options of the document that it names.

    What it returns takes waves ``[B, C, T]`` and gives (logits, features) as `trainers.kit.discriminators`
    do; with ``names`` its sub-discriminators are told apart. Raises ValueError for a name that is taken.
    """
    if name in REGISTERED and REGISTERED[name] is not maker:
        raise ValueError(f"a discriminator named {name!r} is registered already")
    REGISTERED[name] = maker
    if name not in TARGETS:
        TARGETS.append(name)
    return maker


def _dac(
    n_ffts: Sequence[int],
    mpd_periods: Sequence[int],
    mpd_channels: Sequence[int],
    stft_filters: int,
    in_channels: int,
) -> nn.Module:
    return DACDiscriminator(
        mpd_periods, n_ffts, mpd_channels, stft_filters, "complex", 5, audio_channels=in_channels
    )


def _scales(msd_scales: Sequence[int], msd_channels: Sequence[int], in_channels: int) -> nn.Module:
    return JoinedDiscriminator([ScaledDiscriminator(msd_scales, msd_channels, in_channels)])


def _periods(mpd_periods: Sequence[int], mpd_channels: Sequence[int], in_channels: int) -> nn.Module:
    return JoinedDiscriminator([MultiPeriodDiscriminator(mpd_periods, mpd_channels, in_channels)])


register("EnCodecDiscriminator", EnCodecDiscriminator)
register("DACDiscriminator", _dac)
register("MultiScaleDiscriminator", _scales)
register("MultiPeriodDiscriminator", _periods)


def make_discriminator(options: Mapping[str, Any]) -> nn.Module:
    """A discriminator of a configuration with ``_target_``, a registered name, and its options.

    Raises:
        ValueError: for a name that is not registered (the document's ``src.*`` paths among them), and for
            options that the class does not have.
    """
    options = dict(options)
    target = str(options.pop("_target_", "EnCodecDiscriminator"))
    if target not in REGISTERED:
        leaf = target.rsplit(".", 1)[-1]
        way = f"here it is {leaf!r}" if leaf in REGISTERED else f"registered are {', '.join(REGISTERED)}"
        raise ValueError(f"_target_ {target!r} is no registered discriminator: {way}; your own: register()")
    try:
        return REGISTERED[target](**options)
    except TypeError as problem:
        raise ValueError(f"{target} cannot be made of {', '.join(options)}: {problem}") from problem


def build_discriminator(part: Part, *, init: str = "default", gain: float = 1.0) -> nn.Module:
    """The discriminator of a recipe, given those of its options that it names.

    ``init`` and ``gain`` reach the joined ones of this package; a class of your own does that itself.
    """
    options = part.model_dump(exclude={"target"})
    takes = inspect.signature(REGISTERED[part.target]).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        options = {name: value for name, value in options.items() if name in takes}
    net = make_discriminator({"_target_": part.target, **options})
    if isinstance(net, JoinedDiscriminator):
        net.gain = gain
        for judge in net.parts:
            initialise(judge, init, judge.leak)
    return net
