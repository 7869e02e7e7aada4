"""The stereo AudioVAE's recipe. Names are those of the AudioVAE document, configuration groups included.

A reference stands beside each number that is one: stable audio is stable-audio-tools'
``stable_audio_2_0_vae.json``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from recipes import codec
from recipes.base import Part, Problem, Recipe, knob
from recipes.problems import more_slots_than_clips

Width = Annotated[int, Field(ge=1, le=8192)]
Stride = Annotated[int, Field(ge=1, le=64)]
Period = Annotated[int, Field(ge=1, le=64)]
Window = Annotated[int, Field(ge=32, le=16384)]
Scale = Annotated[int, Field(ge=1, le=64)]

# Names that model.discriminator._target_ may have; `trainers.vae.discriminator.register` adds to them.
TARGETS: list[str] = [
    "EnCodecDiscriminator",
    "DACDiscriminator",
    "MultiScaleDiscriminator",
    "MultiPeriodDiscriminator",
]


class Data(codec.Data):
    root: str = knob(
        "",
        "Folder of wav, flac, ogg or mp3 files; empty: the built-in demo speech, mixed to stereo.",
        title="Folder",
        path=True,
    )
    mono: Literal["double", "pan"] = knob(
        "double",
        "What a mono file becomes: both channels alike, or a place between left and right that its name decides.",
        title="Mono files",
    )


class Discriminator(Part):
    """The document's ``model/discriminator`` group; ``target`` is its ``_target_``."""

    target: str = knob(
        "EnCodecDiscriminator",
        f"Class of the discriminator, one of the registered names: {', '.join(TARGETS)}, or your own once it "
        "is registered. `_target_` on the command line.",
        title="Class",
        group="Discriminator",
    )
    stft_filters: int = knob(
        32, "Channels of the STFT discriminators.", title="STFT filters", ge=1, le=512, group="Discriminator"
    )
    in_channels: int = knob(2, "Audio channels that it hears.", ge=1, le=2, group="Discriminator")
    n_ffts: list[Window] = knob(
        [2048, 1024, 512, 256, 128],
        "Window lengths of the STFT discriminators.",
        title="STFT windows",
        unit="samples",
        min_length=1,
        max_length=8,
        group="Discriminator",
    )
    use_msd: bool = knob(
        True, "Multi-scale discriminators beside.", title="Multi-scale", group="Discriminator"
    )
    msd_scales: list[Scale] = knob(
        [1, 2, 4],
        "Factors by which the waveform is slowed for the multi-scale discriminators.",
        title="Scales",
        min_length=1,
        max_length=8,
        group="Discriminator",
    )
    msd_channels: list[Width] = knob(
        [16, 64, 256, 1024, 1024],
        "Channels of the multi-scale discriminators; groups are a quarter of the input's, as in MelGAN.",
        title="Multi-scale channels",
        min_length=2,
        max_length=8,
        group="Discriminator",
    )
    use_mpd: bool = knob(
        True, "Multi-period discriminators beside.", title="Multi-period", group="Discriminator"
    )
    mpd_periods: list[Period] = knob(
        [2, 3, 5, 7, 11],
        "Periods of the multi-period discriminators.",
        title="Periods",
        min_length=1,
        max_length=16,
        group="Discriminator",
    )
    mpd_channels: list[Width] = knob(
        [32, 128, 512, 1024, 1024],
        "Channels of the multi-period discriminators.",
        title="Multi-period channels",
        min_length=2,
        max_length=8,
        group="Discriminator",
    )


class Adversarial(Part):
    """The document's ``model/adversarial`` group."""

    adversarial_weight: float = knob(
        1.0,
        "How much fooling the discriminator counts for the generator; the document's typical range is 0.1 to 2.",
        title="Adversarial",
        ge=0,
        le=1000,
        group="Losses",
    )
    feature_matching_weight: float = knob(
        10.0,
        "Weight of the distance between the discriminator's features; the document's typical range is 2 to 20.",
        title="Feature matching",
        ge=0,
        le=1000,
        group="Losses",
    )
    warmup_steps: int = knob(
        0,
        "Generator updates before the adversarial terms enter its loss.",
        title="Adversarial warm-up",
        unit="steps",
        ge=0,
        le=10**9,
        group="Losses",
    )
    clock: Literal["generator", "global_step"] = knob(
        "generator",
        "What the warm-up counts: generator updates, or Lightning's global_step, which counts every optimiser's "
        "steps and so runs twice as fast while both train.",
        title="Warm-up counts",
        group="Losses",
    )


class Model(Part):
    title: ClassVar[str] = "Model"
    in_channels: int = knob(2, "Audio channels: 2 for stereo.", ge=1, le=2)
    base_channels: int = knob(128, "Channels of the first block.", ge=4, le=512)
    channel_mults: list[Scale] = knob(
        [1, 2, 4, 8], "Channels of each block over the first one's.", min_length=1, max_length=8
    )
    strides: list[Stride] = knob([2, 4, 4, 8], "Strides of the blocks.", min_length=1, max_length=8)
    latent_dim: int = knob(64, "Latent dimensions.", title="Latent", ge=1, le=1024)
    kernel_size: int = knob(7, "Kernel of the residual units; odd.", title="Kernel", ge=1, le=31)
    dilations: list[Stride] = knob(
        [1, 3, 9], "Dilations of a block's residual units.", min_length=1, max_length=8
    )
    encoder_frozen: bool = knob(
        False, "Train the decoder alone, on the encoder as it is.", title="Frozen encoder"
    )
    discriminator: Discriminator = Discriminator()
    adversarial: Adversarial = Adversarial()

    @property
    def hop(self) -> int:
        """Samples a latent frame stands for."""
        return math.prod(self.strides)


class Rates(Part):
    title: ClassVar[str] = "Generator"
    lr: float = knob(1.5e-4, "Step size (AdamW).", title="Learning rate", gt=0, le=1)
    beta1: float = knob(0.8, "AdamW beta 1.", ge=0, lt=1, advanced=True)
    beta2: float = knob(0.99, "AdamW beta 2.", ge=0, lt=1, advanced=True)
    clip: float = knob(0.0, "Gradient norm clip; 0: none.", title="Gradient clip", ge=0, le=1e6)


class Generator(Rates):
    ema: float = knob(
        0.0, "Decay of the averaged weights that are evaluated; 0: none.", title="EMA decay", ge=0, lt=1
    )


class Disc(Rates):
    title: ClassVar[str] = "Discriminator"
    lr: float = knob(3e-4, "Step size (AdamW).", title="Learning rate", gt=0, le=1)
    start: int | None = knob(
        None,
        "Generator step after which the discriminator trains; none: when the warm-up is over.",
        title="Trains from",
        unit="steps",
        ge=0,
        le=10**9,
    )
    init: Literal["default", "kaiming", "normal"] = knob(
        "default", "torch's default, Kaiming for the leak, or N(0, 0.02).", title="Initialisation"
    )
    input_gain: float = knob(
        1.0, "What real and fake alike are multiplied by before it.", unit="×", gt=0, le=1000
    )


class Trainer(codec.Trainer):
    limit_train_batches: int | None = knob(
        None,
        "Lightning's word: at most so many steps an epoch.",
        title="Batches an epoch at most",
        unit="steps",
        ge=1,
        le=10**7,
    )
    best_by: str = knob("eval/stft", "Series that chooses the best checkpoint.", title="Best by")

    @property
    def steps_an_epoch(self) -> int:
        """Steps of an epoch, ``limit_train_batches`` minded."""
        return min(self.steps_per_epoch, self.limit_train_batches or self.steps_per_epoch)

    @property
    def total_steps(self) -> int:
        """Generator updates of the whole run."""
        return self.max_steps if self.max_steps is not None else self.max_epochs * self.steps_an_epoch


def _weight(default: float, help: str, title: str) -> float:
    field: float = knob(default, help, title=title, ge=0, le=1000, group="Losses")
    return field


class Vae(Recipe):
    name: ClassVar[str] = "vae"
    demo: ClassVar[str] = "demo speech in stereo"
    title: ClassVar[str] = "Stereo AudioVAE"
    groups: ClassVar[Mapping[str, str]] = {
        "model/discriminator": "model.discriminator",
        "model/adversarial": "model.adversarial",
        "model/adversarial_loss_calculator": "model.adversarial",
    }
    spellings: ClassVar[Mapping[str, str]] = {
        "model.discriminator._target_": "model.discriminator.target",
        "model.adversarial_loss_calculator.adversarial_weight": "model.adversarial.adversarial_weight",
        "model.adversarial_loss_calculator.feature_matching_weight": (
            "model.adversarial.feature_matching_weight"
        ),
        "model.adversarial_loss_calculator.warmup_steps": "model.adversarial.warmup_steps",
    }
    deprecated: ClassVar[Mapping[str, str]] = {
        "adversarial_weight": "model.adversarial.adversarial_weight",
        "feature_matching_weight": "model.adversarial.feature_matching_weight",
        "adversarial_warmup_steps": "model.adversarial.warmup_steps",
    }
    use_adversarial: bool = knob(
        True, "Play against a discriminator; without, it only watches.", title="Adversarial", group="Losses"
    )
    loss: Literal["hinge", "least_squares"] = knob("hinge", "Adversarial loss.", title="Game", group="Losses")
    recon_weight: float = _weight(1.0, "Weight of the L1 on the waveform.", "Reconstruction")
    stft_weight: float = _weight(1.0, "Weight of the multi-resolution STFT distance.", "Spectra")
    stft: Literal["channels", "sum_difference"] = knob(
        "channels",
        "What the spectra are taken of: left and right, or also their sum and difference (stable audio).",
        title="Spectra of",
        group="Losses",
    )
    kl_weight: float = _weight(1e-4, "Weight of the KL divergence, summed over latent dimensions.", "KL")
    balancer: bool = knob(
        False,
        "Weights are shares of the gradient at the output (EnCodec's balancer) instead of factors.",
        group="Losses",
    )
    data: Data = Data()
    model: Model = Model()
    gen: Generator = Generator()
    disc: Disc = Disc()
    trainer: Trainer = Trainer()

    @property
    def disc_start(self) -> int:
        """Generator updates after which the discriminator trains."""
        start = self.disc.start
        return self.model.adversarial.warmup_steps if start is None else start

    def conflicts(self) -> Iterator[Problem]:
        yield from self._model_conflicts()
        yield from self._discriminator_conflicts()
        yield from self._training_conflicts()

    def _model_conflicts(self) -> Iterator[Problem]:
        model, crop = self.model, self.data.crop
        if len(model.channel_mults) != len(model.strides):
            yield Problem(
                "model.channel_mults",
                model.channel_mults,
                f"{len(model.channel_mults)} multipliers for {len(model.strides)} strides; each block has one of "
                "each",
            )
        if model.kernel_size % 2 == 0:
            yield Problem(
                "model.kernel_size", model.kernel_size, f"{model.kernel_size} is even; a kernel must be odd"
            )
        if crop % model.hop:
            below, above = crop // model.hop * model.hop, -(-crop // model.hop) * model.hop
            yield Problem(
                "data.crop",
                crop,
                f"{crop} is no multiple of {model.hop}, the product of model.strides {model.strides}; take "
                + (f"{below} or {above}" if below >= 256 else f"{above}"),
            )

    def _discriminator_conflicts(self) -> Iterator[Problem]:
        disc = self.model.discriminator
        if disc.target not in TARGETS:
            where = "model.discriminator._target_"
            if disc.target.startswith("src."):
                fault = f"{disc.target!r} is the document's own path; here it is {_ours(disc.target)}"
            else:
                fault = (
                    f"{disc.target!r} is not registered; take one of {', '.join(TARGETS)}, or register yours"
                )
            yield Problem("model.discriminator.target", disc.target, f"{fault} ({where})")
        if disc.in_channels != self.model.in_channels:
            yield Problem(
                "model.discriminator.in_channels",
                disc.in_channels,
                f"it hears {disc.in_channels} channels and the model makes {self.model.in_channels}; set both alike",
            )
        if disc.use_msd and disc.target != "MultiPeriodDiscriminator":
            for before, after in zip(disc.msd_channels, disc.msd_channels[1:], strict=False):
                group = max(1, before // 4)
                if before % group or after % group:
                    yield Problem(
                        "model.discriminator.msd_channels",
                        disc.msd_channels,
                        f"a quarter of {before} channels, {group} groups, cannot split {before} into {after}",
                    )
                    break
        for name in ("n_ffts", "msd_scales", "mpd_periods"):
            values = getattr(disc, name)
            twice = sorted({v for v in values if values.count(v) > 1})
            if twice:
                yield Problem(
                    f"model.discriminator.{name}",
                    values,
                    f"{twice[0]} is there twice; each value makes one sub-discriminator",
                )
        longest = max(disc.n_ffts)
        if self.data.crop < longest:
            yield Problem(
                "data.crop",
                self.data.crop,
                f"a crop of {self.data.crop} samples is shorter than the largest window {longest} of "
                "model.discriminator.n_ffts; make it longer or the windows shorter",
            )

    def _training_conflicts(self) -> Iterator[Problem]:
        yield from more_slots_than_clips(self.data.slots, self.data.eval_items)
        if self.trainer.best_by not in BEST_BY:
            yield Problem(
                "trainer.best_by",
                self.trainer.best_by,
                f"{self.trainer.best_by!r} is no series to choose by; take one of {', '.join(BEST_BY)}",
            )


BEST_BY = ("eval/stft", "eval/mel", "eval/si_sdr", "eval/snr", "eval/width_error")


def _ours(path: str) -> str:
    """The registered name that a path of the document means."""
    leaf = path.rsplit(".", 1)[-1]
    return f"_target_={leaf if leaf in TARGETS else TARGETS[0]}"
