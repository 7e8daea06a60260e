"""A transaction that writes the mirror."""

from typing import Any

from sqlalchemy import Connection, Engine

from indexer.bulk import Bulk, bulk
from indexer.rows import Rows


class Writing:
    """A transaction: its connection, and the bulk way into it. When it fails, the rows in memory are forgotten with it."""

    def __init__(self, engine: Engine, rows: Rows) -> None:
        self._begin, self._rows = engine.begin(), rows

    def __enter__(self) -> tuple[Connection, Bulk]:
        connection = self._begin.__enter__()
        self._tables = bulk(connection)
        return connection, self._tables

    def __exit__(self, *error: Any) -> None:
        if error[0] is not None:
            self._rows.forget()
        self._tables.close()
        try:
            self._begin.__exit__(*error)
        except BaseException:
            self._rows.forget()
            raise
