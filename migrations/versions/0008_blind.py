"""Blind listening tests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_blind"
down_revision = "0007_stopping"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "blind_tests",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("level", sa.String(length=12), nullable=False),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("trials", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("slots", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("closed", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token"),
    )
    op.create_index("ix_blind_tests_created", "blind_tests", ["created"])
    op.create_table(
        "blind_listeners",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("test_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("begun", sa.Float(), nullable=False),
        sa.Column("finished", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["test_id"], ["blind_tests.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_blind_listeners_test", "blind_listeners", ["test_id", "number"], unique=True)
    op.create_table(
        "blind_trials",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("listener_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("slot", sa.String(length=200), nullable=False),
        sa.Column("hidden", sa.JSON(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("served", sa.Float(), nullable=False),
        sa.Column("answered", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["listener_id"], ["blind_listeners.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_blind_trials_listener", "blind_trials", ["listener_id", "number"], unique=True)
    op.create_table(
        "blind_sounds",
        sa.Column("opaque", sa.String(length=64), nullable=False),
        sa.Column("trial_id", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=8), nullable=False),
        sa.Column("key", sa.String(length=8), nullable=False),
        sa.Column("noise", BIG, nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["blind_trials.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("opaque"),
    )
    op.create_index("ix_blind_sounds_trial_id", "blind_sounds", ["trial_id"])


def downgrade() -> None:
    for table in ("blind_sounds", "blind_trials", "blind_listeners", "blind_tests"):
        op.drop_table(table)
