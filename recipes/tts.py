"""FastSpeech2's recipe. Names of losses and settings are those of the text-to-speech document.

A reference stands beside each number that is one: ming024 is the FastSpeech2 implementation that most follow
(``config/LJSpeech``), FastPitch NVIDIA's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from recipes.base import Part, Problem, Processes, Recipe, knob
from recipes.problems import more_slots_than_clips

Kernel = Annotated[int, Field(ge=1, le=31)]


class Data(Part):
    title: ClassVar[str] = "Data"
    root: str = knob(
        "",
        "Folder in LJSpeech's layout: metadata.csv (id|text|normalised text) and wavs/. Durations from "
        "TextGrid/ID.TextGrid, durations/ID.json or durations.json; without them phonemes come from eSpeak NG "
        "and are aligned to its own timed reading. Empty: the built-in demo speech.",
        title="Folder",
        path=True,
    )
    rate_hz: int = knob(
        22050, "Everything is resampled to this rate.", title="Rate", unit="Hz", ge=4000, le=96000
    )
    durations: Literal["auto", "textgrid", "json", "dtw"] = knob(
        "auto",
        "Where phonemes and durations come from: what the folder holds, TextGrids, JSON, or aligned by dynamic "
        "time warping.",
    )
    voice: str = knob(
        "en-us",
        "Voice of eSpeak NG that reads text into phonemes.",
        title="Phonemes' voice",
        pattern=r"^[A-Za-z0-9+_-]{2,40}$",
        advanced=True,
    )
    batch: int = knob(8, "Utterances in a batch.", unit="items", ge=1, le=1024)
    max_seconds: float = knob(
        12.0, "Longer clips are left out.", title="Longest clip", unit="s", gt=0.2, le=60
    )
    nonfinite: Literal["drop", "clamp"] = knob(
        "drop",
        "What happens to an item with NaN or infinity: it is named, dropped and counted; or it is clamped and "
        "kept, the document's way. Clamping does not remove NaN.",
        title="NaN and infinity",
    )
    eval_share: float = knob(
        0.15, "Share of the clips held out for evaluation.", title="Held out", gt=0, lt=1
    )
    eval_items: int = knob(
        6, "Clips evaluated at each evaluation.", title="Evaluation clips", unit="clips", ge=1, le=1000
    )
    slots: int = knob(
        2,
        "Evaluation clips whose pictures and audio are kept.",
        title="Clips to hear",
        unit="clips",
        ge=1,
        le=64,
    )
    split_seed: int = knob(
        0, "Seed of the split into training and evaluation.", ge=0, le=2**31 - 1, advanced=True
    )


class Mel(Part):
    title: ClassVar[str] = "Mel spectrogram"
    scale: Literal["log1p", "log_eps", "log_clamp"] = knob(
        "log_clamp",
        "Normalisation of mel magnitudes: log(1 + x), log(x + ε), or log of x clamped at ε.",
        title="Normalisation",
    )
    eps: float = knob(
        1e-5,
        "ε of the logarithm. ming024 clamps at 1e-5, silence is then -11.51; 1e-9 sends it to -20.7.",
        title="ε",
        gt=0,
        le=0.1,
    )
    power: Literal[1, 2] = knob(
        1,
        "Magnitudes, or their square as an estimate of power mels (torchaudio's default, the document's values "
        "from 0.001 to 1000).",
    )
    gain: float = knob(
        1.0,
        "What magnitudes are multiplied by first; 40 is about what filters without area normalisation give.",
        unit="×",
        gt=0,
        le=1000,
        advanced=True,
    )
    n_fft: int = knob(1024, "Window.", title="Window", unit="samples", ge=64, le=8192)
    hop: int = knob(256, "Samples a frame.", unit="samples", ge=16, le=4096)
    n_mels: int = knob(80, "Mel bands.", title="Bands", ge=8, le=256)
    low: float = knob(0.0, "Lowest frequency.", unit="Hz", ge=0, le=48000, advanced=True)
    high: float = knob(
        8000.0, "Highest frequency, half the rate at most.", unit="Hz", gt=0, le=48000, advanced=True
    )


class Generator(Part):
    title: ClassVar[str] = "FastSpeech2"
    hidden: int = knob(256, "Width of the FFT blocks.", title="Width", ge=8, le=2048)
    encoder_layers: int = knob(4, "FFT blocks of the encoder.", ge=1, le=32)
    decoder_layers: int = knob(6, "FFT blocks of the decoder (ming024 6, the paper 4).", ge=1, le=32)
    heads: int = knob(2, "Attention heads.", ge=1, le=64)
    filter: int = knob(
        1024, "Channels of a block's convolutions.", title="Convolution channels", ge=8, le=8192
    )
    kernels: list[Kernel] = knob([9, 1], "Kernels of a block's two convolutions.", min_length=2, max_length=2)
    dropout: float = knob(0.2, "Dropout of the FFT blocks.", ge=0, lt=1)
    predictor: int = knob(256, "Channels of the variance predictors.", title="Predictors", ge=8, le=2048)
    predictor_dropout: float = knob(0.5, "Dropout of the variance predictors.", ge=0, lt=1)
    bins: int = knob(256, "Bins that pitch and energy are embedded in.", ge=4, le=4096)
    pitch: Literal["cwt", "phoneme"] = knob(
        "phoneme",
        "Pitch as a spectrogram by continuous wavelet transform with mean and standard deviation, frame by "
        "frame (the document, the paper); or one value a phoneme (ming024).",
    )
    energy: Literal["frame", "phoneme"] = knob("phoneme", "Energy frame by frame, or one value a phoneme.")
    activation: Literal["none", "relu", "softplus"] = knob(
        "none",
        "What the mel head ends in. ReLU cannot reach the negative values of a log mel.",
        title="Mel head",
    )
    allow_unreachable: bool = knob(
        False,
        "Allow a head that cannot reach the targets (ReLU or softplus with log mels). Only to show what it does.",
        title="Unreachable targets",
        advanced=True,
    )
    output_scale: float = knob(
        1.0, "What the head's output is multiplied by.", title="Output scale", unit="×", gt=0, le=1000
    )
    postnet_layers: int = knob(5, "Convolutions of the postnet; 0: none.", title="Postnet", ge=0, le=16)
    postnet: int = knob(512, "Channels of the postnet.", title="Postnet channels", ge=8, le=4096)
    lr: float = knob(1e-3, "Largest step size of the generator (AdamW).", title="Learning rate", gt=0, le=1)
    beta1: float = knob(0.9, "AdamW beta 1.", ge=0, lt=1, advanced=True)
    beta2: float = knob(0.98, "AdamW beta 2.", ge=0, lt=1, advanced=True)
    clip: float = knob(
        0.0, "Gradient norm clip of the generator; 0: none.", title="Gradient clip", ge=0, le=1e6
    )


class Discriminator(Part):
    title: ClassVar[str] = "Mel discriminator"
    channels: int = knob(32, "Channels of its first layer; each of three doubles them.", ge=2, le=512)
    frames: int = knob(
        64, "Length of the stretches of mel that it sees.", title="Window", unit="frames", ge=16, le=4096
    )
    lr: float = knob(2e-4, "Step size of the discriminator (AdamW).", title="Learning rate", gt=0, le=1)
    beta1: float = knob(0.5, "AdamW beta 1.", ge=0, lt=1, advanced=True)
    beta2: float = knob(0.9, "AdamW beta 2.", ge=0, lt=1, advanced=True)
    clip: float = knob(
        0.0, "Gradient norm clip of the discriminator; 0: none.", title="Gradient clip", ge=0, le=1e6
    )
    start: int = knob(
        0, "It plays from this step on; before, the generator trains alone.", title="Warm-up", unit="steps",
        ge=0, le=10**9,
    )  # fmt: skip


class Vocoder(Part):
    title: ClassVar[str] = "Vocoder"
    path: str = knob(
        "",
        "TorchScript file of a HiFi-GAN generator: log mel [1, bands, frames] in, wave [1, 1, frames x hop] "
        "out. Empty: Griffin-Lim. Only a file that you trust.",
        title="HiFi-GAN file",
        path=True,
    )
    iterations: int = knob(32, "Iterations of Griffin-Lim.", title="Griffin-Lim", ge=1, le=1000)


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
    accumulate: int = knob(
        1,
        "Batches whose gradients make one update. At equal data, 4 means a quarter of the updates.",
        title="Accumulation",
        unit="batches",
        ge=1,
        le=1024,
    )
    schedule: Literal["none", "noam", "cosine"] = knob(
        "none",
        "Learning rate: constant; Noam's rise and fall with the root of the step; or rise and cosine to 0.",
        title="Schedule",
    )
    warmup: int = knob(
        0,
        "Steps in which Noam and cosine rise to the full rate.",
        title="Warm-up",
        unit="steps",
        ge=0,
        le=10**7,
    )
    eval_every: int = knob(
        1, "Evaluate and save every so many epochs.", title="Evaluate every", unit="epochs", ge=1, le=10**6
    )
    log_every: int = knob(
        5, "Report every so many steps.", title="Report every", unit="steps", ge=1, le=10**6
    )
    keep_last: int = knob(2, "Checkpoints kept beside the best.", title="Checkpoints kept", ge=1, le=1000)
    best_by: Literal["eval/mel_common", "eval/mcd", "eval/duration_mae", "eval/f0_rmse"] = knob(
        "eval/mel_common", "Series that chooses the best checkpoint.", title="Best by"
    )
    precision: Literal["32-true", "bf16-mixed"] = knob("32-true", "Arithmetic.", advanced=True)
    threads: int = knob(0, "CPU threads; 0: what the worker gives, else all.", ge=0, le=1024, advanced=True)

    @property
    def total_steps(self) -> int:
        """Generator updates of the whole run."""
        return self.max_steps if self.max_steps is not None else self.max_epochs * self.steps_per_epoch

    def rate(self, step: int) -> float:
        """The share of ``gen.lr`` that a step (from 1) takes."""
        rise = min(step / self.warmup, 1.0) if self.warmup and self.schedule != "none" else 1.0
        if self.schedule == "noam":
            return min(rise, (max(self.warmup, 1) / step) ** 0.5)
        if self.schedule == "cosine":
            done = min(step / self.total_steps, 1.0)
            return rise * 0.5 * (1 + math.cos(math.pi * done))
        return rise


def _weight(default: float, help: str, title: str) -> float:
    field: float = knob(default, help, title=title, ge=0, le=1000, group="Losses")
    return field


class Tts(Recipe):
    name: ClassVar[str] = "tts"
    title: ClassVar[str] = "Text to speech (FastSpeech2)"
    mel_weight: float = _weight(
        1.0, "Weight of the mel loss. The document: 45; ming024 and FastPitch: 1.", "Mel"
    )
    postnet_weight: float = _weight(1.0, "Weight of the mel loss after the postnet.", "Postnet")
    duration_weight: float = _weight(
        1.0, "Weight of the durations' loss, squared error of log(frames + 1).", "Duration"
    )
    pitch_weight: float = _weight(
        1.0, "Weight of the pitch loss: of the pitch spectrogram, or of the phonemes' pitch.", "Pitch"
    )
    pitch_stats_weight: float = _weight(
        1.0,
        "Weight of the losses of pitch mean and standard deviation (pitch spectrogram only).",
        "Pitch mean, std",
    )
    energy_weight: float = _weight(1.0, "Weight of the energy loss.", "Energy")
    adv_weight: float = _weight(
        0.0,
        "Weight of the mel discriminator's verdict. FastSpeech2 has none: at 0 the discriminator only watches, "
        "its loss is that of a critic which gives the generator no gradient.",
        "Adversarial",
    )
    mel_distance: Literal["l1", "mse"] = knob(
        "l1", "Distance of mels: L1 (ming024) or squared (FastPitch).", title="Mel distance", group="Losses"
    )
    masked: bool = knob(
        True,
        "Leave padding out of the losses. Off: it counts as if it were speech.",
        title="Masks",
        group="Losses",
    )
    loss: Literal["hinge", "least_squares"] = knob(
        "least_squares", "Adversarial loss.", title="Game", group="Losses"
    )
    data: Data = Data()
    mel: Mel = Mel()
    gen: Generator = Generator()
    disc: Discriminator = Discriminator()
    vocoder: Vocoder = Vocoder()
    trainer: Trainer = Trainer()

    @property
    def blind(self) -> bool:
        """Whether the head cannot reach the targets: it gives no negative value, a log mel is negative."""
        return self.gen.activation != "none" and self.mel.scale != "log1p"

    def weights(self) -> dict[str, float]:
        """The weight of each term of the generator's loss but the adversarial one."""
        pitch = {"pitch": self.pitch_weight}
        if self.gen.pitch == "cwt":
            pitch = {
                "pitch_spectrogram": self.pitch_weight,
                "pitch_mean": self.pitch_stats_weight,
                "pitch_std": self.pitch_stats_weight,
            }
        return {
            "mel": self.mel_weight,
            **({"postnet": self.postnet_weight} if self.gen.postnet_layers else {}),
            "duration": self.duration_weight,
            **pitch,
            "energy": self.energy_weight,
        }

    def conflicts(self) -> Iterator[Problem]:
        gen, mel, data = self.gen, self.mel, self.data
        if self.blind and not gen.allow_unreachable:
            yield Problem(
                "gen.activation",
                gen.activation,
                f"{gen.activation} gives no negative value, and nearly all targets of mel.scale {mel.scale} are "
                "negative; take gen.activation=none, mel.scale=log1p, or gen.allow_unreachable=true to see it fail",
            )
        if gen.hidden % (2 * gen.heads):
            yield Problem(
                "gen.heads",
                gen.heads,
                f"gen.hidden {gen.hidden} is no multiple of twice the {gen.heads} heads",
            )
        even = next((k for k in gen.kernels if k % 2 == 0), None)
        if even is not None:
            yield Problem("gen.kernels", gen.kernels, f"{even} is even; take {even + 1}")
        if mel.hop > mel.n_fft // 2:
            yield Problem(
                "mel.hop",
                mel.hop,
                f"a hop of {mel.hop} leaves gaps between windows of {mel.n_fft}; take {mel.n_fft // 2} at most",
            )
        if not mel.low < mel.high <= data.rate_hz / 2:
            yield Problem(
                "mel.high",
                mel.high,
                f"{mel.low:g} to {mel.high:g} Hz does not fit a rate of {data.rate_hz} Hz; take mel.high="
                f"{data.rate_hz / 2:g} or less, above mel.low",
            )
        yield from more_slots_than_clips(data.slots, data.eval_items)
        if self.disc.start >= self.trainer.total_steps:
            yield Problem(
                "disc.start",
                self.disc.start,
                f"the run ends at step {self.trainer.total_steps:,}, so that the discriminator would never train; "
                "set disc.start below that",
            )
        if not any([*self.weights().values(), self.adv_weight]):
            yield Problem("mel_weight", self.mel_weight, "all weights are 0: there is nothing to learn")
