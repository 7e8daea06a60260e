"""Migrations on databases that hold something: up, down, up again, on SQLite and PostgreSQL."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from eth_account import Account
from sqlalchemy import Engine, inspect, text

from backend.__main__ import alembic_config, migrate
from backend.models import AppBase
from indexer.database import open_database

KEY = b"\x21" * 32
TO = "0x" + "ab" * 20
STATUSES = ("mined", "reverted", "pending")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/app.db"
    return str(request.getfixturevalue("postgres")())


def signed(nonce: int) -> tuple[str, str]:
    fields = {"type": 2, "chainId": 31337, "nonce": nonce, "to": bytes.fromhex(TO[2:]), "value": 0, "data": b"\x01\x02"}
    done = Account.sign_transaction(fields | {"gas": 50_000, "maxFeePerGas": 7, "maxPriorityFeePerGas": 3}, KEY)
    return "0x" + bytes(done.raw_transaction).hex(), "0x" + bytes(done.hash).hex()


def fill_0002(engine: Engine) -> None:
    """What a relayer of before revision 0003 left."""
    insert = "INSERT INTO app_transaction (id, nonce, raw, hash, status) VALUES (:id, :nonce, :raw, :hash, :status)"
    columns = "id, kind, key, payload, transaction_id, error, created_at"
    rows = f"INSERT INTO app_outbox ({columns}) VALUES (:i, 'drip', :k, '{{}}', :t, NULL, 5)"
    with engine.begin() as connection:
        for number, status in enumerate(STATUSES):
            raw, tx_hash = signed(number)
            connection.execute(text(insert), {"id": number + 1, "nonce": number, "raw": raw, "hash": tx_hash, "status": status})
            connection.execute(text(rows), {"i": number + 1, "k": f"drip:{number}", "t": number + 1})
        connection.execute(text(rows), {"i": 4, "k": "drip:queued", "t": None})
        connection.execute(text("INSERT INTO app_task (content_hash, content) VALUES ('0x1', '{}')"))


def table(engine: Engine, name: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(text(f"SELECT * FROM {name} ORDER BY 1"))]


def test_up_down_and_up_again_keeps_what_was_sent_and_what_is_queued(url: str) -> None:
    config, engine = alembic_config(url), open_database(url)
    command.upgrade(config, "0002")
    fill_0002(engine)
    old = {name: table(engine, name) for name in ("app_outbox", "app_transaction", "app_task")}
    migrate(url)
    new = table(engine, "app_transaction")
    sender = Account.from_key(KEY).address.lower()
    assert {(t["chain_id"], t["sender"], t["target"], t["data"], t["gas"]) for t in new} == {(31337, sender, TO, "0x0102", 50_000)}
    assert {t["status"] for t in new} == {"pending"}, "where each was mined is looked up on chain"
    assert [(v["raw"], v["hash"]) for v in sorted(table(engine, "app_signed_version"), key=lambda v: v["transaction_id"])] == [
        signed(n) for n in range(3)
    ]
    kept = table(engine, "app_outbox")
    assert [{k: row[k] for k in old["app_outbox"][0]} for row in kept] == old["app_outbox"]
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO app_outbox (kind, key, payload, created_at) VALUES ('drip', 'after', '{}', 6)"))
    assert table(engine, "app_outbox")[-1]["id"] == 5, "ids go on where they ended"
    command.downgrade(config, "0002")
    assert [(t["nonce"], t["raw"], t["hash"]) for t in table(engine, "app_transaction")] == [(n, *signed(n)) for n in range(3)]
    assert table(engine, "app_outbox")[:4] == old["app_outbox"]
    migrate(url)
    assert len(table(engine, "app_outbox")) == 5
    assert table(engine, "app_task") == old["app_task"]
    command.downgrade(config, "base")
    assert [name for name in inspect(engine).get_table_names() if name.startswith("app_")] == ["app_migration"]
    migrate(url)
    engine.dispose()


def test_the_migrations_give_exactly_the_tables_of_the_models(url: str) -> None:
    migrate(url)
    command.check(alembic_config(url))
    engine = open_database(url)
    made = {name for name in inspect(engine).get_table_names() if name != "app_migration"}
    assert made == {table.name for table in AppBase.metadata.sorted_tables}
    engine.dispose()
