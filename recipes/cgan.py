"""The conditional GAN's recipe: images of 32×32 by class. Numbers of the document's networks are its own.

A reference stands beside each number that is one; StudioGAN is POSTECH-CVLab/PyTorch-StudioGAN, its
``big_resnet`` on CIFAR-10.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from nashboard import vocabulary
from recipes.base import Part, Problem, Processes, Recipe, knob

Kind = Literal["document", "big_resnet"]
Init = Literal["orthogonal", "normal", "default"]


class Data(Part):
    title: ClassVar[str] = "Data"
    root: str = knob(
        "",
        "Folder of CIFAR-10 batches (binary or Python), of a pair of idx files, or of one folder of images a "
        "class; empty: the built-in demo set, scikit-learn's digits.",
        title="Folder",
        path=True,
    )
    rate_hz: int | None = knob(
        None,
        "Images have no rate. Taken so that all trainers know the same words; it changes nothing.",
        title="Rate",
        unit="Hz",
        ge=1,
        le=10**6,
        advanced=True,
    )
    batch: int = knob(128, "Images in a batch.", unit="items", ge=2, le=4096)
    flip: bool = knob(False, "Half of the real images are mirrored.", title="Mirror")
    eval_share: float = knob(
        0.15, "Share held out, where the data has no test part of its own.", title="Held out", gt=0, lt=1
    )
    slots: int = knob(
        4,
        "Images a class in the sample grid, from a fixed z.",
        title="Columns of the grid",
        unit="images",
        ge=1,
        le=32,
    )
    split_seed: int = knob(
        0, "Seed of the split into training and held out.", ge=0, le=2**31 - 1, advanced=True
    )


class Generator(Part):
    title: ClassVar[str] = "Generator"
    kind: Kind = knob(
        "document",
        "The document's residual generator, or StudioGAN's big_resnet.",
        title="Architecture",
    )
    base: int = knob(
        256,
        "Width at 4×4, before the scale; the document's 256. big_resnet is half as wide again throughout.",
        title="Base channels",
        ge=8,
        le=4096,
    )
    scale: float = knob(1.0, "Factor of the width.", title="Scale", gt=0, le=4)
    latent: int = knob(128, "Dimensions of z.", title="Latent", ge=1, le=4096)
    embed: int = knob(64, "Dimensions of the class embedding.", title="Class embedding", ge=1, le=4096)
    condition: Literal["concat", "cbn"] = knob(
        "concat",
        "How the document's generator learns the class: joined to z, or also by conditional batch norm. "
        "big_resnet always takes conditional batch norm.",
        title="Conditioning",
    )
    attention: Literal[0, 8, 16] = knob(
        8, "Side of the feature map with self-attention; 0: none.", title="Self-attention at"
    )
    spectral_norm: bool = knob(
        True, "Spectral norm on all layers but the last.", title="Spectral norm", advanced=True
    )
    final_sn: bool = knob(False, "Spectral norm on the last convolution.", title="Last layer: spectral norm")
    final_gain: float = knob(
        0.1,
        "What the last convolution's initial weights are multiplied by. Spectral norm cancels it.",
        title="Last layer: gain",
        gt=0,
        le=100,
    )
    final_relu: bool = knob(
        False, "ReLU between the last batch norm and the last convolution.", title="Last layer: ReLU"
    )
    init: Init = knob("orthogonal", "Orthogonal, N(0, 0.02) or torch's default.", title="Initialisation")
    init_gain: float = knob(
        1.0, "Gain of the orthogonal initialisation.", title="Gain of it", gt=0, le=10, advanced=True
    )
    ema: float = knob(
        0.999, "Decay of the averaged copy that is evaluated; 0: none.", title="EMA", ge=0, lt=1
    )
    ema_start: int = knob(
        0,
        "Until this step the copy is the generator itself.",
        title="EMA from",
        unit="steps",
        ge=0,
        le=10**9,
    )
    truncation: float = knob(
        0.0,
        "Sample grids draw z from a normal cut off here; 0: not cut. Scores never do.",
        title="Truncation",
        ge=0,
        le=10,
    )
    lr: float = knob(2e-4, "Step size of the generator (Adam).", title="Learning rate", gt=0, le=1)
    beta1: float = knob(0.0, "Adam beta 1.", ge=0, lt=1, advanced=True)
    beta2: float = knob(0.999, "Adam beta 2.", ge=0, lt=1, advanced=True)
    clip: float = knob(
        0.0, "Gradient norm clip of the generator; 0: none.", title="Gradient clip", ge=0, le=1e6
    )

    @property
    def width(self) -> int:
        """Channels at 4×4; StudioGAN's 384 where the base is 256 and the scale 1."""
        wide = self.base * self.scale * (1.5 if self.kind == "big_resnet" else 1.0)
        return max(8, 4 * round(wide / 4))


class Discriminator(Part):
    title: ClassVar[str] = "Discriminator"
    kind: Kind = knob(
        "document",
        "The document's residual discriminator, or StudioGAN's big_resnet.",
        title="Architecture",
    )
    base: int = knob(
        64,
        "Width of the first block, before the scale; the document's 64. big_resnet is three times as wide "
        "throughout.",
        title="Base channels",
        ge=4,
        le=2048,
    )
    scale: float = knob(1.0, "Factor of the width.", title="Scale", gt=0, le=4)
    embed: int = knob(64, "Dimensions of the class embedding.", title="Class embedding", ge=1, le=4096)
    condition: Literal["concat", "projection"] = knob(
        "concat",
        "How the document's discriminator learns the class: as a fourth image channel, or by projection. "
        "big_resnet always projects.",
        title="Conditioning",
    )
    attention: Literal[0, 8, 16] = knob(
        16, "Side of the feature map with self-attention; 0: none.", title="Self-attention at"
    )
    spectral_norm: bool = knob(True, "Spectral norm on all layers.", title="Spectral norm")
    init: Init = knob("orthogonal", "Orthogonal, N(0, 0.02) or torch's default.", title="Initialisation")
    init_gain: float = knob(
        1.0, "Gain of the orthogonal initialisation.", title="Gain of it", gt=0, le=10, advanced=True
    )
    noise_std: float = knob(
        0.0, "Instance noise on real and fake, at the start.", title="Instance noise", ge=0, le=10
    )
    noise_until: float = knob(
        1.0,
        "Share of the planned epochs after which the noise, falling in a line, is gone.",
        title="Noise until",
        gt=0,
        le=1,
    )
    r1_gamma: float = knob(
        0.0, "R1: γ/2 times the squared gradient at real images; 0: none.", title="R1", ge=0, le=1e4
    )
    r1_every: int = knob(
        16,
        "R1 is taken every so many steps of D, times as strong.",
        title="R1 every",
        unit="steps",
        ge=1,
        le=10**6,
    )
    gp_weight: float = knob(
        10.0,
        "Gradient penalty between real and fake; counts under the Wasserstein loss alone.",
        title="Gradient penalty",
        ge=0,
        le=1e4,
    )
    lr: float = knob(2e-4, "Step size of the discriminator (Adam).", title="Learning rate", gt=0, le=1)
    beta1: float = knob(0.0, "Adam beta 1.", ge=0, lt=1, advanced=True)
    beta2: float = knob(0.999, "Adam beta 2.", ge=0, lt=1, advanced=True)
    clip: float = knob(
        0.0, "Gradient norm clip of the discriminator; 0: none.", title="Gradient clip", ge=0, le=1e6
    )

    @property
    def width(self) -> int:
        """Channels of the first block; StudioGAN's 192 where the base is 64 and the scale 1."""
        wide = self.base * self.scale * (3.0 if self.kind == "big_resnet" else 1.0)
        return max(4, 2 * round(wide / 2))


class Augment(Part):
    title: ClassVar[str] = "DiffAugment"
    color: bool = knob(False, "Brightness, saturation and contrast.", title="Colour")
    translation: bool = knob(False, "Shifts by up to an eighth of the side.")
    cutout: bool = knob(False, "A square of half the side is blanked.")


class Score(Part):
    title: ClassVar[str] = "Scores"
    images: int = knob(
        1000,
        "Generated images that are scored, against as many real ones, or all that there are.",
        unit="images",
        ge=16,
        le=100_000,
    )
    reference: Literal["train", "held_out"] = knob(
        "train", "Which real images they are held against.", title="Against"
    )
    standing: int = knob(
        0,
        "Batches over which batch-norm statistics are gathered anew before scoring; 0: those of training.",
        title="Standing statistics",
        unit="batches",
        ge=0,
        le=1000,
        advanced=True,
    )
    inception: str = knob(
        "",
        "File of Inception weights (the FID network of 2015 as a PyTorch state dict); empty: features of a "
        "small classifier, and no FID.",
        title="Inception weights",
        path=True,
        advanced=True,
    )
    inception_sha256: str = knob("", "SHA-256 that the file must have.", title="Their SHA-256", advanced=True)


class Trainer(Processes):
    title: ClassVar[str] = "Training"
    max_steps: int | None = knob(
        None,
        "Generator updates in all; none: epochs times steps. Rates and noise follow the planned epochs, "
        "however early this ends the run.",
        title="Steps",
        unit="steps",
        ge=1,
        le=10**9,
    )
    max_epochs: int = knob(10, "Planned epochs.", title="Epochs", ge=1, le=10**6)
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
    best_by: str = knob("eval/fd_classifier", "Series that chooses the best checkpoint.", title="Best by")
    n_critic: int = knob(
        1, "Discriminator steps a generator step.", title="D steps a G step", unit="steps", ge=1, le=100
    )
    lr_schedule: Literal["none", "cosine", "warmup_cosine"] = knob(
        "none",
        "Both learning rates: constant, a cosine down to 1 % over the planned epochs, or that after a warm-up.",
        title="Learning rates",
    )
    warmup: float = knob(
        0.05,
        "Share of the planned epochs that the warm-up takes.",
        title="Warm-up",
        ge=0,
        lt=1,
        advanced=True,
    )
    precision: Literal["32-true", "bf16-mixed"] = knob("32-true", "Arithmetic.", advanced=True)
    threads: int = knob(0, "CPU threads; 0: what the worker gives, else all.", ge=0, le=1024, advanced=True)

    @property
    def planned_steps(self) -> int:
        """Generator updates of the planned epochs: what rates and noise go by."""
        return self.max_epochs * self.steps_per_epoch

    @property
    def total_steps(self) -> int:
        """Generator updates of the whole run."""
        return self.max_steps if self.max_steps is not None else self.planned_steps


class Cgan(Recipe):
    name: ClassVar[str] = "cgan"
    demo: ClassVar[str] = "demo digits"
    reads: ClassVar[Literal["audio", "images"]] = "images"
    title: ClassVar[str] = "Conditional GAN"
    loss: Literal["hinge", "vanilla", "least_squares", "wasserstein"] = knob(
        "hinge",
        "Hinge, binary cross-entropy (non-saturating), least squares, or Wasserstein with a gradient penalty.",
        title="Game",
        group="Losses",
    )
    data: Data = Data()
    gen: Generator = Generator()
    disc: Discriminator = Discriminator()
    augment: Augment = Augment()
    score: Score = Score()
    trainer: Trainer = Trainer()

    def conflicts(self) -> Iterator[Problem]:
        gen, score = self.gen, self.score
        if gen.kind == "big_resnet" and gen.latent % 4:
            near = f"{gen.latent // 4 * 4 or 4} or {gen.latent // 4 * 4 + 4}"
            yield Problem(
                "gen.latent",
                gen.latent,
                f"big_resnet splits z in four equal parts and {gen.latent} has none; take {near}",
            )
        if bool(score.inception) != bool(score.inception_sha256):
            missing = "inception_sha256" if score.inception else "inception"
            yield Problem(
                f"score.{missing}",
                "",
                "weights count with their checksum only; set score.inception and score.inception_sha256, or "
                "neither",
            )
        if score.inception_sha256 and not _is_sha256(score.inception_sha256):
            yield Problem(
                "score.inception_sha256",
                score.inception_sha256,
                f"{score.inception_sha256!r} is no SHA-256: 64 hex digits, as sha256sum prints them",
            )
        choices = BEST_BY if score.inception else tuple(n for n in BEST_BY if n not in WITH_INCEPTION)
        if self.trainer.best_by not in choices:
            more = "; FID needs score.inception" if self.trainer.best_by in WITH_INCEPTION else ""
            yield Problem(
                "trainer.best_by",
                self.trainer.best_by,
                f"{self.trainer.best_by!r} is no series to choose by; take one of {', '.join(choices)}{more}",
            )


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and all(c in "0123456789abcdefABCDEF" for c in text)


WITH_INCEPTION = ("eval/fid", "eval/is", "eval/kid", "eval/precision", "eval/recall")
# What this trainer evaluates and where one direction is better.
BEST_BY = tuple(
    name
    for name in (
        "eval/fd_classifier",
        "eval/kid_classifier",
        "eval/precision_classifier",
        "eval/recall_classifier",
        "eval/class_consistency",
        *WITH_INCEPTION,
    )
    if vocabulary.describe(name).better
)

# Phase 2 of the document: each experiment as patches on run-b, in the order that it gives.
PHASE_2: dict[str, list[dict[str, Any]]] = {
    "capacity": [{"gen.base": base} for base in (256, 384, 512)],
    "lr ratio": [{"gen.lr": rate, "disc.lr": 2e-4} for rate in (2e-4, 1e-4, 5e-5)],
    "loss": [
        {"loss": "hinge"},
        {"loss": "wasserstein", "disc.gp_weight": 10.0, "trainer.n_critic": 5},
    ],
    "cosine": [{"trainer.lr_schedule": "none"}, {"trainer.lr_schedule": "cosine"}],
}
