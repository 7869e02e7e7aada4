"""The webhook: who asked for it is told when a run ends and when the doctor first says fail.

What happens and that it has to be told are one transaction (a row of `app.tables_notices`); a thread of the server
sends it afterwards, with retries, so that neither training nor ingest ever waits for somebody else's server.
Payload, signature and retries: docs/notifications.md. ``python -m app.webhooks`` sends a test and says what came of it.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time as clock
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app import db
from app.models import Run
from app.posting import Told, post
from app.settings import BadSettings, Settings, get_settings, load
from app.tables_notices import Notice

log = logging.getLogger("nashboard.server")
ENDED, FAIL, TEST = "run.ended", "doctor.fail", "test"
BACK_OFF_S = (10.0, 60.0, 300.0, 1800.0, 7200.0)
HELD_S = 60.0
KEPT_S = 7 * 24 * 3600.0
LOOK_S = 5.0
_rung = threading.Event()


def ended(session: Session, run: Run, now: float) -> None:
    """A run has ended, in this transaction."""
    _note(session, run, ENDED, now, {})


def diagnosed(session: Session, run_id: str, before: str, verdict: str, worst: str) -> None:
    """The doctor has looked, in this transaction; only that it says fail where it did not is told."""
    if verdict == "fail" and before != "fail" and (run := session.get(Run, run_id)) is not None:
        _note(session, run, FAIL, clock.time(), {"finding": worst})


def _note(session: Session, run: Run, event: str, now: float, more: dict[str, Any]) -> None:
    settings = get_settings()
    if not settings.webhook or event not in settings.webhook_events:
        return
    session.add(Notice(run_id=run.id, event=event, body=payload(event, run, now, more), made=now, due=now))
    db.after_commit(session, _rung.set)


def payload(event: str, run: Run | None, now: float, more: dict[str, Any]) -> dict[str, Any]:
    """What is sent: no recipe, no notes, no paths, no text of an error, as these go to somebody else's machine."""
    told: dict[str, Any] = {"event": event, "time": round(now, 3)}
    if run is not None:
        told["run"] = {
            "id": run.id, "name": run.name, "project": run.project, "trainer": run.trainer,
            "status": run.status, "step": run.last_step, "path": f"/runs/{run.id}",
        }  # fmt: skip
    return told | more


def try_out(settings: Settings | None = None) -> Told:
    """Send a test message now, once; what came of it."""
    settings = settings or get_settings()
    if not settings.webhook:
        return Told(False, 0, "no webhook is set: give its address in NASHBOARD_WEBHOOK and start again")
    body = payload(TEST, None, clock.time(), {})
    return post(settings.webhook, body, "test", settings.webhook_secret, settings.webhook_link_local)


def recent(limit: int = 20) -> list[Notice]:
    """The newest notices, with what came of them."""
    with db.reading() as session:
        return list(session.scalars(select(Notice).order_by(Notice.id.desc()).limit(limit)))


class Messenger(threading.Thread):
    """Sends what is due until `stop`; with no webhook set it does nothing at all."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="webhook", daemon=True)
        self.settings = settings
        self._end = threading.Event()

    def run(self) -> None:
        while self.settings.webhook and not self._end.is_set():
            try:
                self.once()
            except DBAPIError as problem:  # the database may come back; the next round tries again
                log.warning("the webhook waits for the database: %s", " ".join(str(problem.orig).split()))
            _rung.wait(LOOK_S)
            _rung.clear()

    def once(self, now: float | None = None) -> int:
        """Send all that is due; how many were sent with success."""
        now = clock.time() if now is None else now
        due = (
            select(Notice.id)
            .where(Notice.state == "waiting", Notice.due <= now)
            .order_by(Notice.id)
            .limit(50)
        )
        with db.reading() as session:
            ids = list(session.scalars(due))
        return sum(self._one(notice_id, now) for notice_id in ids if not self._end.is_set())

    def _one(self, notice_id: int, now: float) -> bool:
        mine = (Notice.id == notice_id, Notice.state == "waiting", Notice.due <= now)
        with db.transaction() as session:  # whoever moves it on has it: another server passes it over
            held = session.execute(update(Notice).where(*mine).values(due=now + HELD_S))
            notice = session.get(Notice, notice_id) if held.rowcount else None  # type: ignore[attr-defined]
            run = session.get(Run, notice.run_id) if notice is not None else None
        if notice is None:
            return False
        own, body = self.settings, dict(notice.body)
        if run is not None:  # points of the batch that told the end are filed after it
            body["run"] = body["run"] | {"step": run.last_step}
        told = post(own.webhook, body, str(notice.id), own.webhook_secret, own.webhook_link_local)
        tries = notice.tries + 1
        state, due = "sent", now
        if not told.ok:
            again = told.again and tries <= len(BACK_OFF_S)
            state, due = ("waiting", now + BACK_OFF_S[tries - 1]) if again else ("given_up", now)
            log.warning("the webhook was not told of run %s (%s): %s", notice.run_id, notice.event, told.said)
        with db.transaction() as session:
            row = update(Notice).where(Notice.id == notice_id)
            session.execute(row.values(state=state, due=due, tries=tries, outcome=told.said[:500]))
            session.execute(delete(Notice).where(Notice.state != "waiting", Notice.made < now - KEPT_S))
        return told.ok

    def stop(self) -> None:
        """End the thread and wait for it; what is not sent is sent after the next start."""
        self._end.set()
        _rung.set()
        if self.is_alive():
            self.join(timeout=12)


def main() -> int:
    """Send a test message by the settings of the environment; 0 where it was taken."""
    try:
        told = try_out(load())
    except BadSettings as problem:
        print(f"nashboard: {problem}", file=sys.stderr)
        return 2
    print(json.dumps({"ok": told.ok, "status": told.status, "said": told.said}))
    return 0 if told.ok else 1


if __name__ == "__main__":
    sys.exit(main())
