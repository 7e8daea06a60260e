"""Deploying to a chain like a public testnet: a keystore account, a block a second, and all that goes wrong on the way."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.deploying import (
    BEFORE,
    NAMES,
    PLACES,
    LiveAnvil,
    Node,
    Operator,
    brownie_network,
    deploy_through_kills,
)

PORTS = range(19110, 19120)


@pytest.fixture(scope="module")
def anvil() -> Iterator[LiveAnvil]:
    anvil = LiveAnvil(PORTS)
    with brownie_network():
        yield anvil
    anvil.stop()


@pytest.fixture
def node(anvil: LiveAnvil) -> Iterator[Node]:
    node = Node(anvil)
    yield node
    node.stop()


@pytest.fixture
def operator(node: Node, tmp_path: Path) -> Operator:
    return Operator(tmp_path, node)


def test_a_deployment_killed_at_every_transaction_ends_as_planned(operator: Operator) -> None:
    deploy_through_kills(operator, lambda nonce: PLACES[nonce % 3])


def test_a_dry_run_says_what_it_would_cost_and_leaves_no_trace(operator: Operator) -> None:
    before = set(operator.manifest.parent.iterdir())
    operator.password_file.write_text("not needed to look")
    code, output = operator.deploy(LABELSHARE_DRY_RUN="1")
    assert code == 0, output
    rows = {line.split()[0]: line.split() for line in output.splitlines() if line.startswith(NAMES)}
    assert {name: row[1].lower() for name, row in rows.items()} == operator.planned()
    assert all(int(row[2].replace(",", "")) > 200_000 and float(row[3]) > 0 for row in rows.values())
    assert f"{operator.address} has 1.000000 ether: enough" in output
    assert (operator.node.sent, operator.nonce(), set(operator.manifest.parent.iterdir())) == ([], 0, before)


def test_too_little_ether_is_said_before_anything_is_sent(operator: Operator) -> None:
    operator.fund(1_000_000)
    code, output = operator.deploy()
    assert code == 1
    assert f"{operator.address} has 0.000000 ether: not enough" in output
    assert f"Send ether to {operator.address} and run again. Nothing was sent." in output
    assert (operator.node.sent, operator.manifest.exists()) == ([], False)


def test_a_wrong_password_is_said_and_not_shown(operator: Operator) -> None:
    operator.password_file.write_text("wr0ng-passw0rd")
    code, output = operator.deploy()
    assert code == 1
    assert "The password in the file that LABELSHARE_DEPLOYER_PASSWORD_FILE names does not open the keystore" in output
    assert "wr0ng-passw0rd" not in output
    assert "Traceback" not in output
    assert (operator.node.sent, operator.manifest.exists()) == ([], False)


def test_a_nonce_used_for_something_else_is_said_with_the_way_out(operator: Operator, refused: Callable[[], str]) -> None:
    operator.kill_at_each_nonce(lambda _: BEFORE)
    assert operator.deploy()[0] == -signal.SIGKILL
    operator.transfer(nonce=0)
    assert "used for something else. Move the manifest of this chain away and deploy anew" in refused()
    assert operator.nonce() == 1


def test_the_manifest_of_another_chain_is_refused(operator: Operator, refused: Callable[[], str]) -> None:
    operator.kill_at_each_nonce(lambda _: BEFORE)
    assert operator.deploy()[0] == -signal.SIGKILL
    manifest = json.loads(operator.manifest.read_text())
    operator.manifest.write_text(json.dumps(manifest | {"chain_id": 5}))
    assert "is the manifest of chain 5, but this network is chain 11155111" in refused()


def test_nothing_is_planned_while_the_pool_holds_a_transaction(operator: Operator, refused: Callable[[], str]) -> None:
    operator.anvil.rpc("evm_setIntervalMining", 0)
    try:
        operator.transfer(nonce=0)
        assert "1 transaction(s) waiting in the node's pool" in refused()
    finally:
        operator.anvil.rpc("evm_setIntervalMining", 1)
    assert not operator.manifest.exists()


def test_a_stuck_transaction_is_replaced_by_one_that_pays_more(operator: Operator) -> None:
    def on_send(nonce: int, forward: Callable[[], None]) -> None:
        if nonce == 1:
            operator.kill()
            return
        forward()
        operator.anvil.rpc("evm_setIntervalMining", int(len(operator.node.sent) > 1))

    operator.node.on_send = on_send
    try:
        code, output = operator.deploy(LABELSHARE_DEPLOY_PATIENCE="1")
    finally:
        operator.anvil.rpc("evm_setIntervalMining", 1)
    assert code == -signal.SIGKILL, output
    assert operator.node.sent[:2] == [0, 0]
    assert operator.nonce() == 1
    assert operator.web3.eth.get_code(operator.web3.to_checksum_address(operator.planned()["LabelToken"]))


@pytest.fixture
def refused(operator: Operator) -> Callable[[], str]:
    def run() -> str:
        sent = list(operator.node.sent)
        code, output = operator.deploy(LABELSHARE_DEPLOY_PATIENCE="2")
        assert (code, operator.node.sent) == (1, sent), output
        return output

    return run
