"""Invariants 1 to 12 in random runs: a model of the whole protocol beside the chain, and everyone leaves at the end."""

import os
import time

from hypothesis import HealthCheck, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.stateful.machine import FIRED, ProtocolMachine
from tests.contracts.stateful.moves import Moves

EXAMPLES = int(os.environ.get("LABELSHARE_STATEFUL_EXAMPLES", "6"))
STEPS = int(os.environ.get("LABELSHARE_STATEFUL_STEPS", "30"))
DEEP = "LABELSHARE_STATEFUL_EXAMPLES" in os.environ


def test_whatever_anyone_does_the_invariants_hold_and_everyone_can_leave(world: Moves) -> None:
    ProtocolMachine.world = world
    began = time.monotonic()
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
    print_table(time.monotonic() - began, world)


def print_table(seconds: float, world: Moves) -> None:
    print(f"\n{sum(FIRED.values())} rules, {sum(world.calls.values())} calls, {seconds:.0f} s")
    for title, counts in (("rule", FIRED), ("call, refusal or submission", world.calls), ("largest gas", world.gas)):
        print(f"\n{title}")
        for name, count in sorted(counts.items(), key=lambda item: -item[1]):
            print(f"{count:>12}  {name}")
