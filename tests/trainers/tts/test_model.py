"""FastSpeech2: shapes, padding, controls; contracts fail on a sabotaged twin."""

from collections.abc import Callable

import pytest
import torch

from recipes.tts import Tts
from trainers.tts.data import Speech
from trainers.tts.model import LONGEST, Controls, FastSpeech2, Out, VarianceAdaptor, stretched

Make = Callable[..., Tts]
CONTROLS = (Controls(duration=2.0), Controls(pitch=1.0), Controls(energy=1.0))


def said(recipe: Tts, turn: Controls | None = None, seed: int = 0, adaptor: type | None = None) -> Out:
    torch.manual_seed(seed)
    net = FastSpeech2(recipe, 9).eval()
    if adaptor is not None:
        net.adaptor.__class__ = adaptor
    net.adaptor.duration.last.bias.data.fill_(1.5)
    with torch.no_grad():
        return net(torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]]), torch.tensor([4, 2]), None, turn)


@pytest.mark.parametrize("preset", ["old", "fixed", "ladder-2-linear"])
def test_shapes_and_padding(recipe: Make, preset: str) -> None:
    made = recipe(preset)
    speech = Speech(made)
    net = FastSpeech2(made, len(speech.inventory)).eval()
    both = speech.batch(sorted(speech.training, key=lambda u: u.frames)[:: len(speech.training) - 1])
    out = net(both.tokens, both.lengths, both)
    assert out.after.shape == both.mel.shape
    assert out.pitch.shape == both.pitch.shape
    assert out.energy.shape == both.energy.shape
    frames = int(both.frames[0])
    assert not out.after[0, frames:].any()
    alone = speech.batch(sorted(speech.training, key=lambda u: u.frames)[:1])
    single = net(alone.tokens, alone.lengths, alone)
    assert torch.allclose(single.after[0], out.after[0, :frames], atol=1e-4)


class Upstream(VarianceAdaptor):
    """The published defect: the pitch control is handed to energy."""

    def forward(self, x, mask, given, turn):  # type: ignore[no-untyped-def]
        return super().forward(x, mask, given, Controls(turn.duration, turn.pitch, turn.pitch))


def moved(recipe: Tts, turn: Controls, adaptor: type | None = None) -> set[str]:
    """What a control changes: durations, the sound by way of pitch, the sound by way of energy."""
    torch.manual_seed(0)
    seen: dict[str, list[torch.Tensor]] = {"pitch": [], "energy": []}
    for controls in (Controls(), turn):
        net = FastSpeech2(recipe, 9).eval()
        net.load_state_dict(weights) if (weights := getattr(moved, "weights", None)) else None
        moved.weights = net.state_dict()  # type: ignore[attr-defined]
        if adaptor is not None:
            net.adaptor.__class__ = adaptor
        net.adaptor.duration.last.bias.data.fill_(1.5)
        for name in ("pitch", "energy"):
            table = getattr(net.adaptor, f"{name}_table")
            table.register_forward_pre_hook(lambda _, inputs, name=name: seen[name].append(inputs[0].clone()))
        with torch.no_grad():
            out = net(torch.tensor([[1, 2, 3, 4]]), torch.tensor([4]), None, controls)
        seen.setdefault("duration", []).append(out.durations)
    del moved.weights  # type: ignore[attr-defined]
    return {n for n, (a, b) in seen.items() if not torch.equal(a, b)}


@pytest.mark.parametrize("preset", ["fixed"])
def test_each_control_moves_its_own_quantity_only(recipe: Make, preset: str) -> None:
    made = recipe(preset)
    assert [moved(made, turn) for turn in CONTROLS] == [{"duration"}, {"pitch"}, {"energy"}]
    assert moved(made, Controls(energy=1.0), Upstream) == set()
    assert moved(made, Controls(pitch=1.0), Upstream) == {"pitch", "energy"}


def test_a_control_is_heard(recipe: Make) -> None:
    plain, louder = said(recipe()), said(recipe(), Controls(energy=2.0))
    assert torch.equal(plain.durations, louder.durations)
    assert torch.equal(plain.pitch, louder.pitch)
    assert not torch.equal(plain.after, louder.after)


def test_a_head_with_relu_gives_nothing_negative_and_a_linear_one_does(recipe: Make) -> None:
    assert float(said(recipe("old")).after.min()) == 0
    assert float(said(recipe("fixed")).after.min()) < 0
    scaled = said(recipe("fixed", {"gen.output_scale": 3.0})).before
    assert torch.allclose(scaled, 3 * said(recipe("fixed")).before, atol=1e-5)


def test_stretched_repeats_each_phoneme() -> None:
    x = torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [0.0]]])
    wide, frames = stretched(x, torch.tensor([[2, 0, 3], [1, 1, 0]]))
    assert wide[..., 0].tolist() == [[1, 1, 3, 3, 3], [4, 5, 0, 0, 0]]
    assert frames.tolist() == [5, 2]


def test_durations_are_bounded() -> None:
    mask = torch.tensor([[True, True], [True, False]])
    wild = torch.tensor([[100.0, -100.0], [-5.0, 9.0]])
    found = VarianceAdaptor.durations(wild, mask, Controls())
    assert found.tolist() == [[LONGEST, 0], [1, 0]]


def test_dropout_is_the_only_chance(recipe: Make) -> None:
    one, two = said(recipe()), said(recipe())
    assert torch.equal(one.after, two.after)
    assert not torch.equal(one.after, said(recipe(), seed=1).after)
