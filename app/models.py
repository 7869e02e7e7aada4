"""The tables. Points live in a few `Piece` while they are fresh, and in `Chunk` for good.

Columns of JSON hold what is shown whole and never searched. Non-finite numbers never reach a float column:
SQLite would turn NaN into NULL without a word, so a code beside the column says which it is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON, list[Any]: JSON}


class Run(Base):
    """One attempt at one recipe."""

    __tablename__ = "runs"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project: Mapped[str] = mapped_column(String(200), default="default", index=True)
    name: Mapped[str] = mapped_column(String(200), default="")
    trainer: Mapped[str] = mapped_column(String(40), default="", index=True)
    preset: Mapped[str] = mapped_column(String(80), default="")
    size: Mapped[str] = mapped_column(String(20), default="")
    seed: Mapped[int | None] = mapped_column(BigInteger, default=None)
    status: Mapped[str] = mapped_column(String(12), default="queued", index=True)
    reason: Mapped[str] = mapped_column(Text, default="")
    stop: Mapped[bool] = mapped_column(Boolean, default=False)
    recipe: Mapped[dict[str, Any]] = mapped_column(default=dict)
    environment: Mapped[dict[str, Any]] = mapped_column(default=dict)
    command: Mapped[list[str]] = mapped_column(default=list)
    tags: Mapped[list[str]] = mapped_column(default=list)
    notes: Mapped[str] = mapped_column(Text, default="")
    group: Mapped[str] = mapped_column("launch_group", String(32), default="", index=True)
    parent: Mapped[str | None] = mapped_column(String(32), default=None, index=True)
    treats: Mapped[str | None] = mapped_column(String(80), default=None)
    resume: Mapped[str] = mapped_column(Text, default="")
    run_dir: Mapped[str] = mapped_column(Text, default="")
    host: Mapped[str] = mapped_column(String(200), default="")
    device: Mapped[str] = mapped_column(String(40), default="")
    task: Mapped[str] = mapped_column(String(64), default="")
    archived: Mapped[bool] = mapped_column(Boolean, default=False)
    created: Mapped[float] = mapped_column(Float, index=True)
    deleted: Mapped[float | None] = mapped_column(Float, default=None)
    started: Mapped[float | None] = mapped_column(Float, default=None)
    ended: Mapped[float | None] = mapped_column(Float, default=None)
    heartbeat: Mapped[float | None] = mapped_column(Float, default=None)
    next_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    last_step: Mapped[int | None] = mapped_column(BigInteger, default=None)
    total_steps: Mapped[int | None] = mapped_column(BigInteger, default=None)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Series(Base):
    """A named sequence in a run, with the summary of all its points.

    Its first ``chunked`` points are in chunks, the others in ``pieces`` pieces. ``last_code``: 0 where the
    last value is finite, else which it is (`app.chunks.KINDS`).
    """

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("run_id", "name"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    count: Mapped[int] = mapped_column(BigInteger, default=0)
    nonfinite: Mapped[int] = mapped_column(BigInteger, default=0)
    low: Mapped[float | None] = mapped_column(Float, default=None)
    high: Mapped[float | None] = mapped_column(Float, default=None)
    first_step: Mapped[int | None] = mapped_column(BigInteger, default=None)
    last_step: Mapped[int | None] = mapped_column(BigInteger, default=None)
    last_value: Mapped[float | None] = mapped_column(Float, default=None)
    last_code: Mapped[int] = mapped_column(SmallInteger, default=0)
    last_time: Mapped[float | None] = mapped_column(Float, default=None)
    chunked: Mapped[int] = mapped_column(BigInteger, default=0)
    pieces: Mapped[int] = mapped_column(Integer, default=0)


class Piece(Base):
    """Fresh points of a series, ``index`` to ``index + count``, not yet in a chunk: a batch's, as they came.

    ``data``: the columns step (int64), time and value (float64), one after another, little-endian.
    """

    __tablename__ = "pieces"
    __table_args__ = {"sqlite_with_rowid": False}
    series_id: Mapped[int] = mapped_column(
        ForeignKey("series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    index: Mapped[int] = mapped_column("idx", BigId, primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(Integer)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Chunk(Base):
    """Points ``index`` to ``index + count`` of a series, compressed, with their summary.

    ``low_at`` and ``high_at`` are places within the chunk; ``ordered``: no step is below the one before. The
    summary of an ordered chunk without non-finite values stands for it where a bucket covers all of it.
    """

    __tablename__ = "chunks"
    series_id: Mapped[int] = mapped_column(
        ForeignKey("series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    index: Mapped[int] = mapped_column("idx", BigId, primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(Integer)
    step_low: Mapped[int] = mapped_column(BigInteger)
    step_high: Mapped[int] = mapped_column(BigInteger)
    step_last: Mapped[int] = mapped_column(BigInteger)
    ordered: Mapped[bool] = mapped_column(Boolean)
    low: Mapped[float | None] = mapped_column(Float)
    low_at: Mapped[int] = mapped_column(Integer)
    low_step: Mapped[int] = mapped_column(BigInteger)
    low_time: Mapped[float] = mapped_column(Float)
    high: Mapped[float | None] = mapped_column(Float)
    high_at: Mapped[int] = mapped_column(Integer)
    high_step: Mapped[int] = mapped_column(BigInteger)
    high_time: Mapped[float] = mapped_column(Float)
    first: Mapped[float | None] = mapped_column(Float)
    first_time: Mapped[float] = mapped_column(Float)
    last: Mapped[float | None] = mapped_column(Float)
    last_time: Mapped[float] = mapped_column(Float)
    nonfinite: Mapped[int] = mapped_column(Integer, default=0)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Blob(Base):
    """Bytes by their digest, in parts, so that a range is read without the whole."""

    __tablename__ = "blobs"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    created: Mapped[float] = mapped_column(Float)


class BlobPart(Base):
    __tablename__ = "blob_parts"
    sha256: Mapped[str] = mapped_column(ForeignKey("blobs.sha256", ondelete="CASCADE"), primary_key=True)
    part: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Sample(Base):
    """Audio or an image made at a step, in the slot of the fixed input that it answers.

    ``missing``: its bytes have not come yet; the receipt asks for them.
    """

    __tablename__ = "samples"
    __table_args__ = (
        Index("ix_samples_run_step", "run_id", "series", "slot", "step"),
        Index("ix_samples_missing", "run_id", "missing"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(BigInteger)
    step: Mapped[int] = mapped_column(BigInteger)
    time: Mapped[float] = mapped_column(Float)
    series: Mapped[str] = mapped_column(String(200))
    slot: Mapped[str] = mapped_column(String(200))
    media: Mapped[str] = mapped_column(String(20))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    ext: Mapped[str] = mapped_column(String(10))
    size: Mapped[int] = mapped_column(BigInteger)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    caption: Mapped[str] = mapped_column(Text, default="")
    missing: Mapped[bool] = mapped_column(Boolean, default=True)


class Checkpoint(Base):
    """A checkpoint on the host that wrote it; ``present`` turns false when retention or a person removes
    it.
    """

    __tablename__ = "checkpoints"
    __table_args__ = (UniqueConstraint("run_id", "path"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    step: Mapped[int] = mapped_column(BigInteger)
    time: Mapped[float] = mapped_column(Float)
    path: Mapped[str] = mapped_column(String(500))
    size: Mapped[int] = mapped_column(BigInteger)
    best: Mapped[dict[str, Any]] = mapped_column(default=dict)
    present: Mapped[bool] = mapped_column(Boolean, default=True)


class Record(Base):
    """Marks, distributions, tables and notes, whole, as they came."""

    __tablename__ = "records"
    __table_args__ = (Index("ix_records_run_kind", "run_id", "kind", "seq"),)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(30))
    step: Mapped[int | None] = mapped_column(BigInteger)
    time: Mapped[float] = mapped_column(Float)
    name: Mapped[str] = mapped_column(String(200), default="")
    body: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Line(Base):
    """A line of a run's console."""

    __tablename__ = "log_lines"
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    time: Mapped[float] = mapped_column(Float)
    stream: Mapped[str] = mapped_column(String(10))
    level: Mapped[str] = mapped_column(String(10), default="info")
    text: Mapped[str] = mapped_column(Text)


class Lease(Base):
    """A device slot that one run holds: at most one run a slot, and a run at most one slot."""

    __tablename__ = "leases"
    slot: Mapped[str] = mapped_column(String(80), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), unique=True)
    worker: Mapped[str] = mapped_column(String(200))
    renewed: Mapped[float] = mapped_column(Float)


import app.tables_bands  # noqa: E402  (so that whoever knows the models knows every table)
import app.tables_blind  # noqa: E402
import app.tables_bundles  # noqa: E402
import app.tables_diagnoses  # noqa: E402
import app.tables_errands  # noqa: E402
import app.tables_notices  # noqa: E402
import app.tables_plans  # noqa: E402
import app.tables_preflights  # noqa: E402
import app.tables_stopping  # noqa: E402
import app.tables_views  # noqa: E402, F401
