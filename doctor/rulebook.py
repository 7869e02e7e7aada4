"""The rules, in the order of the rule book. A new rule is its file and one line here."""

from __future__ import annotations

from doctor.rule import Rule
from doctor.rules.bad_items import BadItems
from doctor.rules.capacity import Capacity
from doctor.rules.codebook import Codebook
from doctor.rules.codebook_restart import CodebookRestart
from doctor.rules.collapse import Collapse
from doctor.rules.critic import Critic
from doctor.rules.disc_accuracy import DiscAccuracy
from doctor.rules.disc_overfit import DiscOverfit
from doctor.rules.disc_runaway import DiscRunaway
from doctor.rules.disc_stuck import DiscStuck
from doctor.rules.disc_zero import DiscZero
from doctor.rules.drowned import Drowned
from doctor.rules.ema import Ema
from doctor.rules.eval_set import EvalSet
from doctor.rules.explosion import Explosion
from doctor.rules.feat_tiny import FeatTiny
from doctor.rules.grad_ratio import GradRatio
from doctor.rules.leaking_steps import LeakingSteps
from doctor.rules.level_mismatch import LevelMismatch
from doctor.rules.loss_against_pesq import LossAgainstPesq
from doctor.rules.lr_death import LrDeath
from doctor.rules.masked import Masked
from doctor.rules.mel_scale import MelScale
from doctor.rules.memorised import Memorised
from doctor.rules.noise_expiry import NoiseExpiry
from doctor.rules.nonfinite import Nonfinite
from doctor.rules.norm_gap import NormGap
from doctor.rules.oscillation import Oscillation
from doctor.rules.pesq_skipped import PesqSkipped
from doctor.rules.phasiness import Phasiness
from doctor.rules.plateau import Plateau
from doctor.rules.posterior import Posterior
from doctor.rules.prosody import Prosody
from doctor.rules.relu_head import ReluHead
from doctor.rules.same_scales import SameScales
from doctor.rules.saturation import Saturation
from doctor.rules.sigma import Sigma
from doctor.rules.snr_falling import SnrFalling
from doctor.rules.spike import Spike
from doctor.rules.starved import Starved
from doctor.rules.tonal import Tonal
from doctor.rules.uturn import UTurn
from doctor.rules.vanishing import Vanishing
from doctor.rules.weight_balance import WeightBalance
from doctor.rules.wrong_hinge import WrongHinge

RULES: tuple[Rule, ...] = (
    DiscStuck(),
    FeatTiny(),
    SnrFalling(),
    Saturation(),
    Capacity(),
    DiscAccuracy(),
    DiscRunaway(),
    DiscZero(),
    LrDeath(),
    NoiseExpiry(),
    LossAgainstPesq(),
    PesqSkipped(),
    LevelMismatch(),
    EvalSet(),
    ReluHead(),
    MelScale(),
    WeightBalance(),
    BadItems(),
    Collapse(),
    DiscOverfit(),
    UTurn(),
    Plateau(),
    Explosion(),
    Vanishing(),
    Sigma(),
    Spike(),
    Codebook(),
    CodebookRestart(),
    Posterior(),
    Tonal(),
    Phasiness(),
    Nonfinite(),
    Masked(),
    GradRatio(),
    Oscillation(),
    Drowned(),
    Critic(),
    Ema(),
    NormGap(),
    Memorised(),
    SameScales(),
    WrongHinge(),
    LeakingSteps(),
    Starved(),
    Prosody(),
)
