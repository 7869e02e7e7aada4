"""Which rules of the doctor cannot look at a run of ours, and why: the list cannot grow unseen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from doctor.engine import diagnose
from doctor.findings import Diagnosis
from doctor.reading import read
from doctor.rulebook import RULES
from recipes.compose import Request, build
from recipes.registry import TRAINERS
from tests.trainers import conftest as codec
from tests.trainers.cgan import conftest as cgan
from tests.trainers.enhancement import conftest as enhancement
from tests.trainers.tts import conftest as tts
from tests.trainers.vae import conftest as vae
from trainers.kit import classifier
from trainers.kit.runs import carry_out

# A rule that no run of a trainer can be judged by, and the reason. Some look once a knob asks for the part.
NOT_HERE = {
    "noise-expiry": "no instance noise ends in this recipe",
    "plateau": "an absolute level of FID, which needs Inception's weights",
    "norm-gap": "FID twice an evaluation",
    "memorised": "a search over the training set at every evaluation; there is a command for it",
    "masked-gradients": "no trainer masks gradients",
    "drowned": "weights are asked for, not shares; the balancer makes the shares",
}
WAVES = {
    "saturation": "no tanh at the output",
    "mel-scale": "targets are waves",
    "relu-head": "targets are waves",
    "bad-items": "files with NaN are left out before the first step",
    "mode-collapse": "no classes, and one output for each input",
    "sigma": "no spectral norm",
    "posterior-collapse": "no latent distribution",
    "tonal": "not measured",
    "phasiness": "not measured",
    "prosody": "no speech to be paced",
}
NO_CODEBOOK = {"codebook-collapse": "no codebooks", "codebook-restart": "no codebooks"}
NO_PESQ = {
    "loss-against-pesq": "no loss on the evaluation set beside PESQ",
    "pesq-skipped": "none is trained on",
}
CANNOT: dict[str, dict[str, str]] = {
    "codec": NOT_HERE | WAVES | NO_PESQ | {"ema": "no average of weights"},
    "vae": {k: v for k, v in (NOT_HERE | WAVES | NO_PESQ | NO_CODEBOOK).items() if k != "posterior-collapse"}
    | {"ema": "this recipe keeps no average of weights"},
    "enhancement": NOT_HERE
    | WAVES
    | NO_CODEBOOK
    | {
        "feat-tiny": "no feature loss",
        "disc-accuracy": "D predicts a score",
        "disc-overfit": "D predicts a score",
        "u-turn": "no distance between distributions",
        "ema": "no average of weights",
        "same-scales": "one scale",
        "wrong-hinge": "D predicts a score",
    },
    "tts": NOT_HERE
    | NO_CODEBOOK
    | NO_PESQ
    | {
        "saturation": "no tanh at the output",
        "mode-collapse": "no classes, and one output for each input",
        "sigma": "no spectral norm",
        "posterior-collapse": "no latent distribution",
        "tonal": "not measured",
        "phasiness": "not measured",
        "snr-falling": "the waveform is a vocoder's",
        "level-mismatch": "the waveform is a vocoder's",
        "u-turn": "no distance between distributions",
        "ema": "no average of weights",
        "same-scales": "no scales of one signal",
    },
    "cgan": NOT_HERE
    | NO_CODEBOOK
    | NO_PESQ
    | {
        "feat-tiny": "no feature loss",
        "snr-falling": "no waveform",
        "level-mismatch": "no waveform",
        "relu-head": "targets are images",
        "mel-scale": "targets are images",
        "weight-balance": "one loss",
        "vanishing": "one loss; gen/output_grad stands for it",
        "bad-items": "pixels are bytes",
        "posterior-collapse": "no latent distribution",
        "tonal": "not measured",
        "phasiness": "no waveform",
        "same-scales": "one scale",
        "prosody": "no speech to be paced",
    },
}


def _data(trainer: str, folder: Path) -> dict[str, Any]:
    """The smallest data of a trainer under ``folder``, and the patch of its smallest recipe."""
    if trainer == "tts":
        tts.write_corpus(folder)
        return dict(tts.TINY)
    folder.mkdir()
    if trainer == "cgan":
        (folder / "data_batch_1.bin").write_bytes(cgan.records(60, 0))
        (folder / "test_batch.bin").write_bytes(cgan.records(30, 1))
        return dict(word.split("=", 1) for word in cgan.TINY)
    sounds: dict[str, Callable[[float], Any]] = {
        "codec": lambda pitch: codec.tone(1.0, 8000, pitch),
        "vae": lambda pitch: vae.stereo_tone(1.0, pitch),
        "enhancement": lambda pitch: enhancement.spoken(1.0, pitch),
    }
    for i in range(6):
        soundfile.write(folder / f"s{i}.wav", sounds[trainer](110.0 + 25 * i), 8000)
    tiny: dict[str, dict[str, Any]] = {
        "codec": dict(w.split("=", 1) for w in codec.TINY),
        "vae": vae.TINY,
        "enhancement": enhancement.TINY,
    }
    return tiny[trainer]


def _diagnosed(trainer: str, tmp_path: Path, patch: dict[str, Any] | None = None) -> Diagnosis:
    patch = {**_data(trainer, tmp_path / "data"), "data.root": str(tmp_path / "data"), **(patch or {})}
    patch["trainer.max_steps"] = 20
    recipe = build(trainer, "fixed", "tiny", patch)
    given = {"preset": "fixed", **patch}
    assert carry_out(Request(trainer, recipe, str(tmp_path / "run"), None, "cpu", given=given)) == 0
    return diagnose(read(tmp_path / "run"))


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(classifier, "FEWEST", 10)
    monkeypatch.setattr(classifier, "MOST", 10)


@pytest.mark.parametrize("trainer", sorted(TRAINERS))
def test_rules_that_cannot_look_are_known_and_the_reason_is_given(trainer: str, tmp_path: Path) -> None:
    found = _diagnosed(trainer, tmp_path)
    told = {code: lacks for code, lacks in found.could_not_look.items() if code not in CANNOT[trainer]}
    assert not told, (
        f"{trainer} does not report what these rules need: report it, or say here why it cannot be"
    )
    looks = set(CANNOT[trainer]) - set(found.could_not_look)
    assert not looks, f"rules that look at {trainer} by now: take them off the list"


def test_every_rule_looks_at_some_trainer_or_says_why_at_none() -> None:
    for_none = {r.code for r in RULES if all(r.code in known for known in CANNOT.values())}
    not_measured = {"tonal", "phasiness"}
    assert for_none - not_measured == set(NOT_HERE)
