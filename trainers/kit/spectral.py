"""Initialisation and spectral norm of a whole network, in the order in which they are right.

Spectral norm keeps an estimate of each layer's first singular vectors; a weight drawn anew after it was put
on makes that estimate stale. So networks are built plain, drawn, and normalised last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

LAYERS = (nn.Conv2d, nn.Linear, nn.Embedding)


def layers(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(name, module) of every layer with a weight matrix."""
    for name, module in net.named_modules():
        if isinstance(module, LAYERS):
            yield name, module


@torch.no_grad()
def draw(net: nn.Module, kind: str, gain: float = 1.0) -> None:
    """Draws all weights anew: ``orthogonal`` (times ``gain``), ``normal`` N(0, 0.02), or ``default`` (none).

    Biases are set to 0 with the first two. Raises ValueError for another kind, and for a network that is
    spectrally normalised already.
    """
    if kind not in ("orthogonal", "normal", "default"):
        raise ValueError(f"initialisation {kind!r} is none of orthogonal, normal, default")
    for name, layer in layers(net):
        if hasattr(layer, "parametrizations"):
            raise ValueError(f"{name} is normalised already: draw first, then normalise")
        if kind == "default":
            continue
        if kind == "orthogonal":
            nn.init.orthogonal_(layer.weight, gain=gain)
        else:
            nn.init.normal_(layer.weight, 0.0, 0.02)
        if getattr(layer, "bias", None) is not None:
            nn.init.zeros_(layer.bias)


def normalise(net: nn.Module, wanted: Callable[[str], bool]) -> None:
    """Puts spectral norm on each layer whose name is ``wanted``."""
    for name, layer in list(layers(net)):
        if wanted(name):
            spectral_norm(layer)


@torch.no_grad()
def sigmas(net: nn.Module) -> dict[str, Tensor]:
    """The largest singular value of each layer's own weight: under spectral norm of what lies below it.

    Where a layer is normalised its running estimate is taken, which costs one product; else the value is
    computed exactly.
    """
    found = {}
    for name, layer in layers(net):
        if hasattr(layer, "parametrizations"):
            inner = layer.parametrizations.weight
            matrix, norm = inner.original.flatten(1), inner[0]
            found[name] = torch.dot(norm._u, matrix @ norm._v)
        else:
            found[name] = torch.linalg.matrix_norm(layer.weight.flatten(1).float(), 2)
    return found
