"""A row of the vocabulary, and the rows of what is measured at evaluations; the others are in `vocabulary`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """One row of the vocabulary. ``better`` is "up", "down" or "" where neither is better by itself."""

    name: str
    title: str
    unit: str = ""
    better: str = ""
    help: str = ""
    aliases: tuple[str, ...] = ()
    log: bool = False

    @property
    def group(self) -> str:
        return self.name.split("/", 1)[0]


EVALUATED: tuple[Series, ...] = (
    Series(
        "eval/snr",
        "SNR",
        "dB",
        "up",
        help="10 log10(|x|² / |x - y|²). At amplitude a it cannot exceed -20 log10|1 - a|: at 93 % no output "
        "exceeds 23.1 dB.",
        aliases=("snr", "val_snr", "snr_db"),
    ),
    Series(
        "eval/si_sdr",
        "SI-SDR",
        "dB",
        "up",
        help="Scale-invariant, on zero-mean signals (Le Roux et al. 2019).",
        aliases=("si_sdr", "sisdr", "val_si_sdr"),
    ),
    Series(
        "eval/amplitude",
        "Amplitude",
        "%",
        help="RMS of the output over RMS of the reference; 100 is right.",
        aliases=("amplitude", "amp"),
    ),
    Series("eval/gain_db", "Gain", "dB", help="Level of the output against the reference; 0 is right."),
    Series(
        "eval/mel",
        "Mel distance",
        "",
        "down",
        help="L1 of log10 mel magnitude, mean of the 7 scales of DAC (windows 32 to 2048, mels 5 to 320).",
        aliases=("mel_distance", "val_mel"),
    ),
    Series("eval/pesq_nb", "PESQ, narrow band", "MOS-LQO", "up", help="ITU-T P.862.1 at 8 kHz, 1.0 to 4.5."),
    Series(
        "eval/pesq_wb",
        "PESQ, wide band",
        "MOS-LQO",
        "up",
        help="ITU-T P.862.2 at 16 kHz, 1.0 to 4.6.",
        aliases=("pesq", "val_pesq"),
    ),
    Series("eval/stoi", "STOI", "", "up", aliases=("stoi",)),
    Series("eval/ssnr", "Segmental SNR", "dB", "up", help="Frames of 30 ms, each between -10 and 35 dB."),
    Series("eval/csig", "CSIG, signal", "1 to 5", "up", help="Hu and Loizou 2008, with wide band PESQ."),
    Series("eval/cbak", "CBAK, background", "1 to 5", "up", help="Hu and Loizou 2008, with wide band PESQ."),
    Series("eval/covl", "COVL, overall", "1 to 5", "up", help="Hu and Loizou 2008, with wide band PESQ."),
    Series("eval/loss", "Loss on the evaluation set", "", "down", help="The generator's whole loss."),
    Series("eval/set", "Evaluation set", help="First 48 bits of its digest: constant where the set is."),
    Series(
        "eval/samples_lost", "Samples lost", "samples", "down", help="By the transform and its inverse, mean."
    ),
    Series("eval/pesq_missing", "Clips without PESQ", "share", "down"),
    Series(
        "eval/disc_corr", "D's prediction against true PESQ", "", "up", help="Pearson, enhanced and noisy."
    ),
    Series("eval/disc_spearman", "D's prediction against true PESQ, ranks", "", "up"),
    Series("eval/disc_mae", "Error of D's prediction", "", "down", help="Mean absolute, normalised PESQ."),
    Series(
        "eval/disc_bias", "Bias of D's prediction", help="Prediction minus truth, normalised; 0 is right."
    ),
    Series("eval/disc_clean", "D on clean against itself", help="Should go to 1."),
    Series("eval/{name}.noisy", "{name} of the noisy input", help="What the measure is without enhancement."),
    Series(
        "eval/{name}.centre",
        "{name}, same stretches",
        help="Beside an evaluation that cuts anew each time: the same middles at every evaluation.",
    ),
    Series("eval/kbps", "Nominal bit rate", "kbit/s"),
    Series("eval/fid", "FID", "", "down", aliases=("fid", "FID")),
    Series("eval/is", "Inception score", "", "up", aliases=("inception_score", "is", "IS")),
    Series("eval/kid", "KID", "", "down", aliases=("kid", "KID")),
    Series("eval/precision", "Precision", "share", "up", aliases=("precision",)),
    Series("eval/recall", "Recall", "share", "up", aliases=("recall",)),
    Series(
        "eval/fd_classifier",
        "Fréchet distance, classifier",
        "",
        "down",
        help="On features of a small classifier trained on the same data: not FID, and not to be put beside it.",
    ),
    Series(
        "eval/kid_classifier",
        "Kernel distance, classifier",
        "",
        "down",
        help="KID on the classifier's features.",
    ),
    Series(
        "eval/precision_classifier",
        "Precision, classifier",
        "share",
        "up",
        help="Share of fakes near a real image, on the classifier's features.",
    ),
    Series(
        "eval/recall_classifier",
        "Recall, classifier",
        "share",
        "up",
        help="Share of real images near a fake, on the classifier's features.",
    ),
    Series(
        "eval/diversity",
        "Diversity of fakes",
        better="up",
        help="Mean distance of two fakes of a class over that of two reals of it, in the extractor's features; 1 is "
        "as diverse as the data.",
    ),
    Series(
        "eval/class_entropy",
        "Entropy of classes found",
        "share",
        "up",
        help="Of the classes that the classifier finds in the fakes, over that of equal shares.",
    ),
    Series(
        "eval/class_consistency",
        "Class consistency",
        "share",
        "up",
        help="Share of fakes that the classifier takes for the class that was asked for.",
    ),
    Series(
        "eval/saturation",
        "Saturation of fakes",
        "share",
        help="Share of values past ±0.99. Below that of real images plus 0.15 is unsuspicious.",
        aliases=("sat_ratio", "saturation_ratio", "saturation"),
    ),
    Series("eval/saturation.real", "Saturation of real images", "share"),
    Series("eval/pure_colour", "Pure colours", "share", help="Share of pixels with all channels past ±0.99."),
    Series("eval/pure_colour.real", "Pure colours of real images", "share"),
    Series("eval/pre_tanh_std", "Spread before tanh", help="Standard deviation; about 1 is healthy."),
    Series(
        "eval/tanh_slope", "Slope of tanh", help="Mean of 1 − tanh²; below 0.3 little gradient gets through."
    ),
    Series(
        "eval/disc_acc.real", "Training images called real", "share", help="Without noise or augmentation."
    ),
    Series(
        "eval/disc_acc.held", "Held-out images called real", "share", help="Without noise or augmentation."
    ),
    Series("eval/disc_acc.fake", "Fakes called fake", "share", help="Without noise or augmentation."),
    Series("eval/si_sdr.left", "SI-SDR, left", "dB", "up"),
    Series("eval/si_sdr.right", "SI-SDR, right", "dB", "up"),
    Series("eval/si_sdr.mid", "SI-SDR, middle", "dB", "up", help="Of half the sum of left and right."),
    Series("eval/si_sdr.side", "SI-SDR, side", "dB", "up", help="Of half the difference of left and right."),
    Series(
        "eval/stft",
        "Spectral distance",
        "",
        "down",
        help="Mean over windows of 32 to 2048 of spectral convergence and L1 of log10 magnitude.",
    ),
    Series("eval/stft.left", "Spectral distance, left", "", "down"),
    Series("eval/stft.right", "Spectral distance, right", "", "down"),
    Series("eval/stft.mid", "Spectral distance, middle", "", "down"),
    Series("eval/stft.side", "Spectral distance, side", "", "down"),
    Series(
        "eval/width_error",
        "Stereo width error",
        "",
        "down",
        help="Width is the RMS of the side over that of middle and side: 0 is mono.",
    ),
    Series(
        "eval/ild_error",
        "Level difference error",
        "dB",
        "down",
        help="Left over right against the reference's.",
    ),
    Series(
        "eval/kl_per_dim", "KL a latent dimension", "nats", help="Mean over dimensions, items and frames."
    ),
    Series(
        "eval/active_units",
        "Active units",
        "share",
        help="Share of latent dimensions whose mean varies over the data by more than 0.01.",
    ),
    Series("eval/mu_std", "Latent spread", help="Standard deviation of the latent means over the data."),
    Series(
        "eval/latent_effect",
        "Effect of the latent",
        "share",
        help="How far decoding the mean is from decoding zeros, over the output; under 1 % it is not used.",
    ),
    Series("latent/kl.{dim}", "KL of dimension {dim}", "nats"),
    Series(
        "eval/mel_common",
        "Log-mel error, common space",
        "nats",
        "down",
        help="L1 in ln(clamp(mel, 1e-5)), whatever the recipe's own scale; true durations, predicted prosody.",
    ),
    Series("eval/mel_own", "Mel error, own scale", "", "down", help="Not comparable between mel scales."),
    Series(
        "eval/mcd",
        "Mel-cepstral distortion",
        "dB",
        "down",
        help="13 cepstra of the log mel without the zeroth, frames aligned by true durations.",
        aliases=("mcd",),
    ),
    Series(
        "eval/f0_rmse",
        "F0 error",
        "Hz",
        "down",
        help="RMSE of predicted F0 on frames that are voiced in the recording.",
        aliases=("f0_rmse",),
    ),
    Series("eval/f0_correlation", "F0 correlation", "", "up", help="Of ln F0 on voiced frames."),
    Series("eval/pitch_std_ratio", "Spread of pitch", help="Predicted over true; below 0.5 speech is flat."),
    Series("eval/duration_mae", "Duration error", "ms", "down", help="Mean absolute error a phoneme."),
    Series("eval/length_ratio", "Length", help="Predicted over true length; 1 is right."),
    Series(
        "eval/energy_by_pitch",
        "Energy moved by pitch",
        help="Change of predicted energy when only the pitch control is turned; 0 is right.",
    ),
    Series("eval/output_min", "Smallest predicted value"),
    Series("eval/output_max", "Largest predicted value"),
    Series("eval/output_mean", "Mean of predictions"),
    Series("eval/output_std", "Spread of predictions"),
    Series("eval/{name}", "{name}"),
    Series(
        "pesq/missing_items",
        "Items without PESQ",
        "share",
        "down",
        help="Share of the items since the last report.",
    ),
    Series("pesq/missing_batches", "Batches with an item without PESQ", "share", "down"),
    Series("pesq/trained", "Batches that trained D", "share", "up"),
    Series("pesq/reason.{reason}", "Without PESQ: {reason}", "share", "down"),
    Series("pesq/wait", "Share of time waiting for PESQ", "share", "down"),
    Series("pesq/cache_hits", "Scores found in the cache", "share"),
)
