"""The reporter: what a trainer calls. Each call is one event in the journal; the uplink copies the journal.

A call never waits for the network. Trouble with the journal itself (`journal.JournalFull`) is raised.
"""

from __future__ import annotations

import contextlib
import operator
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from nashboard import environment, events, journal, media, rulecodes
from nashboard.events import Event
from nashboard.vocabulary import MAX_NAME, is_name

MAX_TEXT = 16_384
ENDINGS = ("finished", "stopped", "failed")


class Reporter:
    """Journals a run in ``run_dir`` and, with a ``url``, copies it to a server.

    Args:
        run_dir: the run's folder; made where it is missing, may hold other files.
        run_id: 12 hex digits; without it that of the journal gone on with, of NASHBOARD_RUN, or a new one.
        url, token: the server; without ``url`` the journal alone is written. The token may come from
            NASHBOARD_TOKEN.
        name, project, trainer, preset, size, seed, recipe, parent, treats, total_steps, tags: what
            `events.RunStarted` says of the run.
        resumed_from: the step of the checkpoint that the run goes on from; needed (or ``resume=True``) where
            the folder already holds a journal. What is not given anew is taken over from its first line.
        command: the command line that makes this run; by default that of this process, secrets left out.
        facts: what the trainer adds to ``RunStarted.environment``, such as the hash of its evaluation set.
        stop_on: codes of rules at whose *fail* the server asks the run to stop, told as an entry of the environment.

    Raises:
        FileExistsError: when ``run_dir`` holds a journal and no resume is asked for.
        ValueError: when ``run_id`` is not that of the journal gone on with, or ``stop_on`` names no rule.
        BadAddress: when ``url`` is no server's address.
        BadEvent: when a name is too long or holds what it must not.
        JournalBusy, JournalFull, JournalError: as `Journal` does.
    """

    def __init__(
        self,
        run_dir: str | os.PathLike[str],
        *,
        run_id: str | None = None,
        url: str | None = None,
        token: str | None = None,
        name: str = "",
        project: str = "default",
        trainer: str = "",
        preset: str = "",
        size: str = "",
        seed: int | None = None,
        recipe: Mapping[str, Any] | None = None,
        parent: str | None = None,
        treats: str | None = None,
        resumed_from: int | None = None,
        total_steps: int | None = None,
        tags: Sequence[str] = (),
        resume: bool = False,
        command: Sequence[str] | None = None,
        facts: Mapping[str, Any] | None = None,
        stop_on: Sequence[str] = (),
    ) -> None:
        stops = rulecodes.once([stop_on] if isinstance(stop_on, str) else stop_on)
        if stops and (trouble := rulecodes.trouble(stops)):
            raise ValueError(f"stop_on: {trouble}")
        told = {"stop_on": stops} if stops else {}
        self.run_dir = Path(run_dir)
        self.url = _address(url)
        goes_on = journal.exists(self.run_dir)
        if goes_on and not resume and resumed_from is None:
            raise FileExistsError(
                f"{journal.path_of(self.run_dir)} is another run's journal: choose another folder, or resume"
            )
        earlier = _earlier(self.run_dir) if goes_on else events.RunStarted(run="")
        if run_id and earlier.run and run_id != earlier.run:
            raise ValueError(f"{self.run_dir} holds run {earlier.run}, which cannot go on as run {run_id}")
        self.id = run_id or earlier.run or os.environ.get("NASHBOARD_RUN") or new_id()
        self.ended: str | None = None
        self._stop = False
        self._last_step: int | None = None
        self._pid = os.getpid()
        self._names: set[str] = set()
        self._uplink: Any = None
        start = events.RunStarted(
            run=self.id,
            name=name or earlier.name,
            project=earlier.project if project == "default" else project,
            trainer=trainer or earlier.trainer,
            preset=preset or earlier.preset,
            size=size or earlier.size,
            seed=earlier.seed if seed is None else seed,
            recipe=environment.plain(recipe or earlier.recipe),
            environment=environment.facts(self.run_dir) | environment.plain(facts or {}) | told,
            command=list(command) if command is not None else environment.command(token),
            tags=list(tags) or earlier.tags,
            parent=parent or earlier.parent,
            treats=treats or earlier.treats,
            resumed_from=resumed_from,
            total_steps=earlier.total_steps if total_steps is None else total_steps,
        )
        events.check(start)
        self._journal = journal.Journal(self.run_dir)
        try:
            self._journal.append(start)
            if self._journal.repaired:
                self.log(
                    f"the journal ended in a torn line; {self._journal.repaired} bytes were cut",
                    level="warning",
                )
            if self.url:
                from nashboard.uplink import Uplink

                self._uplink = Uplink(self.run_dir, self.url, self.id, token)
        except BaseException:
            self._journal.close()
            raise

    def points(self, step: int, values: Mapping[str, float]) -> None:
        """Values of several series at one generator step; NaN and ±Inf are kept as they are.

        Raises:
            ValueError: for a name that cannot name a series.
            TypeError: for a value that is no number.
        """
        step = _step(step)
        for name in values:
            if name not in self._names:
                self._names.add(_named(name))
        floats = {k: v if type(v) is float else _float(k, v) for k, v in values.items()}
        self._last_step = step
        self._journal.append_body(events.dumps({"kind": "points", "step": step, "values": floats}))

    def audio(
        self, series: str, step: int, wave: Any, *, rate_hz: int, slot: str | int = "0", caption: str = ""
    ) -> events.SampleMade:
        """Keeps a wave as float WAV, neither normalised nor clipped, with its facts measured.

        ``wave`` has shape [samples] or [channels, samples], full scale 1.0: a list, an array, a tensor.
        """
        sound = media.as_wave(wave)
        facts = media.audio_facts(sound, rate_hz)
        return self._sample(series, step, slot, "audio", media.wav(sound, rate_hz), "wav", facts, caption)

    def image(
        self, series: str, step: int, pixels: Any, *, slot: str | int = "0", caption: str = ""
    ) -> events.SampleMade:
        """Keeps an image: the bytes of a PNG, JPEG or WebP as they are, or pixels (see `media.png`)."""
        data, ext, facts = media.as_image(pixels)
        return self._sample(series, step, slot, "image", data, ext, facts, caption)

    def _sample(
        self,
        series: str,
        step: int,
        slot: str | int,
        kind: str,
        data: bytes,
        ext: str,
        facts: Any,
        caption: str,
    ) -> events.SampleMade:
        digest = media.store(self.run_dir, data, ext)
        event = events.SampleMade(
            step=_step(step),
            series=_named(series),
            slot=str(slot),
            media=kind,
            sha256=digest,
            ext=ext,
            size=len(data),
            facts=facts,
            caption=caption,
        )
        self._last_step = event.step
        stamped = self._journal.append(event)
        assert isinstance(stamped, events.SampleMade)
        return stamped

    def distribution(self, series: str, step: int, edges: Sequence[float], counts: Sequence[float]) -> None:
        """A histogram: one more edge than counts. `media.histogram` makes one of values."""
        bins = [_float(series, v) for v in edges], [_float(series, v) for v in counts]
        self._append(
            events.Distribution(step=_step(step), series=_named(series), edges=bins[0], counts=bins[1])
        )

    def table(self, name: str, step: int, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Rows at a step: a scatter, verdicts, skipped files."""
        cells = [environment.plain(list(row)) for row in rows]
        self._append(events.Table(step=_step(step), name=name, columns=[str(c) for c in columns], rows=cells))

    def mark(self, step: int, name: str, label: str = "") -> None:
        """Something happened at a step: a phase starts, the learning rate drops."""
        self._append(events.Mark(step=_step(step), name=name, label=label))

    def note(self, text: str, step: int | None = None) -> None:
        self._append(events.NoteWritten(text=_short(text), step=None if step is None else _step(step)))

    def log(self, text: str, *, stream: str = "log", level: str = "info") -> None:
        """Lines of the console, one event each."""
        for line in str(text).splitlines() or [""]:
            self._append(events.LogLine(text=_short(line), stream=stream, level=level))

    def checkpoint(
        self,
        step: int,
        path: str | os.PathLike[str],
        *,
        best: Mapping[str, float] | None = None,
        kept: Sequence[str | os.PathLike[str]] = (),
    ) -> None:
        """A checkpoint was written at ``path``; ``kept`` are the paths that retention left, this one too.

        ``best`` names the series by which it is the best so far. Paths are kept absolute.
        """
        self._append(
            events.CheckpointSaved(
                step=_step(step),
                path=os.path.abspath(path),
                size=_size(path),
                best={_named(k): _float(k, v) for k, v in (best or {}).items()},
                kept=[os.path.abspath(p) for p in kept],
            )
        )

    def _append(self, event: Event) -> None:
        step = getattr(event, "step", None)
        if isinstance(step, int):
            self._last_step = step
        self._journal.append(event)

    @property
    def stop_requested(self) -> bool:
        """Whether the run shall end after this step: asked for on the page, or by `request_stop`."""
        return self._stop or (self._uplink is not None and self._uplink.stop_requested)

    def request_stop(self) -> None:
        """Asks for an orderly end, as a handler of SIGTERM or Ctrl-C does."""
        self._stop = True

    def flush(self, timeout: float = 10.0) -> bool:
        """Waits up to ``timeout`` seconds until the server has all that was reported; True when offline."""
        return self._uplink is None or self._uplink.flush(timeout)

    def finish(
        self, status: str = "finished", reason: str = "", step: int | None = None, timeout: float = 10.0
    ) -> None:
        """Ends the run: the journal's last line, then up to ``timeout`` seconds to send what is left.

        Only the first call counts. In a forked child it does nothing.
        """
        if status not in ENDINGS:
            raise ValueError(f"a run ends as one of {', '.join(ENDINGS)}, not {status!r}")
        if self.ended is not None or os.getpid() != self._pid:
            return
        last = self._last_step if step is None else _step(step)
        self.ended = status
        try:
            self._journal.end(events.RunEnded(status=status, reason=_short(reason), step=last))
        finally:
            if self._uplink is not None:
                self._uplink.close(timeout)

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(*ending(problem))


def _earlier(run_dir: Path) -> events.RunStarted:
    """What the journal gone on with begins with; nothing where a crash tore its very first line."""
    if next(journal.read(run_dir), None) is None:
        return events.RunStarted(run="")
    return journal.started(run_dir)


def _address(url: str | None) -> str:
    """The server's address, looked at before anything is written; "" without one."""
    if not url:
        return ""
    from nashboard.client import address  # urllib takes 30 ms to import: who stays offline does not pay it

    return address(url)


def ending(problem: BaseException | None) -> tuple[str, str]:
    """(status, reason) of a run that ended with this exception, or with none."""
    if problem is None or (isinstance(problem, SystemExit) and not problem.code):
        return "finished", ""
    if isinstance(problem, KeyboardInterrupt):
        return "stopped", "interrupted from the keyboard"
    return "failed", f"{type(problem).__name__}: {problem}"


def new_id() -> str:
    """A run's id: 12 hex digits."""
    return secrets.token_hex(6)


def _named(name: str) -> str:
    if not isinstance(name, str) or not is_name(name):
        raise ValueError(
            f"{name!r:.80} cannot name a series: letters, digits and _.:+@%()- in parts split by '/', "
            f"at most {MAX_NAME} characters"
        )
    return name


def _float(name: str, value: Any) -> float:
    """A number, or what float() takes (numpy scalars, tensors of one element), as a float."""
    if isinstance(value, str | bytes):
        raise TypeError(f"{name}: {value!r:.80} is text, not a number; a note or a log line holds text")
    detach = getattr(value, "detach", None)  # a tensor that is part of a graph warns when it is read
    try:
        return float(detach() if callable(detach) else value)
    except (TypeError, ValueError, RuntimeError, OverflowError) as problem:
        raise TypeError(f"{name}: {value!r:.80} is not one number ({problem})") from None


def _step(step: Any) -> int:
    try:
        number = operator.index(step)
    except TypeError:
        raise TypeError(f"a step is a whole number, not {step!r:.80}") from None
    if not -(2**53) <= number <= 2**53:
        raise ValueError(f"step {number!r:.80} is out of range")
    return number


def _short(text: str) -> str:
    text = str(text)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} … ({len(text) - MAX_TEXT} more characters)"


def _size(path: str | os.PathLike[str]) -> int:
    """Bytes of a file or of all files in a folder; 0 where there is none."""
    with contextlib.suppress(OSError):
        place = Path(path)
        if place.is_dir():
            return sum(p.stat().st_size for p in place.rglob("*") if p.is_file())
        return place.stat().st_size
    return 0
