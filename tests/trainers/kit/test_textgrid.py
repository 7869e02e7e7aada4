"""TextGrids in both forms, and what is none."""

from pathlib import Path

import pytest

from trainers.kit.errors import BadInput
from trainers.kit.textgrid import intervals

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1.5
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 1.5
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 1.5
            text = "a ""quoted"" 3"
    item [2]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 1.5
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = "AH0"
        intervals [2]:
            xmin = 0.5
            xmax = 1.5
            text = ""
"""
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
1.5
<exists>
1
"IntervalTier"
"phones"
0
1.5
2
0
0.5
"AH0"
0.5
1.5
""
"""
WANTED = [(0.0, 0.5, "AH0"), (0.5, 1.5, "")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("text", [LONG, SHORT])
def test_both_forms(text: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.TextGrid"
    path.write_text(text, encoding)
    assert intervals(path) == WANTED


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("hello", "is no TextGrid"),
        (SHORT.replace('"phones"', '"words"'), r"no tier named phones .*tiers: words"),
        (SHORT.replace("AH0", ""), "the tier 'phones' of the TextGrid is empty"),
        (SHORT.replace("0.5\n1.5", "0.4\n0.2"), "does not follow"),
        (SHORT[: SHORT.index('"AH0"')], "announces 2 intervals and breaks off"),
        (SHORT[: SHORT.index('"phones"')], "breaks off in a tier's head"),
    ],
)
def test_what_is_none_is_named(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.TextGrid"
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput, match=told) as caught:
        intervals(path)
    assert "bad.TextGrid" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        intervals(tmp_path / "none.TextGrid")
