"""Sign-ins, metadata, uploads, images, takedowns, sealed ballots, kept results"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "app_nonce",
        sa.Column("nonce", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
    )
    op.create_table(
        "app_login",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("account", sa.String(42), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, index=True),
    )
    op.create_table(
        "app_repeated",
        sa.Column("account", sa.String(42), primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("request", sa.String(64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False, index=True),
    )
    op.create_table(
        "app_metadata",
        sa.Column("hash", sa.String(66), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("task_type", sa.String(32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_table(
        "app_upload",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(42), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("task_type", sa.String(32), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "app_upload_task",
        sa.Column("upload_id", sa.String(32), sa.ForeignKey("app_upload.id"), primary_key=True),
        sa.Column("index", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("content", sa.Text(), nullable=False),
    )
    op.create_table(
        "app_file",
        sa.Column("hash", sa.String(66), primary_key=True),
        sa.Column("media_type", sa.String(32), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "app_takedown",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("content_hash", sa.String(66), nullable=False, index=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "app_sealed_ballot",
        sa.Column("round", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("validator", sa.String(42), primary_key=True),
        sa.Column("ciphertext", sa.Text(), nullable=False),
    )
    op.create_table(
        "app_round_result",
        sa.Column("round", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("dataset", sa.BigInteger(), nullable=False),
        sa.Column("alpha", sa.String(16), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
    )
    op.create_index("app_round_result_dataset", "app_round_result", ["dataset", "round"])
    op.create_index("app_submission_contributor", "app_submission", ["contributor", "received_at"])


def downgrade() -> None:
    op.drop_index("app_submission_contributor", table_name="app_submission")
    for table in (
        "app_round_result",
        "app_sealed_ballot",
        "app_takedown",
        "app_file",
        "app_upload_task",
        "app_upload",
        "app_metadata",
        "app_repeated",
        "app_login",
        "app_nonce",
    ):
        op.drop_table(table)
