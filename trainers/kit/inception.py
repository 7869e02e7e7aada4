"""The Inception network that FID and the Inception score are defined on, in plain torch.

It is Inception v3 as TensorFlow's graph of 2015 has it: 1,008 classes, average pools that leave the padding
out of the mean, a max pool in the last block. Layers bear torchvision's names, as the PyTorch copies of those
weights do. There are no weights here: an operator supplies the file, and its checksum.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.kit.errors import BadInput

SIDE, CLASSES, FEATURES = 299, 1008, 2048
Size = int | tuple[int, int]


class Conv(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, before: int, after: int, kernel: Size, stride: int = 1, padding: Size = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)


def _averaged(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class BlockA(nn.Module):
    """35×35: 1×1, 5×5, twice 3×3, pool."""

    def __init__(self, before: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(before, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = Conv(before, 48, 1), Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Conv(before, 64, 1), Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, padding=1)
        self.branch_pool = Conv(before, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(_averaged(x))], 1)


class BlockB(nn.Module):
    """35×35 to 17×17."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self.branch3x3 = Conv(before, 384, 3, 2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Conv(before, 64, 1), Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), three, F.max_pool2d(x, 3, 2)], 1)


class BlockC(nn.Module):
    """17×17: 7×7 as 1×7 and 7×1."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        flat: Size = (1, 7)
        tall: Size = (7, 1)
        wide, high = (0, 3), (3, 0)
        self.branch1x1 = Conv(768, 192, 1)
        self.branch7x7_1, self.branch7x7_2 = Conv(768, inner, 1), Conv(inner, inner, flat, padding=wide)
        self.branch7x7_3 = Conv(inner, 192, tall, padding=high)
        self.branch7x7dbl_1 = Conv(768, inner, 1)
        self.branch7x7dbl_2 = Conv(inner, inner, tall, padding=high)
        self.branch7x7dbl_3 = Conv(inner, inner, flat, padding=wide)
        self.branch7x7dbl_4 = Conv(inner, inner, tall, padding=high)
        self.branch7x7dbl_5 = Conv(inner, 192, flat, padding=wide)
        self.branch_pool = Conv(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        return torch.cat([self.branch1x1(x), seven, twice, self.branch_pool(_averaged(x))], 1)


class BlockD(nn.Module):
    """17×17 to 8×8."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = Conv(768, 192, 1), Conv(192, 320, 3, 2)
        self.branch7x7x3_1 = Conv(768, 192, 1)
        self.branch7x7x3_2 = Conv(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Conv(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Conv(192, 192, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7x3_2(self.branch7x7x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(seven))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), seven, F.max_pool2d(x, 3, 2)], 1)


class BlockE(nn.Module):
    """8×8: 3×3 split into 1×3 beside 3×1; ``peak`` pools by the maximum."""

    def __init__(self, before: int, *, peak: bool) -> None:
        super().__init__()
        self.peak = peak
        self.branch1x1 = Conv(before, 320, 1)
        self.branch3x3_1 = Conv(before, 384, 1)
        self.branch3x3_2a = Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1, self.branch3x3dbl_2 = Conv(before, 448, 1), Conv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = Conv(before, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        three, twice = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, 1, 1) if self.peak else _averaged(x)
        return torch.cat(
            [
                self.branch1x1(x),
                *(self.branch3x3_2a(three), self.branch3x3_2b(three)),
                *(self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice)),
                self.branch_pool(pooled),
            ],
            1,
        )


class Inception(nn.Module):
    """Images ``[B, 3, H, W]`` in [-1, 1] to (features ``[B, 2048]``, logits ``[B, classes]``)."""

    def __init__(self, classes: int = CLASSES) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, 2)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = BlockA(192, 32), BlockA(256, 64), BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b, self.Mixed_6c = BlockC(128), BlockC(160)
        self.Mixed_6d, self.Mixed_6e = BlockC(160), BlockC(192)
        self.Mixed_7a = BlockD()
        self.Mixed_7b, self.Mixed_7c = BlockE(1280, peak=False), BlockE(2048, peak=True)
        self.fc = nn.Linear(FEATURES, classes)

    def stem(self) -> Iterator[Sequence[nn.Module]]:
        """The layers before each of the two max pools of the stem."""
        yield self.Conv2d_1a_3x3, self.Conv2d_2a_3x3, self.Conv2d_2b_3x3
        yield self.Conv2d_3b_1x1, self.Conv2d_4a_3x3

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = F.interpolate(images, (SIDE, SIDE), mode="bilinear", align_corners=False)
        for part in self.stem():
            for layer in part:
                x = layer(x)
            x = F.max_pool2d(x, 3, 2)
        for name, block in self.named_children():
            if name.startswith("Mixed_"):
                x = block(x)
        features = x.mean((2, 3))
        return features, self.fc(features)


def load(path: str, sha256: str, device: torch.device | str = "cpu") -> Inception:
    """The network with an operator's weights, in evaluation mode.

    Raises:
        BadInput: for a file that is not there, has another checksum, holds more than tensors, or whose layers
            or shapes are not those of the published network.
    """
    file = Path(path)
    if not file.is_file():
        raise BadInput(f"score.inception {path!r}: there is no such file")
    with open(file, "rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != sha256.lower():
        raise BadInput(f"score.inception {path!r} has the SHA-256 {found}, not {sha256.lower()}")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as problem:  # a foreign pickle can fail in any way at all
        text = str(problem).strip().split("\n")[0].split(". ")[0]
        raise BadInput(
            f"score.inception {path!r} is no file of tensors ({type(problem).__name__}: {text:.80})"
        ) from None
    with torch.device("meta"):
        plan = Inception()
    misfit = _misfit(plan.state_dict(), state)
    if misfit:
        raise BadInput(
            f"score.inception {path!r} is not the Inception network of FID: {misfit}; the weights wanted are those "
            "of 2015 with 1,008 classes, as pt_inception-2015-12-05 has them"
        )
    net = Inception()
    net.load_state_dict(state, strict=False)  # the counters of batch norm may be missing; they change nothing
    return net.requires_grad_(False).eval().to(device)


def _misfit(ours: dict[str, Tensor], state: Any) -> str:
    """What is wrong with the layers of a file, in words; empty where they are right."""
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        return f"it holds a {type(state).__name__} that is no table of tensors"
    wanted = {k: v for k, v in ours.items() if not k.endswith("num_batches_tracked")}
    for name, tensor in wanted.items():
        if name not in state:
            return f"{name} is missing"
        if state[name].shape != tensor.shape:
            return f"{name} is {list(state[name].shape)} there and {list(tensor.shape)} here"
        if not torch.isfinite(state[name]).all():
            return f"{name} holds values that are not finite"
    strange = [k for k in state if k not in ours]
    return f"{strange[0]} is not part of it" if strange else ""
