"""Invariants 1 to 12 in runs of any order: a model of the whole protocol beside the chain, and everyone leaves at the end.

`make test` has long runs from fixed seeds, and a few of Hypothesis; `make stateful-deep` has many of both. Hypothesis makes a
failing run as short as it can.
"""

import os
import time
from random import Random

import pytest
from hypothesis import HealthCheck, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.stateful.machine import FIRED, ProtocolMachine
from tests.contracts.stateful.moves import Moves

EXAMPLES = int(os.environ.get("LABELSHARE_STATEFUL_EXAMPLES", "2"))
STEPS = int(os.environ.get("LABELSHARE_STATEFUL_STEPS", "60"))
DEEP = "LABELSHARE_STATEFUL_EXAMPLES" in os.environ
SEEDS = range(int(os.environ.get("LABELSHARE_STATEFUL_SEEDS", "12")))


@pytest.fixture(scope="module", autouse=True)
def table(world: Moves) -> object:
    """What the runs did, in numbers, for those who look (-s)."""
    began = time.monotonic()
    yield
    print(f"\n{sum(FIRED.values())} rules, {sum(world.calls.values())} calls, {time.monotonic() - began:.0f} s")
    for title, counts in (("rule", FIRED), ("call, refusal or submission", world.calls), ("largest gas", world.gas)):
        print(f"\n{title}")
        for name, count in sorted(counts.items(), key=lambda item: -item[1]):
            print(f"{count:>12}  {name}")


@pytest.mark.parametrize("seed", SEEDS)
def test_in_any_order_the_invariants_hold_and_everyone_can_leave(world: Moves, seed: int) -> None:
    ProtocolMachine.world = world
    random, machine = Random(seed), ProtocolMachine()
    try:
        machine.two_rounds_are_under_way(seed=seed)
        rules = sorted(rule.function.__name__ for rule in ProtocolMachine.rules())
        for _ in range(STEPS):
            getattr(machine, random.choice(rules))(seed=random.getrandbits(32))
            machine.holds()
    finally:
        machine.teardown()


def test_hypothesis_finds_no_order_that_breaks_an_invariant(world: Moves) -> None:
    ProtocolMachine.world = world
    run_state_machine_as_test(
        ProtocolMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=not DEEP,
            database=None,
            deadline=None,
            verbosity=Verbosity.normal,
            report_multiple_bugs=False,
            print_blob=True,
            suppress_health_check=HealthCheck.all(),
        ),
    )
