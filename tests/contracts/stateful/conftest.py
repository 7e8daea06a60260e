"""One world for all runs of this folder; each run starts from it and is rolled back."""

from collections.abc import Iterator
from typing import Any

import pytest

from scripts.deploy import LBL, Parameters, deploy_development
from tests.contracts.stateful.moves import Moves

SEAT = 100 * LBL
# As on a live network: longer than a seed block is in reach, which Invariant 9 rests on.
UNBONDING = 21 * 24 * 3600


@pytest.fixture(scope="module")
def world(deployer: Any, treasury: Any) -> Iterator[Moves]:
    parameters = Parameters(min_window=1, seat_size=SEAT, unbonding_period=UNBONDING, control_delay=60, min_seat_fee=0)
    deployed = deploy_development(deployer, treasury, parameters)
    world = Moves(deployed, treasury.address, SEAT, UNBONDING)
    world.check_all()
    yield world
    world.node.release()


@pytest.fixture
def w(world: Moves) -> Iterator[Moves]:
    """A run of its own; at its end everyone leaves."""
    snapshot, began = world.node.snapshot(), world.copy_state()
    try:
        yield world
        world.check_all()
        world.everyone_leaves(world.stranger, validators_vote=False)
    finally:
        world.node.revert(snapshot)
        world.state = began
