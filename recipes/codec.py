"""The neural codec's recipe. Names of losses and discriminators are the document's (docs/trainers/codec.md)."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from recipes.base import Part, Recipe, knob


class Data(Part):
    root: str = knob("", "Folder of wav, flac, ogg or mp3 files; empty: the built-in demo speech.", path=True)
    rate_hz: int = knob(8000, "Everything is resampled to this rate.", unit="Hz", ge=2000, le=96000)
    crop: int = knob(2048, "Length of a training crop.", unit="samples", ge=256, le=1_048_576)
    batch: int = knob(8, "Crops in a batch.", unit="items", ge=1, le=1024)
    rms: float = knob(
        0.1, "Each file is set to this RMS level before training; 0 leaves levels alone.", ge=0, le=1
    )
    eval_share: float = knob(0.15, "Share of speakers, or of files, held out for evaluation.", gt=0, lt=1)
    eval_items: int = knob(8, "Clips evaluated at each evaluation.", unit="clips", ge=1, le=1000)
    eval_seconds: float = knob(2.0, "Longest stretch of an evaluation clip.", unit="s", gt=0, le=60)
    slots: int = knob(3, "Evaluation clips whose audio is kept.", unit="clips", ge=1, le=64)
    split_seed: int = knob(
        0, "Seed of the split where no manifest gives speakers.", ge=0, le=2**31 - 1, advanced=True
    )


class Generator(Part):
    kind: Literal["patch", "dac"] = knob(
        "patch", "Patch codec (quick on a CPU) or DAC's encoder and decoder."
    )
    channels: int = knob(128, "Channels of the patch codec.", ge=8, le=1024)
    hop: int = knob(32, "Samples a frame of the patch codec.", unit="samples", ge=4, le=1024)
    latent: int = knob(32, "Latent dimensions.", ge=4, le=2048)
    encoder_dim: int = knob(64, "DAC: channels of the first encoder block.", ge=4, le=256)
    encoder_rates: list[int] = knob([2, 4, 8, 8], "DAC: encoder strides.")
    decoder_dim: int = knob(1536, "DAC: channels of the first decoder block.", ge=16, le=4096)
    decoder_rates: list[int] = knob([8, 8, 4, 2], "DAC: decoder strides.")
    lr: float = knob(1e-3, "Learning rate of the generator (AdamW).", gt=0, le=1)
    beta1: float = knob(0.8, "AdamW beta 1.", ge=0, lt=1, advanced=True)
    beta2: float = knob(0.99, "AdamW beta 2.", ge=0, lt=1, advanced=True)
    clip: float = knob(0.0, "Gradient norm clip of the generator; 0: none.", ge=0, le=1e6)


class Quantizer(Part):
    kind: Literal["ema", "dac"] = knob("ema", "EMA codebooks, or DAC's factorised, l2-normalised ones.")
    codebooks: int = knob(4, "Residual stages.", ge=1, le=64)
    size: int = knob(256, "Codes in a codebook.", ge=2, le=65536)
    dim: int = knob(8, "Code dimension of DAC's quantiser.", ge=1, le=256)
    decay: float = knob(0.99, "EMA decay of the codebooks.", gt=0, lt=1, advanced=True)
    commitment: float = knob(0.25, "Weight of the commitment loss inside the VQ loss.", ge=0, le=10)
    dropout: float = knob(0.0, "Share of items trained with fewer stages.", ge=0, le=1)


class Discriminator(Part):
    kind: Literal["msd_grouped", "msd_grouped_mpd", "mpd_stft", "mpd", "stft"] = knob(
        "mpd_stft", "Grouped multi-scale (the old one), multi-period, STFT, or two of them joined."
    )
    num_scales: int = knob(3, "Scales of the multi-scale discriminator.", ge=1, le=8)
    msd_channels: list[int] = knob([16, 64, 256, 1024, 1024], "Channels of the multi-scale discriminator.")
    msd_groups: list[int] = knob([4, 16, 64, 256], "Groups of its strided convolutions.")
    periods: list[int] = knob([2, 3, 5, 7, 11], "Periods of the multi-period discriminator.")
    mpd_channels: list[int] = knob([32, 128, 512, 1024, 1024], "Channels of the multi-period discriminator.")
    n_ffts: list[int] = knob([2048, 1024, 512], "Window lengths of the STFT discriminator.", unit="samples")
    stft_channels: int = knob(32, "Channels of the STFT discriminator.", ge=1, le=512)
    stft_input: Literal["complex_mag", "complex"] = knob(
        "complex_mag", "Real, imaginary and magnitude (the document) or real and imaginary (DAC)."
    )
    bands: Literal["1", "5"] = knob("1", "One network over all bins, or DAC's five bands.")
    init: Literal["default", "kaiming", "normal"] = knob(
        "default", "Initialisation: torch's default, Kaiming for the leak, or N(0, 0.02)."
    )
    input_gain: float = knob(1.0, "What the discriminator's input is multiplied by.", gt=0, le=1000)
    lr: float = knob(1e-4, "Learning rate of the discriminator (AdamW).", gt=0, le=1)
    beta1: float = knob(0.8, "AdamW beta 1.", ge=0, lt=1, advanced=True)
    beta2: float = knob(0.99, "AdamW beta 2.", ge=0, lt=1, advanced=True)
    clip: float = knob(0.0, "Gradient norm clip of the discriminator; 0: none.", ge=0, le=1e6)
    start: int = knob(0, "Generator step at which the adversarial game starts.", unit="steps", ge=0, le=10**9)


class Trainer(Part):
    max_steps: int | None = knob(None, "Generator updates in all; empty: epochs times steps.", ge=1, le=10**9)
    max_epochs: int = knob(10, "Epochs.", ge=1, le=10**6)
    steps_per_epoch: int = knob(60, "Generator updates an epoch.", unit="steps", ge=1, le=10**7)
    eval_every: int = knob(1, "Evaluate and save every so many epochs.", unit="epochs", ge=1, le=10**6)
    log_every: int = knob(5, "Report every so many steps.", unit="steps", ge=1, le=10**6)
    keep_last: int = knob(2, "Checkpoints kept beside the best.", ge=1, le=1000)
    best_by: str = knob("eval/mel", "Series that chooses the best checkpoint.")
    gamma: float = knob(1.0, "Factor of both learning rates a step (exponential decay).", gt=0, le=1)
    precision: Literal["32-true", "bf16-mixed"] = knob("32-true", "Arithmetic.", advanced=True)
    threads: int = knob(0, "CPU threads; 0: what the worker gives, else all.", ge=0, le=1024, advanced=True)


class Codec(Recipe):
    name: ClassVar[str] = "codec"
    title: ClassVar[str] = "Neural codec"
    loss: Literal["hinge", "least_squares"] = knob("hinge", "Adversarial loss.")
    adv_weight: float = knob(1.0, "Weight of the adversarial loss.", ge=0, le=1000)
    feat_weight: float = knob(10.0, "Weight of feature matching.", ge=0, le=1000)
    recon_weight: float = knob(0.1, "Weight of the waveform L1.", ge=0, le=1000)
    vq_weight: float = knob(1.0, "Weight of the VQ loss.", ge=0, le=1000)
    mel_weight: float = knob(0.0, "Weight of the mel loss.", ge=0, le=1000)
    data: Data = Data()
    gen: Generator = Generator()
    quantizer: Quantizer = Quantizer()
    disc: Discriminator = Discriminator()
    trainer: Trainer = Trainer()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.gen.kind == "patch" and self.data.crop % self.gen.hop:
            raise ValueError(f"data.crop {self.data.crop} is no multiple of gen.hop {self.gen.hop}")
        return self
