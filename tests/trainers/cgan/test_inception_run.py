"""FID, KID, IS, precision and recall of a whole run with a file in Inception's layout; files that are not are refused.

The weights are drawn at random, so that the numbers mean nothing; the path from the file to the series is real.
"""

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from trainers.cli import main
from trainers.kit import inception
from trainers.kit.inception import Inception


def drawn(**other: Any) -> dict[str, torch.Tensor]:
    """A state of Inception's names and shapes: a random number an output channel, so that the file is small."""
    with torch.device("meta"):
        shapes = {k: v.shape for k, v in Inception().state_dict().items()}
    random = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            continue
        first = torch.randn(shape[0], *[1] * (len(shape) - 1), generator=random)
        if len(shape) == 4:  # a mean over what a kernel sees, so that nothing grows from layer to layer
            first = first / math.prod(shape[1:])
        if name.endswith(("running_var", "bn.weight")):
            first = torch.ones_like(first)
        state[name] = first.expand(shape)
    return {**state, **other}


def saved(path: Path, state: Any) -> str:
    torch.save(state, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_scores_of_a_run_bear_inceptions_names(
    cgan: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inception, "SIDE", 75)  # the least that the network takes: a sixteenth of the work
    path = tmp_path / "inception.pth"
    digest = saved(path, drawn())
    words = (f"score.inception={path}", f"score.inception_sha256={digest}", "score.images=16", "data.batch=4")
    ran = cgan(*words, "trainer.max_steps=1", "trainer.best_by=eval/fid")
    assert ran.status == 0, ran.err
    for name in ("fid", "kid", "is", "precision", "recall"):
        assert sorted(ran.series(f"eval/{name}")) == [0, 1], name
        assert all(math.isfinite(v) for v in ran.series(f"eval/{name}").values()), name
    assert min(ran.series("eval/fid").values()) > 0
    assert min(ran.series("eval/is").values()) >= 1
    protocol = ran.of("run_started")[0]["environment"]["score_protocol"]
    assert (protocol["extractor"], protocol["sha256"], protocol["fakes"]) == ("inception-2015", digest, 16)
    assert set(ran.of("checkpoint_saved")[0]["best"]) == {"eval/fid"}
    names = {n for e in ran.of("points") for n in e["values"]}
    assert not any(n.endswith("_classifier") and n.startswith(("eval/fd", "eval/kid")) for n in names)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("gone", "there is no such file"),
        ("digest", "has the SHA-256"),
        ("shape", "fc.weight is [1000, 2048] there and [1008, 2048] here"),
        ("pickle", "is no file of tensors"),
        ("alone", "their checksum only"),
    ],
)
def test_another_file_is_one_line_and_leaves_nothing(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, says: str
) -> None:
    path = tmp_path / "weights.pth"
    thousand = {"fc.weight": torch.zeros(1000, 1).expand(1000, 2048)}
    digest = saved(path, drawn(**thousand) if change == "shape" else {"x": Path("x")})
    if change == "gone":
        path.unlink()
    digest = "0" * 64 if change == "digest" else digest
    before = sorted(p for p in tmp_path.rglob("*") if "home" not in p.parts)
    words = [f"data.root={images}", "size=tiny", "device=cpu", f"run_dir={tmp_path / 'run'}"]
    words += [f"score.inception={path}"]
    words += [] if change == "alone" else [f"score.inception_sha256={digest}"]
    assert main(["cgan", "preset=fixed", "trainer.max_steps=1", *words]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "score.inception" in told
    assert len(told.splitlines()) == 1
    assert sorted(p for p in tmp_path.rglob("*") if "home" not in p.parts) == before
