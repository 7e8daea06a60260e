"""The indexer's settings, read once from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from indexer.heads import websocket_url

REQUIRED = {
    "LABELSHARE_RPC_URL": "the JSON-RPC address of a node, for example http://127.0.0.1:8545",
    "LABELSHARE_DATABASE_URL": "a database, for example sqlite:///run/labelshare.db or postgresql+psycopg://user@host/name",
    "LABELSHARE_MANIFEST": "the deployment JSON that scripts/deploy.py wrote",
}
VERIFY = ("head", "all", "off")


class SettingsError(ValueError):
    """A setting is missing or cannot be used; the message says which, and what to set."""


@dataclass(frozen=True)
class Settings:
    """Times in seconds. `max_range`: blocks fetched at once. `behind_grace`: how long a node may lag behind the mirror before
    its shorter chain is believed.

    verify: `head` proves every block of the window at the head and takes the node's word for older ones; `all` proves all, for a
    provider that is not trusted; `off` proves headers only, for nodes without eth_getBlockReceipts.
    finality: None asks the node which block is final; a number n takes the n-th block below the head.
    audit_interval: between two comparisons of the whole state with the contracts; 0 for none.
    """

    rpc_url: str
    database_url: str
    manifest: Path
    websocket_url: str = ""
    verify: str = "head"
    finality: int | None = None
    audit_interval: float = 300.0
    poll_interval: float = 0.3
    max_range: int = 10_000
    behind_grace: float = 3.0
    longest_backoff: float = 15.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Raises SettingsError."""
        missing = [f"{name} ({meaning})" for name, meaning in REQUIRED.items() if not environment.get(name)]
        if missing:
            raise SettingsError(f"Set {', '.join(missing)}.")
        url, database = environment["LABELSHARE_RPC_URL"], environment["LABELSHARE_DATABASE_URL"]
        verify = environment.get("LABELSHARE_VERIFY") or "head"
        if verify not in VERIFY:
            raise SettingsError(f"LABELSHARE_VERIFY is {verify!r}. Set it to one of {', '.join(VERIFY)}.")
        return cls(
            url,
            database,
            Path(environment["LABELSHARE_MANIFEST"]),
            environment.get("LABELSHARE_WS_URL") or websocket_url(url),
            verify,
            _blocks(environment.get("LABELSHARE_FINALITY")),
            _seconds(environment.get("LABELSHARE_AUDIT_INTERVAL")),
        )


def _blocks(value: str | None) -> int | None:
    if not value or value == "node":
        return None
    if not value.isdecimal():
        raise SettingsError(f"LABELSHARE_FINALITY is {value!r}. Set it to a number of blocks, or to node for what the node says.")
    return int(value)


def _seconds(value: str | None) -> float:
    if not value:
        return 300.0
    if not value.isdecimal():
        raise SettingsError(f"LABELSHARE_AUDIT_INTERVAL is {value!r}. Set it to a number of seconds, or to 0 for no audits.")
    return float(value)
