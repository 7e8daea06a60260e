"""What a block changed, so that a reorganization can take it back: the state rows as they were before it."""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table, delete, event, insert, inspect, select
from sqlalchemy.orm import Session

from indexer.models import STATE_TABLES, State, Undo

Row = dict[str, Any]


class Journal:
    """Listens to one SQL session and keeps each state row's value from before the current block."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._before: dict[tuple[str, str], str | None] = {}
        event.listen(session, "before_flush", self._record)

    def close_block(self, number: int, keep: bool) -> None:
        """Flushes the block's changes; with `keep` stores what they replaced."""
        self._session.flush()
        rows = [
            {"block_number": number, "table_name": table, "key": key, "before": before}
            for (table, key), before in self._before.items()
        ]
        if keep and rows:
            self._session.execute(insert(Undo), rows)
        self._before.clear()

    def _record(self, session: Session, _context: Any, _instances: Any) -> None:
        for row in session.new:
            if isinstance(row, State):
                self._before.setdefault(_identity(row), None)
        for row in (*session.dirty, *session.deleted):
            if isinstance(row, State):
                self._before.setdefault(_identity(row), json.dumps(_before(row)))


def _identity(row: State) -> tuple[str, str]:
    table = _table(row)
    return table.name, json.dumps([getattr(row, column.key) for column in table.primary_key])


def _table(row: State) -> Table:
    table = inspect(row).mapper.local_table
    assert isinstance(table, Table)
    return table


def _before(row: State) -> Row:
    """The row as it is in the database: of changed columns the value that was loaded."""
    state = inspect(row)
    loaded = state.committed_state
    return {column.key: loaded.get(column.key, getattr(row, column.key)) for column in _table(row).columns}


def undo_to(session: Session, block: int) -> None:
    """Puts every state row back to what it was after `block`. The journal must reach back that far."""
    tables = {table.name: table for table in STATE_TABLES}
    for undo in _oldest(session, block):
        table = tables[undo.table_name]
        matches = zip(table.primary_key, json.loads(undo.key), strict=True)
        session.execute(delete(table).where(*(column == value for column, value in matches)))
        if undo.before is not None:
            session.execute(insert(table).values(json.loads(undo.before)))
    session.execute(delete(Undo).where(Undo.block_number > block))


def _oldest(session: Session, block: int) -> Iterator[Undo]:
    """Of each row, the first journal entry after `block`."""
    seen = set()
    for undo in session.scalars(select(Undo).where(Undo.block_number > block).order_by(Undo.block_number)).all():
        if (undo.table_name, undo.key) not in seen:
            seen.add((undo.table_name, undo.key))
            yield undo
