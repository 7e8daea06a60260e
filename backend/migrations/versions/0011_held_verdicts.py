"""Verdicts of jurors, kept until their jury reveals"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "app_verdict",
        sa.Column("round", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("juror", sa.String(42), primary_key=True),
        sa.Column("root", sa.String(66), nullable=False),
        sa.Column("salt", sa.String(66), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("app_verdict")
