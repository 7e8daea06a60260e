"""The indexer's loop against a node that lags, fails and turns."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from indexer.database import open_database
from indexer.reorg import HISTORY, Header
from indexer.runner import Runner
from indexer.settings import Settings
from indexer.source import BlockRange, ChainMoved, Source, SourceError, TooMuch, View
from indexer.store import Store
from labelshare.chain import Deployment
from tests.unit.logs import DEPLOYMENT, block_hash, header


class Node(Source):
    """A node in memory: a chain of headers without logs."""

    def __init__(self, height: int, widest: int = 1_000) -> None:
        self.chain = [header(number) for number in range(height + 1)]
        self.widest = widest
        self.asked: list[tuple[int, int]] = []
        self.failures = 0

    def check(self, deployment: Deployment) -> None:
        if self.failures:
            self.failures -= 1
            raise SourceError("the node does not answer")

    def header(self, number: int) -> Header | None:
        return self.chain[number] if number < len(self.chain) else None

    def view(self, number: int | None) -> View:
        at = self.header(number) if number is not None else None
        return View(self.chain[-1], at, max(0, len(self.chain) - 33), max(0, len(self.chain) - 65))

    def proven(self, first: int, last: int) -> BlockRange:
        self.asked.append((first, last))
        if last - first + 1 > self.widest:
            raise TooMuch("the node refused eth_getBlockReceipts: response is too big")
        return BlockRange(tuple(self.chain[first : last + 1]), [])

    def claimed(self, first: int, last: int) -> BlockRange:
        """Without what the node does not say of blocks in the middle."""
        if last - first + 1 > self.widest:
            raise TooMuch("the node refused eth_getLogs: query exceeds the range")
        ends = (self.chain[first], self.chain[last]) if first != last else (self.chain[first],)
        return BlockRange(ends, [], 300 * (last - first + 1))

    def headers(self, numbers: Sequence[int]) -> list[Header]:
        return [self.chain[number] for number in numbers]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(open_database(f"sqlite:///{tmp_path}/mirror.db"), DEPLOYMENT)


def runner(node: Node, store: Store, clock: Clock | None = None) -> Runner:
    settings = Settings("http://node", "sqlite://", Path("manifest.json"), poll_interval=0.001, longest_backoff=0.001)
    return Runner(node, store, DEPLOYMENT, settings, clock or Clock())


def test_the_loop_goes_to_the_head_and_rests_there(store: Store) -> None:
    loop = runner(Node(1_500), store)
    while loop.step():
        pass
    assert store.checkpoint() == (1_500, block_hash(1_500))
    assert not loop.step()
    assert store.missing() == []


def test_blocks_below_the_window_are_fetched_as_claimed_and_those_in_it_as_proven(store: Store) -> None:
    node = Node(600)
    loop = runner(node, store)
    while loop.step():
        pass
    assert node.asked[0][0] == 600 - HISTORY + 1
    assert node.asked[-1][1] == 600


def test_a_range_the_node_refuses_is_halved_and_grows_again(store: Store) -> None:
    node = Node(200, widest=20)
    loop = runner(node, store)
    for _ in range(2):
        with pytest.raises(SourceError):
            loop.step()
    assert loop.step()
    assert node.asked == [(1, 64), (1, 32), (1, 16)]


def test_a_backfill_asks_for_less_until_the_node_answers(store: Store) -> None:
    assert runner(Node(2_000, widest=7), store).step()
    assert store.checkpoint() == (2_000, block_hash(2_000))


def test_a_node_that_lags_is_waited_for_and_believed_after_the_grace(store: Store) -> None:
    node, clock = Node(20), Clock()
    loop = runner(node, store, clock)
    loop.step()
    del node.chain[15:]
    assert not loop.step()
    clock.now += 2
    assert not loop.step()
    assert store.checkpoint() == (20, block_hash(20))
    clock.now += 2
    assert loop.step()
    assert store.checkpoint() == (14, block_hash(14))


def test_a_turned_chain_is_left_and_the_new_one_followed(store: Store) -> None:
    node = Node(20)
    loop = runner(node, store)
    loop.step()
    node.chain[18:] = [header(18, fork=1, parent_fork=0), header(19, fork=1)]
    assert loop.step()
    assert store.checkpoint() == (17, block_hash(17))
    assert loop.step()
    assert store.checkpoint() == (19, block_hash(19, fork=1))


def test_a_range_that_does_not_follow_the_mirror_is_read_again(store: Store) -> None:
    node = Node(20)
    loop = runner(node, store)
    loop.step()
    node.chain.append(header(21, fork=1))
    with pytest.raises(ChainMoved):
        loop.step()
    assert store.checkpoint() == (20, block_hash(20))


def test_a_node_that_fails_is_asked_again(store: Store) -> None:
    node, stop = Node(20), threading.Event()
    node.failures = 3
    loop = threading.Thread(target=runner(node, store).run, args=(stop,))
    loop.start()
    done = threading.Event()
    for _ in range(2_000):
        if store.checkpoint() == (20, block_hash(20)) or done.wait(0.01):
            break
    stop.set()
    loop.join(timeout=10)
    assert not loop.is_alive()
    assert store.checkpoint() == (20, block_hash(20))
