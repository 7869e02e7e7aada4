"""Phonemes of a run: IPA as eSpeak NG names it, ARPAbet turned into it, and what may stand in for one unheard."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from trainers.kit.errors import BadInput
from trainers.kit.reading import PAUSE

STRESS = {"ˈ": "1", "ˌ": "2"}
SILENT = {"", "sil", "sp", "spn", "pau", "<eps>", "<p:>", PAUSE}
ARPABET = {
    "AA": "ɑː", "AE": "æ", "AH": "ʌ", "AO": "ɔː", "AW": "aʊ", "AY": "aɪ", "B": "b", "CH": "tʃ", "D": "d",
    "DH": "ð", "EH": "ɛ", "ER": "ɜː", "EY": "eɪ", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "iː",
    "JH": "dʒ", "K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ", "OW": "oʊ", "OY": "ɔɪ", "P": "p", "R": "ɹ",
    "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "UH": "ʊ", "UW": "uː", "V": "v", "W": "w", "Y": "j", "Z": "z",
    "ZH": "ʒ",
}  # fmt: skip
UNSTRESSED = {"AH": "ə", "ER": "ɚ"}
# What stands in for a phoneme that a run's data lacks, the nearest first; each is said as these pieces.
NEAR: dict[str, tuple[tuple[str, ...], ...]] = {
    "ɐ": (("ə",), ("ʌ",)),
    "ə": (("ɐ",), ("ʌ",)),
    "ʌ": (("ə",), ("ɐ",)),
    "ᵻ": (("ɪ",), ("ə",)),
    "i": (("iː",), ("ɪ",)),
    "iː": (("i",), ("ɪ",)),
    "ɪ": (("ᵻ",), ("i",), ("iː",)),
    "ʊ": (("uː",), ("ə",)),
    "uː": (("ʊ",),),
    "ɾ": (("t",), ("d",)),
    "ʔ": (("t",),),
    "ɚ": (("ɜː",), ("ə", "ɹ"), ("ə",)),
    "ɜː": (("ɚ",), ("ə",)),
    "əl": (("ə", "l"),),
    "n̩": (("ə", "n"),),
    "ɑː": (("ɔː",), ("ɑːɹ",), ("æ",), ("ʌ",)),
    "ɔː": (("ɑː",), ("oː",), ("ɔːɹ",), ("oʊ",)),
    "ɔ": (("ɔː",), ("ɑː",)),
    "oː": (("ɔː",), ("oʊ",)),
    "ɒ": (("ɑː",), ("ɔː",)),
    "æ": (("ɛ",), ("ɑː",)),
    "ɛ": (("æ",), ("eɪ",)),
    "aɪ": (("ɑː", "ɪ"), ("æ", "ɪ")),
    "aʊ": (("ɑː", "ʊ"), ("æ", "uː")),
    "eɪ": (("ɛ", "ɪ"), ("ɛ",)),
    "oʊ": (("ɔː", "ʊ"), ("ɔː",)),
    "ɔɪ": (("ɔː", "ɪ"), ("oʊ", "ɪ"), ("oʊ", "i")),
    "aɪɚ": (("aɪ", "ɚ"),),
    "aɪə": (("aɪ", "ə"),),
    "iə": (("i", "ə"), ("iː", "ə")),
    "ɑːɹ": (("ɑː", "ɹ"),),
    "ɔːɹ": (("ɔː", "ɹ"),),
    "oːɹ": (("oː", "ɹ"), ("ɔːɹ",)),
    "ɛɹ": (("ɛ", "ɹ"),),
    "ɪɹ": (("ɪ", "ɹ"),),
    "ʊɹ": (("ʊ", "ɹ"),),
    "tʃ": (("t", "ʃ"),),
    "dʒ": (("d", "ʒ"), ("tʃ",)),
    "ʒ": (("dʒ",), ("ʃ",), ("z",)),
    "ʃ": (("tʃ",), ("s",)),
    "θ": (("f",), ("t",)),
    "ð": (("d",), ("v",)),
    "ŋ": (("n",),),
    "ɡ": (("k",),),
    "z": (("s",),),
    "v": (("f",),),
    "j": (("i",), ("iː",)),
    "w": (("uː",), ("ʊ",)),
    "h": ((PAUSE,),),
    "ɬ": (("l",),),
    "x": (("k",),),
    "r": (("ɹ",),),
}


def plain(symbol: str) -> str:
    """Without its mark of stress."""
    return symbol.lstrip("ˈˌ")


def from_labels(labels: Sequence[str], where: str) -> list[str]:
    """Labels of an aligner as our symbols: ARPAbet (with or without stress) is turned into IPA, IPA stays.

    Raises:
        BadInput: for a label that is neither; it names the label.
    """
    named = [label.strip() for label in labels]
    bare = [n.rstrip("012") for n in named]
    arpabet = all(b in ARPABET or n.lower() in SILENT for n, b in zip(named, bare, strict=True))
    out = []
    for name, base in zip(named, bare, strict=True):
        if name.lower() in SILENT:
            out.append(PAUSE)
        elif arpabet:
            stress = name[len(base) :]
            ipa = ARPABET[base] if stress in ("1", "2") else UNSTRESSED.get(base, ARPABET[base])
            out.append({"1": "ˈ", "2": "ˌ"}.get(stress, "") + ipa)
        elif all(unicodedata.category(c)[0] in "LM" for c in name):
            out.append(name)
        else:
            raise BadInput(f"{where}: the symbol {name!r} is neither ARPAbet nor IPA")
    return out


class Inventory:
    """The symbols of a run and their numbers; 0 is padding."""

    def __init__(self, symbols: Iterable[str]) -> None:
        self.symbols = tuple(sorted({PAUSE, *symbols}))
        self._ids = {s: i + 1 for i, s in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols) + 1

    def ids(self, phonemes: Sequence[str], where: str = "text") -> tuple[list[int], dict[str, str]]:
        """(numbers, {symbol that the run lacks: what stands in for it}).

        Raises:
            BadInput: for a phoneme that has no stand-in among the run's symbols either.
        """
        out: list[int] = []
        folded: dict[str, str] = {}
        for phoneme in phonemes:
            found = self._found(phoneme, set())
            if not found:
                raise BadInput(
                    f"{where}: the run knows no symbol for the phoneme {phoneme!r}; it has "
                    f"{len(self.symbols)}, from the texts that it was trained on: use other words, or train on more"
                )
            if found != (phoneme,):
                folded[phoneme] = " ".join(found)
            out += [self._ids[s] for s in found]
        return out, folded

    def _direct(self, symbol: str) -> tuple[str, ...]:
        """The symbol, or itself with another stress."""
        bare = plain(symbol)
        return next(((s,) for s in (symbol, bare, f"ˈ{bare}", f"ˌ{bare}") if s in self._ids), ())

    def _found(self, symbol: str, tried: set[str]) -> tuple[str, ...]:
        if direct := self._direct(symbol):
            return direct
        bare = plain(symbol)
        if bare in tried:
            return ()
        near = NEAR.get(bare, ())
        # first what stands in directly, then what stands in for a stand-in
        for deeper in (False, True):
            for pieces in near:
                each = [self._found(p, tried | {bare}) if deeper else self._direct(p) for p in pieces]
                if all(each):
                    return tuple(s for one in each for s in one)
        return ()
