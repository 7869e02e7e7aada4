"""The names of series: one table, with titles, units, direction, help and the aliases of other people's logs.

A series is ``group/name[.side]``; a part in braces stands for a name that the trainer chooses, so that
``disc/{sub}/sign.real`` covers ``disc/mpd2/sign.real``. A new metric is one line here and the place that
reports it; a name that is not in the table is still kept and drawn, without unit.
"""

from __future__ import annotations

import re
from functools import lru_cache

from nashboard.series import EVALUATED
from nashboard.series import Series as Series

GROUPS = {
    "loss": "Losses",
    "weighted": "Weighted losses",
    "weight": "Weights in effect",
    "share": "Gradient share of each loss",
    "disc": "Discriminator",
    "gen": "Generator",
    "feat": "Feature matching",
    "pesq": "PESQ in training",
    "codebook": "Codebooks",
    "latent": "Latent dimensions",
    "eval": "Evaluation",
    "best": "Best so far",
    "listen": "Blind listening tests",
    "progress": "Progress",
    "speed": "Speed",
    "data": "Data",
    "system": "Machine",
    "ranks": "Processes",
}

TABLE: tuple[Series, ...] = (
    Series(
        "loss/disc",
        "Discriminator loss",
        help="Mean over the sub-discriminators. A discriminator that answers 0 to everything has 2.0 under "
        "hinge, 1.386 under BCE, 1.0 under least squares.",
        aliases=("d_loss", "disc_loss", "loss_d", "loss/d", "dis_loss", "discriminator_loss", "D_loss"),
    ),
    Series(
        "loss/gen",
        "Generator loss",
        help="Weighted sum of all terms. Totals of recipes with different weights cannot be compared.",
        aliases=("g_loss", "gen_loss", "loss_g", "loss/g", "generator_loss", "G_loss"),
    ),
    Series("loss/adv", "Adversarial loss", aliases=("adv_loss", "loss_adv", "adversarial_loss")),
    Series(
        "loss/feat",
        "Feature loss",
        help="L1 between the discriminator's features of real and fake, mean over layers. Its level depends "
        "on the discriminator; judge its trend and feat/relative.",
        aliases=("feat_loss", "fm_loss", "feature_loss", "feature_matching_loss", "loss_fm"),
        log=True,
    ),
    Series(
        "loss/recon", "Waveform L1", better="down", aliases=("recon_loss", "reconstruction_loss", "l1_loss")
    ),
    Series("loss/mel", "Mel loss", better="down", aliases=("mel_loss",)),
    Series("loss/vq", "VQ loss", aliases=("vq_loss", "commit_loss")),
    Series("loss/stft", "Spectral loss", better="down", aliases=("stft_loss", "mrstft_loss")),
    Series("loss/kl", "KL loss", help="Summed over latent dimensions.", aliases=("kl_loss", "kld")),
    Series("loss/ri", "Real and imaginary error", better="down", aliases=("ri_loss", "loss_ri")),
    Series("loss/mag", "Magnitude error", better="down", aliases=("mag_loss", "loss_mag")),
    Series("loss/time", "Waveform L1", better="down", aliases=("time_loss",)),
    Series("loss/{term}", "Loss: {term}"),
    Series("weight/{term}", "Weight of {term}", help="In effect at this step: 0 in the warm-up."),
    Series("weighted/{term}", "Weighted {term}", help="The term times its weight, as it enters the total."),
    Series(
        "share/{term}",
        "Gradient share of {term}",
        "share",
        help="Norm of the term's gradient at the generator's output (text to speech: at the encoder's, where all "
        "losses meet), divided by the sum over terms.",
    ),
    Series(
        "disc/sign_acc", "Sign accuracy of D", "share", help="Balanced over real and fake; 0.5 is chance."
    ),
    Series("disc/sign.real", "Real called real", "share", aliases=("d_acc_real", "acc_real", "real_acc")),
    Series("disc/sign.fake", "Fake called fake", "share", aliases=("d_acc_fake", "acc_fake", "fake_acc")),
    Series(
        "disc/sign.heldout",
        "Held-out real called real",
        "share",
        help="As disc/sign.real, of clips that D never trained on: far below it D has learned its data by heart.",
    ),
    Series(
        "disc/loss_at_zero",
        "D loss at logits of 0",
        help="Of the loss itself, no network in it: hinge 2, BCE 1.386, least squares 1.",
    ),
    Series("disc/same_scales", "Scales of D with the same input", help="0 is right."),
    Series("disc/moved_in_gen_step", "Change of D in G's step", help="First reports of a run; exactly 0."),
    Series("gen/grad_in_disc_step", "Gradient of G from D's step", help="First reports of a run; exactly 0."),
    Series("disc/mean.real", "Mean logit on real", aliases=("d_real", "D_x", "real_score", "real_logit")),
    Series("disc/mean.fake", "Mean logit on fake", aliases=("d_fake", "D_G_z", "fake_score", "fake_logit")),
    Series("disc/margin", "Margin", help="Mean logit on real minus mean logit on fake."),
    Series(
        "disc/logit_std", "Logit spread", help="Standard deviation of all logits, real and fake.", log=True
    ),
    Series(
        "disc/grad_norm",
        "Gradient norm of D",
        log=True,
        aliases=("d_grad_norm", "grad_norm_d", "disc_grad_norm"),
    ),
    Series(
        "disc/update_ratio",
        "Update ratio of D",
        help="Norm of the update over norm of the weights.",
        log=True,
    ),
    Series("disc/lr", "Learning rate of D", aliases=("lr_d", "d_lr")),
    Series(
        "disc/pred.{kind}",
        "Score predicted by D: {kind}",
        help="(PESQ - 1) / 3.5 as D predicts it in training; for clean against itself it should go to 1.",
    ),
    Series("disc/true.{kind}", "True score: {kind}", help="(PESQ - 1) / 3.5 of the same items."),
    Series(
        "disc/corr",
        "Prediction against truth",
        better="up",
        help="Correlation of D's prediction with the true score over the latest 128 training items, before D "
        "learned them.",
    ),
    Series("disc/spearman", "Prediction against truth, ranks", better="up", help="As disc/corr, of ranks."),
    Series(
        "disc/mae", "Error of D's prediction", better="down", help="Mean absolute error, normalised PESQ."
    ),
    Series("disc/bias", "Bias of D's prediction", help="Mean of prediction minus truth; 0 is right."),
    Series("disc/{sub}/loss", "D loss: {sub}"),
    Series("disc/{sub}/sign_acc", "Sign accuracy: {sub}", "share"),
    Series("disc/{sub}/sign.real", "Real called real: {sub}", "share"),
    Series("disc/{sub}/sign.fake", "Fake called fake: {sub}", "share"),
    Series("disc/{sub}/mean.real", "Mean logit on real: {sub}"),
    Series("disc/{sub}/mean.fake", "Mean logit on fake: {sub}"),
    Series("disc/{sub}/margin", "Margin: {sub}"),
    Series("disc/{sub}/logit_std", "Logit spread: {sub}"),
    Series(
        "disc/r_t", "r_t", help="Mean sign of D on training images (StyleGAN2-ADA); above 0.8 D overfits."
    ),
    Series(
        "disc/r_v",
        "r_v",
        help="(D on training − D on held-out images) / (D on training − D on fakes); 0: no overfitting, 1: "
        "held-out images look fake to D.",
    ),
    Series("disc/noise_std", "Instance noise", help="Standard deviation of the noise on real and fake."),
    Series("disc/parameters", "Parameters of D"),
    Series("disc/sigma.max", "Largest spectral norm in D", help="Of the weights before normalisation."),
    Series("disc/{sub}/sigma", "Spectral norm: D {sub}"),
    Series("gen/parameters", "Parameters of G"),
    Series(
        "gen/param_ratio", "Parameters of G over D", help="A fact, no fault: 0.2 to 3.9 are known to work."
    ),
    Series("gen/sigma.max", "Largest spectral norm in G", help="Of the weights before normalisation."),
    Series("gen/{layer}/sigma", "Spectral norm: G {layer}"),
    Series("gen/bn_gain", "Largest gain of the last batch norm", help="Past 5 the tanh saturates."),
    Series(
        "gen/output_grad",
        "Gradient at the generator's output",
        help="Norm of the adversarial loss's gradient, mean over the items.",
        log=True,
    ),
    Series("gen/ema_distance", "Distance of the average from G", help="|average − G| / |G|.", log=True),
    Series("disc/grad_between", "Gradient norm between real and fake", help="WGAN-GP holds it near 1."),
    Series("gen/saturation", "Saturation in training", "share", help="Share of fake values past ±0.99."),
    Series("gen/pre_tanh_std", "Spread before tanh", help="Standard deviation; about 1 is healthy."),
    Series(
        "gen/tanh_slope", "Slope of tanh", help="Mean of 1 − tanh²: what tanh lets through of a gradient."
    ),
    Series(
        "gen/grad_norm",
        "Gradient norm of G",
        log=True,
        aliases=("g_grad_norm", "grad_norm_g", "gen_grad_norm"),
    ),
    Series(
        "gen/update_ratio", "Update ratio of G", help="Norm of the update over norm of the weights.", log=True
    ),
    Series("gen/lr", "Learning rate of G", aliases=("lr_g", "g_lr", "lr")),
    Series(
        "gen/level.clean",
        "Level against clean",
        "dB",
        help="Training estimates against the clean signal at the same scale; 0 is right.",
    ),
    Series(
        "gen/level.time",
        "Level against the time loss's reference",
        "dB",
        help="Far from 0 where the waveform is compared at another scale than the estimate has.",
    ),
    Series(
        "feat/relative",
        "Relative feature distance",
        help="Mean over layers of |f_real - f_fake| / |f_real|; an untrained discriminator gives 0.1.",
    ),
    Series(
        "codebook/perplexity.{stage}",
        "Codebook perplexity {stage}",
        "codes",
        help="exp of the entropy of the codes used; capped by min(codebook size, tokens counted).",
    ),
    Series(
        "codebook/use.{stage}", "Codebook use {stage}", "share", help="Share of codes used at least once."
    ),
    Series(
        "codebook/relative.{stage}",
        "Relative perplexity {stage}",
        "share",
        help="Perplexity over the most that it can be, min(codebook size, tokens counted).",
    ),
    Series(
        "codebook/restart_error.{stage}",
        "Restart error {stage}",
        help="How far codes put on new places stand from them at the end of that step; 0 is right.",
    ),
    *EVALUATED,
    Series(
        "listen/abx_p",
        "ABX: p-value",
        help="Of a blind test against the other source: at most 0.05, a difference was heard. No score of quality.",
    ),
    Series(
        "listen/preference",
        "Preferred in blind tests",
        "share",
        "up",
        help="Share of the decided trials of an A/B test; ties are left out.",
    ),
    Series(
        "listen/mushra",
        "Blind rating",
        better="up",
        help="Mean rating, 0 to 100, with hidden reference and anchor: MUSHRA-like, not ITU-R BS.1534 compliant.",
    ),
    Series("progress/epoch", "Epoch", aliases=("epoch",)),
    Series("progress/disc_steps", "D steps", "steps"),
    Series("progress/samples_seen", "Samples seen", "items"),
    Series("progress/audio_hours", "Audio seen", "h"),
    Series("speed/steps_per_s", "Steps a second", "1/s"),
    Series("speed/items_per_s", "Items a second", "1/s"),
    Series("speed/audio_s_per_s", "Audio a second", "s/s"),
    Series("speed/data_wait", "Share of time waiting for data", "share"),
    Series("system/gpu_memory", "GPU memory", "MiB", help="Most that tensors took since the last report."),
    Series("data/skipped", "Files skipped", "files"),
    Series("data/mono_doubled", "Mono files made stereo", "files"),
    Series("data/resampled", "Files resampled", "files"),
    Series("data/length.clean", "Length of the clean signal", "samples"),
    Series("data/length.est", "Length of the estimate", "samples"),
    Series("data/nonfinite", "Non-finite batches", "batches"),
    Series("data/nonfinite_share", "Non-finite items", "share"),
    Series("data/target_min", "Smallest target"),
    Series("data/target_max", "Largest target"),
    Series("data/target_mean", "Mean of targets"),
    Series("data/target_std", "Spread of targets"),
    Series("data/target_negative", "Targets below 0", "share"),
    Series("data/target_floor", "Targets at the floor", "share", help="Digital silence."),
    Series(
        "ranks/loss_gen.{rank}", "Generator loss: process {rank}", help="On this process's own rows alone."
    ),
    Series("ranks/loss_disc.{rank}", "Discriminator loss: process {rank}", help="On its own rows alone."),
    Series(
        "ranks/grad_norm_gen.{rank}",
        "Gradient norm of G: process {rank}",
        help="Of its own rows, before the mean over the processes is taken.",
        log=True,
    ),
    Series(
        "ranks/grad_norm_disc.{rank}",
        "Gradient norm of D: process {rank}",
        help="Of its own rows, before the mean over the processes is taken.",
        log=True,
    ),
    Series(
        "ranks/step_seconds.{rank}",
        "Seconds a step: process {rank}",
        "s",
        help="What it worked itself, without its waiting for the others.",
    ),
    Series("ranks/data_wait.{rank}", "Waiting for data: process {rank}", "share"),
    Series("ranks/items.{rank}", "Items since the last report: process {rank}", "items"),
    Series("ranks/pesq_missing.{rank}", "Items without PESQ: process {rank}", "share"),
)

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+@%()\- ]*(/[A-Za-z0-9_.:+@%()\- ]+)*")
MAX_NAME = 200


@lru_cache(maxsize=4096)
def is_name(name: str) -> bool:
    """Whether ``name`` can name a series: letters, digits and ``_.:+@%()- ``, parts split by ``/``."""
    return len(name) <= MAX_NAME and NAME.fullmatch(name) is not None


def _pattern(name: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+\})", name)
    return re.compile("".join(f"(?P<{p[1:-1]}>[^/]+)" if p.startswith("{") else re.escape(p) for p in parts))


_EXACT = {s.name: s for s in TABLE}
_PATTERNS = tuple((_pattern(s.name), s) for s in TABLE if "{" in s.name)
_ALIASES = {alias.lower(): s.name for s in TABLE for alias in s.aliases}


@lru_cache(maxsize=4096)
def describe(name: str) -> Series:
    """The table's row for a series name; a made-up one with the bare name where the table has none."""
    if name in _EXACT:
        return _EXACT[name]
    for pattern, row in _PATTERNS:
        match = pattern.fullmatch(name)
        if match:
            title = row.title.format(**match.groupdict())
            return Series(name, title, row.unit, row.better, row.help, (), row.log)
    return Series(name, name)


def canonical(name: str) -> str:
    """Our name for a column of somebody's log (``d_loss`` → ``loss/disc``); unknown names stay."""
    return _ALIASES.get(name.strip().lower(), name.strip())
