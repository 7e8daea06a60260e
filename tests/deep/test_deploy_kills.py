"""make check-deploy: a deployment killed at every transaction, at each place where it can die."""

from pathlib import Path

import pytest

from tests.integration.deploying import PLACES, LiveAnvil, Node, Operator, brownie_network, deploy_through_kills

PORTS = range(19120, 19130)


@pytest.mark.parametrize("place", PLACES)
def test_killed_at_every_transaction_it_ends_as_planned(place: str, tmp_path: Path) -> None:
    anvil = LiveAnvil(PORTS)
    node = Node(anvil)
    try:
        with brownie_network():
            deploy_through_kills(Operator(tmp_path, node), lambda _: place)
    finally:
        node.stop()
        anvil.stop()
