"""The truth of a real node: its headers and receipts prove themselves; what a lying proxy makes of them is never mirrored."""

import os
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from indexer.audit import audit
from indexer.database import open_database, open_for_reading
from indexer.heads import Heads, websocket_url
from indexer.health import Health
from indexer.rpc import Rpc
from indexer.runner import Runner
from indexer.settings import Settings
from indexer.source import Source, SourceError
from indexer.store import Store
from indexer.verify import Unproven, check_receipts
from indexer.wire import RECEIPTS, small
from labelshare.chain import Deployment
from tests.faults import Liar, serve
from tests.integration.anvil import Anvil, Protocol, wait_until

PORTS = range(19_170, 19_180)
TURNS = int(os.environ.get("LABELSHARE_TURNS", "5"))


@pytest.fixture
def protocol() -> Iterator[Protocol]:
    anvil = Anvil(PORTS)
    protocol = Protocol(anvil)
    protocol.send("Faucet", "dripMany", protocol.accounts[2:8], sender=protocol.deployer)
    yield protocol
    anvil.stop()


def deployed(protocol: Protocol) -> Deployment:
    contracts = {name: address.lower() for name, address in protocol.addresses.items()}
    return Deployment(protocol.web3.eth.chain_id, protocol.block, contracts, protocol.treasury.lower())


def pay_in_one_block(protocol: Protocol, payments: int) -> None:
    protocol.anvil.rpc("evm_setAutomine", False)
    for amount in range(1, payments + 1):
        receiver = protocol.call("Ledger", "accountOf", protocol.accounts[2 + amount % 6])
        call = protocol.contracts["Ledger"].functions.transfer(receiver, amount)
        call.transact({"from": protocol.accounts[2 + amount % 5], "gas": 200_000})
    protocol.anvil.rpc("evm_mine")
    protocol.anvil.rpc("evm_setAutomine", True)


def test_headers_and_receipts_of_a_real_node_prove_themselves(protocol: Protocol) -> None:
    """Blocks of 0, 1, 2 and 140 receipts: tries of every form; anvil computes its roots by another implementation."""
    for payments in (0, 2, 17, 140):
        pay_in_one_block(protocol, payments)
    source = Source(protocol.anvil.url, deployed(protocol).contracts.values())
    head = source.view(None).head.number
    proven = source.proven(0, head)
    claimed = source.claimed(0, head)
    assert list(proven.logs) == list(claimed.logs)
    assert len(proven.logs) > 160
    block = source._blocks([head])[0]
    receipts = RECEIPTS.decode(small(source._rpc.call("eth_getBlockReceipts", hex(head))))
    source.close()
    assert receipts is not None
    for wrong in (receipts[:-1], receipts[::-1], [*receipts, receipts[0]]):
        with pytest.raises(Unproven):
            check_receipts(block, wrong)


def test_behind_a_lying_proxy_the_mirror_is_still_the_chain(protocol: Protocol, tmp_path: Path) -> None:
    deployment, url = deployed(protocol), f"sqlite:///{tmp_path}/mirror.db"

    def honest(method: str, parameters: Any) -> Any:
        return protocol.web3.provider.make_request(method, list(parameters))["result"]  # type: ignore[arg-type]

    liar = Liar(honest, seed=5)
    pick = random.Random(5)
    with serve(liar) as proxy:
        source = Source(proxy, deployment.contracts.values(), timeout=2)
        store = Store(open_database(url), deployment)
        settings = Settings(proxy, url, tmp_path / "manifest.json", verify="all")
        runner = Runner(source, store, deployment, settings, clock=lambda: 0.0)
        while liar.told.total() < 60:
            if pick.random() < 0.2:
                pay_in_one_block(protocol, pick.randint(1, 4))
            try:
                runner.step()
            except SourceError:
                continue
        liar.rate = 0
        while runner.step():
            pass
        source.close()
    result = audit(open_for_reading(url), protocol.anvil.url, deployment)
    assert (result.block, result.differences) == (protocol.web3.eth.block_number, [])
    assert result.values >= 10


def test_a_pushed_head_is_mirrored_without_asking(protocol: Protocol, tmp_path: Path) -> None:
    """The poll interval is longer than the test may take: only the push can have brought the blocks."""
    deployment, url = deployed(protocol), f"sqlite:///{tmp_path}/mirror.db"
    engine = open_database(url)
    store, heads, health = Store(engine, deployment), Heads(websocket_url(protocol.anvil.url)), Health(engine, deployment.chain_id)
    settings = Settings(protocol.anvil.url, url, tmp_path / "manifest.json", poll_interval=600)
    source = Source(protocol.anvil.url, deployment.contracts.values())
    runner, stop = Runner(source, store, deployment, settings, heads=heads, health=health), threading.Event()
    while runner.step():
        pass
    heads.start()
    loop = threading.Thread(target=runner.run, args=(stop,))
    loop.start()
    wait_until(lambda: heads.listening, "the subscription")
    for number in range(5):
        pay_in_one_block(protocol, number)
        head = protocol.web3.eth.block_number
        wait_until(lambda head=head: (store.checkpoint() or (0,))[0] == head, f"block {head}")  # type: ignore[misc]
    stop.set()
    heads.stop()
    loop.join(timeout=30)
    source.close()
    assert not loop.is_alive()
    assert audit(open_for_reading(url), protocol.anvil.url, deployment).differences == []


def test_an_audit_is_not_deceived_by_a_node_that_shows_the_block_it_is_making(
    protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """anvil answers for the newest block with what the next one has done already, if it is being mined just then."""
    deployment, url = deployed(protocol), f"sqlite:///{tmp_path}/mirror.db"
    store, source = Store(open_database(url), deployment), Source(protocol.anvil.url, deployment.contracts.values())
    runner = Runner(source, store, deployment, Settings(protocol.anvil.url, url, tmp_path / "manifest.json"))
    while runner.step():
        pass
    source.close()
    pay_in_one_block(protocol, 17)
    early: list[str] = []
    honest = Rpc.batch

    def batch(rpc: Rpc, calls: Sequence[tuple[str, list[Any]]]) -> Any:
        if not early and calls[0][1][0]["to"] == deployment.address("Ledger"):
            early.extend(method for method, _ in calls)
            calls = [(method, [call, "latest"]) for method, (call, _) in calls]
        return honest(rpc, calls)

    monkeypatch.setattr(Rpc, "batch", batch)
    assert audit(open_for_reading(url), protocol.anvil.url, deployment).differences == []
    assert len(early) >= 6


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_after_each_reorganization_of_a_real_chain_the_mirror_says_what_the_contracts_say(
    request: pytest.FixtureRequest, protocol: Protocol, tmp_path: Path, database: str
) -> None:
    deployment = deployed(protocol)
    url = f"sqlite:///{tmp_path}/mirror.db" if database == "sqlite" else request.getfixturevalue("postgres")()
    engine, reader = open_database(url), open_for_reading(url)
    store, source = Store(engine, deployment), Source(protocol.anvil.url, deployment.contracts.values())
    pick = random.Random(7)
    runner = Runner(source, store, deployment, Settings(protocol.anvil.url, url, tmp_path / "manifest.json"))
    protocol.anvil.rpc("anvil_mine", hex(70))
    for depth in (1, 64, *(pick.randint(1, 64) for _ in range(TURNS))):
        for _ in range(pick.randint(1, 3)):
            pay_in_one_block(protocol, pick.randint(0, 6))
        if pick.random() < 0.5:
            while runner.step():
                pass
        protocol.anvil.rpc("anvil_reorg", depth, [])
        while runner.step():
            pass
        result = audit(reader, protocol.anvil.url, deployment)
        assert (result.block, result.differences) == (protocol.web3.eth.block_number, [])
    source.close()
    engine.dispose()
    reader.dispose()
