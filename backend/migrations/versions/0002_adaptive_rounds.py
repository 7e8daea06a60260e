"""Adaptive rounds: drafts say whether they are, and how sure each round's consensus is"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("app_draft", schema=None) as batch_op:
        batch_op.add_column(sa.Column("adaptive", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "app_progress",
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("labels", sa.BigInteger(), nullable=False),
        sa.Column("sure", sa.LargeBinary(), nullable=False),
        sa.Column("spared", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("round"),
    )


def downgrade() -> None:
    op.drop_table("app_progress")
    with op.batch_alter_table("app_draft", schema=None) as batch_op:
        batch_op.drop_column("adaptive")
