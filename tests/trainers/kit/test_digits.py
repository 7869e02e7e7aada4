"""The demo images: scikit-learn's digits, coloured the same way each time, without scikit-learn's import."""

import sys

import numpy as np
import pytest

from trainers.kit import digits
from trainers.kit.errors import BadInput


def test_the_digits_in_colour() -> None:
    found = digits.load()
    assert found.train.pixels.shape == (1797, 3, 32, 32)
    assert np.bincount(found.train.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert 15 < found.train.pixels.min() < found.train.pixels.max() < 240
    assert (found.train.pixels[:, 0] != found.train.pixels[:, 1]).any()
    assert (digits.load().train.pixels == found.train.pixels).all()
    assert "sklearn" not in sys.modules


def test_without_the_package_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"scikit-learn's digits.*pip install scikit-learn.*data\.root=DIR"):
        digits.load()
