"""The app's first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "app_ballot",
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("validator", sa.String(length=42), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("round", "attempt", "validator"),
    )
    op.create_table(
        "app_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset", sa.BigInteger(), nullable=False),
        sa.Column("tasks_root", sa.String(length=66), nullable=False),
        sa.Column("labels_per_task", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dataset", "tasks_root"),
    )
    op.create_table(
        "app_evidence",
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("round"),
    )
    op.create_table(
        "app_evidence_signature",
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("validator", sa.String(length=42), nullable=False),
        sa.Column("signature", sa.String(length=132), nullable=False),
        sa.PrimaryKeyConstraint("round", "validator"),
    )
    op.create_table(
        "app_lease",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("contributor", sa.String(length=42), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "app_slot",
        sa.Column("round", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("task", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contributor", sa.String(length=42), nullable=False),
        sa.Column("lease_id", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=True),
        sa.PrimaryKeyConstraint("round", "task", "slot"),
        sa.UniqueConstraint("round", "task", "contributor"),
    )
    with op.batch_alter_table("app_slot", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_app_slot_lease_id"), ["lease_id"], unique=False)

    op.create_table(
        "app_submission",
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("dataset", sa.BigInteger(), nullable=False),
        sa.Column("contributor", sa.String(length=42), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("labels_root", sa.String(length=66), nullable=False),
        sa.Column("admission", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.String(length=132), nullable=False),
        sa.Column("signer", sa.String(length=42), nullable=False),
        sa.Column("bond", sa.String(length=78), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.String(length=132), nullable=False),
        sa.Column("dropped", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    with op.batch_alter_table("app_submission", schema=None) as batch_op:
        batch_op.create_index(
            "app_submission_live",
            ["dataset", "contributor", "sequence"],
            unique=True,
            sqlite_where=sa.text("NOT dropped"),
            postgresql_where=sa.text("NOT dropped"),
        )
        batch_op.create_index(batch_op.f("ix_app_submission_round"), ["round"], unique=False)

    op.create_table(
        "app_task",
        sa.Column("content_hash", sa.String(length=66), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("content_hash"),
    )
    op.create_table(
        "app_transaction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("nonce"),
    )
    with op.batch_alter_table("app_transaction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_app_transaction_status"), ["status"], unique=False)

    op.create_table(
        "app_draft_task",
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content_hash", sa.String(length=66), nullable=False),
        sa.ForeignKeyConstraint(
            ["content_hash"],
            ["app_task.content_hash"],
        ),
        sa.ForeignKeyConstraint(
            ["draft_id"],
            ["app_draft.id"],
        ),
        sa.PrimaryKeyConstraint("draft_id", "index"),
    )
    op.create_table(
        "app_label",
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.Column("task", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("answer", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.String(length=66), nullable=False),
        sa.ForeignKeyConstraint(
            ["digest"],
            ["app_submission.digest"],
        ),
        sa.PrimaryKeyConstraint("digest", "task"),
    )
    op.create_table(
        "app_outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["app_transaction.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    with op.batch_alter_table("app_outbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_app_outbox_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_app_outbox_transaction_id"), ["transaction_id"], unique=False)



def downgrade() -> None:
    with op.batch_alter_table("app_outbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_app_outbox_transaction_id"))
        batch_op.drop_index(batch_op.f("ix_app_outbox_kind"))

    op.drop_table("app_outbox")
    op.drop_table("app_label")
    op.drop_table("app_draft_task")
    with op.batch_alter_table("app_transaction", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_app_transaction_status"))

    op.drop_table("app_transaction")
    op.drop_table("app_task")
    with op.batch_alter_table("app_submission", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_app_submission_round"))
        batch_op.drop_index("app_submission_live", sqlite_where=sa.text("NOT dropped"), postgresql_where=sa.text("NOT dropped"))

    op.drop_table("app_submission")
    with op.batch_alter_table("app_slot", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_app_slot_lease_id"))

    op.drop_table("app_slot")
    op.drop_table("app_lease")
    op.drop_table("app_evidence_signature")
    op.drop_table("app_evidence")
    op.drop_table("app_draft")
    op.drop_table("app_ballot")
