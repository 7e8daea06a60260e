"""Relaying: a nonce is one sender's on one chain, all its signed versions are kept, one relayer holds the lease"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

QUEUED = sa.text("transaction_id IS NULL AND error IS NULL")
WATCHED = sa.text("NOT final")
OUTBOX_COLUMNS = "id, kind, key, payload, transaction_id, error, created_at"
PAGE = 500


def upgrade() -> None:
    _set_aside()
    _create_transactions()
    _create_versions()
    _create_outbox(
        sa.Column("include_by", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.create_index("app_outbox_queued", "app_outbox", ["id"], sqlite_where=QUEUED, postgresql_where=QUEUED)
    op.create_index("ix_app_submission_contributor", "app_submission", ["contributor"])
    op.create_table(
        "app_relay_lease",
        sa.Column("chain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sender", sa.String(length=42), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("chain_id", "sender"),
    )
    for page in _pages("SELECT id, nonce, raw, hash, status FROM app_transaction_old ORDER BY id"):
        decoded = [(row, _decode(row.raw)) for row in page]
        _insert("app_transaction", [_transaction(row, fields) for row, fields in decoded])
        _insert("app_signed_version", [_version(row, fields) for row, fields in decoded])
    _bring_back()


def downgrade() -> None:
    op.drop_index("ix_app_submission_contributor", "app_submission")
    op.drop_table("app_relay_lease")
    op.drop_index("app_outbox_queued", "app_outbox")
    op.drop_index("ix_app_signed_version_transaction_id", "app_signed_version")
    op.rename_table("app_signed_version", "app_signed_version_old")
    op.drop_index("ix_app_transaction_hash", "app_transaction")
    op.drop_index("app_transaction_watched", "app_transaction")
    _set_aside(status=False)
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
    op.create_index("ix_app_transaction_status", "app_transaction", ["status"])
    _create_outbox()
    kept = "CASE WHEN t.status IN ('pending', 'reverted') THEN t.status ELSE 'mined' END"
    op.execute(
        f"INSERT INTO app_transaction (id, nonce, raw, hash, status) SELECT t.id, t.nonce, v.raw, t.hash, {kept} "
        "FROM app_transaction_old t JOIN app_signed_version_old v ON v.hash = t.hash"
    )
    op.drop_table("app_signed_version_old")
    _bring_back()


# The two tables that change keep their ids and rows; SQLite cannot change constraints in place


def _set_aside(status: bool = True) -> None:
    for name in ("ix_app_outbox_kind", "ix_app_outbox_transaction_id"):
        op.drop_index(name, "app_outbox")
    if status:
        op.drop_index("ix_app_transaction_status", "app_transaction")
    op.rename_table("app_outbox", "app_outbox_old")
    op.rename_table("app_transaction", "app_transaction_old")


def _bring_back() -> None:
    op.execute(f"INSERT INTO app_outbox ({OUTBOX_COLUMNS}) SELECT {OUTBOX_COLUMNS} FROM app_outbox_old")
    op.drop_table("app_outbox_old")
    op.drop_table("app_transaction_old")
    if op.get_bind().dialect.name == "postgresql":
        for table in ("app_outbox", "app_transaction"):
            highest = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), coalesce(max(id), 0) + 1, false) FROM {table}"
            op.execute(highest)


def _create_outbox(*more: sa.Column[Any]) -> None:
    op.create_table(
        "app_outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        *more,
        sa.ForeignKeyConstraint(["transaction_id"], ["app_transaction.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_app_outbox_kind", "app_outbox", ["kind"])
    op.create_index("ix_app_outbox_transaction_id", "app_outbox", ["transaction_id"])


def _create_transactions() -> None:
    op.create_table(
        "app_transaction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("sender", sa.String(length=42), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.String(length=42), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("gas", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.String(length=66), nullable=True),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("chain_id", "sender", "nonce"),
    )
    op.create_index("ix_app_transaction_hash", "app_transaction", ["hash"])
    op.create_index("app_transaction_watched", "app_transaction", ["nonce"], sqlite_where=WATCHED, postgresql_where=WATCHED)


def _create_versions() -> None:
    op.create_table(
        "app_signed_version",
        sa.Column("hash", sa.String(length=66), nullable=False),
        sa.Column("transaction_id", sa.Integer(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("max_fee", sa.String(length=78), nullable=False),
        sa.Column("tip", sa.String(length=78), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["transaction_id"], ["app_transaction.id"]),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("ix_app_signed_version_transaction_id", "app_signed_version", ["transaction_id"])


# What was signed before this revision says itself which chain, sender and call it is of


def _pages(query: str) -> list[Any]:
    rows = op.get_bind().execute(sa.text(query)).all()
    return [rows[start : start + PAGE] for start in range(0, len(rows), PAGE)]


def _decode(raw: str) -> dict[str, Any]:
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return {**fields, "sender": Account.recover_transaction(raw).lower()}


def _transaction(row: Any, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "chain_id": fields["chainId"],
        "sender": fields["sender"],
        "nonce": row.nonce,
        "target": "0x" + bytes(fields["to"]).hex(),
        "data": "0x" + bytes(fields["data"]).hex(),
        "gas": fields["gas"],
        "hash": row.hash,
        # Where it was mined was not kept: the relayer looks it up once more.
        "status": "pending",
        "final": False,
    }


def _version(row: Any, fields: dict[str, Any]) -> dict[str, Any]:
    fees = {"max_fee": str(fields["maxFeePerGas"]), "tip": str(fields["maxPriorityFeePerGas"])}
    return {"hash": row.hash, "transaction_id": row.id, "raw": row.raw, "block": 0, **fees}


def _insert(table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        columns: list[Any] = [sa.column(name) for name in rows[0]]
        op.get_bind().execute(sa.insert(sa.table(table, *columns)), rows)
