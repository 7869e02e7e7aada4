"""A member of a team that has nothing to do: it says that it is there and waits. Needs no torch."""

import os
import time
from collections.abc import Sequence
from pathlib import Path


def main(words: Sequence[str]) -> int:
    """Writes a file named by its rank into the folder ``words[0]``."""
    (Path(words[0]) / os.environ["RANK"]).touch()
    time.sleep(600)
    return 0
