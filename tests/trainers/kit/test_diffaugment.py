"""DiffAugment: any batch size, gradients through it, each image by itself, and what the paper's strengths allow."""

import pytest
import torch
from torch import Tensor

from trainers.kit import diffaugment
from trainers.kit.diffaugment import OPERATIONS, DiffAugment

ALL = ("color", "translation", "cutout")


@pytest.mark.parametrize("batch", [1, 6, 128])
@pytest.mark.parametrize("name", ALL)
def test_shape_and_gradient_for_any_batch(name: str, batch: int) -> None:
    torch.manual_seed(batch)
    images = torch.rand(batch, 3, 32, 32, requires_grad=True)
    out = OPERATIONS[name](images)
    assert out.shape == images.shape
    out.sum().backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()
    assert images.grad.any()


def crosstalk(policy: DiffAugment) -> Tensor:
    """[i, j]: whether image i's gradient reaches image j's input."""
    images = torch.rand(4, 3, 16, 16, requires_grad=True)
    rows = []
    for i in range(4):
        torch.manual_seed(7)
        (grad,) = torch.autograd.grad(policy(images)[i].square().sum(), [images])
        rows.append(grad.flatten(1).abs().sum(1) > 0)
    return torch.stack(rows)


def test_each_image_is_augmented_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert torch.equal(crosstalk(DiffAugment(ALL)), torch.eye(4, dtype=torch.bool))

    def mixed(images: Tensor) -> Tensor:  # a contrast around the mean of the whole batch
        return (images - images.mean()) * 0.5 + images.mean()

    monkeypatch.setitem(diffaugment.OPERATIONS, "color", mixed)
    assert not torch.equal(crosstalk(DiffAugment(ALL)), torch.eye(4, dtype=torch.bool))


def test_images_of_a_batch_get_different_draws() -> None:
    torch.manual_seed(0)
    same = torch.rand(1, 3, 32, 32).expand(16, -1, -1, -1)
    for name in ALL:
        assert len(torch.unique(OPERATIONS[name](same), dim=0)) > 8, name


def test_a_shift_moves_by_an_eighth_at_most_and_fills_with_0() -> None:
    torch.manual_seed(1)
    images = torch.zeros(200, 1, 32, 32)
    images[:, :, 16, 16] = 1
    places = diffaugment.translation(images).flatten(1).argmax(1)
    rows, columns = places // 32 - 16, places % 32 - 16
    for offsets in (rows, columns):
        assert set(offsets.tolist()) == set(range(-4, 5))
    edges = diffaugment.translation(torch.ones(50, 1, 32, 32))
    assert edges.min() == 0
    assert edges.sum((1, 2, 3)).min() >= 28 * 28


def test_a_hole_of_half_the_side_is_blanked() -> None:
    torch.manual_seed(2)
    left = diffaugment.cutout(torch.ones(300, 1, 32, 32)).sum((1, 2, 3))
    blank = 32 * 32 - left
    assert blank.max() == 16 * 16
    assert blank.min() >= 8 * 8


def test_colour_keeps_within_its_strengths() -> None:
    torch.manual_seed(3)
    flat = torch.full((200, 3, 8, 8), 0.2)  # without saturation or contrast brightness alone is left
    change = (diffaugment.color(flat) - 0.2)[:, 0, 0, 0]
    assert -0.5 <= float(change.min()) < -0.4
    assert 0.4 < float(change.max()) <= 0.5


def test_an_unknown_operation_is_named_and_none_is_none() -> None:
    with pytest.raises(ValueError, match="'flip' is none of color, translation, cutout"):
        DiffAugment(["flip"])
    images = torch.rand(2, 3, 8, 8)
    assert DiffAugment()(images) is images
    assert DiffAugment(["cutout", "color"]).names == ("color", "cutout")
