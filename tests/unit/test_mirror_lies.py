"""A provider that lies half of the time: nothing wrong is ever committed, and with the truth the mirror is where the chain is."""

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from indexer.database import open_database
from indexer.models import Block, RawEvent
from indexer.models.base import LOG_BITS
from indexer.queries import state_dump
from indexer.runner import Runner
from indexer.settings import Settings
from indexer.source import Source, SourceError
from indexer.store import Store
from tests.chain import Chain, Mined
from tests.faults import LIES, Liar
from tests.unit.logs import DEPLOYMENT

LIES_TOLD = int(os.environ.get("LABELSHARE_LIES", "500"))
HEIGHT = 330


class World:
    """A chain, a second provider that follows another branch of it, a liar before both, and a mirror that trusts nobody."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chain, self.other = Chain(seed), Chain(seed)
        self.chain.grow(HEIGHT)
        self.other.blocks = self.chain.blocks[:-3]
        self.other.grow(5)
        self.known: dict[str, Mined] = {}
        self.liar = Liar(self.chain.answer, seed, other=self.other.answer)
        self.url = f"sqlite:///{folder}/mirror{seed}.db"
        source = Source("http://node", DEPLOYMENT.contracts.values(), transport=self.liar.transport())
        settings = Settings("http://node", self.url, folder / "manifest.json", verify="all")
        self.store = Store(open_database(self.url), DEPLOYMENT)
        self.runner = Runner(source, self.store, DEPLOYMENT, settings, clock=lambda: 0.0)

    def step(self) -> bool:
        for chain in (self.chain, self.other):
            self.known |= {block.block.hash: block for block in chain.blocks[-80:]} if self.known else _by_hash(chain)
        try:
            return self.runner.step()
        except SourceError:
            return True

    def turn(self) -> None:
        """Both providers' chains go on, sometimes by turning."""
        pick = self.chain.random
        if pick.random() < 0.3:
            self.chain.reorganize(depth := pick.randint(1, 8), depth + 1)
        else:
            self.chain.grow(pick.randint(1, 3))
        if pick.random() < 0.3:
            self.other.blocks = self.chain.blocks[: -pick.randint(1, 6)]
            self.other.grow(pick.randint(1, 9))

    def is_true(self) -> None:
        """Whatever is committed is all of one real block: its state, and every log up to it, once."""
        place = self.store.checkpoint()
        if place is None:
            return
        with Session(open_database(self.url)) as session:
            state, rows = state_dump(session), session.execute(select(RawEvent.position, RawEvent.data).order_by(RawEvent.position))
            blocks = {row.hash: (row.number, row.timestamp) for row in session.scalars(select(Block))}
            kept = [(position >> LOG_BITS, "0x" + data.hex()) for position, data in rows]
        block = self.known[place[1]]
        assert blocks == {h: (self.known[h].number, int(self.known[h].block.timestamp, 16)) for h in blocks}
        assert views_of(state) == block.views
        assert kept == [(int(log.block_number, 16), log.data) for b in self.line(block) for log in b.logs()]

    def line(self, block: Mined) -> list[Mined]:
        """The block and its ancestors, oldest first."""
        blocks = [block]
        while blocks[-1].number:
            blocks.append(self.known[blocks[-1].block.parent_hash])
        return blocks[::-1]


def _by_hash(chain: Chain) -> dict[str, Mined]:
    return {block.block.hash: block for block in chain.blocks}


def views_of(state: dict[str, list[dict[str, Any]]]) -> dict[str, dict[Any, int]]:
    return {
        "account": {row["account"]: row["balance"] for row in state["account"]},
        "allowance": {(row["owner"], row["spender"]): row["amount"] for row in state["allowance"]},
        "share_balance": {(row["dataset"], row["holder"]): row["balance"] for row in state["share_balance"]},
    }


@pytest.mark.parametrize("seed", range(LIES_TOLD // 2_000 + 1))
def test_of_a_provider_that_lies_nothing_wrong_is_committed_and_the_mirror_recovers(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path, seed)
    steps = 0
    while world.liar.told.total() < min(LIES_TOLD, 2_000):
        steps += 1
        before = world.store.checkpoint()
        if not world.step() or steps % 4 == 0:
            world.turn()
        if world.store.checkpoint() != before:
            world.is_true()
    world.liar.rate = 0
    while world.step():
        pass
    place = world.store.checkpoint()
    assert place == (world.chain.head.number, world.chain.head.block.hash)
    world.is_true()
    assert set(world.liar.told) == {lie.__name__.strip("_") for lie in LIES}
