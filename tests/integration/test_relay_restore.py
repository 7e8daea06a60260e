"""A PostgreSQL database that is backed up while the relayer works, lost, and restored from the dump: nothing is sent twice."""

import secrets
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import select

from backend.db import Database
from backend.models import RelayLease
from labelshare.client.wallet import Wallet
from tests.integration.anvil import Anvil, Protocol
from tests.integration.relaying import Relay

PORTS = range(19268, 19270)
SPEC = find_spec("pgserver")  # Not imported: that warns without a runtime folder.
assert SPEC is not None
assert SPEC.origin is not None
BIN = Path(SPEC.origin).parent / "pginstall" / "bin"


def run(tool: str, *arguments: str) -> None:
    subprocess.run([str(BIN / tool), *arguments], check=True, capture_output=True, timeout=60)


def test_a_postgresql_backup_that_is_restored_sends_nothing_twice(tmp_path: Path, postgres: Callable[[], str]) -> None:
    anvil = Anvil(PORTS)
    relay = Relay(Protocol(anvil), tmp_path, postgres())
    try:
        ada = Wallet(secrets.token_bytes(32))
        relay.submit(ada, 20)
        relay.drain()
        relay.submit(ada, 40)
        relay.pay(3)
        relay.sender().step()
        relay.submit(ada, 10)
        dump = tmp_path / "backup.dump"
        run("pg_dump", "--format=custom", f"--file={dump}", relay.url.replace("+psycopg", ""))
        relay.drain()
        sent = relay.nonce()
        relay.database.engine.dispose()
        relay.url = postgres()
        run("pg_restore", "--no-owner", f"--dbname={relay.url.replace('+psycopg', '')}", str(dump))
        relay.database = Database(relay.url)
        sender = relay.sender()
        sender.step()
        assert relay.nonce() == sent, "it sent before it knew what was sent"
        with relay.database.transaction() as session:
            assert "unknown" in session.scalars(select(RelayLease.state)).one()
        relay.drain(sender)
        assert relay.nonce() == sent
        relay.submit(ada, 5)
        relay.drain(sender)
        relay.require_exactly_once()
    finally:
        relay.close()
        anvil.stop()
