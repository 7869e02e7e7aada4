"""Runs that were deleted a moment ago and can be brought back; notices to a webhook."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_bin"
down_revision = "0005_plans"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("deleted", sa.Float(), nullable=True))
    op.create_index("ix_runs_created", "runs", ["created"])
    op.create_table(
        "notices",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("event", sa.String(length=20), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("made", sa.Float(), nullable=False),
        sa.Column("due", sa.Float(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_notices_due", "notices", ["state", "due"])


def downgrade() -> None:
    op.drop_table("notices")
    op.drop_index("ix_runs_created", table_name="runs")
    op.drop_column("runs", "deleted")
