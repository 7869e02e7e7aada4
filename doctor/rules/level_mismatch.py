"""Rule 10b: output at another level or place than the target."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class LevelMismatch(LevelRule):
    """Judged by levels of ``eval/gain_db``, ``eval/lag``."""

    code = "level-mismatch"
    title = "Output at another level or place than the target"
    severity = "warn"
    sees = (
        "The output is over 1 dB louder or softer than the reference on 3 evaluations, or its best lag is not "
        "0."
    )
    why = (
        "A loss between a scaled and an unscaled signal rewards the wrong gain (0.63 in a published trainer), "
        "and PESQ cannot see it: it does not change when the output is 20 times louder."
    )
    try_ = "Compare signals at one scale and of one length; give the inverse STFT its length."
    source = "reference 3.1, rule 10b and finding 7"
    needs = (("eval/gain_db",), ("eval/lag",), ("eval/samples_lost",))
    levels = (
        Level("eval/gain_db", "warn", above=1.0, points=3),
        Level("eval/gain_db", "warn", below=-1.0, points=3),
        Level("eval/lag", "warn", above=0.5, points=2),
        Level("eval/lag", "warn", below=-0.5, points=2),
        Level("eval/samples_lost", "warn", above=0.5, points=2, early=True),
    )
    suspects = (
        Suspect(
            "the time loss compares unlike scales",
            "the loss is 0 when the estimate equals the normalised clean signal",
        ),
        Suspect("no loss sees the gain", "a discriminator with peak-normalised input is blind to it"),
        Suspect("padding or an unset length", "best lag other than 0"),
    )
    remedies = (Remedy("Bring both signals to one scale before every loss."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("4 dB too soft", lambda: flat({"eval/gain_db": -4.0}), "warn"),
        Case("three samples late", lambda: flat({"eval/lag": 3.0}), "warn"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("in place", lambda: flat({"eval/gain_db": -0.2, "eval/lag": 0.0})),
    )
