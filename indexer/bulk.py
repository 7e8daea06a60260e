"""Rows into SQL past the object mapper: executemany on SQLite, COPY on PostgreSQL. In the transaction of the connection given."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table

from indexer.models import EVENT_TABLES, RawEvent
from indexer.rows import Kind, Values
from labelshare.chain.slices import SLICES

# Rows of one INSERT on SQLite. Its driver lets go of the interpreter at every statement, and the thread that fetches then keeps it
# for a while: with a statement a row the two wait for each other.
ROWS = 64
MOST_PARAMETERS = 32_000  # of a statement; SQLite takes 32,766
# Tables whose texts are all hex or digits of our own making: the slices give nothing else.
PLAIN = {RawEvent.__table__, *(EVENT_TABLES[kind] for kind in SLICES)}


class Bulk:
    """One transaction's way to the tables. Values are plain: int, str, bool, bytes or None."""

    def __init__(self, connection: Connection) -> None:
        self._cursor: Any = connection.connection.cursor()

    def close(self) -> None:
        self._cursor.close()

    def load(self, kind: Kind, key: Values) -> Values | None:
        self._cursor.execute(self.sql(_load, kind), kind.key_to_database(key))
        row = self._cursor.fetchone()
        return None if row is None else kind.from_database(row)

    def select(self, kind: Kind, equal: dict[str, Any]) -> list[Values]:
        conditions = " AND ".join(f'"{name}" = ?' for name in equal)
        sql = f"SELECT {_names(kind.columns)} FROM {kind.table.name} WHERE {conditions}"
        self._cursor.execute(self.mark(sql), tuple(equal.values()))
        return [kind.from_database(row) for row in self._cursor.fetchall()]

    def insert(self, table: Table, rows: Sequence[Values]) -> None:
        at_once = min(ROWS, MOST_PARAMETERS // len(table.columns))
        whole = len(rows) - len(rows) % at_once
        if whole:
            groups = (tuple(chain.from_iterable(rows[i : i + at_once])) for i in range(0, whole, at_once))
            self._cursor.executemany(_insert(table, at_once), groups)
        if whole < len(rows):
            self._cursor.executemany(_insert(table, 1), rows[whole:])

    def update(self, kind: Kind, rows: Sequence[Values]) -> None:
        if rows:
            self._cursor.executemany(self.sql(_update, kind), [row + kind.key_of(row) for row in rows])

    def delete(self, kind: Kind, keys: Sequence[Values]) -> None:
        if keys:
            self._cursor.executemany(self.sql(_delete, kind), [kind.key_to_database(key) for key in keys])

    def sql(self, make: Callable[[Kind], str], kind: Kind) -> str:
        return self.mark(make(kind))

    def mark(self, sql: str) -> str:
        """The statement with the driver's placeholders."""
        return sql


class PostgresBulk(Bulk):
    """The same through psycopg, with COPY for new rows."""

    def insert(self, table: Table, rows: Sequence[Values]) -> None:
        if not rows:
            return
        with self._cursor.copy(f"COPY {table.name} ({_names(column.key for column in table.columns)}) FROM STDIN") as copy:
            text = _plain_text if table in PLAIN else _text
            copy.write("\n".join(["\t".join(text(row)) for row in rows]) + "\n")

    def mark(self, sql: str) -> str:
        return _percent(sql)


def bulk(connection: Connection) -> Bulk:
    return PostgresBulk(connection) if connection.dialect.name == "postgresql" else Bulk(connection)


def _plain_text(row: Values) -> list[str]:
    """A row of which no text needs an escape."""
    return [value if value.__class__ is str else _field(value) for value in row]


def _text(row: Values) -> list[str]:
    """A row's values as COPY's text format has them."""
    return [_escaped(value) if value.__class__ is str else _field(value) for value in row]


def _escaped(value: str) -> str:
    return value.translate(_ESCAPES) if "\\" in value or not value.isprintable() else value


def _field(value: Any) -> str:
    if value.__class__ is int:
        return str(value)
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if isinstance(value, str):  # Of a class of its own, as SQLAlchemy's names are.
        return _escaped(value)
    return "\\N" if value is None else "t" if value else "f"


_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"})


def _names(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


@cache
def _percent(sql: str) -> str:
    return sql.replace("?", "%s")


@cache
def _insert(table: Table, rows: int) -> str:
    columns = [column.key for column in table.columns]
    places = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table.name} ({_names(columns)}) VALUES {', '.join([places] * rows)}"


def _where(kind: Kind) -> str:
    return " AND ".join(f'"{name}" = ?' for name in kind.key_names)


@cache
def _load(kind: Kind) -> str:
    return f"SELECT {_names(kind.columns)} FROM {kind.table.name} WHERE {_where(kind)}"


@cache
def _update(kind: Kind) -> str:
    changes = ", ".join(f'"{name}" = ?' for name in kind.columns)
    return f"UPDATE {kind.table.name} SET {changes} WHERE {_where(kind)}"


@cache
def _delete(kind: Kind) -> str:
    return f"DELETE FROM {kind.table.name} WHERE {_where(kind)}"
