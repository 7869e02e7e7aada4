"""Inception: its layers are those of the published listing, and only a file that has them is taken."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from trainers.kit import inception
from trainers.kit.errors import BadInput
from trainers.kit.inception import Inception

LISTING = Path(__file__).with_name("inception_listing.txt")
WITHOUT_AUXILIARY = 23_834_568  # parameters of the published network with 1,000 classes


def published(classes: int = 1008) -> dict[str, tuple[int, ...]]:
    """{tensor: shape} of the published network."""
    found: dict[str, tuple[int, ...]] = {}
    for line in LISTING.read_text().splitlines()[1:]:
        name, *shape = line.split()
        sizes = tuple(map(int, shape))
        found[f"{name}.conv.weight"] = sizes
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"{name}.bn.{part}"] = sizes[:1]
    return found | {"fc.weight": (classes, 2048), "fc.bias": (classes,)}


def weights(**other: Any) -> dict[str, Tensor]:
    """Small on disk: one number, seen in every shape."""
    made = {name: torch.full((), 0.01).expand(shape) for name, shape in published().items()}
    return {k: v for k, v in {**made, **other}.items() if v is not None}


def saved(tmp_path: Path, state: Any) -> tuple[str, str]:
    path = tmp_path / "inception.pth"
    torch.save(state, path)
    return str(path), hashlib.sha256(path.read_bytes()).hexdigest()


def test_its_layers_are_the_published_ones() -> None:
    with torch.device("meta"):
        net = Inception()
        thousand = Inception(1000)
    ours = {k: tuple(v.shape) for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    assert ours == published()
    assert len(LISTING.read_text().splitlines()) == 1 + 94
    assert sum(p.numel() for p in thousand.parameters()) == WITHOUT_AUXILIARY


def test_a_file_of_its_layers_is_taken(tmp_path: Path) -> None:
    net = inception.load(*saved(tmp_path, weights()))
    assert not net.training
    assert float(net.fc.bias[7]) == pytest.approx(0.01)
    features, logits = net(torch.zeros(1, 3, 32, 32))
    assert (features.shape, logits.shape) == ((1, 2048), (1, 1008))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"fc.weight": torch.zeros(1000, 2048)},
            r"fc\.weight is \[1000, 2048\] there and \[1008, 2048\] here",
        ),
        ({"Mixed_7c.branch_pool.bn.bias": None}, r"Mixed_7c\.branch_pool\.bn\.bias is missing"),
        ({"AuxLogits.fc.bias": torch.zeros(3)}, r"AuxLogits\.fc\.bias is not part of it"),
        ({"fc.bias": torch.full((1008,), float("nan"))}, r"fc\.bias holds values that are not finite"),
    ],
)
def test_another_network_is_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        inception.load(*saved(tmp_path, weights(**change)))


def test_checksum_and_content_are_checked_before_use(tmp_path: Path) -> None:
    path, digest = saved(tmp_path, [1, 2])
    with pytest.raises(BadInput, match=f"has the SHA-256 {digest}, not 0000"):
        inception.load(path, "0" * 64)
    with pytest.raises(BadInput, match="it holds a list that is no table of tensors"):
        inception.load(path, digest.upper())
    with pytest.raises(BadInput, match="there is no such file"):
        inception.load(str(tmp_path / "none"), digest)
    path, digest = saved(tmp_path, {"fc.weight": Path("x")})
    with pytest.raises(BadInput, match="is no file of tensors"):
        inception.load(path, digest)
