"""One run's trainer, from its start to its end: spawn it, watch it, stop it, and say how it ended.

The trainer is a process in its own session that the kernel kills when its supervisor dies: no device is ever
used by a trainer that nobody watches. What it prints goes to ``run_dir/console.log``. Where it dies without
ending its run, the run is ended here: in the journal, by the line that it would have written itself.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from sqlalchemy.exc import SQLAlchemyError

from app import db, launching, runs, stopping
from app.errors import Problem
from app.models import Run
from app.settings import Settings, get_settings
from nashboard import events, journal, push
from nashboard.client import Trouble
from recipes.base import BadRecipe
from recipes.command import command as command_line
from worker import console, devices, leases, process
from worker.settings import WorkerSettings, worker_settings

log = logging.getLogger("nashboard.worker")
ROOT = Path(__file__).resolve().parent.parent
SECRET = ("DATABASE_URL", "REDIS_URL", "NASHBOARD_DATABASE_URL", "NASHBOARD_REDIS_URL")
LOG = "console.log"


@dataclass
class Watch:
    """A trainer that runs, and what its end will be judged by."""

    run_dir: Path
    process: Popen[bytes]
    console_from: int
    lines_before: int
    stop_seen: float = 0.0
    asked: str = ""
    asked_at: float = 0.0
    killed: bool = False

    @property
    def silent(self) -> bool:
        """Whether the trainer has not written to its journal yet, so that no receipt can reach it."""
        return console.ending(self.run_dir).lines <= self.lines_before


def supervise(held: leases.Claim, ending: Callable[[], bool]) -> str:
    """Run the trainer of a claimed run to its end; the status that the run ended with.

    ``ending`` says whether this worker is shutting down: then the trainer is stopped as by the button.
    """
    own, settings = worker_settings(), get_settings()
    try:
        watch = _start(held, own, settings)
    except (OSError, BadRecipe, Problem) as problem:
        return _say(held, "failed", f"its trainer could not be started: {problem}")
    _watch(held, watch, own, ending)
    code = process.reap(watch.process)
    log.info("run %s: trainer %d ended with %d", held.run_id, watch.process.pid, code)
    return settle(held, watch, code, own, settings)


def _start(held: leases.Claim, own: WorkerSettings, settings: Settings) -> Watch:
    with db.reading() as session:
        run = runs.get(session, held.run_id)
    run_dir = Path(run.run_dir) if run.run_dir else settings.runs_dir / run.id
    run_dir.mkdir(parents=True, exist_ok=True)
    recipe = launching.recipe_of(run)
    before = console.ending(run_dir).lines
    resume = run.resume or (str(run_dir) if before else None)
    device = "cpu" if held.device == "cpu" else "cuda:0"
    words = command_line(recipe, run_dir=str(run_dir), url=own.server, device=device, resume=resume)
    command = [*(own.trainer_command or [sys.executable, "-m", "trainers"]), *words]
    with (run_dir / LOG).open("ab") as out:
        out.write(f"$ python -m trainers {shlex.join(words)}\n".encode())
        out.flush()
        started = process.spawn(command, env=environment(run, held, settings), log=out, cwd=ROOT)
        begin = out.tell()
    with db.transaction() as session:
        kept = runs.get(session, held.run_id, lock=True)
        kept.run_dir, kept.command = str(run_dir), ["python", "-m", "trainers", *words]
    log.info("run %s: trainer %d on %s with %d threads", run.id, started.pid, held.slot, held.threads)
    return Watch(run_dir, started, begin, before)


def environment(run: Run, held: leases.Claim, settings: Settings) -> dict[str, str]:
    """The trainer's environment: its run and device, and neither database nor broker."""
    env = {k: v for k, v in os.environ.items() if k not in SECRET and not k.startswith("NASHBOARD_WORKER_")}
    said = {
        "NASHBOARD_RUN": run.id,
        "NASHBOARD_NAME": run.name,
        "NASHBOARD_PROJECT": run.project,
        "NASHBOARD_PARENT": run.parent or "",
        "NASHBOARD_TREATS": run.treats or "",
        "NASHBOARD_TOKEN": settings.token,
        "CUDA_VISIBLE_DEVICES": devices.visible_name(held.device),
        "OMP_NUM_THREADS": str(held.threads),
        "PYTHONUNBUFFERED": "1",
    }
    for name in ("NASHBOARD_PARENT", "NASHBOARD_TREATS", "NASHBOARD_TOKEN"):
        if not said[name]:
            env.pop(name, None)
            del said[name]
    return {**env, **said}


def _watch(held: leases.Claim, watch: Watch, own: WorkerSettings, ending: Callable[[], bool]) -> None:
    """Until the trainer has ended: renew the lease, look for a wish to stop, kill after the grace."""
    next_look = next_renewal = 0.0
    blind = False
    while not process.has_exited(watch.process):
        now = time.monotonic()
        if not watch.asked and ending():
            _ask(watch, "the worker was shut down")
        if now >= next_look:
            next_look = now + own.poll_s
            try:
                status, stop = leases.wanted(held.run_id)
                if now >= next_renewal:
                    next_renewal = now + own.lease_s / 6
                    leases.renew(held)
                blind = False
            except SQLAlchemyError as problem:  # the database is away: the trainer goes on, we look again
                if not blind:
                    log.warning("run %s: the database does not answer: %s", held.run_id, problem)
                blind = True
                status, stop = "", False
            if stop and not watch.asked:
                watch.stop_seen = watch.stop_seen or now
                late = now >= watch.stop_seen + own.receipt_s
                if late or status == "deleted" or watch.silent:
                    _ask(watch, "the run was deleted" if status == "deleted" else "it was asked to stop")
        if watch.asked and now > watch.asked_at + own.grace_s and not watch.killed:
            log.warning("run %s: still there %g s after SIGTERM, killed", held.run_id, own.grace_s)
            watch.killed = True
            process.kill_group(watch.process)
        time.sleep(min(0.1, own.poll_s))


def _ask(watch: Watch, why: str) -> None:
    watch.asked, watch.asked_at = why, time.monotonic()
    process.tell(watch.process, signal.SIGTERM)


def settle(held: leases.Claim, watch: Watch, code: int, own: WorkerSettings, settings: Settings) -> str:
    """See to it that journal, server and database say how the run ended; its status."""
    now = console.ending(watch.run_dir)
    said = now.ended if now.lines > watch.lines_before else None
    if said is None:
        status, reason = verdict(watch, code, own.grace_s)
        said = events.RunEnded(status=status, reason=reason)
        if now.lines:
            _write_end(watch, said)
    elif watch.asked and said.status == "stopped":  # the trainer knows the signal, we know why it was sent
        reason = f"{watch.asked} ({said.reason})" if said.reason else watch.asked
    else:
        reason = said.reason
    _say(held, said.status, reason)  # at once: the server may be slow to answer, or away
    _push(held.run_id, watch.run_dir, own, settings)
    return _say(held, said.status, reason)


def verdict(watch: Watch, code: int, grace_s: float) -> tuple[str, str]:
    """(status, reason) of a trainer that has not said itself how its run ended."""
    lines = console.last_lines(watch.run_dir / LOG, watch.console_from)
    if code == 2 and not watch.asked:
        return "failed", lines[-1] if lines else "the trainer refused its command line and said nothing"
    if watch.killed:
        return (
            "stopped",
            f"killed: {watch.asked}, and {grace_s:g} s later it was still there; unsaved steps are lost",
        )
    if watch.asked:
        return "stopped", f"{watch.asked} before it had begun" if code else watch.asked
    if code < 0:
        name = signal.Signals(-code).name if -code in list(signal.Signals) else f"signal {-code}"
        hint = " (by hand, or because memory ran out)" if -code == signal.SIGKILL else ""
        reason = f"the trainer was killed by {name}{hint}"
    else:
        reason = f"the trainer exited with status {code} without ending its run"
    return "failed", "\n".join(
        [reason, *(["last lines:", *lines[-20:]] if lines else ["it had printed nothing"])]
    )


def _write_end(watch: Watch, said: events.RunEnded) -> None:
    """The end, and the console's last lines, into the journal that the trainer left open."""
    try:
        with journal.Journal(watch.run_dir) as book:
            for line in console.last_lines(watch.run_dir / LOG, watch.console_from):
                book.append(events.LogLine(text=line, stream="stderr"))
            book.append(said)
    except OSError as problem:
        log.warning("%s: the end could not be written to the journal: %s", watch.run_dir, problem)


def _push(run_id: str, run_dir: Path, own: WorkerSettings, settings: Settings) -> None:
    """Bring the server what the trainer could not send any more; a server that is away gets it later."""
    lines = console.ending(run_dir).lines
    with db.reading() as session:
        held = session.get(Run, run_id)
    if held is None or lines <= held.next_seq:
        return
    try:
        push(run_dir, own.server, settings.token or None)
    except (OSError, ValueError, Trouble) as problem:
        log.warning("run %s: its last events could not be sent: %s", run_id, problem)


def _say(held: leases.Claim, status: str, reason: str) -> str:
    """The end in the database, where the server has not filed it already."""
    with db.transaction() as session:
        run = session.get(Run, held.run_id, with_for_update=True)
        if run is None:
            return "deleted"
        if run.task != held.task:  # resumed already: the next attempt is none of ours
            return run.status
        reason = stopping.reason(session, run, status, reason)
        if not runs.ended(run) or run.status == "lost":
            runs.set_status(session, run, status, reason)
        elif run.status == status:
            run.reason = db.clean(reason)
        return run.status
