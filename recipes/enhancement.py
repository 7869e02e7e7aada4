"""The speech enhancer's recipe: CMGAN with a metric discriminator, names as in the enhancement document.

A reference stands beside each number that is one: CMGAN is the released code (``src/train.py``), MetricGAN+
speechbrain's recipe.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from recipes.base import Part, Problem, Processes, Recipe, knob
from recipes.problems import more_slots_than_clips

Ratio = Annotated[float, Field(ge=-40, le=60)]
PESQ_RATES = {8000: "nb", 16000: "wb"}


class Data(Part):
    title: ClassVar[str] = "Data"
    root: str = knob(
        "",
        "Folder with clean/ and noisy/ (VoiceBank-DEMAND), or of clean speech to be mixed with noise; empty: "
        "the built-in demo speech.",
        title="Folder",
        path=True,
    )
    noise: str = knob(
        "",
        "Folder of noise to mix clean speech with; empty: made noise (pink, babble, hum). Pairs need none.",
        title="Noise",
        path=True,
    )
    rate_hz: int = knob(
        16000,
        "Everything is resampled to this rate. PESQ exists at 8000 (narrow band) and 16000 Hz (wide band).",
        title="Rate",
        unit="Hz",
        ge=2000,
        le=96000,
    )
    snrs: list[Ratio] = knob(
        [0.0, 5.0, 10.0, 15.0],
        "Signal-to-noise ratios of mixed training clips.",
        title="Training SNRs",
        unit="dB",
        min_length=1,
        max_length=32,
    )
    eval_snrs: list[Ratio] = knob(
        [2.5, 7.5, 12.5, 17.5],
        "Signal-to-noise ratios of mixed evaluation clips.",
        title="Evaluation SNRs",
        unit="dB",
        min_length=1,
        max_length=32,
    )
    pauses: float = knob(
        0.0,
        "Silence put before and after each clean clip that is mixed, as talk has it: some crops then hold no "
        "utterance, and PESQ has no score for them. Pairs stay as they are.",
        unit="s",
        ge=0,
        le=10,
    )
    crop: int = knob(
        16000,
        "Length of a training crop; shorter clips are repeated to it.",
        unit="samples",
        ge=512,
        le=1_048_576,
    )
    crop_step: int = knob(
        0,
        "Crops begin at multiples of this, so that the scores of noisy crops come back from the cache; 0: "
        "anywhere.",
        title="Crop grid",
        unit="samples",
        ge=0,
        le=1_048_576,
        advanced=True,
    )
    batch: int = knob(4, "Crops in a batch.", unit="items", ge=1, le=1024)
    eval_share: float = knob(
        0.15,
        "Share of speakers, or of files, held out where the folder has no test part.",
        title="Held out",
        gt=0,
        lt=1,
    )
    eval_items: int = knob(
        8, "Clips evaluated at each evaluation.", title="Evaluation clips", unit="clips", ge=1, le=2000
    )
    eval_crop: Literal["random", "centre", "whole"] = knob(
        "centre",
        "Which stretch of an evaluation clip is measured: another one each time (the released code), its "
        "middle, or all of it.",
        title="Evaluation crop",
    )
    eval_seconds: float = knob(
        2.0,
        "Length of a random or centre stretch; a whole clip ends at 60 s.",
        title="Evaluation stretch",
        unit="s",
        gt=0,
        le=60,
    )
    slots: int = knob(
        3, "Evaluation clips whose audio is kept.", title="Clips to hear", unit="clips", ge=1, le=64
    )
    split_seed: int = knob(
        0, "Seed of the split into training and evaluation.", ge=0, le=2**31 - 1, advanced=True
    )


class Generator(Part):
    title: ClassVar[str] = "Generator"
    n_fft: int = knob(
        400, "Window of the spectrum (Hamming).", title="Window", unit="samples", ge=32, le=4096
    )
    hop: int = knob(100, "Samples between two windows.", unit="samples", ge=8, le=2048)
    compress: float = knob(0.3, "Power that magnitudes are raised to.", title="Compression", gt=0, le=1)
    channels: int = knob(64, "Channels of all layers.", ge=4, le=512)
    depth: int = knob(4, "Dilated layers of a dense block.", title="Dense depth", ge=1, le=8)
    blocks: int = knob(4, "Two-stage conformers (time, then frequency).", title="Conformers", ge=1, le=32)
    heads: int = knob(
        4, "Attention heads of a conformer; 0: no attention, which takes most of a CPU's time.", ge=0, le=32
    )
    head_dim: int = knob(16, "Dimensions of a head.", ge=2, le=128)
    kernel: int = knob(31, "Kernel of the conformers' convolution.", ge=3, le=101)
    dropout: float = knob(0.2, "Dropout in the conformers.", ge=0, lt=1)
    norm: Literal["batch", "group"] = knob(
        "batch",
        "Norm of the conformers' convolution: batch as CMGAN, or group, which one item alone decides.",
        title="Convolution norm",
    )
    identity: bool = knob(
        False,
        "Begin with the mask at 1 and no residual, so that the output is the noisy input at first; off as "
        "released. For runs too short to find that out.",
        title="Begin with the input",
        advanced=True,
    )
    keep_length: bool = knob(
        True,
        "Ask the inverse transform for the length that went in. Off, as released: whole hops come out, and "
        "the clean signal is cut to them.",
        title="Keep the length",
    )
    lr: float = knob(5e-4, "Step size of the generator (AdamW).", title="Learning rate", gt=0, le=1)
    beta1: float = knob(0.9, "AdamW beta 1.", ge=0, lt=1, advanced=True)
    beta2: float = knob(0.999, "AdamW beta 2.", ge=0, lt=1, advanced=True)
    clip: float = knob(
        0.0, "Gradient norm clip of the generator; 0: none.", title="Gradient clip", ge=0, le=1e6
    )


class Discriminator(Part):
    title: ClassVar[str] = "Metric discriminator"
    channels: int = knob(16, "Channels of the first layer; each of four doubles them.", ge=1, le=256)
    dropout: float = knob(0.3, "Dropout before the last layer.", ge=0, lt=1)
    lr: float = knob(1e-3, "Step size of the discriminator (AdamW).", title="Learning rate", gt=0, le=1)
    beta1: float = knob(0.9, "AdamW beta 1.", ge=0, lt=1, advanced=True)
    beta2: float = knob(0.999, "AdamW beta 2.", ge=0, lt=1, advanced=True)
    clip: float = knob(
        0.0, "Gradient norm clip of the discriminator; 0: none.", title="Gradient clip", ge=0, le=1e6
    )
    noisy_anchor: bool = knob(
        True,
        "Also learn the score of the noisy input (MetricGAN+), a third anchor beside clean and enhanced.",
        title="Noisy anchor",
    )
    replay: float = knob(
        0.2, "Earlier items learned again for each new one (MetricGAN+: 0.2).", title="Replay", ge=0, le=4
    )
    history: int = knob(
        64, "Scored items kept for replay.", title="History", unit="items", ge=1, le=4096, advanced=True
    )


class Pesq(Part):
    title: ClassVar[str] = "PESQ in training"
    failures: Literal["batch", "item", "keep"] = knob(
        "item",
        "Where an item has no score: leave out the whole batch (as released), leave out the item, or keep "
        "the failure code -1 as if it were a score (harmful).",
        title="Without a score",
    )
    lag: int = knob(
        2,
        "Steps after which a batch's scores are used; until then worker processes compute them.",
        unit="steps",
        ge=0,
        le=64,
    )
    workers: int = knob(1, "Processes that compute PESQ; 0: in the loop. Results do not change.", ge=0, le=64)
    cache: int = knob(4096, "Scores kept by item and epoch.", unit="scores", ge=16, le=10**6, advanced=True)


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
        40, "Generator updates an epoch.", title="Steps an epoch", unit="steps", ge=1, le=10**7
    )
    eval_every: int = knob(
        1, "Evaluate and save every so many epochs.", title="Evaluate every", unit="epochs", ge=1, le=10**6
    )
    log_every: int = knob(
        5, "Report every so many steps.", title="Report every", unit="steps", ge=1, le=10**6
    )
    keep_last: int = knob(2, "Checkpoints kept beside the best.", title="Checkpoints kept", ge=1, le=1000)
    best_by: Literal["eval/pesq", "eval/loss", "eval/si_sdr", "eval/stoi"] = knob(
        "eval/pesq",
        "What chooses the best checkpoint; eval/pesq is eval/pesq_nb or eval/pesq_wb, by the rate.",
        title="Best by",
    )
    lr_every: int = knob(
        30,
        "Epochs between two drops of both learning rates.",
        title="Drop every",
        unit="epochs",
        ge=1,
        le=10**6,
    )
    lr_factor: float = knob(
        0.5, "Factor of both learning rates at a drop.", title="Drop to", unit="×", gt=0, le=1
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


class Enhancement(Recipe):
    name: ClassVar[str] = "enhancement"
    demo: ClassVar[str] = "demo speech and noise"
    title: ClassVar[str] = "Speech enhancement"
    ri_weight: float = _weight(0.1, "Weight of the real and imaginary parts' squared error.", "RI")
    mag_weight: float = _weight(0.9, "Weight of the magnitude's squared error.", "Magnitude")
    time_weight: float = _weight(0.2, "Weight of the waveform's L1.", "Time")
    adv_weight: float = _weight(
        0.2, "Weight of the GAN term: squared distance of D's prediction to 1. Released: 0.05.", "GAN"
    )
    time_reference: Literal["raw", "normalised"] = knob(
        "normalised",
        "What the waveform is compared with: the clean signal normalised like the estimate, or as it was "
        "read (the released code), which pulls the level down.",
        title="Time reference",
        group="Losses",
    )
    data: Data = Data()
    gen: Generator = Generator()
    disc: Discriminator = Discriminator()
    pesq: Pesq = Pesq()
    trainer: Trainer = Trainer()

    @property
    def pesq_series(self) -> str:
        """The series of PESQ at this rate; that of 16 kHz where PESQ is not defined at all."""
        return f"eval/pesq_{PESQ_RATES.get(self.data.rate_hz, 'wb')}"

    @property
    def best_by(self) -> str:
        """The series that chooses the best checkpoint."""
        chosen = self.trainer.best_by
        return self.pesq_series if chosen == "eval/pesq" else chosen

    def conflicts(self) -> Iterator[Problem]:
        gen, data = self.gen, self.data
        if gen.n_fft % 4:
            low = gen.n_fft // 4 * 4
            yield Problem(
                "gen.n_fft",
                gen.n_fft,
                f"{gen.n_fft} is no multiple of 4, so that its bins cannot be halved and doubled; take {low} "
                f"or {low + 4}",
            )
        if gen.hop > gen.n_fft // 2:
            yield Problem(
                "gen.hop",
                gen.hop,
                f"a hop of {gen.hop} leaves gaps between windows of {gen.n_fft}; take {gen.n_fft // 2} at most",
            )
        if data.crop < 2 * gen.n_fft:
            yield Problem(
                "data.crop",
                data.crop,
                f"a crop of {data.crop} samples is shorter than two windows of gen.n_fft {gen.n_fft}; make it "
                f"{2 * gen.n_fft} or more",
            )
        if gen.kernel % 2 == 0:
            yield Problem("gen.kernel", gen.kernel, f"{gen.kernel} is even; take {gen.kernel + 1}")
        yield from more_slots_than_clips(data.slots, data.eval_items)
