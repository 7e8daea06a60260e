"""The mirror's tables as a whole: made, checked against this program, dropped, and their secondary indexes.

There is no migration: everything here is derived from the chain, so tables of another version are dropped and filled anew.
"""

from sqlalchemy import Connection, Engine, Index, insert, inspect, select, text

from indexer.models import Base, Schema

VERSION = 2
REMEDY = "Drop it and derive it anew from the chain: python -m indexer reset"


class StoreError(Exception):
    """The database cannot be used for this deployment; the message says what to do."""


def ensure(engine: Engine) -> None:
    """Makes the tables where there are none. Raises StoreError for tables of another version."""
    with engine.begin() as connection:
        _one_at_a_time(connection)
        names = set(inspect(connection).get_table_names())
        mirrored = "mirror_checkpoint" in names
        found = connection.scalar(select(Schema.version)) if Schema.__tablename__ in names else None
        if mirrored and found != VERSION:
            raise StoreError(f"The mirror's tables are of version {found or 1}, this program's of version {VERSION}. {REMEDY}")
        Base.metadata.create_all(connection)
        if found is None:
            connection.execute(insert(Schema).values(version=VERSION))


def drop(engine: Engine) -> None:
    """Drops the mirror's tables, of whatever version; nobody else's."""
    with engine.begin() as connection:
        _one_at_a_time(connection)
        Base.metadata.drop_all(connection)


def _one_at_a_time(connection: Connection) -> None:
    """Two processes that start together make the tables once; SQLite's transactions see to that themselves."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(7501)"))


def secondary_indexes() -> list[Index]:
    return [index for table in Base.metadata.sorted_tables for index in table.indexes]


def drop_indexes(connection: Connection) -> None:
    """For a backfill: an index built once over all rows is cheaper than one kept up to date."""
    for index in secondary_indexes():
        index.drop(connection, checkfirst=True)


def build_indexes(connection: Connection) -> None:
    for index in secondary_indexes():
        index.create(connection, checkfirst=True)
