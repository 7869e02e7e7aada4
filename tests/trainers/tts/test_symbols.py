"""Symbols: ARPAbet becomes IPA, unheard phonemes are stood in for, and what is neither is named."""

import pytest

from trainers.kit.errors import BadInput
from trainers.kit.reading import PAUSE
from trainers.tts.symbols import ARPABET, NEAR, Inventory, from_labels


def test_arpabet_becomes_ipa_with_stress() -> None:
    labels = ["sil", "HH", "AH0", "L", "OW1", "", "W", "ER2", "sp"]
    assert from_labels(labels, "x") == [PAUSE, "h", "ə", "l", "ˈoʊ", PAUSE, "w", "ˌɜː", PAUSE]
    assert from_labels(["h", "ə", "ˈoʊ", "tʃ"], "x") == ["h", "ə", "ˈoʊ", "tʃ"]


def test_what_is_neither_is_named() -> None:
    with pytest.raises(BadInput, match=r"a\.TextGrid: the symbol '\?\?' is neither"):
        from_labels(["HH", "??"], "a.TextGrid")


def test_every_arpabet_symbol_can_be_said_by_an_inventory_of_them() -> None:
    inventory = Inventory(ARPABET.values())
    for symbol in [*NEAR, "ˈɔːɹ", "ˌiə", "ˈaɪɚ"]:
        ids, _ = inventory.ids([symbol])
        assert ids, symbol


def test_stand_ins_are_told() -> None:
    inventory = Inventory(["ˈɛ", "t", "ə", "ɹ"])
    ids, folded = inventory.ids(["ɛ", "t", "ɾ", "ɚ"])
    assert folded == {"ɛ": "ˈɛ", "ɾ": "t", "ɚ": "ə ɹ"}
    assert [inventory.symbols[i - 1] for i in ids] == ["ˈɛ", "t", "t", "ə", "ɹ"]
    with pytest.raises(BadInput, match="no symbol for the phoneme 'm'"):
        inventory.ids(["m"])
    assert 0 not in inventory.ids(list(inventory.symbols))[0]
