"""Whether a fork treated what it was launched against: open, treated, or not yet judged, and what says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import findings, reading, words
from app.models import Run
from doctor.findings import Diagnosis, Finding
from nashboard.vocabulary import canonical

OPEN, TREATED, WAITING = "open", "treated", "not yet judged"
ACTIVE = ("queued", "running", "stopping")


@dataclass(frozen=True)
class Treatment:
    """A fork against a finding. ``run`` and ``name`` are of the other one: the fork, or its parent."""

    code: str
    run: str
    name: str
    state: str
    why: str


def of_children(session: Session, run: Run, told: Diagnosis) -> tuple[Treatment, ...]:
    """How the forks of a run that treat something fare, the oldest first; three queries at most."""
    wanted = select(Run).where(Run.parent == run.id, Run.treats.is_not(None), Run.treats != "")
    forks = list(session.scalars(wanted.order_by(Run.created).limit(40)))
    if not forks:
        return ()
    said = findings.stored(session, [f.id for f in forks])
    infos = _infos(session, forks, told)
    found = []
    for fork in forks:
        mine = findings.restored(said[fork.id].body) if fork.id in said else None
        state, why = judged(fork, mine, told, infos.get(fork.id, {}))
        found.append(Treatment(fork.treats or "", fork.id, fork.name or fork.id, state, why))
    return tuple(found)


def of_run(session: Session, run: Run, mine: Diagnosis | None) -> Treatment | None:
    """How a run fares against what it treats; None where it treats nothing. Three queries at most."""
    if not run.treats:
        return None
    parent = session.get(Run, run.parent) if run.parent else None
    told = findings.stored(session, [parent.id]) if parent else {}
    theirs = findings.restored(told[parent.id].body) if parent and parent.id in told else findings.NOTHING
    infos = _infos(session, [run], theirs).get(run.id, {})
    state, why = judged(run, mine, theirs, infos)
    return Treatment(
        run.treats, parent.id if parent else "", (parent.name or parent.id) if parent else "", state, why
    )


def judged(
    fork: Run, mine: Diagnosis | None, parents: Diagnosis, infos: dict[str, reading.SeriesInfo]
) -> tuple[str, str]:
    """(state, what says so) of a fork, from its diagnosis and its parent's.

    A fork is judged once it has run for as many steps as its parent had when the rule could first say it: up to
    there the parent looked no worse.
    """
    code = fork.treats or ""
    theirs = next((f for f in parents.findings if f.code == code), None)
    values = _values(theirs, infos)
    if mine is None:
        return WAITING, "nothing of it was diagnosed yet"
    lasting = next((f for f in mine.findings if f.code == code and f.lasting), None)
    if lasting is not None:
        return OPEN, f"it is found here as well, since step {words.count(lasting.step_from)}{values}"
    if code not in mine.looked:
        lacks = ", ".join(mine.could_not_look.get(code, ())) or "what it reads"
        return WAITING, f"the rule could not look: {lacks} was not reported"
    last = fork.last_step or 0
    done = last - min((i.first_step for i in infos.values()), default=0)
    need = theirs.seen_at if theirs is not None else (fork.total_steps or 0) // 2
    if done < need and fork.status != "finished":
        when = f"the rule spoke at step {words.count(need)} of the parent"
        here = f"not found in its {words.count(done)} steps" if done else "it has made no step"
        return WAITING, f"{here}; {when}{values}"
    return TREATED, f"not found up to step {words.count(last)}{values}"


def _infos(
    session: Session, runs: Sequence[Run], told: Diagnosis
) -> dict[str, dict[str, reading.SeriesInfo]]:
    """The series of runs that the parent's findings are about, by canonical name."""
    codes = {r.treats for r in runs}
    names = {e.series for f in told.findings if f.code in codes for e in f.evidence} | {"loss/disc"}
    found = reading.series_of(session, [r.id for r in runs], sorted(names))
    return {run: {canonical(i.name): i for i in some} for run, some in found.items()}


def _values(theirs: Finding | None, infos: dict[str, reading.SeriesInfo]) -> str:
    """ "; loss/disc is 1.31 at step 600, 2.00 in the parent": of the first series of the evidence."""
    for e in theirs.evidence if theirs else ():
        if e.series in infos and e.values:
            info = infos[e.series]
            now = f"{e.series} is {words.number(info.last_value, 4)} at step {words.count(info.last_step)}"
            return f"; {now}, {words.number(e.values[-1], 4)} in the parent"
    return ""
