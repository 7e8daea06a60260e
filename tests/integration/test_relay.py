"""Exactly-once relaying: a sender that dies at the worst moments, on a real anvil and a real database."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from backend.models import RelayLease
from backend.relay.outbox import enqueue_call, enqueue_item
from backend.relay.skips import SKIP_REASONS
from labelshare.chain.rpc import Rpc, RpcUnavailable
from labelshare.client.wallet import Wallet
from tests.integration.anvil import Anvil, Protocol, wait_until
from tests.integration.relaying import Relay, paused

PORTS = range(19210, 19220)


class Killed(Exception):
    """Stands for SIGKILL: whatever the sender had not stored is gone."""


class FaultyRpc(Rpc):
    """A node whose answers to one method are lost, before or after it took effect."""

    def __init__(self, url: str, method: str, after: bool, error: type[Exception]) -> None:
        super().__init__(url)
        self.method, self.after, self.error = method, after, error

    def call(self, method: str, *parameters: Any) -> Any:
        if method == self.method:
            if self.after:
                super().call(method, *parameters)
            raise self.error
        return super().call(method, *parameters)


@pytest.fixture(scope="module")
def protocol() -> Iterator[Protocol]:
    anvil = Anvil(PORTS)
    yield Protocol(anvil)
    anvil.stop()


@pytest.fixture
def relay(protocol: Protocol, tmp_path: Path) -> Iterator[Relay]:
    relay = Relay(protocol, tmp_path)
    yield relay
    relay.close()


def test_rows_of_a_kind_share_a_transaction_and_each_takes_effect_once(relay: Relay) -> None:
    relay.drip(*range(100, 160))
    relay.drip(100)
    relay.drain()
    assert [relay.served(person) for person in range(100, 160)] == [1] * 60
    assert [transaction.status for transaction in relay.transactions()] == ["mined", "mined"]


@pytest.mark.parametrize("after", [False, True], ids=["before it reached the node", "after it reached the node"])
def test_a_sender_killed_while_broadcasting_sends_the_same_bytes_again(relay: Relay, after: bool) -> None:
    relay.drip(1, 2)
    with pytest.raises(Killed):
        relay.sender(FaultyRpc(relay.protocol.anvil.url, "eth_sendRawTransaction", after, Killed)).step()
    stored = relay.transactions()
    assert [transaction.status for transaction in stored] == ["pending"]
    relay.drain()
    assert [t.hash for t in relay.transactions()] == [t.hash for t in stored]
    assert (relay.served(1), relay.served(2)) == (1, 1)


def test_a_sender_killed_before_it_stored_anything_loses_nothing(relay: Relay) -> None:
    relay.drip(1)
    with pytest.raises(Killed):
        relay.sender(FaultyRpc(relay.protocol.anvil.url, "eth_estimateGas", False, Killed)).step()
    assert relay.transactions() == []
    relay.drain()
    assert relay.served(1) == 1


def test_a_node_that_loses_the_answer_is_asked_again_not_sent_again(relay: Relay) -> None:
    relay.drip(1)
    with pytest.raises(RpcUnavailable):
        relay.sender(FaultyRpc(relay.protocol.anvil.url, "eth_sendRawTransaction", True, RpcUnavailable)).step()
    relay.drip(2)
    relay.drain()
    assert (relay.served(1), relay.served(2)) == (1, 1)
    assert [transaction.nonce for transaction in relay.transactions()] == [0, 1]


def test_a_transaction_that_the_node_dropped_is_broadcast_again(relay: Relay) -> None:
    relay.protocol.anvil.rpc("evm_setAutomine", False)
    relay.drip(1)
    relay.sender().step()
    relay.protocol.anvil.rpc("anvil_dropTransaction", relay.transactions()[0].hash)
    relay.sender().step()
    relay.protocol.anvil.rpc("evm_setAutomine", True)
    relay.protocol.anvil.rpc("evm_mine")
    relay.drain()
    assert relay.served(1) == 1
    assert len(relay.transactions()) == 1


def test_a_call_that_would_revert_is_refused_by_name_and_does_not_stop_the_rest(relay: Relay) -> None:
    with relay.database.transaction() as session:
        enqueue_call(session, "close:77", "LabelRegistry", "closeRound", 77)
        enqueue_call(session, "allow", "Ledger", "allow", relay.deployment.address("Settlement"), str(2**256 - 1))
    relay.drain()
    assert [(row.key, row.error) for row in relay.rows()] == [("close:77", "NotOpen"), ("allow", None)]
    allowed = relay.protocol.call(
        "Ledger",
        "allowance",
        relay.protocol.web3.to_checksum_address(relay.operator.address),
        relay.protocol.addresses["Settlement"],
    )
    assert allowed == 2**256 - 1


@pytest.mark.parametrize("bad", [0, 57, 99], ids=["first", "in the middle", "last"])
def test_of_a_hundred_items_with_a_bad_one_99_land_and_the_bad_one_says_why(relay: Relay, bad: int) -> None:
    relay.drip(*range(bad))
    with relay.database.transaction() as session:
        enqueue_item(session, "drip", f"drip:{bad}", "0x1234")
    relay.drip(*range(bad + 1, 100))
    relay.drain()
    assert [number for number in range(100) if relay.served(number) != 1] == [bad]
    errors = {row.key: row.error for row in relay.rows() if row.error}
    assert list(errors) == [f"drip:{bad}"]
    assert "cannot be encoded" in str(errors[f"drip:{bad}"])
    relay.require_whole_nonces()


def test_a_submission_that_the_chain_passes_over_does_not_stop_those_around_it(relay: Relay) -> None:
    ada, bob = (Wallet(secrets.token_bytes(32)) for _ in range(2))
    relay.submit(ada, 2)
    with relay.database.transaction() as session:
        key, item = relay.field.submission(bob, deadline=1)
        enqueue_item(session, "submission", key, item)
    relay.submit(ada, 2)
    relay.drain()
    assert relay.field.accepted(relay.chain) == [(ada.address, n) for n in range(4)]
    assert relay.field.skipped(relay.chain) == [(bob.address, 0, SKIP_REASONS.index("expired"))]
    assert [(row.key, row.error) for row in relay.rows() if row.error] == [(key, "expired")]


def test_submissions_go_out_in_the_order_in_which_they_were_taken(relay: Relay) -> None:
    people = [Wallet(secrets.token_bytes(32)) for _ in range(3)]
    for turn in range(60):
        relay.submit(people[turn % 3])
    relay.drain()
    assert relay.field.accepted(relay.chain) == relay.submitted
    relay.require_exactly_once()


def test_what_must_be_included_soon_goes_before_all_else_and_what_is_late_does_not_go(relay: Relay) -> None:
    ada = Wallet(secrets.token_bytes(32))
    now = relay.protocol.web3.eth.get_block("latest")["timestamp"]
    relay.pay(2)
    with relay.database.transaction() as session:
        for ahead in (100, -5):
            key, item = relay.field.submission(ada, deadline=now + 1000)
            enqueue_item(session, "submission", key, item, include_by=now + ahead)
    relay.drain()
    sent = {row.key: row.transaction_id for row in relay.rows()}
    first, late = [key for key in sent if key.startswith("submission")]
    assert sent[first] == min(sent[key] or 0 for key in sent if key != late)
    assert [(row.key, row.error) for row in relay.rows() if row.error] == [(late, "expired")]


def test_submissions_wait_while_the_guardian_pauses_them_and_are_not_refused(relay: Relay) -> None:
    ada = Wallet(secrets.token_bytes(32))
    relay.submit(ada, 3)
    guardian = relay.protocol.treasury
    relay.protocol.send("Parameters", "pause", 2, sender=guardian)
    sender = relay.sender()
    sender.step()
    with relay.database.transaction() as session:
        assert "paused" in session.scalars(select(RelayLease.state)).one()
    assert [row.error for row in relay.rows()] == [None] * 3
    relay.protocol.send("Parameters", "resume", 2, sender=guardian)
    relay.drain(sender)
    relay.require_exactly_once()


def mined(relay: Relay, raw: str) -> None:
    """Sends a transaction and waits for its block: anvil answers before."""
    sent = relay.anvil.rpc("eth_sendRawTransaction", raw)
    wait_until(lambda: relay.anvil.rpc("eth_getTransactionReceipt", sent) is not None, "the receipt")


def test_a_batch_that_reverted_and_what_was_passed_over_because_of_it_come_again_in_order(relay: Relay) -> None:
    """The guardian pauses while two batches are on their way: the first reverts, the second finds a gap in the sequence."""
    ada = Wallet(secrets.token_bytes(32))
    relay.submit(ada, 50)
    resume = paused(relay)
    sender = relay.sender()
    sender.step()
    raws = {version.hash: version.raw for version in relay.versions()}
    first, second = (raws[transaction.hash] for transaction in relay.transactions())
    relay.anvil.rpc("anvil_dropAllTransactions")
    resume()
    guardian = relay.protocol.treasury
    relay.protocol.send("Parameters", "pause", 2, sender=guardian)
    mined(relay, first)
    relay.protocol.send("Parameters", "resume", 2, sender=guardian)
    mined(relay, second)
    assert {reason for *_, reason in relay.field.skipped(relay.chain)} == {SKIP_REASONS.index("wrong_sequence")}
    relay.drain(sender)
    assert relay.field.accepted(relay.chain) == [(ada.address, sequence) for sequence in range(50)]
    assert [(t.nonce, t.status) for t in relay.transactions()] == [(0, "reverted"), (1, "mined"), (2, "mined"), (3, "mined")]
    assert [row.error for row in relay.rows()] == [None] * 50
