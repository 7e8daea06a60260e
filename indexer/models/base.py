"""How the mirror's tables are made, and where the mirror stands: blocks, checkpoint, journal, raw events."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Dialect, String, Text, TypeDecorator
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


class Base(DeclarativeBase):
    """Tables of the mirror."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {int: Bounded, dict[str, Any]: JSON}


class State(Base):
    """A table that is derived from events and rebuilt from them."""

    __abstract__ = True


# Where the mirror stands


class Block(Base):
    """A mirrored block; timestamp in unix seconds."""

    __tablename__ = "mirror_block"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(66))
    parent_hash: Mapped[str] = mapped_column(String(66))
    timestamp: Mapped[int]


class Checkpoint(Base):
    """The last block whose events are all here. One row a chain. The journal reaches back to the block `undoable_to`."""

    __tablename__ = "mirror_checkpoint"
    chain_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_number: Mapped[int]
    block_hash: Mapped[str] = mapped_column(String(66))
    timestamp: Mapped[int]
    undoable_to: Mapped[int]


class Undo(Base):
    """What a block changed: a state row (its key as JSON) as it was before, JSON, or null when it was not there."""

    __tablename__ = "mirror_undo"
    block_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    table_name: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(512), primary_key=True)
    before: Mapped[str | None] = mapped_column(Text)


class RawEvent(Base):
    """A log as the chain gave it."""

    __tablename__ = "mirror_raw_event"
    chain_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_hash: Mapped[str] = mapped_column(String(66), primary_key=True)
    log_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    block_number: Mapped[int] = mapped_column(index=True)
    transaction_hash: Mapped[str] = mapped_column(String(66))
    address: Mapped[str] = mapped_column(String(42))
    topics: Mapped[str] = mapped_column(Text)
    data: Mapped[str] = mapped_column(Text)
