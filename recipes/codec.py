"""The neural codec's recipe. Names of losses and discriminators are those of the codec document.

A reference stands beside each number that is one: DAC is descript-audio-codec's ``conf/final/44khz.yml``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nashboard import vocabulary
from recipes.base import Part, Problem, Processes, Recipe, knob
from recipes.problems import more_slots_than_clips

Width = Annotated[int, Field(ge=1, le=8192)]
Stride = Annotated[int, Field(ge=1, le=64)]
Period = Annotated[int, Field(ge=1, le=64)]
Window = Annotated[int, Field(ge=32, le=16384)]

PARTS = {
    "msd_grouped": ("msd",),
    "msd_grouped_mpd": ("msd", "mpd"),
    "mpd_stft": ("mpd", "stft"),
    "mpd": ("mpd",),
    "stft": ("stft",),
}


class Data(Part):
    title: ClassVar[str] = "Data"
    root: str = knob(
        "",
        "Folder of wav, flac, ogg or mp3 files; empty: the built-in demo speech.",
        title="Folder",
        path=True,
    )
    rate_hz: int = knob(
        8000, "Everything is resampled to this rate.", title="Rate", unit="Hz", ge=2000, le=96000
    )
    crop: int = knob(2048, "Length of a training crop.", unit="samples", ge=256, le=1_048_576)
    batch: int = knob(8, "Crops in a batch.", unit="items", ge=1, le=1024)
    rms: float = knob(
        0.1,
        "Each file is set to this RMS level before training; 0 leaves levels alone.",
        title="RMS level",
        ge=0,
        le=1,
    )
    eval_share: float = knob(
        0.15, "Share of speakers, or of files, held out for evaluation.", title="Held out", gt=0, lt=1
    )
    eval_items: int = knob(
        8, "Clips evaluated at each evaluation.", title="Evaluation clips", unit="clips", ge=1, le=1000
    )
    eval_seconds: float = knob(
        2.0, "Longest stretch of an evaluation clip.", title="Evaluation stretch", unit="s", gt=0, le=60
    )
    slots: int = knob(
        3, "Evaluation clips whose audio is kept.", title="Clips to hear", unit="clips", ge=1, le=64
    )
    split_seed: int = knob(
        0, "Seed of the split into training and evaluation.", ge=0, le=2**31 - 1, advanced=True
    )


class Generator(Part):
    title: ClassVar[str] = "Generator"
    kind: Literal["patch", "dac"] = knob(
        "patch", "Patch codec (quick on a CPU) or DAC's encoder and decoder.", title="Architecture"
    )
    channels: int = knob(128, "Channels of the patch codec.", ge=8, le=1024)
    hop: int = knob(32, "Samples a frame of the patch codec.", unit="samples", ge=4, le=1024)
    latent: int = knob(32, "Latent dimensions of the patch codec.", ge=4, le=2048)
    encoder_dim: int = knob(64, "DAC: channels of the first encoder block.", ge=4, le=256)
    encoder_rates: list[Stride] = knob([2, 4, 8, 8], "DAC: encoder strides.", min_length=1, max_length=8)
    decoder_dim: int = knob(1536, "DAC: channels of the first decoder block.", ge=16, le=4096)
    decoder_rates: list[Stride] = knob([8, 8, 4, 2], "DAC: decoder strides.", min_length=1, max_length=8)
    lr: float = knob(1e-3, "Step size of the generator (AdamW).", title="Learning rate", gt=0, le=1)
    beta1: float = knob(0.8, "AdamW beta 1.", ge=0, lt=1, advanced=True)
    beta2: float = knob(0.99, "AdamW beta 2.", ge=0, lt=1, advanced=True)
    clip: float = knob(
        0.0, "Gradient norm clip of the generator; 0: none.", title="Gradient clip", ge=0, le=1e6
    )


class Quantizer(Part):
    title: ClassVar[str] = "Quantiser"
    kind: Literal["ema", "dac"] = knob(
        "ema", "EMA codebooks, or DAC's factorised, l2-normalised ones.", title="Codebooks' kind"
    )
    codebooks: int = knob(4, "Residual stages.", unit="stages", ge=1, le=64)
    size: int = knob(256, "Codes in a codebook.", unit="codes", ge=2, le=65536)
    dim: int = knob(8, "Code dimension of DAC's quantiser.", title="Code dimension", ge=1, le=256)
    decay: float = knob(0.99, "EMA decay of the codebooks.", title="EMA decay", gt=0, lt=1, advanced=True)
    commitment: float = knob(0.25, "Weight of the commitment loss inside the VQ loss.", ge=0, le=10)
    dropout: float = knob(
        0.0, "Share of items trained with fewer stages.", title="Quantiser dropout", ge=0, le=1
    )


class Discriminator(Part):
    title: ClassVar[str] = "Discriminator"
    kind: Literal["msd_grouped", "msd_grouped_mpd", "mpd_stft", "mpd", "stft"] = knob(
        "mpd_stft",
        "Grouped multi-scale (the old one), multi-period, STFT, or two of them joined.",
        title="Architecture",
    )
    num_scales: int = knob(3, "Scales of the multi-scale discriminator.", title="Scales", ge=1, le=8)
    msd_channels: list[Width] = knob(
        [16, 64, 256, 1024, 1024],
        "Channels of the multi-scale discriminator.",
        title="Multi-scale channels",
        min_length=2,
        max_length=8,
    )
    msd_groups: list[Width] = knob(
        [4, 16, 64, 256], "Groups of its strided convolutions.", title="Groups", min_length=1, max_length=7
    )
    periods: list[Period] = knob(
        [2, 3, 5, 7, 11], "Periods of the multi-period discriminator.", min_length=1, max_length=16
    )
    mpd_channels: list[Width] = knob(
        [32, 128, 512, 1024, 1024],
        "Channels of the multi-period discriminator.",
        title="Multi-period channels",
        min_length=2,
        max_length=8,
    )
    n_ffts: list[Window] = knob(
        [2048, 1024, 512],
        "Window lengths of the STFT discriminator.",
        title="STFT windows",
        unit="samples",
        min_length=1,
        max_length=8,
    )
    stft_channels: int = knob(32, "Channels of the STFT discriminator.", title="STFT channels", ge=1, le=512)
    stft_input: Literal["complex_mag", "complex"] = knob(
        "complex_mag",
        "Real, imaginary and magnitude (the document) or real and imaginary (DAC).",
        title="STFT input",
    )
    bands: Literal[1, 5] = knob(1, "One network over all bins, or one for each of DAC's five bands.")
    init: Literal["default", "kaiming", "normal"] = knob(
        "default",
        "torch's default, Kaiming for the leak, or N(0, 0.02).",
        title="Initialisation",
    )
    normalize: Literal["default", "weight", "spectral", "none"] = knob(
        "default",
        "Norm of the convolutions' weights. Default: weight norm for periods and STFT, none for the scales, as "
        "in their sources.",
        title="Weights' norm",
    )
    input_gain: float = knob(
        1.0,
        "What real and fake alike are multiplied by before the discriminator. Speech at RMS 0.1 is quiet for "
        "the default initialisation.",
        unit="×",
        gt=0,
        le=1000,
    )
    lr: float = knob(1e-4, "Step size of the discriminator (AdamW).", title="Learning rate", gt=0, le=1)
    beta1: float = knob(0.8, "AdamW beta 1.", ge=0, lt=1, advanced=True)
    beta2: float = knob(0.99, "AdamW beta 2.", ge=0, lt=1, advanced=True)
    clip: float = knob(
        0.0, "Gradient norm clip of the discriminator; 0: none.", title="Gradient clip", ge=0, le=1e6
    )
    start: int = knob(
        0, "The generator trains alone until this step.", title="Warm-up", unit="steps", ge=0, le=10**9
    )

    @property
    def parts(self) -> tuple[str, ...]:
        """Which of "msd", "mpd" and "stft" it is made of."""
        return PARTS[self.kind]


class Trainer(Processes):
    title: ClassVar[str] = "Training"
    max_steps: int | None = knob(
        None,
        "Generator updates in all; none: epochs times steps.",
        title="Steps",
        unit="steps",
        ge=1,
        le=10**9,
    )
    max_epochs: int = knob(10, "Epochs, where no number of steps is set.", title="Epochs", ge=1, le=10**6)
    steps_per_epoch: int = knob(
        60, "Generator updates an epoch.", title="Steps an epoch", unit="steps", ge=1, le=10**7
    )
    eval_every: int = knob(
        1, "Evaluate and save every so many epochs.", title="Evaluate every", unit="epochs", ge=1, le=10**6
    )
    log_every: int = knob(
        5, "Report every so many steps.", title="Report every", unit="steps", ge=1, le=10**6
    )
    keep_last: int = knob(2, "Checkpoints kept beside the best.", title="Checkpoints kept", ge=1, le=1000)
    best_by: str = knob("eval/mel", "Series that chooses the best checkpoint.", title="Best by")
    gamma: float = knob(
        1.0, "Factor of both learning rates a step (exponential decay).", title="Decay", gt=0, le=1
    )
    precision: Literal["32-true", "bf16-mixed"] = knob("32-true", "Arithmetic.", advanced=True)
    threads: int = knob(0, "CPU threads; 0: what the worker gives, else all.", ge=0, le=1024, advanced=True)

    @property
    def total_steps(self) -> int:
        """Generator updates of the whole run."""
        return self.max_steps if self.max_steps is not None else self.max_epochs * self.steps_per_epoch


def _weight(default: float, help: str, title: str) -> float:
    field: float = knob(default, help, title=title, ge=0, le=1000, group="Losses")
    return field


class Codec(Recipe):
    name: ClassVar[str] = "codec"
    title: ClassVar[str] = "Neural codec"
    loss: Literal["hinge", "least_squares"] = knob("hinge", "Adversarial loss.", title="Game", group="Losses")
    reduction: Literal["mean", "sum"] = knob(
        "mean",
        "How the sub-discriminators' adversarial losses are joined, for both players; DAC sums. loss/disc is "
        "reported as the mean either way.",
        title="Over sub-discriminators",
        group="Losses",
    )
    feat_reduction: Literal["mean", "sum"] = knob(
        "mean",
        "How the layers' feature distances are joined; DAC sums, which makes them tens of times as large.",
        title="Over layers",
        group="Losses",
    )
    adv_weight: float = _weight(
        1.0, "Weight of the generator's adversarial loss, joined over sub-discriminators.", "Adversarial"
    )
    feat_weight: float = _weight(
        10.0,
        "Weight of the distance between the discriminator's features, joined over layers.",
        "Feature matching",
    )
    recon_weight: float = _weight(0.1, "Weight of the L1 on the waveform.", "Reconstruction")
    vq_weight: float = _weight(1.0, "Weight of the VQ loss.", "VQ")
    mel_weight: float = _weight(0.0, "Weight of the mel loss.", "Mel")
    data: Data = Data()
    gen: Generator = Generator()
    quantizer: Quantizer = Quantizer()
    disc: Discriminator = Discriminator()
    trainer: Trainer = Trainer()

    @property
    def hop(self) -> int:
        """Samples a frame of codes stands for."""
        return self.gen.hop if self.gen.kind == "patch" else math.prod(self.gen.encoder_rates)

    @property
    def kbps(self) -> float:
        """Nominal bit rate in kbit/s: frames a second times stages times bits a code."""
        bits = self.quantizer.codebooks * math.log2(self.quantizer.size)
        return self.data.rate_hz / self.hop * bits / 1000

    def conflicts(self) -> Iterator[Problem]:
        yield from self._generator_conflicts()
        if "msd" in self.disc.parts:
            yield from self._msd_conflicts()
        if "mpd" in self.disc.parts:
            yield from _twice("disc.periods", self.disc.periods)
        if "stft" in self.disc.parts:
            yield from _twice("disc.n_ffts", self.disc.n_ffts)
            longest = max(self.disc.n_ffts)
            if self.data.crop < longest:
                yield Problem(
                    "data.crop",
                    self.data.crop,
                    f"a crop of {self.data.crop} samples is shorter than the largest window {longest} of "
                    f"disc.n_ffts; make data.crop at least {longest} or the windows shorter",
                )
        yield from self._training_conflicts()

    def _generator_conflicts(self) -> Iterator[Problem]:
        gen, crop = self.gen, self.data.crop
        of = f"gen.hop {gen.hop}"
        if gen.kind == "dac":
            of = f"{self.hop}, the product of gen.encoder_rates {gen.encoder_rates}"
            back = math.prod(gen.decoder_rates)
            if back != self.hop:
                yield Problem(
                    "gen.decoder_rates",
                    gen.decoder_rates,
                    f"the decoder makes {back} samples of a frame and the encoder takes {self.hop}; both "
                    "products must be equal",
                )
            halvings = 2 ** len(gen.decoder_rates)
            if gen.decoder_dim % halvings:
                yield Problem(
                    "gen.decoder_dim",
                    gen.decoder_dim,
                    f"{gen.decoder_dim} cannot be halved {len(gen.decoder_rates)} times; take a multiple of {halvings}",
                )
        if crop % self.hop:
            below, above = crop // self.hop * self.hop, -(-crop // self.hop) * self.hop
            near = f"{below} or {above}" if below >= 256 else f"{above}"
            yield Problem("data.crop", crop, f"{crop} is no multiple of {of}; take {near}")
        if self.data.rate_hz < 4 * self.hop:
            yield Problem(
                "data.rate_hz",
                self.data.rate_hz,
                f"at {self.data.rate_hz} Hz a frame of {self.hop} samples is longer than a quarter of a "
                "second; raise the rate or lower the strides",
            )

    def _msd_conflicts(self) -> Iterator[Problem]:
        disc = self.disc
        channels, groups = disc.msd_channels, disc.msd_groups
        if len(groups) != len(channels) - 1:
            yield Problem(
                "disc.msd_groups",
                groups,
                f"{len(groups)} groups for {len(channels)} channels; there must be {len(channels) - 1}",
            )
            return
        for group, before, after in zip(groups, channels, channels[1:], strict=False):
            if before % group or after % group:
                yield Problem(
                    "disc.msd_groups",
                    groups,
                    f"{group} groups cannot split {before} into {after} channels; a group must divide both",
                )
        shortest = self.data.crop >> (disc.num_scales - 1)
        if shortest < 16:
            yield Problem(
                "disc.num_scales",
                disc.num_scales,
                f"at scale {disc.num_scales} a crop of {self.data.crop} samples has {shortest} left; take "
                "fewer scales or a longer crop",
            )

    def _training_conflicts(self) -> Iterator[Problem]:
        if self.disc.start >= self.trainer.total_steps:
            yield Problem(
                "disc.start",
                self.disc.start,
                f"the run ends at step {self.trainer.total_steps:,}, so that the discriminator would never "
                "train; set disc.start below that",
            )
        yield from more_slots_than_clips(self.data.slots, self.data.eval_items)
        if self.trainer.best_by not in BEST_BY:
            yield Problem(
                "trainer.best_by",
                self.trainer.best_by,
                f"{self.trainer.best_by!r} is no series to choose by; take one of {', '.join(BEST_BY)}",
            )


# What this trainer evaluates and where one direction is better.
BEST_BY = tuple(
    name
    for name in ("eval/mel", "eval/si_sdr", "eval/snr", "eval/pesq_nb", "eval/pesq_wb")
    if vocabulary.describe(name).better
)


def _twice(knob: str, values: list[int]) -> Iterator[Problem]:
    twice = sorted({v for v in values if values.count(v) > 1})
    if twice:
        yield Problem(knob, values, f"{twice[0]} is there twice; each value makes one sub-discriminator")
