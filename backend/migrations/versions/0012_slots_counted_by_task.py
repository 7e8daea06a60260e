"""Slots counted by task: a lease costs the same in a round of any size

The counts of a round are written at its next lease.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

UNUSED = sa.text("digest IS NULL")


def upgrade() -> None:
    op.create_table(
        "app_open_round",
        sa.Column("round", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "app_open_task",
        sa.Column("round", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("task", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
    )
    op.create_index("app_open_task_fewest", "app_open_task", ["round", "taken", "task"])
    op.create_index("app_slot_unused", "app_slot", ["round", "expires_at"], sqlite_where=UNUSED, postgresql_where=UNUSED)


def downgrade() -> None:
    op.drop_index("app_slot_unused", "app_slot")
    op.drop_table("app_open_task")
    op.drop_table("app_open_round")
