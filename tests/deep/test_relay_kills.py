"""make relay-kills: SIGKILL at every step of a relayer, many times each, and two relayers on 10,000 items. Prints a table."""

import os
import time
from pathlib import Path

import pytest

from backend.relay.steps import STEPS
from tests.integration.anvil import Anvil, Protocol
from tests.integration.relay_kills import Kill, race
from tests.integration.relaying import Relay

PORTS = range(19250, 19260)
SEEDS = int(os.environ.get("LABELSHARE_KILLS", "200"))
RACED = int(os.environ.get("LABELSHARE_RACED", "10000"))
A_LIFE = 25  # kills of one database and chain, before a new one: looking at all that a long life did takes long


@pytest.mark.parametrize("step", STEPS)
def test_killed_many_times_at_a_step_it_loses_and_doubles_nothing(step: str, tmp_path: Path) -> None:
    began, items = time.monotonic(), 0
    for first in range(0, SEEDS, A_LIFE):
        folder = tmp_path / str(first)
        folder.mkdir()
        anvil = Anvil(PORTS, "--prune-history", "20000")
        relay = Relay(Protocol(anvil), folder)
        try:
            seen = 0
            for seed in range(first, min(SEEDS, first + A_LIFE)):
                seen = Kill(relay, step, seed).run(since=seen)
            relay.refused = sum(row.error is not None for row in relay.rows())
            relay.require_exactly_once()
            items += len(relay.rows())
        finally:
            relay.close()
            anvil.stop()
    seconds = time.monotonic() - began
    with (Path(os.environ.get("LABELSHARE_KILLS_TABLE", os.devnull))).open("a") as table:
        table.write(f"| {step} | {SEEDS} | {items:,} | 0 | 0 | 0 | {seconds:.0f} |\n")


def test_two_relayers_on_many_items_sign_no_nonce_twice(tmp_path: Path) -> None:
    anvil = Anvil(PORTS, "--prune-history", "20000")
    relay = Relay(Protocol(anvil), tmp_path)
    try:
        changed = race(relay, RACED, seconds=1800)
        assert changed > 10
        with (Path(os.environ.get("LABELSHARE_KILLS_TABLE", os.devnull))).open("a") as table:
            table.write(f"| two relayers, {RACED:,} items, the lease changed hands {changed:,} times | | | 0 | 0 | 0 | |\n")
    finally:
        relay.close()
        anvil.stop()
