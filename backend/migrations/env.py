"""Alembic's environment: the app's tables only; the mirror's are the indexer's."""

from alembic import context

from backend.models import AppBase
from indexer.database import open_database

VERSION_TABLE = "app_migration"


def include(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Leaves the mirror's tables alone."""
    return kind != "table" or (name or "").startswith("app_")


engine = open_database(context.config.attributes["database_url"])
with engine.connect() as connection:
    context.configure(
        connection, target_metadata=AppBase.metadata, version_table=VERSION_TABLE, include_object=include, render_as_batch=True
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
engine.dispose()
