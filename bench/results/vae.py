"""docs/results/vae.md: the AudioVAE with and without a discriminator, on speech."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from bench.results import pages
from bench.results.claims import NO_RUN, Claim, better, claim_table, per_seed
from bench.results.jobs import Job, made
from bench.results.journals import Log
from bench.results.tables import (
    Groups,
    by_preset,
    claims_table,
    differences,
    mean,
    number,
    progress_tables,
    published_table,
)

TRAINER = "vae"
DATA = "speech"
EPOCHS = 10
PAIR = ("old", "fixed")
CONTRAST = ("plain",)
LADDER = (
    "ladder-1-config",
    "ladder-2-warmup",
    "ladder-3-stft",
    "ladder-4-weights",
    "ladder-4-balancer",
    "ladder-5-ema",
)
OTHERS = ("gradual", "strong", "perceptual", "staged", "lightweight")
SEEDS = (0, 1, 2)
AT = (1, 5, 10)
SHOWN = (
    "eval/stft",
    "eval/stft.mid",
    "eval/stft.side",
    "eval/mel",
    "eval/snr",
    "eval/si_sdr.left",
    "eval/si_sdr.right",
    "eval/si_sdr.mid",
    "eval/si_sdr.side",
    "eval/width_error",
    "eval/kl_per_dim",
    "eval/active_units",
    "eval/mu_std",
    "loss/disc",
    "disc/sign_acc",
    "loss/feat",
    "feat/relative",
    "share/adv",
    "share/feat",
    "share/stft",
    "weight/adv",
)
NORMAL = (
    "eval/stft",
    "eval/snr",
    "eval/kl_per_dim",
    "eval/active_units",
    "loss/disc",
    "feat/relative",
    "disc/sign_acc",
)
BANDED = (*NORMAL, "eval/mel", "eval/si_sdr", "eval/width_error", "eval/mu_std", "loss/stft", "loss/feat")
BEST = [("eval/stft", -1), ("eval/mel", -1), ("eval/snr", 1)]


def jobs() -> list[Job]:
    """Old, fixed and no discriminator with three seeds; the ladder and the document's variants with one."""
    return [
        *made(TRAINER, PAIR, SEEDS, DATA, EPOCHS, rank=0),
        *made(TRAINER, CONTRAST, SEEDS, DATA, EPOCHS, rank=1),
        *made(TRAINER, PAIR, SEEDS, "demo", EPOCHS, rank=5),
        *made(TRAINER, LADDER, (0,), DATA, EPOCHS, rank=3),
        *made(TRAINER, OTHERS, (0,), DATA, EPOCHS, rank=4),
    ]


def gated(log: Log) -> tuple[bool, str]:
    """Whether the adversarial weight is 0 through the warm-up and in effect after it."""
    warmup = int(log.knob("model.adversarial.warmup_steps"))
    steps, weights = log.series["weight/adv"]
    before = {w for s, w in zip(steps, weights, strict=True) if s < warmup}
    after = {w for s, w in zip(steps, weights, strict=True) if s > warmup}
    said = f"warm-up of {warmup} steps: weight {_said(before)} before, {_said(after)} after"
    return before == {0.0} and 0.0 not in after and bool(after), said


def _said(weights: set[float]) -> str:
    return ", ".join(number(w) for w in sorted(weights)) or "none"


def _params(logs: list[Log]) -> int:
    """Parameters of the discriminator; 0 without a run."""
    return int(logs[0].environments[0]["parameters"]["disc"]) if logs else 0


def claims(groups: Groups) -> list[Claim]:
    """The document's statements, in its order. It logs no curve and promises no score."""
    old, fixed = groups.get("old", []), groups.get("fixed", [])
    weights = {
        p: {log.value("weight/adv", EPOCHS) for log in logs} for p, logs in (("old", old), ("fixed", fixed))
    }
    same = weights["old"] == weights["fixed"]
    usage, parts = "Usage Examples", "Customizing the Discriminator"

    def pull(preset: str) -> float:
        return mean(log.value("share/adv", EPOCHS) for log in groups.get(preset, []))

    pulls = [(p, pull(p)) for p in ("gradual", "fixed", "strong")]
    params = {p: _params(groups.get(p, [])) for p in ("fixed", "lightweight")}
    sizes = ", ".join(f"{p} {n:,} parameters of D" for p, n in params.items() if n)
    smaller = (
        ("held" if params["lightweight"] < params["fixed"] else "not") if all(params.values()) else NO_RUN
    )
    rising = all(a < b for (_, a), (_, b) in pairwise(pulls))
    return [
        Claim(
            "Backward compatible: what the new configuration replaces keeps its effect",
            "Benefits; Migration Guide",
            ("held" if same else "not") if old and fixed else NO_RUN,
            f"adversarial weight in effect {_said(weights['old'])} (old) and {_said(weights['fixed'])} (fixed)",
        ),
        better(
            "The configured discriminator alone, at the old weights",
            "Discriminator Configuration (no claim of a score)",
            groups,
            BEST,
            EPOCHS,
            "old",
            "ladder-1-config",
        ),
        better(
            "Adversarial training beats none (implied)",
            "use_adversarial",
            groups,
            BEST,
            EPOCHS,
            "plain",
            "fixed",
        ),
        *(
            per_seed(
                f"No adversarial training before `warmup_steps` ({preset})",
                "Key Parameters",
                groups.get(preset, []),
                gated,
            )
            for preset in ("gradual", "staged")
        ),
        better(
            "Warm-up is useful for stable training (gradual)", usage, groups, BEST, EPOCHS, "fixed", "gradual"
        ),
        better("First the VAE, then the game (staged)", "Example 2", groups, BEST, EPOCHS, "fixed", "staged"),
        Claim(
            "A higher weight makes adversarial training stronger",
            "Key Parameters",
            ("held" if rising else "not") if all(v == v for _, v in pulls) else NO_RUN,
            "share of the gradient: " + ", ".join(f"{p} {number(v)}" for p, v in pulls),
        ),
        better("Strong: weight 2, feature weight 15", usage, groups, BEST, EPOCHS, "fixed", "strong"),
        better(
            "Perceptual: feature weight 20 focuses on perceptual quality (no measure is given; mel distance here)",
            usage,
            groups,
            [("eval/mel", -1)],
            EPOCHS,
            "fixed",
            "perceptual",
        ),
        better(
            "Lightweight: a smaller discriminator (no claim of a score)",
            parts,
            groups,
            BEST,
            EPOCHS,
            "fixed",
            "lightweight",
        ),
        Claim("Lightweight is smaller", parts, smaller, sizes),
        Claim(
            "`load_model` gives back the same model; Lightning files go through their own loader",
            "Model Save/Load Utilities",
            "held: `tests/trainers/vae` saves, loads and compares",
            "none",
        ),
        Claim(
            '`load_model("…/best.ckpt")` works on Lightning\'s files',
            "Example 3",
            "not: it contradicts the document's own converter, and ours says so in one line",
            "none",
        ),
        Claim(
            "`model.discriminator=discriminator/lightweight` swaps the group",
            "Example 1",
            "not: Hydra would set a string; ours answers with the spelling that works",
            "none",
        ),
    ]


def seen(groups: Groups) -> str:
    """What the runs show, in sentences computed from the numbers."""
    lines = []
    for preset, logs in groups.items():
        at = {
            name: mean(log.value(name, EPOCHS) for log in logs)
            for name in ("eval/stft", "eval/snr", "eval/active_units", "loss/disc")
        }
        lines.append(
            f"- `{preset}`: spectral distance {number(at['eval/stft'])}, SNR {number(at['eval/snr'])} dB, "
            f"{number(100 * at['eval/active_units'])} % of the latent in use, D loss {number(at['loss/disc'])} (2 is no "
            f"answer at all)."
        )
    return "\n".join(lines)


def page(logs: Mapping[Job, Log]) -> str:
    """The whole page."""
    real = by_preset(logs, (*PAIR, *CONTRAST), DATA)
    everything = by_preset(logs, (*PAIR, *CONTRAST, *LADDER, *OTHERS), DATA)
    ladder = by_preset(logs, ("old", *LADDER), DATA)
    others = by_preset(logs, ("fixed", *OTHERS), DATA)
    demo = by_preset(logs, PAIR, "demo")
    names = [*BEST, ("eval/si_sdr.mid", 1), ("eval/width_error", -1)]
    told = [differences(real, names, EPOCHS, a, "fixed") for a in ("old", "plain")]
    return pages.page(
        "AudioVAE: what was measured",
        [
            (
                "",
                pages.made_by(
                    f"8 kHz, 12 channels, a latent of 16 at 250 frames a second, {60 * EPOCHS} generator steps",
                    "those of stable audio's or EnCodec's autoencoders, which take hundreds of thousands",
                ),
            ),
            ("Is my curve normal?", pages.normal(TRAINER, reference(logs), NORMAL, AT)),
            (
                "Old, fixed and no discriminator, on speech",
                "231 clips of 19 speakers, held out by speaker; mono is doubled to stereo. `old`: STFT discriminator at "
                "adversarial weight 0.1. `fixed`: the document's configuration, at weight 1. `plain`: no adversarial "
                "training; its discriminator watches untrained.\n\n"
                + "\n".join([seen(real), *(t for t in told if t)]),
            ),
            ("The curves", progress_tables(real, SHOWN, AT)),
            (
                "The document's claims",
                pages.VERDICTS
                + " The document promises no score; where a row has one, the measure is ours.\n\n"
                + claim_table(claims(everything)),
            ),
            ("Its typical ranges against *fixed*", claims_table(TRAINER, real.get("fixed", []))),
            (
                "The ladder: one attributed step at a time",
                pages.ladder(ladder, SHOWN, AT),
            ),
            ("The document's variants", "One seed each.\n\n" + progress_tables(others, SHOWN, AT)),
            ("Published numbers, for orientation", published_table(TRAINER)),
            ("The built-in demo speech", progress_tables(demo, SHOWN, AT)),
            ("Where each row comes from", pages.provenance(logs, jobs())),
        ],
    )


def reference(logs: Mapping[Job, Log]) -> pages.Reference:
    """The runs of old and fixed that bands are measured on."""
    return pages.reference(
        logs,
        PAIR,
        demo="the built-in demo speech, mixed to stereo",
        data=DATA,
        real="231 clips of speech, made stereo",
    )


def measured(logs: Mapping[Job, Log], target: Path) -> int:
    """Write the measured bands of old and fixed; returns how many bands."""
    return pages.measured(TRAINER, reference(logs), target, names=BANDED)
