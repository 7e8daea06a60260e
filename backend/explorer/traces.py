"""In which transaction a step of a round happened."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from indexer.models import EVENT_TABLES, Block, RawEvent
from labelshare.chain.events import Event


@dataclass(frozen=True)
class Trace:
    """An event: its members as its table has them, block, transaction, and time (unix seconds; 0 when the block is not
    mirrored)."""

    values: dict[str, Any]
    block: int
    tx_hash: str
    timestamp: int


def traces(session: Session, kind: type[Event], column: str, values: Iterable[Any]) -> list[Trace]:
    """The events of a kind whose member `column` is one of the values, in the chain's order."""
    table = EVENT_TABLES[kind]
    rows = session.execute(
        select(table, RawEvent.transaction_hash, Block.timestamp)
        .join(RawEvent, RawEvent.position == table.c.position)
        .outerjoin(Block, Block.number == table.c.block_number)
        .where(table.c[column].in_(list(values)))
        .order_by(table.c.position)
    ).mappings()
    return [
        Trace(
            {column.name: row[column] for column in table.c},
            row["block_number"],
            "0x" + row["transaction_hash"].hex(),
            row["timestamp"] or 0,
        )
        for row in rows
    ]
