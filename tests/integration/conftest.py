"""What the integration tests share: a real PostgreSQL."""

import os
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Gives a fresh PostgreSQL database at each call."""
    folder = tmp_path_factory.mktemp("postgres")
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pgserver

    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    names = iter(range(1_000))

    def fresh() -> str:
        name = f"mirror{next(names)}"
        server.psql(f"create database {name}")
        return str(server.get_uri(name)).replace("postgresql://", "postgresql+psycopg://", 1)

    yield fresh
    server.cleanup()
