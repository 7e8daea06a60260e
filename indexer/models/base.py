"""How the mirror's tables are made, and where the mirror stands: blocks, checkpoint, journal, raw events."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Dialect, Integer, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Uint(TypeDecorator[int]):
    """An unsigned integer below 2^256, kept as decimal text: no database's INTEGER holds it."""

    impl = String(78)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if not 0 <= value < 1 << 256:
            raise ValueError(f"{value} is not a uint256")
        return str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


class Bounded(TypeDecorator[int]):
    """A number or a time that fits BIGINT, but for nonsense: users may sign times and ids up to 2^256. Larger ones are kept as
    the largest, so that nobody can stop the mirror; the event's own table has the exact value."""

    impl = BigInteger
    cache_ok = True
    LARGEST = (1 << 63) - 1

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else min(value, self.LARGEST)


# SQLite's INTEGER PRIMARY KEY is the row itself; a BIGINT would be an index beside it.
LOG_BITS = 20
Position = BigInteger().with_variant(Integer, "sqlite")


def position(block_number: int, log_index: int) -> int:
    """Where a log is in the chain, as one number that orders them."""
    return block_number << LOG_BITS | log_index


class Base(DeclarativeBase):
    """Tables of the mirror."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {int: Bounded, dict[str, Any]: JSON}


class State(Base):
    """A table that is derived from events and rebuilt from them."""

    __abstract__ = True


# Where the mirror stands


class Block(Base):
    """A mirrored block: each of the last 256, of older ones those with logs of ours. timestamp in unix seconds; logs: how many."""

    __tablename__ = "mirror_block"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(66))
    timestamp: Mapped[int]
    logs: Mapped[int] = mapped_column(default=0)


class Checkpoint(Base):
    """The last block whose events are all here. One row a chain. The journal reaches back to the block `undoable_to`.

    Of a row, `block_number` against these says how sure it is: up to finalized_block no reorganization takes it back (the indexer
    stops first), up to safe_block none is expected, after it one may. What pays or unlocks uses finalized_block only.
    """

    __tablename__ = "mirror_checkpoint"
    chain_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_number: Mapped[int]
    block_hash: Mapped[str] = mapped_column(String(66))
    timestamp: Mapped[int]
    undoable_to: Mapped[int]
    safe_block: Mapped[int] = mapped_column(default=0)
    finalized_block: Mapped[int] = mapped_column(default=0)


class Undo(Base):
    """What a block changed: a state row (its key as JSON) as it was before, JSON, or null when it was not there."""

    __tablename__ = "mirror_undo"
    block_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    table_name: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(512), primary_key=True)
    before: Mapped[str | None] = mapped_column(Text)


class RawEvent(Base):
    """A log as the chain gave it. position: block number << 20 | log index; topics: one after the other."""

    __tablename__ = "mirror_raw_event"
    position: Mapped[int] = mapped_column(Position, primary_key=True, autoincrement=False)
    transaction_hash: Mapped[bytes]
    address: Mapped[bytes]
    topics: Mapped[bytes]
    data: Mapped[bytes]


class Health(Base):
    """How the mirror does, for whoever asks (`/ready`, `/metrics`, `indexer status`). One row a chain.

    state: backfill, following, waiting (for the lease) or halted; reason: why it is halted and what to do, else empty.
    head_block: the node's; verified_block: up to here every block since `verified_from` was proven by its header and receipts root.
    audit_*: the last audit against the contracts; divergences: differences that audits have found in all. Times in unix seconds.
    """

    __tablename__ = "mirror_health"
    chain_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(16), default="backfill")
    reason: Mapped[str] = mapped_column(Text, default="")
    head_block: Mapped[int] = mapped_column(default=0)
    verified_from: Mapped[int] = mapped_column(default=0)
    verified_block: Mapped[int] = mapped_column(default=0)
    reorganizations: Mapped[int] = mapped_column(default=0)
    deepest: Mapped[int] = mapped_column(default=0)
    audit_block: Mapped[int] = mapped_column(default=0)
    audit_time: Mapped[int] = mapped_column(default=0)
    audit_values: Mapped[int] = mapped_column(default=0)
    differences: Mapped[int] = mapped_column(default=0)
    divergences: Mapped[int] = mapped_column(default=0)
    updated_at: Mapped[int] = mapped_column(default=0)


class Schema(Base):
    """The version of these tables, which a migration of a mirror is to be read by: it is dropped and derived from the chain
    anew."""

    __tablename__ = "mirror_schema"
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
