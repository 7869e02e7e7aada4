"""The rules at whose failure a run is stopped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_stopping"
down_revision = "0006_bin"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stop_on",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("codes", sa.JSON(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id"),
    )


def downgrade() -> None:
    op.drop_table("stop_on")
