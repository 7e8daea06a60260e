"""The indexer as a process of its own, against a real anvil and real databases."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from indexer.database import open_database
from indexer.models import EVENT_TABLES, Account, Block, Checkpoint, RawEvent
from indexer.models.base import LOG_BITS
from indexer.queries import ledger_sum, state_dump
from labelshare.chain.events import LedgerMoved
from tests.integration.anvil import LBL, ROOT, Anvil, Protocol, wait_until

PORTS = range(18640, 18650)


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    anvil = Anvil(PORTS)
    yield anvil
    anvil.stop()


@pytest.fixture
def protocol(anvil: Anvil) -> Protocol:
    return Protocol(anvil)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/run/mirror.db"
    return str(request.getfixturevalue("postgres")())


class Mirror:
    """An indexer process and a look into its database."""

    def __init__(self, protocol: Protocol, database: str, folder: Path) -> None:
        manifest = folder / "manifest.json"
        manifest.write_text(json.dumps(protocol.manifest()))
        self.protocol = protocol
        self.environment = {
            **os.environ,
            "LABELSHARE_RPC_URL": protocol.anvil.url,
            "LABELSHARE_DATABASE_URL": database,
            "LABELSHARE_MANIFEST": str(manifest),
        }
        self.engine: Engine = open_database(database)
        self.process: subprocess.Popen[str] | None = None

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "indexer", *arguments],
            env={**self.environment, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "indexer"], env=self.environment, cwd=ROOT, text=True)

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self.process = None
        return code

    def height(self) -> int:
        try:
            with Session(self.engine) as session:
                return session.scalar(select(Checkpoint.block_number)) or 0
        except Exception:  # The tables are not there yet.
            return 0

    def stands_at(self, block_hash: str) -> bool:
        if self.height() == 0:
            return False
        with Session(self.engine) as session:
            return session.scalar(select(Checkpoint.block_hash)) == block_hash

    def catch_up(self) -> None:
        latest = self.protocol.web3.eth.get_block("latest")
        wait_until(lambda: self.stands_at("0x" + latest["hash"].hex()), f"the mirror at block {latest['number']}")

    def dump(self) -> dict[str, Any]:
        with Session(self.engine) as session:
            return state_dump(session)

    def is_true(self) -> None:
        """Every balance in the mirror is the chain's, and their sum is what the Ledger holds."""
        with Session(self.engine) as session:
            balances = {row.account: row.balance for row in session.scalars(select(Account))}
            total = ledger_sum(session)
        for account, balance in balances.items():
            assert self.protocol.call("Ledger", "balanceOf", bytes.fromhex(account[2:])) == balance
        assert total == self.protocol.call("LabelToken", "balanceOf", self.protocol.addresses["Ledger"])


@pytest.fixture
def mirror(protocol: Protocol, database: str, tmp_path: Path) -> Iterator[Mirror]:
    mirror = Mirror(protocol, database, tmp_path)
    yield mirror
    if mirror.process is not None:
        mirror.process.kill()
        mirror.process.wait()
    mirror.engine.dispose()


def drip(protocol: Protocol, accounts: list[str]) -> None:
    protocol.send("Faucet", "dripMany", accounts, sender=protocol.deployer)


def pay(protocol: Protocol, sender: str, receiver: str, amount: int) -> None:
    protocol.send("Ledger", "transfer", protocol.call("Ledger", "accountOf", receiver), amount, sender=sender)


def test_a_killed_indexer_carries_on_and_the_mirror_is_the_chain(mirror: Mirror, protocol: Protocol) -> None:
    alice, bob, carol = protocol.accounts[2:5]
    drip(protocol, [alice, bob])
    mirror.start()
    for amount in range(1, 30):
        pay(protocol, alice, carol, amount)
        if amount == 10:
            wait_until(lambda: mirror.height() > 0, "the first blocks")
            assert mirror.end(signal.SIGKILL) == -signal.SIGKILL
            mirror.start()
    protocol.send("Ledger", "withdraw", bob, 300 * LBL, sender=bob)
    protocol.send("Ledger", "allow", protocol.addresses["Staking"], 500 * LBL, sender=bob)
    protocol.send("Staking", "join", bytes(32), 5, sender=bob)
    mirror.catch_up()
    mirror.is_true()
    assert len(mirror.dump()["seat"]) == 5
    with Session(mirror.engine) as session:
        assert session.scalar(select(func.count()).select_from(EVENT_TABLES[LedgerMoved])) == 30
    assert mirror.end(signal.SIGTERM) == 0


def test_a_reorganization_takes_back_what_it_undid(mirror: Mirror, protocol: Protocol) -> None:
    alice, bob, carol = protocol.accounts[2:5]
    drip(protocol, [alice])
    mirror.start()
    mirror.catch_up()
    before = mirror.dump()
    pay(protocol, alice, bob, 100)
    pay(protocol, alice, carol, 23)
    mirror.catch_up()
    assert mirror.dump() != before
    protocol.anvil.rpc("anvil_reorg", 2, [])
    mirror.catch_up()
    assert mirror.dump() == before
    mirror.is_true()


def test_a_shorter_chain_is_followed_when_another_history_grows_on_it(mirror: Mirror, protocol: Protocol) -> None:
    alice, bob, carol = protocol.accounts[2:5]
    drip(protocol, [alice])
    snapshot = protocol.anvil.rpc("evm_snapshot")
    for amount in range(1, 6):
        pay(protocol, alice, bob, amount)
    mirror.start()
    mirror.catch_up()
    assert protocol.anvil.rpc("evm_revert", snapshot)
    pay(protocol, alice, carol, 77)
    mirror.catch_up()
    mirror.is_true()
    accounts = {row["account"] for row in mirror.dump()["account"]}
    assert "0x" + protocol.call("Ledger", "accountOf", carol).hex() in accounts
    assert "0x" + protocol.call("Ledger", "accountOf", bob).hex() not in accounts


def test_a_reorganization_past_finality_stops_the_mirror_which_keeps_its_data_until_somebody_recovers_it(
    mirror: Mirror, protocol: Protocol
) -> None:
    alice, bob = protocol.accounts[2:4]
    drip(protocol, [alice])
    mirror.start()
    mirror.catch_up()
    before = mirror.dump()
    snapshot = protocol.anvil.rpc("evm_snapshot")
    pay(protocol, alice, bob, 5)
    protocol.anvil.rpc("anvil_mine", hex(300))
    mirror.catch_up()
    after = mirror.dump()
    assert protocol.anvil.rpc("evm_revert", snapshot)
    protocol.anvil.rpc("evm_increaseTime", 60)
    protocol.anvil.rpc("anvil_mine", hex(301))
    assert mirror.process is not None
    assert mirror.process.wait(timeout=30) == 1
    assert mirror.dump() == after != before
    again = mirror.command("run")
    assert (again.returncode, "python -m indexer recover" in again.stderr) == (1, True)
    assert "halted" in mirror.command("status").stdout
    assert mirror.command("recover").returncode == 0
    mirror.start()
    mirror.catch_up()
    assert mirror.dump() == before
    pay(protocol, alice, bob, 6)
    mirror.catch_up()
    mirror.is_true()


def test_rebuilding_from_zero_gives_the_same_state(mirror: Mirror, protocol: Protocol) -> None:
    alice, bob = protocol.accounts[2:4]
    drip(protocol, [alice, bob])
    mirror.start()
    for amount in range(1, 8):
        pay(protocol, alice, bob, amount)
    protocol.send("Ledger", "allow", protocol.addresses["Staking"], 300 * LBL, sender=bob)
    protocol.send("Staking", "join", bytes(32), 3, sender=bob)
    protocol.send("Staking", "leave", bytes(32), [1], sender=bob)
    mirror.catch_up()
    before = mirror.dump()
    assert mirror.end(signal.SIGTERM) == 0
    rebuilt = mirror.command("rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert mirror.dump() == before
    # The journal was rebuilt as well: a reorganization after it still finds its way back.
    protocol.anvil.rpc("anvil_reorg", 2, [])
    mirror.start()
    mirror.catch_up()
    mirror.is_true()
    assert mirror.dump()["seat"] == []


def test_wrong_settings_are_refused_with_what_to_do(mirror: Mirror, protocol: Protocol, tmp_path: Path) -> None:
    missing = mirror.command("run", LABELSHARE_RPC_URL="")
    assert missing.returncode == 1
    assert "Set LABELSHARE_RPC_URL" in missing.stderr
    for change, message in (
        ({"chain_id": 1}, "Set LABELSHARE_RPC_URL to a node of that chain"),
        ({"contracts": {"Ledger": "0x" + "12" * 20}}, "No code on chain 31337 at the manifest's Ledger. Deploy"),
    ):
        other = tmp_path / "other.json"
        other.write_text(json.dumps({**protocol.manifest(), **change}))
        refused = mirror.command("run", LABELSHARE_MANIFEST=str(other))
        assert refused.returncode == 1
        assert message in refused.stderr


def test_status_says_where_the_mirror_stands(mirror: Mirror, protocol: Protocol) -> None:
    drip(protocol, [protocol.accounts[2]])
    mirror.start()
    mirror.catch_up()
    status = mirror.command("status")
    block = protocol.web3.eth.block_number
    assert status.stdout.startswith(f"chain 31337: mirrored to block {block} of {block}; ledger sum {1_000 * LBL}\nfollowing; ")


def test_a_second_indexer_waits_until_the_first_one_is_gone(mirror: Mirror, protocol: Protocol) -> None:
    alice, bob = protocol.accounts[2:4]
    drip(protocol, [alice])
    mirror.start()
    mirror.catch_up()
    first = mirror.process
    assert first is not None
    mirror.start()
    refused = mirror.command("rebuild")
    assert (refused.returncode, "Stop it first" in refused.stderr) == (1, True)
    pay(protocol, alice, bob, 1)
    mirror.catch_up()
    first.kill()
    first.wait(timeout=30)
    for amount in range(2, 6):
        pay(protocol, alice, bob, amount)
    mirror.catch_up()
    mirror.is_true()
    assert mirror.end(signal.SIGTERM) == 0


def test_an_audit_finds_nothing_until_a_row_is_forged(mirror: Mirror, protocol: Protocol) -> None:
    alice, bob = protocol.accounts[2:4]
    drip(protocol, [alice, bob])
    protocol.send("Ledger", "allow", protocol.addresses["Staking"], 500 * LBL, sender=bob)
    protocol.send("Staking", "join", bytes(32), 5, sender=bob)
    mirror.start()
    mirror.catch_up()
    assert mirror.end(signal.SIGTERM) == 0
    clean = mirror.command("audit")
    assert (clean.returncode, ": 0 of " in clean.stdout) == (0, True), clean.stdout + clean.stderr
    with Session(mirror.engine) as session:
        session.scalars(select(Account).order_by(Account.account)).first().balance += 1
        session.commit()
    forged = mirror.command("audit")
    assert forged.returncode == 2
    assert "Ledger.balanceOf(" in forged.stdout


def test_tables_of_another_version_are_refused_and_a_reset_fills_them_anew(mirror: Mirror, protocol: Protocol) -> None:
    drip(protocol, [protocol.accounts[2]])
    mirror.start()
    mirror.catch_up()
    before = mirror.dump()
    assert mirror.end(signal.SIGTERM) == 0
    with mirror.engine.begin() as connection:
        connection.execute(text("UPDATE mirror_schema SET version = 1"))
    refused = mirror.command("run")
    assert (refused.returncode, "python -m indexer reset" in refused.stderr) == (1, True)
    assert mirror.command("reset").returncode == 0
    mirror.start()
    mirror.catch_up()
    assert mirror.dump() == before


def test_raw_events_are_kept_of_the_living_chain_only(mirror: Mirror, protocol: Protocol) -> None:
    alice, bob = protocol.accounts[2:4]
    drip(protocol, [alice])
    mirror.start()
    pay(protocol, alice, bob, 9)
    mirror.catch_up()
    protocol.anvil.rpc("anvil_reorg", 1, [])
    mirror.catch_up()
    hashes = {"0x" + protocol.web3.eth.get_block(n)["hash"].hex() for n in range(protocol.web3.eth.block_number + 1)}
    with Session(mirror.engine) as session:
        positions = session.scalars(select(RawEvent.position)).all()
        kept = set(session.scalars(select(Block.hash).where(Block.number.in_([position >> LOG_BITS for position in positions]))))
    assert kept
    assert kept <= hashes
