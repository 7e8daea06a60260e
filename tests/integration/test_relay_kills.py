"""SIGKILL at every step of a relayer: what was accepted is on chain exactly once. `make relay-kills` does 200 seeds a step."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.relay.steps import STEPS
from tests.integration.anvil import Anvil, Protocol
from tests.integration.relay_kills import Kill, race
from tests.integration.relaying import Relay

PORTS = range(19230, 19240)
SEED = 1


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """One relayer's life: each test kills it once more, on the same chain and database."""
    anvil = Anvil(PORTS, "--prune-history", "20000")
    relay = Relay(Protocol(anvil), tmp_path_factory.mktemp("kills"))
    yield relay
    relay.refused = sum(row.error is not None for row in relay.rows())
    assert relay.refused == 1  # the step at which a call is refused
    relay.require_exactly_once()  # once more, after all kills: what was done must not be done again later
    relay.close()
    anvil.stop()


def test_there_are_at_least_twelve_steps_to_die_at() -> None:
    assert len(set(STEPS)) == len(STEPS) >= 12


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_it_loses_and_doubles_nothing(relay: Relay, step: str) -> None:
    Kill(relay, step, SEED).run(since=len(relay.rows()))


def test_two_relayers_at_once_sign_no_nonce_twice(tmp_path: Path) -> None:
    anvil = Anvil(PORTS, "--prune-history", "20000")
    relay = Relay(Protocol(anvil), tmp_path)
    try:
        assert race(relay, 400) > 4, "the lease hardly changed hands"
    finally:
        relay.close()
        anvil.stop()
