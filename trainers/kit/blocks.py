"""Parts that convolutional generators of sound share: Snake, weight-normed convolutions, residual units."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm


def padded(kernel: int, stride: int) -> tuple[int, int]:
    """(padding, output padding) with which length / stride and length × stride are exact."""
    spare = kernel - stride
    return (spare + 1) // 2, spare % 2


class Snake(nn.Module):
    """x + sin²(a x) / a, with one learnable a a channel: periodic, so that pitch carries on past the crop."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        bent: Tensor = x + torch.sin(self.alpha * x).square() / (self.alpha + 1e-9)
        return bent


def normed(conv: nn.Conv1d | nn.ConvTranspose1d) -> nn.Module:
    """The convolution with weight norm, drawn as torch draws it, its bias 0.

    DAC asks for weights of N(0, 0.02), but sets them after the weight norm, whose next forward puts torch's own
    draw back. Really drawn so, a narrow codec with DAC's quantiser stays silent for long.
    """
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return weight_norm(conv)


def conv(before: int, after: int, kernel: int, dilation: int = 1, bias: bool = True) -> nn.Module:
    """A weight-normed convolution of odd kernel that keeps the length."""
    padding = dilation * (kernel - 1) // 2
    return normed(nn.Conv1d(before, after, kernel, padding=padding, dilation=dilation, bias=bias))


def down(before: int, after: int, stride: int) -> nn.Module:
    """A convolution of kernel 2 × stride that divides the length by the stride."""
    padding, _ = padded(2 * stride, stride)
    return normed(nn.Conv1d(before, after, 2 * stride, stride=stride, padding=padding))


def up(before: int, after: int, stride: int) -> nn.Module:
    """A transposed convolution of kernel 2 × stride that multiplies the length by the stride."""
    padding, odd = padded(2 * stride, stride)
    return normed(
        nn.ConvTranspose1d(before, after, 2 * stride, stride=stride, padding=padding, output_padding=odd)
    )


class SnakeResidual(nn.Module):
    """x + Conv1(Snake(Conv dilated(Snake(x)))), DAC's and Oobleck's unit."""

    def __init__(self, channels: int, dilation: int, kernel: int = 7) -> None:
        super().__init__()
        self.block = nn.Sequential(
            Snake(channels),
            conv(channels, channels, kernel, dilation),
            Snake(channels),
            conv(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = x + self.block(x)
        return mixed
