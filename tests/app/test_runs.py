"""Runs: the status machine, what people write on them, lists without a query a row, what goes with a run."""

from __future__ import annotations

import hashlib
import time

import pytest
from sqlalchemy import event, func, select

from app import blobs, db, ingest, models, runs
from app.errors import BadInput, Conflict, NotFound
from app.sweeper import Sweeper
from app.tables_blind import BlindTest
from app.tables_preflights import Preflight
from nashboard import events
from nashboard.events import STATUSES

HOUR = 3600.0


def shown(run_id: str) -> models.Run:
    with db.reading() as session:
        return runs.get(session, run_id)


def become(run_id: str, status: str, reason: str = "", now: float | None = None) -> bool:
    with db.transaction() as session:
        return runs.set_status(session, runs.get(session, run_id, lock=True), status, reason, now)


def test_every_status_has_its_place_in_the_machine() -> None:
    assert set(runs.AFTER) == set(STATUSES)
    assert all(set(after) <= set(STATUSES) for after in runs.AFTER.values())


@pytest.mark.parametrize("database_kind", ["sqlite"])
@pytest.mark.parametrize("before", STATUSES)
@pytest.mark.parametrize("after", STATUSES)
def test_only_what_the_machine_allows_happens(make_run, before: str, after: str) -> None:
    run_id = make_run(status="queued")
    for step in {"queued": [], "lost": ["running", "lost"], "stopping": ["running", "stopping"]}.get(
        before, [before]
    ):
        become(run_id, step)
    if after == before:
        assert become(run_id, after) is False
    elif after in runs.AFTER[before]:
        assert become(run_id, after, "because") is True
        assert (shown(run_id).status, shown(run_id).reason) == (after, "because")
    else:
        with pytest.raises(Conflict, match=f"is {before} and cannot become {after}"):
            become(run_id, after)
        assert shown(run_id).status == before


def test_a_word_that_is_no_status_is_refused(make_run) -> None:
    with pytest.raises(BadInput, match="'exploded' is no status"):
        become(make_run(), "exploded")


def test_times_and_the_wish_to_stop_follow_the_status(make_run) -> None:
    run_id = make_run(status="queued")
    become(run_id, "running", now=100.0)
    become(run_id, "stopping", now=110.0)
    run = shown(run_id)
    assert (run.started, run.ended, run.stop) == (100.0, None, True)
    become(run_id, "stopped", now=120.0)
    run = shown(run_id)
    assert (run.started, run.ended, run.stop) == (100.0, 120.0, False)
    become(run_id, "queued")
    assert (shown(run_id).ended, shown(run_id).heartbeat, shown(run_id).stop) == (None, None, False)


def test_stopping_by_status(make_run) -> None:
    def stop(run_id: str) -> models.Run:
        with db.transaction() as session:
            return runs.request_stop(session, run_id)

    assert stop(make_run(status="queued")).status == "stopped"
    running = make_run()
    assert stop(running).status == "stopping"
    assert stop(running).status == "stopping"
    with pytest.raises(Conflict, match="is finished already"):
        stop(make_run(status="finished"))
    lost = make_run()
    become(lost, "lost")
    assert (stop(lost).status, shown(lost).stop) == ("lost", True)


def test_a_silent_run_is_lost_with_the_reason_and_an_event_revives_it(make_run, settings) -> None:
    now = time.time()
    silent, alive, queued = make_run(now=now - 50), make_run(now=now - 40), make_run(status="queued")
    stopping = make_run(now=now - 50)
    with db.transaction() as session:
        runs.get(session, stopping).status = "stopping"
        runs.get(session, queued).created = now - HOUR
    with db.transaction() as session:
        lost = {r.id for r in runs.sweep_lost(session, now)}
    assert lost == {silent, stopping}
    run = shown(silent)
    assert run.status == "lost"
    assert run.reason.startswith("no sign of life since 20")
    assert run.reason.endswith("UTC (50 s)")
    assert (shown(alive).status, shown(queued).status) == ("running", "queued")
    with db.transaction() as session:
        ingest.ingest(session, silent, b"")
    assert (shown(silent).status, shown(silent).reason, shown(silent).ended) == ("running", "", None)


def test_the_sweeper_gives_runs_time_after_its_own_start(make_run, settings) -> None:
    now = time.time()
    run_id = make_run(now=now - HOUR)
    sweeper = Sweeper(settings)
    assert sweeper.sweep(now) == []
    assert sweeper.sweep(sweeper.since + settings.lost_after_s + 1) == [run_id]
    assert sweeper.sweep(sweeper.since + settings.lost_after_s + 2) == []


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_the_sweepers_thread_sweeps_and_ends(make_run, settings) -> None:
    run_id = make_run(now=time.time() - HOUR)
    sweeper = Sweeper(settings.model_copy(update={"sweep_every_s": 0.02}))
    sweeper.since = 0.0
    sweeper.start()
    until = time.monotonic() + 10
    while shown(run_id).status != "lost" and time.monotonic() < until:
        time.sleep(0.02)
    sweeper.stop()
    assert shown(run_id).status == "lost"
    assert not sweeper.is_alive()


def test_the_same_id_twice_is_one_run(database) -> None:
    with db.transaction() as session:
        first, new = runs.register(session, id="abc", trainer="codec", name="one")
        assert (new, first.status) == (True, "queued")
    with db.transaction() as session:
        again, new = runs.register(session, id="abc", trainer="codec", name="two")
        assert (new, again.name) == (False, "one")
        with pytest.raises(Conflict, match="trainer 'codec', not 'vae'"):
            runs.register(session, id="abc", trainer="vae")
        with pytest.raises(Conflict, match="already"):
            runs.create(session, id="abc")


@pytest.mark.parametrize("bad", ["", "a b", "x" * 33, "../x", "a\0", "ü"])
def test_an_id_that_cannot_be_is_named(database, bad: str) -> None:
    with db.transaction() as session:
        if bad:
            with pytest.raises(BadInput, match="cannot be a run's id"):
                runs.create(session, id=bad)
        with pytest.raises(NotFound, match="there is no run"):
            runs.get(session, bad)


def test_a_new_id_is_12_hex_digits(database) -> None:
    with db.transaction() as session:
        found = runs.create(session).id
    assert len(found) == 12
    int(found, 16)


def test_finding_runs(make_run) -> None:
    make_run(
        id="a", name="Großer Lauf", project="codec", trainer="codec", tags=["best", "50%"], status="finished"
    )
    make_run(id="b", name="small", project="codec", preset="old", notes="diverged at 3k")
    make_run(id="c", name="third", project="other", group="g1", archived=True)
    with db.reading() as session:

        def ids(**asked) -> list[str]:
            return sorted(r.id for r in runs.listing(session, **asked))

        assert ids() == ["a", "b"]
        assert ids(archived=True) == ["c"]
        assert ids(text="großer") == ["a"]
        assert ids(text="LAUF best") == ["a"]
        assert ids(text="diverged") == ["b"]
        assert ids(text="50%") == ["a"]
        assert ids(text="%") == ["a"]
        assert ids(text="_") == []
        assert ids(text="\0") == []
        assert ids(status="running") == ["b"]
        assert ids(project="codec", trainer="codec") == ["a"]
        assert ids(tag="best") == ["a"]
        assert ids(tag="bes") == []
        assert ids(group="g1", archived=True) == ["c"]
        assert len(runs.listing(session, limit=1)) == 1
        assert runs.listing(session, limit=1).total == 2
        assert ids(limit=1, offset=2) == []


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_list_is_two_queries_however_long_it_is(make_run, database) -> None:
    for _ in range(7):
        make_run({"s": [1.0]}, tags=["t"])
    asked: list[str] = []
    event.listen(db.engine(), "before_cursor_execute", lambda *args: asked.append(args[2]))
    with db.reading() as session:
        found = runs.listing(session)
        assert [(r.name, r.tags, r.recipe) for r in found] == [("", ["t"], {})] * 7
    assert len([q for q in asked if q.startswith("SELECT")]) == 2


def test_annotations(make_run) -> None:
    run_id = make_run()
    with db.transaction() as session:
        runs.annotate(session, run_id, tags=[" a ", "a", "b", ""], notes="n\0", name=" new ", archived=True)
    run = shown(run_id)
    assert (run.tags, run.name, run.archived) == (["a", "b"], "new", True)
    assert "\0" not in run.notes
    with db.transaction() as session:
        runs.annotate(session, run_id, tags=[])
    assert (shown(run_id).tags, shown(run_id).name) == ([], "new")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tags": ["x" * 81]}, "81 characters"),
        ({"tags": [str(n) for n in range(51)]}, "51 tags"),
        ({"notes": "x" * 100_001}, "100001 characters"),
        ({"name": "x" * 201}, "201 characters"),
    ],
)
def test_too_long_an_annotation_is_named(make_run, fields, said: str) -> None:
    run_id = make_run()
    with db.transaction() as session, pytest.raises(BadInput, match=said):
        runs.annotate(session, run_id, **fields)


def test_a_run_goes_with_all_that_is_only_its_own(make_run) -> None:
    mine, shared = b"mine", b"shared"
    ids = [make_run({"s": [1.0] * 5}, status="finished") for _ in range(2)]
    for data, owners in ((mine, ids[:1]), (shared, ids)):
        digest = hashlib.sha256(data).hexdigest()
        with db.transaction() as session:
            blobs.put(session, digest, data)
        for run_id in owners:
            made = {
                "series": "a",
                "slot": "0",
                "media": "audio",
                "sha256": digest,
                "ext": "wav",
                "size": len(data),
            }
            with db.transaction() as session:
                seq = runs.get(session, run_id).next_seq
                ingest.apply(session, run_id, [events.SampleMade(seq=seq, time=1.7e9, step=0, **made)])
    with db.transaction() as session:
        runs.remove(session, ids[0])
    with db.reading() as session:
        tables = (models.Series, models.Piece, models.Sample, models.Run)
        counts = [session.scalar(select(func.count()).select_from(t)) for t in tables]
        assert counts == [1, 1, 1, 1]
        left = session.scalars(select(models.Blob.sha256)).all()
        assert left == [hashlib.sha256(shared).hexdigest()]
        assert session.scalar(select(func.count()).select_from(models.BlobPart)) == 1


def test_a_deleted_run_leaves_what_a_data_card_or_an_open_blind_test_shows(make_run) -> None:
    run_id = make_run(status="finished")
    of = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("card", "open", "closed", "nobody")}
    with db.transaction() as session:
        for name, digest in of.items():
            blobs.put(session, digest, name.encode())
            made = {"series": "a", "slot": name, "media": "audio", "sha256": digest, "ext": "wav", "size": 1}
            seq = runs.get(session, run_id).next_seq
            ingest.apply(session, run_id, [events.SampleMade(seq=seq, time=1.7e9, step=0, **made)])
        shown = {"samples": [{"sha256": of["card"]}]}
        session.add(Preflight(id="p", kind="card", key="k", ask={}, state="done", created=1.0, outcome=shown))
        for name in ("open", "closed"):
            more = {"token": name, "kind": "abx", "level": "same", "alone": True, "trials": 1, "seed": 1}
            slots = [{"slot": "s", "clips": {"R": of[name]}, "gains": {"R": 0.0}}]
            over = 2.0 if name == "closed" else None
            session.add(BlindTest(id=name, sources=[], slots=slots, created=1.0, closed=over, **more))
    with db.transaction() as session:
        runs.remove(session, run_id)
    with db.reading() as session:
        assert set(session.scalars(select(models.Blob.sha256))) == {of["card"], of["open"]}


def test_an_active_run_is_not_deleted(make_run) -> None:
    run_id = make_run()
    with db.transaction() as session, pytest.raises(Conflict, match="is running; stop it first"):
        runs.remove(session, run_id)
