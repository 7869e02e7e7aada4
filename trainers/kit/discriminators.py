"""The discriminators of the audio trainers, by the names of the codec document.

Each takes a wave ``[B, C, T]`` (C = ``audio_channels``) and returns ``(logits, features)``: one tensor of
logits a sub-discriminator, and for each of them the list of its layers' outputs (logits not among them).
``names`` says which is which. Sources: MelGAN (the grouped one), HiFi-GAN and DAC (periods), DAC (STFT).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from recipes.codec import Discriminator as Part
from trainers.kit import dsp

Judged = tuple[list[Tensor], list[list[Tensor]]]
BANDS = ((0.0, 0.1), (0.1, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))


def _normed(conv: nn.Module, on: bool) -> nn.Module:
    return weight_norm(conv) if on else conv


class Judge(nn.Module):
    """What all discriminators here have: ``names`` of their sub-discriminators, ``leak`` of their ReLUs."""

    names: list[str]
    leak = 0.1

    def __call__(self, wave: Tensor) -> Judged:
        judged: Judged = super().__call__(wave)
        return judged


class _Layers(nn.Module):
    """Convolutions with a leak between them; a last one makes the logits."""

    def __init__(self, layers: Sequence[nn.Module], last: nn.Module, leak: float) -> None:
        super().__init__()
        self.layers, self.last, self.leak = nn.ModuleList(layers), last, leak

    def hidden(self, x: Tensor) -> list[Tensor]:
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), self.leak)
            features.append(x)
        return features

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        features = self.hidden(x)
        return self.last(features[-1]), features


class MultiScaleDiscriminator(Judge):
    """MelGAN's: the wave at ``num_scales`` rates, halved by average pooling; strided grouped convolutions.

    Per scale: Conv 15, four Conv 41 of stride 4 with ``groups``, Conv 5 that mixes all channels, Conv 3 to
    the logit; LeakyReLU 0.2. 5.64 M parameters a scale at full width, 93 % of them in the Conv 5.
    """

    leak = 0.2

    def __init__(
        self,
        num_scales: int = 3,
        channels: Sequence[int] = (16, 64, 256, 1024, 1024),
        groups: Sequence[int] = (4, 16, 64, 256),
        audio_channels: int = 1,
        weight_norm: bool = False,
    ) -> None:
        super().__init__()
        if len(channels) != len(groups) + 1:
            raise ValueError(f"{len(channels)} channels and {len(groups)} groups; it takes one group fewer")
        for before, after, group in zip(channels, channels[1:], groups, strict=False):
            if before % group or after % group:
                raise ValueError(
                    f"groups {group} divide neither {before} nor {after} channels; both they must"
                )
        self.names = [f"msd{i}" for i in range(num_scales)]
        self.scales = nn.ModuleList(
            self._scale(channels, groups, audio_channels, weight_norm) for _ in range(num_scales)
        )
        self.pool = nn.AvgPool1d(4, stride=2, padding=1, count_include_pad=False)

    @staticmethod
    def _scale(channels: Sequence[int], groups: Sequence[int], audio: int, norm: bool) -> nn.Module:
        first = nn.Conv1d(audio, channels[0], 15, padding=7, padding_mode="reflect")
        strided = [
            nn.Conv1d(before, after, 41, stride=4, padding=20, groups=group)
            for before, after, group in zip(channels, channels[1:], groups, strict=False)
        ]
        width = channels[-1]
        mixing = nn.Conv1d(width, width, 5, padding=2)
        last = nn.Conv1d(width, 1, 3, padding=1)
        return _Layers(
            [_normed(c, norm) for c in (first, *strided, mixing)],
            _normed(last, norm),
            MultiScaleDiscriminator.leak,
        )

    def downsample(self, wave: Tensor) -> Tensor:
        """The wave at half its rate."""
        halved: Tensor = self.pool(wave)
        return halved

    def forward(self, wave: Tensor) -> Judged:
        logits, features = [], []
        for i, scale in enumerate(self.scales):
            if i:
                wave = self.downsample(wave)
            logit, feature = scale(wave)
            logits.append(logit)
            features.append(feature)
        return logits, features


class MultiPeriodDiscriminator(Judge):
    """HiFi-GAN's and DAC's: the wave folded to ``[T / p, p]`` for each period, convolved along each column.

    Conv (5, 1) of stride (3, 1), the last of stride 1; weight norm, LeakyReLU 0.1; 8.22 M parameters a period
    at full width. A length that is no multiple of p is reflected up to the next one.
    """

    def __init__(
        self,
        periods: Sequence[int] = (2, 3, 5, 7, 11),
        channels: Sequence[int] = (32, 128, 512, 1024, 1024),
        audio_channels: int = 1,
    ) -> None:
        super().__init__()
        self.periods = tuple(periods)
        self.names = [f"mpd{p}" for p in periods]
        self.folds = nn.ModuleList(self._fold(channels, audio_channels) for _ in periods)

    @staticmethod
    def _fold(channels: Sequence[int], audio: int) -> nn.Module:
        layers: list[nn.Module] = []
        for before, after in zip((audio, *channels), channels, strict=False):
            stride = 1 if len(layers) == len(channels) - 1 else 3
            layers.append(weight_norm(nn.Conv2d(before, after, (5, 1), (stride, 1), padding=(2, 0))))
        return _Layers(layers, weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0))), 0.1)

    @staticmethod
    def fold(wave: Tensor, period: int) -> Tensor:
        """``[B, C, ceil(T / p), p]`` of a wave ``[B, C, T]``."""
        missing = -wave.shape[-1] % period
        if missing:
            wave = F.pad(wave, (0, missing), mode="reflect")
        return wave.unflatten(-1, (-1, period))

    def forward(self, wave: Tensor) -> Judged:
        logits, features = [], []
        for period, net in zip(self.periods, self.folds, strict=True):
            logit, feature = net(self.fold(wave, period))
            logits.append(logit)
            features.append(feature)
        return logits, features


class _Spectral(nn.Module):
    """One window length: the spectrum as an image ``[time, frequency]``, one network a band."""

    def __init__(self, n_fft: int, inputs: int, channels: int, edges: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.n_fft, self.edges = n_fft, tuple(edges)
        self.bands = nn.ModuleList(_Layers(self._layers(inputs, channels), nn.Identity(), 0.1) for _ in edges)
        self.last = weight_norm(nn.Conv2d(channels, 1, (3, 3), padding=(1, 1)))

    @staticmethod
    def _layers(inputs: int, channels: int) -> list[nn.Module]:
        strided = [nn.Conv2d(channels, channels, (3, 9), (1, 2), padding=(1, 4)) for _ in range(3)]
        first = nn.Conv2d(inputs, channels, (3, 9), padding=(1, 4))
        return [
            weight_norm(c) for c in (first, *strided, nn.Conv2d(channels, channels, (3, 3), padding=(1, 1)))
        ]

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        ends, features = [], []
        for (low, high), band in zip(self.edges, self.bands, strict=True):
            hidden = band.hidden(image[..., low:high])
            features += hidden
            ends.append(hidden[-1])
        return self.last(torch.cat(ends, -1)), features


class MultiScaleSTFTDiscriminator(Judge):
    """The spectrum at several window lengths (hop a quarter): DAC's multi-resolution discriminator.

    ``input="complex_mag"`` shows real part, imaginary part and magnitude (the document); ``"complex"`` shows
    real and imaginary part only (DAC). ``bands=5`` gives each of DAC's five bands its own network: 1.41 M
    parameters for three windows. The spectrum is not normalised: a louder wave makes larger inputs.
    """

    def __init__(
        self,
        n_ffts: Sequence[int] = (2048, 1024, 512),
        channels: int = 32,
        input: str = "complex_mag",
        bands: int = 1,
        audio_channels: int = 1,
    ) -> None:
        super().__init__()
        if input not in ("complex_mag", "complex"):
            raise ValueError(f"STFT input {input!r} is neither complex_mag nor complex")
        self.input, self.n_ffts = input, tuple(n_ffts)
        self.names = [f"stft{n}" for n in n_ffts]
        shown = audio_channels * (3 if input == "complex_mag" else 2)
        self.windows = nn.ModuleList(_Spectral(n, shown, channels, self.edges(n, bands)) for n in n_ffts)

    @staticmethod
    def edges(n_fft: int, bands: int) -> list[tuple[int, int]]:
        """First bin and bin past the last of each band; together they hold every bin once."""
        bins = n_fft // 2 + 1
        if bands not in (1, len(BANDS)):
            raise ValueError(f"{bands} bands; there can be 1 or {len(BANDS)}")
        found = [(int(a * bins), int(b * bins)) for a, b in BANDS] if bands > 1 else [(0, bins)]
        if any(low >= high for low, high in found):
            raise ValueError(f"n_fft {n_fft} has {bins} bins, too few for {bands} bands")
        return found

    def image(self, wave: Tensor, n_fft: int) -> Tensor:
        """``[B, inputs, time, frequency]`` of a wave ``[B, C, T]``."""
        spectrum = dsp.stft(wave, n_fft, n_fft // 4).transpose(-1, -2)
        shown = [spectrum.real, spectrum.imag]
        if self.input == "complex_mag":
            # sqrt has no gradient at 0, where the wave is digitally silent
            shown.append((spectrum.real.square() + spectrum.imag.square() + 1e-12).sqrt())
        return torch.cat(shown, 1)

    def forward(self, wave: Tensor) -> Judged:
        logits, features = [], []
        for n_fft, net in zip(self.n_ffts, self.windows, strict=True):
            logit, feature = net(self.image(wave, n_fft))
            logits.append(logit)
            features.append(feature)
        return logits, features


class JoinedDiscriminator(Judge):
    """Several discriminators on the same wave, which is first multiplied by ``gain``.

    ``normalize`` does what DAC does before: each item's mean is removed and its peak set to 0.8. Such a
    discriminator, and the feature loss on it, cannot hear loudness.
    """

    def __init__(self, parts: Sequence[Judge], gain: float = 1.0, normalize: bool = False) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.names = [name for part in parts for name in part.names]
        self.gain, self.normalize = gain, normalize

    def prepare(self, wave: Tensor) -> Tensor:
        """The wave as the parts see it."""
        if self.normalize:
            wave = wave - wave.mean(-1, keepdim=True)
            wave = 0.8 * wave / (wave.abs().amax((-2, -1), keepdim=True) + 1e-9)
        return wave if self.gain == 1.0 else wave * self.gain

    def forward(self, wave: Tensor) -> Judged:
        wave = self.prepare(wave)
        logits, features = [], []
        for part in self.parts:
            logit, feature = part(wave)
            logits += logit
            features += feature
        return logits, features


class DACDiscriminator(JoinedDiscriminator):
    """Multi-period and STFT discriminator joined: 8 in all with the document's periods and windows."""

    def __init__(
        self,
        periods: Sequence[int] = (2, 3, 5, 7, 11),
        n_ffts: Sequence[int] = (2048, 1024, 512),
        mpd_channels: Sequence[int] = (32, 128, 512, 1024, 1024),
        stft_channels: int = 32,
        stft_input: str = "complex_mag",
        bands: int = 1,
        audio_channels: int = 1,
        gain: float = 1.0,
        normalize: bool = False,
    ) -> None:
        mpd = MultiPeriodDiscriminator(periods, mpd_channels, audio_channels)
        stft = MultiScaleSTFTDiscriminator(n_ffts, stft_channels, stft_input, bands, audio_channels)
        super().__init__([mpd, stft], gain, normalize)


def initialise(net: nn.Module, how: str, leak: float) -> None:
    """Draw the weights of all convolutions anew; biases become 0. ``default`` leaves torch's own draw.

    ``kaiming`` keeps the variance of the signal through leaky layers, ``normal`` is N(0, 0.02).
    """
    if how == "default":
        return
    if how not in ("kaiming", "normal"):
        raise ValueError(f"initialisation {how!r} is none of default, kaiming, normal")
    with torch.no_grad():
        for layer in net.modules():
            if not isinstance(layer, nn.Conv1d | nn.Conv2d):
                continue
            fresh = torch.empty_like(layer.weight)
            if how == "kaiming":
                nn.init.kaiming_normal_(fresh, a=leak, nonlinearity="leaky_relu")
            else:
                nn.init.normal_(fresh, 0.0, 0.02)
            if is_parametrized(layer, "weight"):
                layer.weight = fresh
            else:
                layer.weight.copy_(fresh)
            if layer.bias is not None:
                layer.bias.zero_()


def normalise(net: nn.Module, how: str) -> None:
    """Put all convolutions under one norm: ``weight``, ``spectral`` or ``none``; ``default`` leaves theirs.

    Weight norm alone, or none, keeps what a layer computes; the spectral one divides its weight by the largest
    singular value, so that it is to come after `initialise`.
    """
    if how == "default":
        return
    if how not in ("weight", "spectral", "none"):
        raise ValueError(f"norm {how!r} is none of default, weight, spectral, none")
    for layer in [m for m in net.modules() if isinstance(m, nn.Conv1d | nn.Conv2d)]:
        if is_parametrized(layer, "weight"):
            remove_parametrizations(layer, "weight")
        if how != "none":
            (weight_norm if how == "weight" else spectral_norm)(layer)


def build_discriminator(
    part: Part, *, audio_channels: int = 1, normalize: bool = False
) -> JoinedDiscriminator:
    """The discriminator that a recipe's ``disc`` describes, initialised, normed, with its input gain.

    Raises:
        ValueError: where the numbers do not fit each other (groups and channels, bands and bins).
    """

    def msd() -> Judge:
        return MultiScaleDiscriminator(part.num_scales, part.msd_channels, part.msd_groups, audio_channels)

    def mpd() -> Judge:
        return MultiPeriodDiscriminator(part.periods, part.mpd_channels, audio_channels)

    def stft() -> Judge:
        return MultiScaleSTFTDiscriminator(
            part.n_ffts, part.stft_channels, part.stft_input, int(part.bands), audio_channels
        )

    def joined() -> JoinedDiscriminator:
        if part.kind == "mpd_stft":
            return DACDiscriminator(
                part.periods,
                part.n_ffts,
                part.mpd_channels,
                part.stft_channels,
                part.stft_input,
                int(part.bands),
                audio_channels,
                part.input_gain,
                normalize,
            )
        makers = {"msd_grouped": (msd,), "msd_grouped_mpd": (msd, mpd), "mpd": (mpd,), "stft": (stft,)}
        return JoinedDiscriminator([make() for make in makers[part.kind]], part.input_gain, normalize)

    net = joined()
    for judge in net.parts:
        initialise(judge, part.init, judge.leak)
    normalise(net, part.normalize)
    return net
