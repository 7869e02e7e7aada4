from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nashboard.receipt import BadReceipt, Receipt

DIGESTS = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)


@given(st.builds(Receipt, st.integers(0, 2**53), st.booleans(), st.lists(DIGESTS, max_size=3)))
def test_a_receipt_is_read_as_it_was_written(receipt: Receipt) -> None:
    assert Receipt.from_dict(receipt.to_dict()) == receipt
    assert Receipt.from_dict({**receipt.to_dict(), "mood": "good"}) == receipt


def test_what_is_left_out_is_no_and_nothing() -> None:
    assert Receipt.from_dict({"next_seq": 3}) == Receipt(3, False, [])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "a receipt is a JSON object, not list"),
        ({}, "next_seq must be a whole number from 0, not None"),
        ({"next_seq": -1}, "not -1"),
        ({"next_seq": True}, "not True"),
        ({"next_seq": 1.0}, "not 1.0"),
        ({"next_seq": 1, "stop": "no"}, "stop must be true or false, not 'no'"),
        ({"next_seq": 1, "wants": "all"}, "wants must be a list of sha256 digests"),
        ({"next_seq": 1, "wants": ["../../etc/passwd"]}, "wants must be a list of sha256 digests"),
    ],
)
def test_anything_else_is_no_receipt(data: Any, message: str) -> None:
    with pytest.raises(BadReceipt, match=message):
        Receipt.from_dict(data)
