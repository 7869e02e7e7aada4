"""Bands that somebody made or imported, with their versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010_bands"
down_revision = "0009_bundles"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "band_sets",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("trainer", sa.String(length=40), nullable=False),
        sa.Column("always", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("updated", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index("ix_band_sets_trainer", "band_sets", ["trainer"])
    op.create_table(
        "band_versions",
        sa.Column("set_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["set_id"], ["band_sets.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("set_id", "version"),
    )


def downgrade() -> None:
    op.drop_table("band_versions")
    op.drop_index("ix_band_sets_trainer", "band_sets")
    op.drop_table("band_sets")
