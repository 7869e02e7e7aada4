"""The document's diagnostic script made real: its ranked hypotheses as tests on a checkpoint.

Each test changes one thing with the weights as they are, and says with numbers whether the hypothesis holds
for this run: ``supported``, ``possible``, ``ruled out`` or ``could not look``.
"""

from __future__ import annotations

import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from nashboard import events, journal
from recipes.enhancement import Enhancement
from recipes.registry import load as load_recipe
from trainers.enhancement import twice
from trainers.enhancement.game import calibration, normalised
from trainers.enhancement.model import magnitude
from trainers.enhancement.objective import Objective
from trainers.enhancement.train import Training
from trainers.kit import checkpoints, quality, stats
from trainers.kit.errors import BadInput
from trainers.kit.pairs import PairSet, moved

SUPPORTED, POSSIBLE, RULED_OUT, BLIND = "supported", "possible", "ruled out", "could not look"
CLAIMED_FALL = 2.64 - 2.07  # what the document saw its PESQ fall by
TURNS = 4  # random evaluation sets
TOLERANCE = 1e-3  # of the largest gradient, what the order of sums in float32 may do
KINDS = ("est", "noisy")
BATCHES = 8  # training batches that are looked at


@dataclass(frozen=True)
class Tested:
    """One hypothesis: its place in the document, the verdict, the numbers behind it, a sentence."""

    code: str
    title: str
    verdict: str
    text: str
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """PESQ of a set: of each enhanced item that has one; [prediction, truth] of items of all kinds, 0 to 1."""

    found: list[float]
    rows: list[list[float]]


class Patient:
    """A run's checkpoint brought back to life, and the series that its journal holds."""

    def __init__(self, run_dir: str, device: str) -> None:
        folder = Path(run_dir)
        if not folder.is_dir() or not journal.exists(folder):
            raise BadInput(f"run_dir {run_dir!r}: there is no run (it holds no {journal.NAME})")
        checkpoint = checkpoints.load(checkpoints.find(run_dir), "enhancement")
        recipe = load_recipe("enhancement", checkpoint.recipe)
        assert isinstance(recipe, Enhancement)
        self.recipe, self.step = recipe, checkpoint.step
        self.run_dir, self.checkpoint = run_dir, checkpoint
        self.training = Training(recipe, device, checkpoint)
        self._measured: dict[str, Measured] = {}
        self.series: dict[str, dict[int, float]] = {}
        for event in journal.events(folder):
            if isinstance(event, events.Points):
                for name, value in event.values.items():
                    self.series.setdefault(name, {})[event.step] = value

    @property
    def epoch(self) -> float:
        return self.step / self.recipe.trainer.steps_per_epoch

    def measured(self, pairs: PairSet, kinds: Sequence[str] = KINDS) -> Measured:
        """PESQ of a set by the weights as they are."""
        training, asked = self.training, []
        for pair in pairs.pairs:
            e = training.evaluation.enhance(training.gen, training.game, pair, training.fabric.device)
            waves = {"est": e.estimate, "noisy": e.noisy}
            # scored in other processes while the next item is enhanced
            asked += [(k, e.predicted[k], training.scorers.submit(e.clean, waves[k])) for k in kinds]
        known = [(kind, predicted, score.result().value) for kind, predicted, score in asked]
        return Measured(
            [value for kind, _, value in known if kind == "est" and value is not None],
            [[predicted, normalised(value)] for _, predicted, value in known if value is not None],
        )

    def pesqs(self, pairs: PairSet) -> Measured:
        """`measured`, once for each set."""
        if pairs.sha256 not in self._measured:
            self._measured[pairs.sha256] = self.measured(pairs)
        return self._measured[pairs.sha256]

    def sets(self) -> list[PairSet]:
        """Random evaluation sets, the same at every call."""
        data = self.training.data
        return [moved(data.source, data.evaluation, 1000 + self.recipe.seed, turn) for turn in range(TURNS)]


def _random_evaluation(p: Patient) -> Tested:
    code, title = "1", "Random test set evaluation"
    same = p.training.data.evaluation
    fixed = [p.pesqs(same).found, p.measured(same, ("est",)).found]
    random = [p.pesqs(pairs).found for pairs in p.sets()]
    if not all([*fixed, *random]):
        return Tested(code, title, BLIND, "no item of the evaluation set has a PESQ score")
    means = [statistics.fmean(values) for values in random]
    again = abs(statistics.fmean(fixed[0]) - statistics.fmean(fixed[1]))
    spread = statistics.stdev(means)
    seen = list(p.series.get(p.recipe.pesq_series, {}).values())
    fall = max(seen) - seen[-1] if seen else 0.0
    numbers = {
        "centre_twice_difference": again,
        "random_sd": spread,
        "random_range": max(means) - min(means),
        "own_fall": fall,
        "claimed_fall_in_sd": CLAIMED_FALL / spread if spread else float("inf"),
    }
    told = f"the same weights give PESQ {min(means):.3f} to {max(means):.3f} on random stretches (sd {spread:.3f})"
    if p.recipe.data.eval_crop != "random":
        text = f"this run measures the same stretches each time (twice: difference {again:g}); {told}"
        return Tested(code, title, RULED_OUT if again == 0 else SUPPORTED, text, numbers)
    text = f"{told}; this run's PESQ fell by {fall:.3f} from its best"
    return Tested(code, title, SUPPORTED if 0 < fall <= 2 * spread else POSSIBLE, text, numbers)


def _missing_pesq(p: Patient) -> Tested:
    recipe, training = p.recipe, p.training
    reasons: Counter[str] = Counter()
    crops, items = training.data.crops, 0
    where = crops.position
    for _ in range(BATCHES):
        batch = crops.next()
        for clean, noisy in zip(batch.clean, batch.noisy, strict=True):
            score = quality.pesq(clean, noisy, recipe.data.rate_hz)
            reasons.update([str(score.reason)] if score.reason else [])
            items += 1
    crops.position = where
    share = reasons.total() / items
    lost = 1 - (1 - share) ** recipe.data.batch
    logged = list(p.series.get("pesq/missing_batches", {}).values())
    numbers = {
        "missing_items": share,
        "lost_batches": lost,
        **{f"reason.{r}": n / items for r, n in reasons.items()},
    }
    if logged:
        numbers["logged_missing_batches"] = statistics.fmean(logged)
        lost = max(lost, numbers["logged_missing_batches"])
    text = f"{share:.1%} of {items} training crops have no PESQ; {lost:.1%} of batches hold one at batch {recipe.data.batch}"
    if recipe.pesq.failures == "item":
        text += "; this run leaves out the item alone"
        return Tested("2A", "Batches without PESQ", SUPPORTED if share > 0.5 else RULED_OUT, text, numbers)
    if recipe.pesq.failures == "keep":
        verdict, text = (SUPPORTED if lost else RULED_OUT), f"{text}; they are learned as the score -1"
    else:
        verdict = SUPPORTED if lost > 0.2 else POSSIBLE if lost > 0.05 else RULED_OUT
    return Tested("2A", "Batches without PESQ", verdict, text, numbers)


def _batch(p: Patient, length: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Clean and noisy waves of one training batch, cut to a length."""
    crops = p.training.data.crops
    where = crops.position
    batch = crops.next()
    crops.position = where
    device = p.training.fabric.device
    clean, noisy = (torch.from_numpy(w)[:, :length].to(device) for w in (batch.clean, batch.noisy))
    return clean, noisy


@torch.no_grad()
def _lengths(p: Patient) -> Tested:
    odd = p.recipe.data.crop - p.recipe.gen.hop // 2 - 1
    lost = {}
    for name, length in (("crop", p.recipe.data.crop), ("odd", odd)):
        turn = p.training.objective.turn(p.training.gen, *_batch(p, length))
        lost[name] = float(length - turn.wave.shape[-1])
    text = f"of a crop {lost['crop']:.0f} samples are lost, of {odd} samples {lost['odd']:.0f}"
    verdict = SUPPORTED if lost["crop"] else POSSIBLE if lost["odd"] else RULED_OUT
    return Tested("2B", "Audio length mismatch", verdict, text, {f"lost_{k}": v for k, v in lost.items()})


@torch.no_grad()
def best_gain(objective: Objective, clean: torch.Tensor, noisy: torch.Tensor) -> float:
    """The gain at which the whole reconstruction loss of an otherwise perfect estimate is least; 1 is right."""
    wanted = objective.spectra.of(clean * objective.turn(torch.zeros_like, clean, noisy).scale)
    gains = [0.3 + 0.01 * i for i in range(101)]

    def loss(gain: float) -> float:
        terms = objective.terms(
            objective.turn(lambda _: wanted * gain**objective.spectra.compress, clean, noisy)
        )
        return sum(objective.weights[name] * float(value) for name, value in terms.items())

    return min(gains, key=loss)


def _scale(p: Patient) -> Tested:
    gain = best_gain(p.training.objective, *_batch(p))
    text = f"the loss of a perfect estimate is least at a gain of {gain:.2f}; it should be at 1.00"
    verdict = SUPPORTED if abs(gain - 1) > 0.1 else RULED_OUT
    return Tested(
        "2B'", "Scale of the waveform loss (not in the document)", verdict, text, {"best_gain": gain}
    )


def _calibrated(p: Patient) -> Tested:
    rows = [row for pairs in [p.training.data.evaluation, *p.sets()] for row in p.pesqs(pairs).rows]
    title = "Discriminator does not predict PESQ"
    if len(rows) < 8:
        return Tested("2C", title, BLIND, f"{len(rows)} scored items are too few")
    table = torch.tensor(rows, dtype=torch.float64)
    found = {name: float(v) for name, v in calibration(table[:, 0], table[:, 1]).items()}
    clean, _ = _batch(p)
    with torch.no_grad():
        mag = magnitude(p.training.objective.spectra.of(clean))
        found["clean_clean"] = float(p.training.game.bare(mag, mag).mean())
    sick = found["spearman"] < 0.5 or abs(found["bias"]) > 0.1 or found["mae"] > 0.15
    text = (
        f"on {len(rows)} held-out items rank correlation {found['spearman']:.2f}, error {found['mae']:.3f}, bias "
        f"{found['bias']:+.3f} of normalised PESQ; D(clean, clean) {found['clean_clean']:.2f}"
    )
    return Tested("2C", title, SUPPORTED if sick else RULED_OUT, text, found)


def _imbalance(p: Patient) -> Tested:
    training, objective = p.training, p.training.objective
    turn = objective.turn(training.gen, *_batch(p))
    terms = objective.terms(turn)
    terms["adv"] = training.game.gen_term(magnitude(turn.clean), magnitude(turn.estimate))
    found: dict[str, float] = {}
    for name, weight in (("", objective.weights["adv"]), ("at_0.2.", 0.2)):
        grads = stats.output_grads(terms, turn.estimate, {**objective.weights, "adv": weight})
        found |= {name + key.removeprefix("share/"): float(v) for key, v in stats.shares(grads).items()}
    text = (
        f"at weight {objective.weights['adv']:g} the GAN term has {found['adv']:.1%} of the gradient at the output, "
        f"the magnitude {found['mag']:.1%}; at 0.2 it would have {found['at_0.2.adv']:.1%}"
    )
    verdict = SUPPORTED if found["adv"] < 0.02 else POSSIBLE if found["adv"] < 0.1 else RULED_OUT
    return Tested("3", "GAN term too weak", verdict, text, found)


def _decay(p: Patient) -> Tested:
    first = p.recipe.trainer.lr_every
    seen = p.series.get(p.recipe.pesq_series, {})
    best = max(seen, key=lambda s: seen[s]) / p.recipe.trainer.steps_per_epoch if seen else p.epoch
    text = (
        f"the first drop is due after epoch {first}; the best PESQ was at epoch {best:.3g} of {p.epoch:.3g}"
    )
    verdict = POSSIBLE if p.epoch > first and abs(best - first) <= 2 else RULED_OUT
    return Tested(
        "4", "Learning rate decay at the wrong time", verdict, text, {"drop_epoch": first, "best_epoch": best}
    )


def _processes(p: Patient) -> Tested:
    """The same weights and rows in one process and in two, started either way; on the CPU."""
    code, title = "5", "Several processes train another network than one"
    items = max(p.recipe.data.batch // twice.COUNT, 1) * twice.COUNT
    alone = twice.measured(twice.players(p.recipe, p.checkpoint), items)
    numbers: dict[str, float] = {"items": float(items)}
    with tempfile.TemporaryDirectory(prefix="nashboard-") as out:
        for start in ("spawn", "torchrun"):
            found = twice.in_processes(p.run_dir, start, items, Path(out))
            if isinstance(found, str):
                text = f"two processes were started by {start}, and {found}"
                return Tested(code, title, BLIND, text, numbers)
            numbers |= {f"{start}.{name}": far for name, far in twice.apart(alone, found).items()}
    worst = {s: max(v for n, v in numbers.items() if n.startswith(f"{s}.")) for s in ("spawn", "torchrun")}
    text = (
        f"loss and gradients of both players on {items} crops, without dropout, differ from one process's by "
        f"{worst['spawn']:.1e} of the largest under spawn, by {worst['torchrun']:.1e} under torchrun"
    )
    verdict = SUPPORTED if max(worst.values()) > TOLERANCE else RULED_OUT
    return Tested(code, title, verdict, text, numbers)


TESTS: tuple[Callable[[Patient], Tested], ...] = (
    _random_evaluation,
    _missing_pesq,
    _lengths,
    _scale,
    _calibrated,
    _imbalance,
    _decay,
    _processes,
)


def diagnose(run_dir: str, device: str = "cpu") -> tuple[int, list[Tested]]:
    """(step of the checkpoint, what each test says of it). Raises `BadInput` where there is no such run."""
    patient = Patient(run_dir, device)
    training = patient.training
    training.net.eval()
    training.game.bare.eval()
    with training.scorers:
        return patient.step, [test(patient) for test in TESTS]


def table(tested: list[Tested]) -> tuple[list[str], list[list[Any]]]:
    """(columns, rows) of the verdicts for a `Table` event."""
    columns = ["code", "hypothesis", "verdict", "what was seen"]
    return columns, [[t.code, t.title, t.verdict, t.text] for t in tested]
