"""Exactly-once relaying: a sender that dies at the worst moments, on a real anvil and a real database."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from backend.__main__ import migrate
from backend.db import Database
from backend.models import Outbox, Transaction
from backend.relay.lease import Lease
from backend.relay.outbox import enqueue_call, enqueue_item
from backend.relay.sender import Sender
from backend.relay.signer import KeyFileError, Operator, load_operator
from labelshare.chain import deployment
from labelshare.chain.rpc import Rpc, RpcUnavailable
from tests.integration.anvil import LBL, Anvil, Protocol, wait_until

PORTS = range(19210, 19220)
KEY = b"\x07" * 32


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


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    anvil = Anvil(PORTS)
    yield anvil
    anvil.stop()


@pytest.fixture
def protocol(anvil: Anvil) -> Protocol:
    return Protocol(anvil)


@pytest.fixture
def relay(protocol: Protocol, tmp_path: Path) -> "Iterator[Relay]":
    relay = Relay(protocol, tmp_path)
    yield relay
    relay.close()


class Relay:
    """A database, an operator with gas, and senders that come and go."""

    def __init__(self, protocol: Protocol, folder: Path) -> None:
        manifest = folder / "deployment.json"
        manifest.write_text(json.dumps(protocol.manifest()))
        url = f"sqlite:///{folder}/app.db"
        migrate(url)
        self.protocol = protocol
        self.database = Database(url)
        self.deployment = deployment(manifest)
        self.operator = Operator(KEY)
        self._rpcs: list[Rpc] = []
        protocol.anvil.rpc("anvil_setBalance", self.operator.address, hex(10**20))

    def sender(self, rpc: Rpc | None = None) -> Sender:
        self._rpcs.append(rpc or Rpc(self.protocol.anvil.url))
        # A lease that is taken over at once: the sender before is gone.
        lease = Lease(self.database, self.deployment.chain_id, self.operator.address, seconds=0)
        return Sender(self.database, self._rpcs[-1], self.deployment, self.operator, lease=lease)

    def close(self) -> None:
        for rpc in self._rpcs:
            rpc.close()
        self.database.engine.dispose()

    def drip(self, *people: int) -> None:
        with self.database.transaction() as session:
            for person in people:
                address = f"0x{person:040x}"
                enqueue_item(session, "drip", f"drip:{address}", address)

    def served(self, person: int) -> int:
        """How often the faucet served a person: their Ledger balance in units of its amount."""
        return int(self.protocol.call("Ledger", "balanceOf", person.to_bytes(32, "big"))) // (1_000 * LBL)

    def rows(self) -> list[Outbox]:
        with self.database.transaction() as session:
            return list(session.scalars(select(Outbox).order_by(Outbox.id)))

    def transactions(self) -> list[Transaction]:
        with self.database.transaction() as session:
            return list(session.scalars(select(Transaction).order_by(Transaction.nonce)))

    def drain(self) -> None:
        sender = self.sender()
        wait_until(lambda: not sender.step(), "the outbox to be empty")


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


def test_the_operators_key_is_read_strictly_and_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("0x" + KEY.hex() + "\n")
    assert load_operator(file).address == Operator(KEY).address
    assert KEY.hex() not in repr(load_operator(file))
    for content in ("", "0x12", KEY.hex() + "zz", '{"crypto": {}}'):
        file.write_text(content)
        with pytest.raises(KeyFileError) as caught:
            load_operator(file)
        assert KEY.hex() not in str(caught.value)
