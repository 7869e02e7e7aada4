"""The orders of the list of runs: by age, name, what the doctor says, progress, a series' last value or a knob.

``doctor`` is the order that is meant first (the worst on top), ``-doctor`` the other way round. Runs that lack the
value come last either way. Ties are broken by age, so that pages never show a run twice.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from app import query, querysql
from app.models import Run, Series
from app.query import BadQuery
from app.tables_diagnoses import StoredDiagnosis

BY_NAME = ("age", "name", "status", "doctor", "step")
_RANK = {"fail": 3, "warn": 2, "healthy": 1, "unknown": 0}


def ordered(session: Session, wanted: Select[Any], sort: str) -> Select[Any]:
    """The query in the order that is asked for. Raises `BadQuery` for a name that is none."""
    back, name = sort.startswith("-"), sort.removeprefix("-")
    newest = (Run.created.desc(), Run.id)
    if name in ("", "age"):
        return wanted.order_by(*((Run.created, Run.id) if back else newest))
    if name in ("name", "status"):
        column: Any = func.lower(Run.name) if name == "name" else Run.status
        return wanted.order_by(column.desc() if back else column, *newest)
    if name == "doctor":
        wanted = wanted.outerjoin(StoredDiagnosis, StoredDiagnosis.run_id == Run.id)
        rank = case(_RANK, value=StoredDiagnosis.verdict)
        first = (rank, StoredDiagnosis.grave) if back else (rank.desc(), StoredDiagnosis.grave.desc())
        return wanted.order_by(StoredDiagnosis.run_id.is_(None), *first, *newest)
    value = Run.last_step if name == "step" else valued(session, name)
    return wanted.order_by(value.is_(None), value if back else value.desc(), *newest)


def valued(session: Session, name: str) -> Any:
    """A series' last value, or a knob as a number; NULL where the run has none. Raises `BadQuery`."""
    known = querysql.names(session)
    if name in known.knobs and name not in known.series:
        return querysql.knob_number(session, name)
    if name not in known.series and "/" not in name:
        near = query.near(name, (*BY_NAME, *known.knobs, *known.series))
        raise BadQuery("nothing to sort by", name, 0, near)
    last = select(Series.last_value).where(
        Series.run_id == Run.id, Series.name == name, Series.last_code == 0, Series.count > 0
    )
    return last.scalar_subquery()
