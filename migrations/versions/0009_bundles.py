"""Runs that came in bundles, and where from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_bundles"
down_revision = "0008_blind"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "imported_runs",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column("maker", sa.String(length=80), nullable=False),
        sa.Column("packed", sa.Float(), nullable=True),
        sa.Column("opened", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index("ix_imported_runs_source", "imported_runs", ["source", "content"])


def downgrade() -> None:
    op.drop_index("ix_imported_runs_source", "imported_runs")
    op.drop_table("imported_runs")
