"""SQL sessions of the backend. One request, or one step of a loop, is one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session, sessionmaker

from indexer.database import open_database


class Database:
    """The one database of mirror and app tables."""

    def __init__(self, url: str) -> None:
        self.engine = open_database(url)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._readers = sessionmaker(self.engine.execution_options(reading=True), expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits at the end of the block, or rolls everything back."""
        with self._sessions() as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads: one state of the database throughout, and no writer waits for it."""
        with self._readers() as session, session.begin():
            yield session
