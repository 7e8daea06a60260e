"""Reorganizations of depth 1 to 64 under load, with kills and faults between, found by Hypothesis: the mirror is the contracts'
views at its block, and at the end the same, row by row in every table, as a mirror that read the last chain only.

LABELSHARE_TURNS=1000 for the long campaign (make test-deep).
"""

import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, Table, select

from indexer import bulk
from indexer.database import open_database
from indexer.models import Base, Health
from indexer.runner import Runner
from indexer.settings import Settings
from indexer.source import Source, SourceError
from indexer.store import Store
from labelshare.chain.decode import MalformedLog
from tests.chain import Chain
from tests.faults import Liar
from tests.unit.logs import DEPLOYMENT
from tests.unit.test_mirror_lies import views_of

TURNS = int(os.environ.get("LABELSHARE_TURNS", "10"))
STEPS = 30
TABLES = [table for table in Base.metadata.sorted_tables if table is not Health.__table__]  # Not how the process did.
VIEWED = [table for table in TABLES if table.name in ("account", "allowance", "share_balance")]
Everything = dict[str, list[dict[str, Any]]]


class Killed(BaseException):
    """As if the process had ended there: nothing of what it did in this transaction remains."""


class Turns(RuleBasedStateMachine):
    """A chain that turns, and a mirror that is stopped, killed and lied to while it follows."""

    engine: Engine
    turned = 0
    killed = 0

    @initialize(seed=st.integers(0, 2**32), height=st.integers(1, 400))
    def begin(self, seed: int, height: int) -> None:
        Store(self.engine, DEPLOYMENT).rewind(None, past_finality=True)
        self.chain = Chain(seed)
        self.chain.grow(height, most=3)
        self.highest = self.chain.head.number
        self.random = random.Random(seed)
        self.liar = Liar(self.chain.answer, seed, rate=0)
        self.start()

    @rule()
    def start(self) -> None:
        """The indexer as a new process, whatever was before."""
        self.store = Store(self.engine, DEPLOYMENT)
        source = Source("http://node", DEPLOYMENT.contracts.values(), transport=self.liar.transport())
        self.runner = runner_of(source, self.store)

    @rule(blocks=st.integers(1, 8))
    def grow(self, blocks: int) -> None:
        self.chain.grow(blocks)

    @rule(turns=st.lists(st.tuples(st.integers(1, 64), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=6))
    def turn(self, turns: list[tuple[int, int, int]]) -> None:
        """One after the other, some of them while the mirror is off or in the middle of following the last one."""
        for wanted, more, steps in turns:
            depth = min(wanted, self.chain.head.number - 1)
            if depth > 0:
                type(self).turned += 1
                self.chain.reorganize(depth, depth + more)
            for _ in range(steps):
                self.step()
        self.is_true()

    @rule(rate=st.sampled_from([0.0, 0.4]))
    def lie(self, rate: float) -> None:
        self.liar.rate = rate

    @rule(steps=st.integers(1, 6))
    def follow(self, steps: int) -> None:
        for _ in range(steps):
            self.step()
        self.is_true()

    @rule(after=st.integers(0, 12))
    def kill(self, after: int) -> None:
        """The process ends before one of the writes of a transaction."""
        left = [after]
        inserts = bulk.Bulk.insert, bulk.PostgresBulk.insert

        def dying(write: Callable[..., None]) -> Callable[..., None]:
            def insert(tables: bulk.Bulk, table: Any, rows: Any) -> None:
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
                write(tables, table, rows)

            return insert

        bulk.Bulk.insert, bulk.PostgresBulk.insert = dying(inserts[0]), dying(inserts[1])  # type: ignore[method-assign]
        try:
            self.step()
        except Killed:
            type(self).killed += 1
            self.start()
        finally:
            bulk.Bulk.insert, bulk.PostgresBulk.insert = inserts  # type: ignore[method-assign]
        self.is_true()

    @precondition(lambda self: hasattr(self, "chain"))
    @rule()
    def catch_up(self) -> None:
        self.liar.rate = 0
        while self.step():
            pass
        place = self.store.checkpoint()
        assert place == (self.chain.head.number, self.chain.head.block.hash)
        self.is_true()

    def step(self) -> bool:
        try:
            return self.runner.step()
        except (SourceError, MalformedLog):
            return True

    def is_true(self) -> None:
        """What the mirror says is what the contracts say at the mirror's block, whether or not the chain has left it."""
        self.known = getattr(self, "known", {}) | {block.block.hash: block for block in self.chain.blocks}
        place = self.store.checkpoint()
        if place is not None and place[1] in self.known:
            assert views_of(everything(self.engine, VIEWED)) == self.known[place[1]].views

    def teardown(self) -> None:
        if not hasattr(self, "chain"):
            return
        self.chain.grow(65 + 4)
        self.catch_up()
        other = open_database("sqlite://")
        fresh = Store(other, DEPLOYMENT)
        source = Source("http://node", DEPLOYMENT.contracts.values(), transport=self.liar.transport())
        loop = runner_of(source, fresh)
        while loop.step():
            pass
        assert everything(self.engine) == everything(other)
        other.dispose()


def runner_of(source: Source, store: Store) -> Runner:
    """Trusts nobody: what is below the window is proven, too."""
    return Runner(source, store, DEPLOYMENT, Settings("http://node", "", Path(), verify="all"), clock=lambda: 0.0)


def everything(engine: Engine, tables: Sequence[Table] = TABLES) -> Everything:
    """Every row of these tables, in the order of its key."""
    with engine.connect() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in tables
        }


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_whatever_turns_and_dies_the_mirror_is_the_chain(request: pytest.FixtureRequest, tmp_path: Path, database: str) -> None:
    url = f"sqlite:///{tmp_path}/mirror.db" if database == "sqlite" else request.getfixturevalue("postgres")()
    machine = type("Machine", (Turns,), {"engine": open_database(url), "turned": 0, "killed": 0})
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    chosen = settings(max_examples=3, stateful_step_count=STEPS, deadline=None, suppress_health_check=quiet, database=None)
    while machine.turned < TURNS:
        run_state_machine_as_test(machine, settings=chosen)
    print(f"{machine.turned} reorganizations, {machine.killed} kills on {database}")
