"""For any script: ``run = nashboard.init(); run.log({"loss/gen": 1.0}); run.finish()``."""

from __future__ import annotations

import atexit
import os
import re
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, ClassVar

from nashboard import environment, journal
from nashboard.reporter import Reporter, ending, new_id
from nashboard.telling import say

FOLDER = "runs"
AT_EXIT_S = 5.0


class Run:
    """A run of a script, made by `init`. A context manager: an exception inside ends it as failed.

    SIGTERM ends it as stopped, with exit status 143, unless the script has a handler of its own when the run begins.
    """

    _signal: ClassVar[str] = ""  # why the process ends; every run of it ends so

    def __init__(self, reporter: Reporter, step: int = 0) -> None:
        self.reporter = reporter
        self._step = step
        self._before = getattr(sys, "last_value", None)
        self._process = os.getpid()
        self._listens = _free_for_us()
        if self._listens:
            signal.signal(signal.SIGTERM, self._on_sigterm)
        atexit.register(self._at_exit)

    @property
    def id(self) -> str:
        return self.reporter.id

    @property
    def dir(self) -> Path:
        return self.reporter.run_dir

    @property
    def url(self) -> str:
        """The run's page, or "" where the run is offline."""
        return f"{self.reporter.url}/runs/{self.id}" if self.reporter.url else ""

    @property
    def stop_requested(self) -> bool:
        """Whether somebody pressed Stop on the page: end the loop and call `finish`."""
        return self.reporter.stop_requested

    def log(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Values of several series at a step; without ``step`` the one after the last."""
        at = self._step if step is None else step
        self.reporter.points(at, values)
        self._step = int(at) + 1

    def _at(self, step: int | None) -> int:
        return max(self._step - 1, 0) if step is None else step

    def audio(
        self,
        series: str,
        wave: Any,
        *,
        rate_hz: int,
        step: int | None = None,
        slot: str | int = "0",
        caption: str = "",
    ) -> None:
        """A wave of shape [samples] or [channels, samples]; without ``step`` at that of the last `log`."""
        self.reporter.audio(series, self._at(step), wave, rate_hz=rate_hz, slot=slot, caption=caption)

    def image(
        self, series: str, pixels: Any, *, step: int | None = None, slot: str | int = "0", caption: str = ""
    ) -> None:
        """An image (see `media.png`); without ``step`` at that of the last `log`."""
        self.reporter.image(series, self._at(step), pixels, slot=slot, caption=caption)

    def note(self, text: str, step: int | None = None) -> None:
        self.reporter.note(text, step)

    def finish(self, status: str = "finished", reason: str = "") -> None:
        """Ends the run and sends what is left. Only the first call counts."""
        atexit.unregister(self._at_exit)
        self._let_go()
        if self._signal:
            status, reason = "stopped", self._signal
        self.reporter.finish(status, reason)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(*ending(problem))

    def _on_sigterm(self, number: int, _frame: FrameType | None) -> None:
        """Ended from outside: unwind as an exit does, so that the run ends as stopped and its last lines are sent."""
        if os.getpid() != self._process:  # a forked child has our handler, but no run
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        Run._signal = "ended by SIGTERM"
        signal.signal(number, signal.SIG_DFL)  # a second one ends at once
        raise SystemExit(128 + number)

    def _let_go(self) -> None:
        """Give SIGTERM back, where it is still ours to give."""
        if self._listens and threading.current_thread() is threading.main_thread():
            # bound methods are made anew at each look, so they are compared, not identified
            if signal.getsignal(signal.SIGTERM) == self._on_sigterm:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._listens = False

    def _at_exit(self) -> None:
        """The script ended without `finish`: by its last line, or by an exception that nobody caught."""
        last = getattr(sys, "last_value", None)
        died = last if last is not self._before and not hasattr(sys, "ps1") else None
        status, reason = ("stopped", self._signal) if self._signal else ending(died)
        try:
            self.reporter.finish(status, reason, timeout=AT_EXIT_S)
        except OSError as problem:
            say(str(problem))


def init(
    project: str = "default",
    name: str = "",
    config: Any = None,
    dir: str | os.PathLike[str] | None = None,
    url: str | None = None,
    token: str | None = None,
    id: str | None = None,
    tags: Sequence[str] = (),
    resume: bool = False,
    stop_on: Sequence[str] = (),
) -> Run:
    """Begins a run and returns it. A script that ends without `Run.finish` has its run ended at exit.

    Args:
        project, name, tags: how the run is found again.
        config: what the run was made with: a dict, a dataclass, an argparse.Namespace.
        dir: the run's folder; by default ``runs/`` and the name or id; a number is added where it is taken.
        url: the server, by default NASHBOARD_URL; without either the run is offline, and
            ``python -m nashboard push DIR --to URL`` sends it later.
        token: the server's token, by default NASHBOARD_TOKEN.
        id: the run's id, by default NASHBOARD_RUN or a new one.
        resume: go on with the run that is in the folder.
        stop_on: codes of the doctor's rules, such as "nonfinite": when one says *fail*, `Run.stop_requested` turns true.

    Raises:
        FileExistsError: when ``dir`` holds a run and ``resume`` is not set.
        FileNotFoundError: when ``resume`` is set and there is no run to go on with.
        BadAddress, BadEvent, JournalError: as `Reporter` does.
    """
    recipe = environment.plain({} if config is None else config)
    if not isinstance(recipe, dict):
        raise TypeError(f"config is a dict, a dataclass or a namespace, not {config!r:.80}")
    run_id = id or (None if resume else os.environ.get("NASHBOARD_RUN") or new_id())
    if dir is not None:
        folder = Path(dir)
    elif resume:
        if not (name or id):
            raise ValueError("resume needs to know which run: give its dir, its name or its id")
        folder = Path(FOLDER) / _folder_name(name or id or "")
    else:
        folder = _free(Path(FOLDER) / _folder_name(name or run_id or ""))
    if resume and not journal.exists(folder):
        raise FileNotFoundError(f"{folder} holds no run to go on with: leave resume out, or give its dir")
    last = journal.last_step(folder) if resume else None
    reporter = Reporter(
        folder,
        run_id=run_id,
        url=url or os.environ.get("NASHBOARD_URL") or None,
        token=token,
        name=name,
        project=project,
        recipe=recipe,
        tags=[tags] if isinstance(tags, str) else tags,
        resume=resume,
        resumed_from=last,
        stop_on=stop_on,
    )
    return Run(reporter, 0 if last is None else last + 1)


def _free_for_us() -> bool:
    """Whether SIGTERM may be listened to: from the main thread, and where the script has no handler of its own."""
    main = threading.current_thread() is threading.main_thread()
    return main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def _folder_name(name: str) -> str:
    return re.sub(r"[^\w.+@-]+", "-", name).strip("-.")[:100] or "run"


def _free(folder: Path) -> Path:
    """``folder``, or the first of folder-2, folder-3, … that nobody has; made at once, so that it is ours."""
    number, place = 1, folder
    while True:
        try:
            place.mkdir(parents=True)
            return place
        except FileExistsError:
            number += 1
            place = folder.with_name(f"{folder.name}-{number}")
        except OSError as problem:
            raise journal.JournalError(
                problem.errno,
                f"{place}: the run's folder cannot be made ({problem.strerror}); give another dir",
            ) from problem
