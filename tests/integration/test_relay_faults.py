"""A relayer on a chain that turns against it: fees that run away, lost transactions, reorganizations, the key used elsewhere."""

import itertools
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from sqlalchemy import select

from backend.db import Database
from backend.models import RelayLease
from backend.relay.lease import Lease, LeaseLost
from backend.relay.node_errors import Answer
from backend.relay.outbox import enqueue_call
from labelshare.client.wallet import Wallet
from tests.integration.anvil import Anvil, Protocol
from tests.integration.relaying import Relay, paused

PORTS = range(19220, 19230)
GWEI = 10**9


@pytest.fixture(scope="module")
def protocol() -> Iterator[Protocol]:
    anvil = Anvil(PORTS)
    yield Protocol(anvil)
    anvil.stop()


@pytest.fixture
def relay(protocol: Protocol, tmp_path: Path) -> Iterator[Relay]:
    relay = Relay(protocol, tmp_path)
    yield relay
    protocol.anvil.rpc("evm_setAutomine", True)
    protocol.anvil.rpc("anvil_setNextBlockBaseFeePerGas", "0x0")
    protocol.anvil.rpc("evm_mine")
    relay.close()


def state(relay: Relay) -> str:
    with relay.database.transaction() as session:
        return session.scalars(select(RelayLease.state)).one()


def elsewhere(relay: Relay, nonce: int, to: str, data: str = "0x", gas: int = 300_000) -> str:
    """A transaction of the operator's key that the relayer knows nothing of; its hash."""
    fields = {"chainId": 31337, "nonce": nonce, "to": relay.protocol.web3.to_checksum_address(to), "value": 0, "data": data}
    fees = {"gas": gas, "maxFeePerGas": 10 * GWEI, "maxPriorityFeePerGas": 10 * GWEI}
    signed = Account.sign_transaction(fields | fees, relay.key)
    return str(relay.anvil.rpc("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex()))


# Fees


def test_a_base_fee_that_rises_tenfold_in_20_blocks_is_followed_by_dearer_versions(relay: Relay) -> None:
    resume = paused(relay)
    relay.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    relay.anvil.rpc("evm_mine")
    relay.drip(*range(70))
    sender = relay.sender()
    sender.step()
    for block in range(1, 21):
        # The blocks are full of what others pay for: ours is not in them.
        held = [t.hash for t in relay.transactions()]
        for tx_hash in held:
            relay.anvil.rpc("anvil_dropTransaction", tx_hash)
        relay.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(int(GWEI * 10 ** (block / 20))))
        relay.anvil.rpc("evm_mine")
        sender.step()
    by_nonce: dict[int, list[Any]] = {}
    for version in relay.versions():
        by_nonce.setdefault(version.transaction_id, []).append(version)
    assert all(len(versions) > 1 for versions in by_nonce.values()), "no version was replaced"
    for versions in by_nonce.values():
        for before, after in itertools.pairwise(versions):
            assert after.max_fee * 10 >= before.max_fee * 11
            assert after.tip * 10 >= before.tip * 11
    resume()
    relay.drain(sender, mine=True)
    assert [relay.served(person) for person in range(70)] == [1] * 70
    relay.require_exactly_once()


def test_no_version_ever_offers_more_than_the_cap_and_the_relayer_says_that_it_waits(relay: Relay) -> None:
    resume = paused(relay)
    relay.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    relay.anvil.rpc("evm_mine")
    relay.drip(1)
    sender = relay.sender(fee_cap=5 * GWEI)
    sender.step()
    for _ in range(30):
        relay.anvil.rpc("anvil_dropAllTransactions")
        relay.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(20 * GWEI))
        relay.anvil.rpc("evm_mine")
        sender.step()
    assert max(version.max_fee for version in relay.versions()) <= 5 * GWEI
    assert "fee cap" in state(relay)
    relay.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    resume()
    relay.drain(sender, mine=True)
    assert relay.served(1) == 1
    assert state(relay) == ""


def test_an_empty_account_waits_loses_nothing_and_says_so(relay: Relay) -> None:
    relay.fund(0)
    relay.drip(*range(40))
    sender = relay.sender()
    for _ in range(5):
        sender.step()
    assert state(relay) == Answer.NO_FUNDS.value
    assert [row.error for row in relay.rows()] == [None] * 40
    relay.fund(10**18)
    relay.drain(sender)
    assert [relay.served(person) for person in range(40)] == [1] * 40
    assert state(relay) == ""
    relay.require_exactly_once()


# Lost


def test_a_wiped_mempool_is_filled_again_in_order(relay: Relay) -> None:
    relay.submit(Wallet(secrets.token_bytes(32)), 100)
    resume = paused(relay)
    sender = relay.sender()
    for _ in range(3):
        sender.step()
        relay.anvil.rpc("anvil_dropAllTransactions")
    hashes = [t.hash for t in relay.transactions()]
    resume()
    relay.drain(sender, mine=True)
    assert [t.hash for t in relay.transactions()][: len(hashes)] == hashes
    relay.require_exactly_once()


@pytest.mark.parametrize("depth", [1, 2, 7, 33, 64])
def test_what_a_reorganization_drops_is_sent_again(relay: Relay, depth: int) -> None:
    ada = Wallet(secrets.token_bytes(32))
    relay.pay(3)
    relay.anvil.rpc("anvil_mine", hex(70))  # What the operator was given stays; the rest is younger than the reorganization.
    relay.submit(ada, 1)
    sender = relay.sender()
    relay.drain(sender)
    relay.submit(ada, 64)
    relay.anvil.rpc("anvil_mine", hex(max(0, depth - 3)))
    relay.drain(sender)
    before = relay.nonce()
    relay.anvil.rpc("anvil_reorg", depth, [])
    assert relay.nonce() < before
    relay.drain(sender)
    assert relay.nonce() == before
    relay.require_exactly_once()


def test_finality_ends_the_watch_and_not_before(relay: Relay) -> None:
    relay.drip(1)
    sender = relay.sender()
    relay.drain(sender)
    assert [t.final for t in relay.transactions()] == [False]
    relay.anvil.rpc("anvil_mine", hex(63))
    sender.step()
    assert [t.final for t in relay.transactions()] == [False]
    relay.anvil.rpc("anvil_mine", hex(1))
    sender.step()
    assert [t.final for t in relay.transactions()] == [True]


# The key used elsewhere


def test_a_nonce_that_is_taken_elsewhere_loses_nothing_once_that_is_final(relay: Relay) -> None:
    resume = paused(relay)
    relay.drip(*range(5))
    sender = relay.sender()
    sender.step()
    relay.anvil.rpc("anvil_dropAllTransactions")
    elsewhere(relay, 0, "0x" + "ab" * 20)
    resume()
    for _ in range(3):
        sender.step()
    assert [relay.served(person) for person in range(5)] == [0] * 5, "it could still be mined after a reorganization"
    relay.anvil.rpc("anvil_mine", hex(66))
    relay.drain(sender)
    assert [relay.served(person) for person in range(5)] == [1] * 5
    assert [t.status for t in relay.transactions()] == ["foreign", "mined"]
    relay.require_exactly_once()


def test_foreign_transactions_are_taken_in_before_anything_is_signed(relay: Relay) -> None:
    relay.drip(1)
    sender = relay.sender()
    relay.drain(sender)
    for nonce in (1, 2, 3):
        elsewhere(relay, nonce, "0x" + "cd" * 20)
    relay.drip(2)
    relay.drain(sender)
    assert [t.status for t in relay.transactions()] == ["mined", "foreign", "foreign", "foreign", "mined"]
    assert (relay.served(1), relay.served(2)) == (1, 1)
    relay.require_exactly_once()


def test_a_foreign_transaction_that_a_reorganization_drops_leaves_no_gap(relay: Relay) -> None:
    sender = relay.sender()
    relay.drip(1)
    relay.drain(sender)
    elsewhere(relay, 1, "0x" + "cd" * 20)
    relay.drip(2)
    relay.drain(sender)
    relay.anvil.rpc("anvil_reorg", 2, [])
    relay.drip(3)
    relay.drain(sender)
    assert [relay.served(person) for person in (1, 2, 3)] == [1] * 3
    relay.require_whole_nonces()


# Backups


def test_after_a_restore_nothing_is_sent_before_the_chain_is_reconciled_and_nothing_twice(relay: Relay, tmp_path: Path) -> None:
    ada = Wallet(secrets.token_bytes(32))
    relay.submit(ada, 40)
    relay.pay(3)
    with sqlite3.connect(tmp_path / "app.db") as live, sqlite3.connect(tmp_path / "backup.db") as backup:
        live.backup(backup)
    relay.drain()
    transactions = relay.nonce()
    relay.database.engine.dispose()
    for rest in tmp_path.glob("app.db*"):
        rest.unlink()
    shutil.copy(tmp_path / "backup.db", tmp_path / "app.db")
    relay.database = Database(relay.url)
    sender = relay.sender()
    sender.step()
    assert relay.nonce() == transactions, "it sent before it knew what was sent"
    assert "unknown" in state(relay)
    relay.drain(sender)
    assert relay.nonce() == transactions
    relay.pay(1)
    relay.drain(sender)
    relay.require_exactly_once()


def test_a_replacement_that_a_restored_backup_does_not_know_is_recognised_by_its_call(relay: Relay, tmp_path: Path) -> None:
    resume = paused(relay)
    relay.drip(1)
    sender = relay.sender()
    sender.step()
    (stored,) = relay.transactions()
    relay.anvil.rpc("anvil_dropAllTransactions")
    replaced = elsewhere(relay, 0, stored.target, stored.data, stored.gas)
    resume()
    relay.anvil.rpc("anvil_mine", hex(66))
    relay.drain(sender)
    assert [(t.status, t.hash) for t in relay.transactions()] == [("mined", replaced)]
    assert relay.served(1) == 1


# One relayer


def test_a_second_relayer_waits_and_takes_over_when_the_first_is_silent(relay: Relay) -> None:
    now = [0.0]
    leases = [Lease(relay.database, 31337, relay.operator.address, 5, lambda: now[0]) for _ in range(2)]
    first, second = (relay.sender(lease=lease) for lease in leases)
    relay.drip(1)
    first.step()
    relay.drip(2)
    for now[0] in (1.0, 3.0, 5.0):
        first.step()
        assert second.step() is False
    assert [lease.held for lease in leases] == [True, False]
    relay.drip(3)
    for now[0] in (6.0, 9.9, 10.1):
        second.step()
    assert leases[1].held
    relay.drain(second)
    assert [relay.served(person) for person in (1, 2, 3)] == [1] * 3
    relay.require_exactly_once()


def test_a_holder_that_slept_through_its_lease_commits_nothing_any_more(relay: Relay) -> None:
    stale, other = relay.sender(), relay.sender()
    stale.step()
    assert other.lease.hold()
    with relay.database.transaction() as session:
        enqueue_call(session, "allow", "Ledger", "allow", relay.deployment.address("Settlement"), "1")
    with pytest.raises(LeaseLost):
        stale._step()
    assert relay.transactions() == []
    assert not stale.lease.held
    relay.drain(other)
    assert len(relay.transactions()) == 1
