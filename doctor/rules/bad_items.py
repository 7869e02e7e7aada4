"""Rule 15: non-finite values in the data."""

from __future__ import annotations

from typing import ClassVar

from doctor.cases import flat, healthy_biggan, healthy_codec
from doctor.findings import Remedy, Suspect
from doctor.levels import Level, LevelRule
from doctor.rule import Case


class BadItems(LevelRule):
    """Judged by levels of ``data/nonfinite``, ``data/nonfinite_share``."""

    code = "bad-items"
    title = "Non-finite values in the data"
    severity = "fail"
    sees = "Any batch with a NaN or an infinity in mel or audio (warning); over 0.1 % of the items (failure)."
    why = (
        "log(0), an overflow, a corrupt file or a division by the RMS of silence. A clamp does not remove "
        "NaN."
    )
    try_ = "Name the file, drop the item, mend the source. Do not clamp."
    source = "reference 3.1, rule 15"
    needs = (("data/nonfinite",), ("data/nonfinite_share",))
    levels = (
        Level("data/nonfinite", "warn", above=0.5, early=True),
        Level("data/nonfinite_share", "fail", above=0.001, early=True),
    )
    suspects = (
        Suspect("a corrupt file", "the same file twice"),
        Suspect("division by the level of silence", "items whose RMS is 0"),
    )
    remedies = (Remedy("Quarantine the files that are named."),)

    SICK: ClassVar[tuple[Case, ...]] = (
        Case("three batches", lambda: flat({"data/nonfinite": 3.0}), "warn"),
        Case("1 % of the items", lambda: flat({"data/nonfinite_share": 0.01}), "fail"),
    )
    HEALTHY: ClassVar[tuple[Case, ...]] = (
        Case("BigGAN", healthy_biggan),
        Case("codec", healthy_codec),
        Case("none", lambda: flat({"data/nonfinite": 0.0, "data/nonfinite_share": 0.0})),
    )
