"""The indexer's loop against a node that lags, fails and turns."""

import threading
from pathlib import Path

import pytest

from indexer.database import open_database
from indexer.reorg import Header
from indexer.runner import Runner
from indexer.settings import Settings
from indexer.source import BlockRange, ChainMoved, Source, SourceError
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

    def head(self) -> int:
        return len(self.chain) - 1

    def header(self, number: int) -> Header | None:
        return self.chain[number] if number < len(self.chain) else None

    def read(self, first: int, last: int, head: int) -> BlockRange:
        self.asked.append((first, last))
        if last - first + 1 > self.widest:
            raise SourceError("the node refused eth_getLogs: query exceeds the range")
        return BlockRange(tuple(self.chain[first : last + 1]), ())


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
    assert [loop.step(), loop.step(), loop.step()] == [True, True, False]
    assert store.checkpoint() == (1_500, block_hash(1_500))


def test_a_range_the_node_refuses_is_halved_and_grows_again(store: Store) -> None:
    node = Node(600, widest=200)
    loop = runner(node, store)
    for _ in range(2):
        with pytest.raises(SourceError):
            loop.step()
    assert loop.step()
    assert node.asked == [(1, 600), (1, 300), (1, 150)]


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
