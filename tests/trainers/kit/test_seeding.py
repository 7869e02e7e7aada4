"""Random numbers go on where they were, in every library."""

import random

import numpy as np
import torch

from trainers.kit.seeding import rng_state, seed_all, set_rng_state


def draw() -> list[float]:
    return [random.random(), random.gauss(), np.random.rand(), np.random.randn(), torch.rand(()).item()]


def test_a_seed_fixes_every_library() -> None:
    seed_all(5)
    first = draw()
    seed_all(5)
    assert draw() == first
    seed_all(6)
    assert all(a != b for a, b in zip(draw(), first, strict=True))


def test_the_state_goes_on_even_between_two_gaussians() -> None:
    seed_all(1)
    draw()
    state = rng_state()
    after = draw()
    draw()
    set_rng_state(state)
    assert draw() == after
