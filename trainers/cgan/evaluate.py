"""The conditional GAN measured: scores with their protocol, saturation, D on clean images, the sample grid."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nashboard import media
from nashboard.reporter import Reporter
from recipes.cgan import Cgan
from trainers.cgan.data import Pictures
from trainers.cgan.model import GeneratorNet, Made
from trainers.kit import classifier, fidelity, histograms, inception, stats
from trainers.kit.classifier import as_float
from trainers.kit.imagesets import Images

BOUND = 0.99
NEIGHBOURS = 5
GRID_ROWS = 20
JUDGED = 512  # images of each kind that D is asked about
GAP = 2
SHOWN = 10_000  # values in the histogram before tanh

Extract = Callable[[Tensor], tuple[Tensor, Tensor]]


def drawn(shape: tuple[int, ...], random: torch.Generator, truncation: float = 0.0) -> Tensor:
    """Normal numbers; with a truncation those past ± it are drawn anew."""
    z = torch.randn(shape, generator=random)
    while truncation and bool((far := z.abs() > truncation).any()):
        z = torch.where(far, torch.randn(shape, generator=random), z)
    return z


def saturation(images: Tensor) -> dict[str, Tensor]:
    """``saturation``: share of values past ±0.99; ``pure_colour``: of pixels with all channels past it."""
    past = images.abs() > BOUND
    return {"saturation": past.float().mean(), "pure_colour": past.all(1).float().mean()}


def tanh_health(made: Made) -> dict[str, Tensor]:
    """``pre_tanh_std`` and ``tanh_slope``, the mean of 1 − tanh²."""
    return {"pre_tanh_std": made.pre.float().std(), "tanh_slope": (1 - made.image.float().square()).mean()}


def standing(net: GeneratorNet, batches: Iterator[tuple[Tensor, Tensor]]) -> GeneratorNet:
    """A copy whose batch-norm statistics are gathered anew over batches of (z, classes), in evaluation mode."""
    fresh = copy.deepcopy(net)
    norms = [m for m in fresh.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
        norm.train()
    with torch.no_grad():
        for z, classes in batches:
            fresh(z, classes)
    return fresh.eval()


def grid(images: Tensor, columns: int) -> np.ndarray:
    """Images ``[N, 3, S, S]`` in [-1, 1] as one picture ``[H, W, 3]`` of bytes, row by row, on white."""
    side, rows = images.shape[-1], -(-len(images) // columns)
    picture = np.full((rows * (side + GAP) + GAP, columns * (side + GAP) + GAP, 3), 255, np.uint8)
    values = (
        ((images.nan_to_num(-1).clamp(-1, 1) + 1) * 127.5)
        .round()
        .to(torch.uint8)
        .permute(0, 2, 3, 1)
        .cpu()
        .numpy()
    )
    for i, image in enumerate(values):
        top, left = GAP + i // columns * (side + GAP), GAP + i % columns * (side + GAP)
        picture[top : top + side, left : left + side] = image
    return picture


class Evaluation:
    """The same z, classes and real images each time. ``protocol`` says how the scores came about."""

    def __init__(self, recipe: Cgan, data: Pictures, device: torch.device) -> None:
        self.recipe, self.data, self.device = recipe, data, device
        self.heard = False
        self.batch = min(max(recipe.data.batch, 64), 256)
        random = torch.Generator().manual_seed(1)
        self.rows = min(len(data.classes), GRID_ROWS)
        columns = recipe.data.slots
        self.grid_z = drawn((self.rows * columns, recipe.gen.latent), random, recipe.gen.truncation)
        self.grid_classes = torch.arange(self.rows).repeat_interleave(columns)
        reference = data.train if recipe.score.reference == "train" else data.held
        self.count = recipe.score.images
        chosen = self._some(reference, self.count)
        self._probe = self._some(data.train, JUDGED), self._some(data.held, JUDGED)
        self._classes = torch.from_numpy(np.resize(np.arange(len(data.classes)), self.count))
        if recipe.score.inception:
            self.suffix, self.extractor = "", "inception-2015"
            self.extract: Extract = inception.load(
                recipe.score.inception, recipe.score.inception_sha256, device
            )
            about: dict[str, Any] = {"sha256": recipe.score.inception_sha256.lower()}
        else:
            self.suffix, self.extractor = "_classifier", "classifier"
            found = classifier.trained(data.train, data.held, len(data.classes))
            self.extract = found.net.to(device)
            about = {"key": found.key, "steps": found.steps, "held_out_accuracy": round(found.accuracy, 4)}
        self.features, _ = fidelity.gathered(self.extract, self._real(chosen))
        self.moments = fidelity.moments(self.features)
        self._labels = torch.from_numpy(chosen.labels)
        held, _ = fidelity.gathered(self.extract, self._real(self._some(data.held, self.count)))
        real = torch.cat(list(self._real(self._probe[0])))
        self.real_facts = {f"eval/{k}.real": float(v) for k, v in saturation(real).items()}
        self.protocol: dict[str, Any] = {
            "extractor": self.extractor,
            **about,
            "fakes": self.count,
            "real": len(chosen),
            "reference": recipe.score.reference,
            "resized_from": data.resized or "nothing",
            "resizer": "bilinear, antialiased, to 32×32",
            "generator": f"average, decay {recipe.gen.ema:g}" if recipe.gen.ema else "as trained",
            "batch_norm": f"standing, {recipe.score.standing} batches"
            if recipe.score.standing
            else "running",
            "truncation": 0,
            "neighbours": NEIGHBOURS,
            "floor": round(fidelity.frechet(self.moments, fidelity.moments(held)), 4),
            "floor_images": len(held),
        }

    def _some(self, images: Images, count: int) -> Images:
        """Up to so many of them, drawn once, in the order of the files."""
        if count >= len(images):
            return images
        chosen = np.sort(np.random.default_rng(0).permutation(len(images))[:count])
        return Images(images.pixels[chosen], images.labels[chosen])

    def _real(self, images: Images) -> Iterator[Tensor]:
        for part in torch.from_numpy(images.pixels).split(self.batch):
            yield as_float(part.to(self.device))

    def _questions(self, seed: int, count: int) -> Iterator[tuple[Tensor, Tensor]]:
        """(z, classes) of ``count`` fakes, the same for a seed, classes in turn."""
        random = torch.Generator().manual_seed(seed)
        for classes in self._classes.repeat(-(-count // self.count))[:count].split(self.batch):
            yield (
                drawn((len(classes), self.recipe.gen.latent), random).to(self.device),
                classes.to(self.device),
            )

    @torch.no_grad()
    def __call__(
        self, net: GeneratorNet, live: GeneratorNet, judge: Any, reporter: Reporter, step: int
    ) -> dict[str, float]:
        """Values by series name; the grid goes to the reporter.

        ``net`` is what is scored, in evaluation mode; ``live`` the generator as trained, ``judge`` the game.
        """
        if self.recipe.score.standing:
            net = standing(net, self._questions(3, self.recipe.score.standing * self.batch))
        found: dict[str, float] = dict(self.real_facts)
        features, logits, sums, pres = [], [], [], []
        for z, classes in self._questions(2, self.count):
            made = net(z, classes)
            feature, logit = self.extract(made.image.float())
            features.append(feature.float().cpu())
            logits.append(logit.float().cpu())
            health = saturation(made.image) | tanh_health(made)
            sums.append({f"eval/{k}": v * len(z) / self.count for k, v in health.items()})
            pres.append(made.pre[:8].float().cpu())
        found |= stats.read({k: torch.stack([s[k] for s in sums]).sum() for k in sums[0]})
        found |= self._scores(torch.cat(features), torch.cat(logits))
        found |= self._judged(live, judge, reporter, step)
        spread = torch.cat(pres).flatten()
        if bool(torch.isfinite(spread).any()):
            values = spread[:: max(len(spread) // SHOWN, 1)].tolist()
            reporter.distribution("gen/pre_tanh", step, *media.histogram(values))
        self._show(net, reporter, step)
        return found

    def _scores(self, features: Tensor, logits: Tensor) -> dict[str, float]:
        if not bool(torch.isfinite(features).all()):
            nan, names = float("nan"), ("fd", "kid", "precision", "recall")
            return {self._name(name): nan for name in names}
        found = {
            "fd": fidelity.frechet(self.moments, fidelity.moments(features)),
            "kid": fidelity.kernel_distance(self.features, features),
        }
        near = min(len(features), len(self.features)) > NEIGHBOURS
        if near:
            found["precision"], found["recall"] = fidelity.precision_recall(
                self.features, features, NEIGHBOURS
            )
        values = {self._name(name): value for name, value in found.items()}
        apart = fidelity.diversity(self.features, self._labels, features, self._classes[: len(features)])
        if math.isfinite(apart):
            values["eval/diversity"] = apart
        if self.extractor == "classifier":
            right = logits.argmax(1) == self._classes
            values["eval/class_entropy"] = fidelity.class_entropy(logits)
            return values | {"eval/class_consistency": float(right.double().mean())}
        return values | {"eval/is": fidelity.inception_score(logits)}

    def _name(self, score: str) -> str:
        """``eval/fid`` only where the features are Inception's."""
        return f"eval/{'fid' if score == 'fd' and not self.suffix else score}{self.suffix}"

    def _judged(self, live: GeneratorNet, judge: Any, reporter: Reporter, step: int) -> dict[str, float]:
        """D on clean training, held-out and generated images, and ADA's two signs of overfitting."""
        means: dict[str, float] = {}
        found: dict[str, float] = {}
        threshold = judge.loss.threshold
        logits = {"real": self._ask_real(judge, 0), "held": self._ask_real(judge, 1)}
        training = live.training
        live.eval()
        count = min(len(logits["real"]), self.count)
        parts = [judge.judged(live(z, y).image.float(), y) for z, y in self._questions(2, count)]
        live.train(training)
        logits["fake"] = torch.cat(parts).cpu()
        for side in ("real", "fake"):
            histograms.tell(reporter, f"disc/logits.{side}", step, logits[side])
        means = {k: float(v.mean()) for k, v in logits.items()}
        middle = (means["real"] + means["fake"]) / 2 if threshold is None else threshold
        for name, values in logits.items():
            found[f"eval/disc_acc.{name}"] = float(stats.called(values, middle, name != "fake"))
        found["disc/r_t"] = float(torch.sign(logits["real"] - middle).mean())
        apart = means["real"] - means["fake"]
        if abs(apart) > 1e-6:
            found["disc/r_v"] = (means["real"] - means["held"]) / apart
        return found

    def _ask_real(self, judge: Any, which: int) -> Tensor:
        images = self._probe[which]
        labels = torch.from_numpy(images.labels).split(self.batch)
        parts = zip(self._real(images), labels, strict=True)
        return torch.cat([judge.judged(x, y.to(self.device)) for x, y in parts]).cpu()

    def _show(self, net: GeneratorNet, reporter: Reporter, step: int) -> None:
        columns = self.recipe.data.slots
        shown = net(self.grid_z.to(self.device), self.grid_classes.to(self.device)).image.float()
        caption = ", ".join(self.data.classes[: self.rows])
        if not self.heard:
            rows = [self._example(label, columns) for label in range(self.rows)]
            reporter.image("reference", step, grid(torch.cat(rows), columns), slot="grid", caption=caption)
        self.heard = True
        reporter.image("samples", step, grid(shown, columns), slot="grid", caption=caption)

    def _example(self, label: int, columns: int) -> Tensor:
        """Held-out images of a class, white where there are too few."""
        mine = np.flatnonzero(self.data.held.labels == label)[:columns]
        images = as_float(torch.from_numpy(self.data.held.pixels[mine]))
        return torch.cat([images, torch.ones(columns - len(mine), *images.shape[1:])])
