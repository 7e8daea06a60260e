"""One writer: who holds the lease writes, whoever comes second waits.

On PostgreSQL an advisory lock of a session that lives as long as the lease; on SQLite a lock on a file beside the database. Both
end with the process, however it ends. The lease spares work; what keeps two writers from harming each other even without it is
that every transaction first finds the checkpoint where its writer left it.
"""

import fcntl
import os
from typing import Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

KEY = 750_150


class Lease(Protocol):
    def take(self) -> bool:
        """Whether it is held now. May be called again and again."""
        ...

    def held(self) -> bool: ...

    def release(self) -> None: ...


class FileLease:
    """A lock on `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None

    def take(self) -> bool:
        if self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def held(self) -> bool:
        return self._file is not None

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class AdvisoryLease:
    """A session's advisory lock; gone when the session is, which `held` notices."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def take(self) -> bool:
        if self._connection is not None:
            return self.held()
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": KEY}):
            self._connection = connection
            return True
        connection.close()
        return False

    def held(self) -> bool:
        try:
            return self._connection is not None and self._connection.scalar(text("SELECT 1")) == 1
        except SQLAlchemyError:
            self._connection = None
            return False

    def release(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


def lease(engine: Engine) -> Lease:
    """The lease of the mirror in this database."""
    if engine.dialect.name == "postgresql":
        return AdvisoryLease(engine)
    return FileLease(f"{os.path.abspath(engine.url.database or 'memory')}.indexer-lease")
