"""FastSpeech2 (Ren et al. 2021): FFT blocks, variance adaptor, mel head, postnet. Shapes follow ming024's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recipes.tts import Generator, Tts
from trainers.tts import pitch
from trainers.tts.data import Batch

LONGEST = 100  # frames that a predicted phoneme may have, whatever an untrained network says
MOST_FRAMES = 6000
REACH = 3.0  # pitch and energy are embedded between ± so many standard deviations


class Out(NamedTuple):
    """What the network says of a batch; B items, N phonemes, T frames, M bands.

    ``hidden`` ``[B, N, C]`` is the encoder's output, where the gradients of all losses meet. ``pitch`` and
    ``energy`` are predictions like those of `Batch`; ``pitch_mean`` and ``pitch_std`` None without a pitch
    spectrogram. ``contour`` ``[B, T]`` is the predicted z-normalised ln F0.
    """

    before: Tensor
    after: Tensor
    hidden: Tensor
    log_durations: Tensor
    durations: Tensor
    pitch: Tensor
    pitch_mean: Tensor | None
    pitch_std: Tensor | None
    contour: Tensor
    energy: Tensor
    frames: Tensor


@dataclass(frozen=True)
class Controls:
    """What a speaker may turn: a factor of durations, and standard deviations added to pitch and energy.

    Each moves its own prediction and nothing else.
    """

    duration: float = 1.0
    pitch: float = 0.0
    energy: float = 0.0


def mask_of(lengths: Tensor, longest: int) -> Tensor:
    """``[B, longest]``: True where there is something."""
    return torch.arange(longest, device=lengths.device)[None] < lengths[:, None]


def positions(length: int, width: int, like: Tensor) -> Tensor:
    """Sinusoids ``[length, width]`` (Vaswani et al. 2017)."""
    place = torch.arange(length, device=like.device, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, device=like.device) * (-math.log(10000.0) / width))
    return torch.stack([(place * rate).sin(), (place * rate).cos()], -1).flatten(1).to(like.dtype)


class FFTBlock(nn.Module):
    """Self-attention and two convolutions, each with residual and norm behind it; padding stays 0."""

    def __init__(self, gen: Generator) -> None:
        super().__init__()
        width, (first, second) = gen.hidden, gen.kernels
        self.heads = gen.heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide = nn.Conv1d(width, gen.filter, first, padding=first // 2)
        self.narrow = nn.Conv1d(gen.filter, width, second, padding=second // 2)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.dropout = nn.Dropout(gen.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        b, n, c = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
        x = self.norms[0](x + self.dropout(self.out(seen.transpose(1, 2).reshape(b, n, c))))
        x = x * mask[..., None]
        y = self.narrow(self.wide(x.transpose(1, 2)).relu() * mask[:, None]).transpose(1, 2)
        return self.norms[1](x + self.dropout(y)) * mask[..., None]


class Stack(nn.Module):
    """Several FFT blocks on ``[B, N, C]`` with positions added."""

    def __init__(self, gen: Generator, layers: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([FFTBlock(gen) for _ in range(layers)])
        self.dropout = nn.Dropout(gen.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.dropout(x + positions(x.shape[1], x.shape[2], x)) * mask[..., None]
        for block in self.blocks:
            x = block(x, mask)
        return x


class Predictor(nn.Module):
    """Two convolutions with ReLU, norm and dropout, and a linear layer: ``[B, N, C]`` to ``[B, N, out]``."""

    def __init__(self, gen: Generator, out: int = 1) -> None:
        super().__init__()
        width = gen.predictor
        self.convs = nn.ModuleList([nn.Conv1d(c, width, 3, padding=1) for c in (gen.hidden, width)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.dropout, self.last = nn.Dropout(gen.predictor_dropout), nn.Linear(width, out)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = self.dropout(norm(conv((x * mask[..., None]).transpose(1, 2)).relu().transpose(1, 2)))
        return self.last(x) * mask[..., None]


class Embedded(nn.Module):
    """A z-normalised value as a vector, by bins between ±`REACH`."""

    def __init__(self, gen: Generator) -> None:
        super().__init__()
        self.register_buffer("edges", torch.linspace(-REACH, REACH, gen.bins - 1), persistent=False)
        self.table = nn.Embedding(gen.bins, gen.hidden)

    def forward(self, values: Tensor) -> Tensor:
        edges: Tensor = self.edges
        return self.table(torch.bucketize(values.detach().float(), edges))


def stretched(x: Tensor, durations: Tensor) -> tuple[Tensor, Tensor]:
    """Each phoneme ``[B, N, C]`` as often as it has frames: (``[B, T, C]``, frames of each item)."""
    frames = durations.sum(1)
    ends = durations.cumsum(1)
    place = torch.arange(max(int(frames.max()), 1), device=x.device).expand(len(x), -1).contiguous()
    which = torch.searchsorted(ends, place, right=True).clamp(max=x.shape[1] - 1)
    found = x.gather(1, which[..., None].expand(-1, -1, x.shape[2]))
    return found * mask_of(frames, place.shape[1])[..., None], frames


class VarianceAdaptor(nn.Module):
    """Durations, pitch and energy, all predicted from the encoder's output alone, then added to it.

    So a control moves its own quantity and no other. What is embedded are the batch's true values where it
    is given, else the predictions.
    """

    def __init__(self, gen: Generator) -> None:
        super().__init__()
        self.cwt, self.by_frame = gen.pitch == "cwt", gen.energy == "frame"
        self.duration = Predictor(gen)
        self.pitch = Predictor(gen, pitch.SCALES if self.cwt else 1)
        self.energy = Predictor(gen)
        if self.cwt:
            self.moments = nn.Linear(gen.hidden, 2)
        self.pitch_table, self.energy_table = Embedded(gen), Embedded(gen)

    def forward(
        self, x: Tensor, mask: Tensor, given: Batch | None, turn: Controls
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """(``[B, T, C]`` for the decoder, predictions by the names of `Out`)."""
        log_durations = self.duration(x, mask)[..., 0]
        durations = self.durations(log_durations, mask, turn) if given is None else given.durations
        wide, frames = stretched(x, durations)
        seen = mask_of(frames, wide.shape[1])
        energy = self.energy(wide if self.by_frame else x, seen if self.by_frame else mask)[..., 0]
        tone = self.pitch(wide if self.cwt else x, seen if self.cwt else mask)
        found = {"log_durations": log_durations, "durations": durations, "frames": frames, "energy": energy}
        if self.cwt:
            pooled = x.sum(1) / mask.sum(1, keepdim=True)
            mean, spread = self.moments(pooled).unbind(1)
            found |= {"pitch": tone, "pitch_mean": mean, "pitch_std": spread}
            contour = pitch.rebuilt(tone, mean, spread.clamp(min=0), seen)
        else:
            tone = tone[..., 0]
            found["pitch"] = tone
            contour = stretched(tone[..., None], durations)[0][..., 0]
        found["contour"] = contour
        spoken = (contour if self.cwt else tone) + turn.pitch
        loud = energy + turn.energy
        if given is not None:
            spoken, loud = (given.log_f0 if self.cwt else given.pitch), given.energy
        for value, table, fine in (
            (spoken, self.pitch_table, self.cwt),
            (loud, self.energy_table, self.by_frame),
        ):
            vector = table(value)
            wide = wide + (vector if fine else stretched(vector, durations)[0])
        return wide * seen[..., None], found

    @staticmethod
    def durations(log_durations: Tensor, mask: Tensor, turn: Controls) -> Tensor:
        """Whole frames ``[B, N]`` of predicted ln(frames + 1), bounded; at least one frame an item."""
        said = (log_durations.float().clamp(max=math.log(LONGEST + 1)).exp() - 1) * turn.duration
        frames = said.round().clamp(min=0).long() * mask
        frames[:, 0] += (frames.sum(1) == 0).long()
        return torch.where((frames.cumsum(1) <= MOST_FRAMES), frames, 0)


class Postnet(nn.Module):
    """Tacotron 2's convolutions over time on ``[B, T, M]``, tanh between them; gives what is to be added."""

    def __init__(self, gen: Generator, bands: int, dropout: float = 0.5) -> None:
        super().__init__()
        sizes = [bands, *[gen.postnet] * (gen.postnet_layers - 1), bands]
        pairs = list(pairwise(sizes))
        self.convs = nn.ModuleList([nn.Conv1d(a, b, 5, padding=2) for a, b in pairs])
        self.norms = nn.ModuleList([nn.LayerNorm(b) for b in sizes[1:-1]])
        self.dropout = nn.Dropout(min(dropout, gen.predictor_dropout))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = x.transpose(1, 2)
        for i, conv in enumerate(self.convs):
            y = conv(y * mask[:, None])
            if i < len(self.norms):
                y = self.dropout(self.norms[i](y.transpose(1, 2)).tanh()).transpose(1, 2)
        return y.transpose(1, 2) * mask[..., None]


class FastSpeech2(nn.Module):
    """Phonemes to mels. ``symbols`` counts the inventory, padding included.

    The head ends in ``gen.activation`` times ``gen.output_scale``. All norms are over channels, the postnet's
    too (ming024 has batch norm there): an item's mel does not depend on its neighbours.
    """

    def __init__(self, recipe: Tts, symbols: int) -> None:
        super().__init__()
        gen, bands = recipe.gen, recipe.mel.n_mels
        self.activation, self.output_scale = gen.activation, gen.output_scale
        self.symbols = nn.Embedding(symbols, gen.hidden, padding_idx=0)
        self.encoder, self.decoder = Stack(gen, gen.encoder_layers), Stack(gen, gen.decoder_layers)
        self.adaptor = VarianceAdaptor(gen)
        self.head = nn.Linear(gen.hidden, bands)
        self.postnet = Postnet(gen, bands) if gen.postnet_layers else None

    def ended(self, x: Tensor) -> Tensor:
        """The head's activation and scale."""
        if self.activation == "relu":
            x = x.relu()
        elif self.activation == "softplus":
            x = F.softplus(x)
        return x * self.output_scale

    def forward(
        self, tokens: Tensor, lengths: Tensor, given: Batch | None = None, turn: Controls | None = None
    ) -> Out:
        """``tokens`` ``[B, N]``; with ``given`` its durations, pitch and energy are used, as in training."""
        mask = mask_of(lengths, tokens.shape[1])
        hidden = self.encoder(self.symbols(tokens), mask)
        wide, found = self.adaptor(hidden, mask, given, turn or Controls())
        seen = mask_of(found["frames"], wide.shape[1])
        before = self.ended(self.head(self.decoder(wide, seen))) * seen[..., None]
        # an activation that keeps the head from negative values keeps the whole output from them
        after = before
        if self.postnet is not None:
            after = before + self.postnet(before, seen)
            after = after.relu() if self.activation != "none" else after
        return Out(
            before=before,
            after=after,
            hidden=hidden,
            pitch_mean=found.pop("pitch_mean", None),
            pitch_std=found.pop("pitch_std", None),
            **found,
        )
