"""What a run says: the console copied into the journal, and many device scalars fetched at once."""

from __future__ import annotations

import io
import math
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import BinaryIO, TextIO

from torch import Tensor

from trainers.kit import stats

Say = Callable[[str, str], None]
Bad = tuple[int, str, float]  # (step, term, value) that is no finite number
RANKS = "ranks/"
OWN = {"loss/gen": "ranks/loss_gen", "loss/disc": "ranks/loss_disc", "speed/data_wait": "ranks/data_wait"}


class _Copied(io.TextIOBase):
    """A stream that writes to another one and hands whole lines on; a bar's ``\\r`` keeps its last state."""

    def __init__(self, stream: TextIO, name: str, say: Say, busy: threading.local) -> None:
        self._stream, self._name, self._say, self._busy = stream, name, say, busy
        self._rest = ""

    def write(self, text: str) -> int:
        written = self._stream.write(text)
        if not getattr(self._busy, "on", False):
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self.say(line)
        return written

    def say(self, line: str) -> None:
        # what the journal itself prints must not come back to it
        self._busy.on = True
        try:
            self._say(line.rstrip("\r").rsplit("\r", 1)[-1], self._name)
        except OSError:
            pass  # the line is on the console; that the journal is full, the loop's next event says loudly
        finally:
            self._busy.on = False

    def finish(self) -> None:
        if self._rest:
            self.say(self._rest)
            self._rest = ""

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def buffer(self) -> BinaryIO:
        return self._stream.buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding


class Console:
    """While entered, each line that Python code prints goes to ``say(line, "stdout" or "stderr")`` too."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._before: tuple[TextIO, TextIO] | None = None

    def __enter__(self) -> Console:
        busy = threading.local()
        self._before = sys.stdout, sys.stderr
        sys.stdout = _Copied(sys.stdout, "stdout", self._say, busy)
        sys.stderr = _Copied(sys.stderr, "stderr", self._say, busy)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        copies = sys.stdout, sys.stderr
        assert self._before is not None
        sys.stdout, sys.stderr = self._before
        for copy in copies:
            if isinstance(copy, _Copied):
                copy.finish()


class Window:
    """The losses of the steps since the last report, kept on their device until then."""

    def __init__(self) -> None:
        self._steps: list[int] = []
        self._rows: list[dict[str, Tensor]] = []

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, step: int, terms: Mapping[str, Tensor]) -> None:
        """One step's scalars; costs no transfer."""
        self._steps.append(step)
        self._rows.append({name: value.detach() for name, value in terms.items()})

    def read(self, values: Mapping[str, Tensor | float]) -> tuple[dict[str, float], Bad | None]:
        """(means over the window with ``values``, the first (step, term, value) not finite); empties it.

        One transfer for all. A term that only some steps have is averaged over those; ``values`` win over
        a term of the same name.
        """
        steps, rows = self._steps, self._rows
        self._steps, self._rows = [], []
        places = {
            f"{i} {name}": (step, name)
            for i, (step, row) in enumerate(zip(steps, rows, strict=True))
            for name in row
        }
        terms = {f"{i} {name}": value for i, row in enumerate(rows) for name, value in row.items()}
        fetched = stats.read({**terms, **{f" {name}": value for name, value in values.items()}})
        sums: dict[str, list[float]] = {}
        bad = None
        for key, (step, name) in places.items():
            value = fetched[key]
            sums.setdefault(name, []).append(value)
            # of one step's terms the total comes last: it is bad because another one is
            total = bad is not None and bad[:2] == (step, "loss/gen")
            if not math.isfinite(value) and (bad is None or total):
                bad = (step, name, value)
        means = {name: sum(found) / len(found) for name, found in sums.items()}
        return means | {name: fetched[f" {name}"] for name in values}, bad


def over_ranks(told: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """What several processes report, as one: means over those that have a value, and ``ranks/NAME.RANK``.

    What is named ``ranks/NAME`` has no mean; losses and the share of waiting are told for each process too.
    """
    found: dict[str, float] = {}
    for name in dict.fromkeys(name for values in told for name in values):
        have = [values[name] for values in told if name in values]
        if not name.startswith(RANKS):
            found[name] = sum(have) / len(have)
    for rank, values in enumerate(told):
        own = {OWN[n]: v for n, v in values.items() if n in OWN}
        own |= {n: v for n, v in values.items() if n.startswith(RANKS)}
        found |= {f"{name}.{rank}": value for name, value in own.items()}
    return found
