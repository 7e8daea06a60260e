"""The indexer's settings, read once from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REQUIRED = {
    "LABELSHARE_RPC_URL": "the JSON-RPC address of a node, for example http://127.0.0.1:8545",
    "LABELSHARE_DATABASE_URL": "a database, for example sqlite:///run/labelshare.db or postgresql+psycopg://user@host/name",
    "LABELSHARE_MANIFEST": "the deployment JSON that scripts/deploy.py wrote",
}


class SettingsError(ValueError):
    """A setting is missing or cannot be used; the message says which, and what to set."""


@dataclass(frozen=True)
class Settings:
    """Times in seconds. `max_range`: blocks fetched at once. `behind_grace`: how long a node may lag behind the mirror before
    its shorter chain is believed."""

    rpc_url: str
    database_url: str
    manifest: Path
    poll_interval: float = 0.3
    max_range: int = 1_000
    behind_grace: float = 3.0
    longest_backoff: float = 15.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Raises SettingsError."""
        missing = [f"{name} ({meaning})" for name, meaning in REQUIRED.items() if not environment.get(name)]
        if missing:
            raise SettingsError(f"Set {', '.join(missing)}.")
        url, database = environment["LABELSHARE_RPC_URL"], environment["LABELSHARE_DATABASE_URL"]
        return cls(url, database, Path(environment["LABELSHARE_MANIFEST"]))
