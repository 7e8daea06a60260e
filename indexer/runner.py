"""The indexer's loop: follow the node block by block, fetch what is far behind in windows, go back where the chain turned.

States (mirror_health.state): `waiting` for the lease; `backfill` while more than the window is missing; `following` at the head;
`halted` once the chain was reorganized past finality: the loop ends, the data stay, and only `python -m indexer recover` goes on
from there.

Invariants: a block is appended only onto its parent; at the head only proven blocks are; the place in memory is where the last
transaction of ours left the checkpoint, and every transaction checks that it still is.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence

import structlog

from indexer.heads import Heads
from indexer.health import Health
from indexer.lease import Lease
from indexer.pipeline import Windows
from indexer.reorg import HISTORY, common_ancestor
from indexer.settings import Settings
from indexer.source import BlockRange, ChainMoved, Source, SourceError, TooMuch, View
from indexer.store import BEFORE_ALL, Overtaken, PastFinality, Place, Store
from labelshare.chain import Deployment
from labelshare.chain.decode import MalformedLog

log = structlog.get_logger("indexer")

FIRST_BACKOFF = 0.5
NEAR = 64


class Runner:
    """Follows one node into one store. `clock`: seconds, monotonic."""

    def __init__(
        self,
        source: Source,
        store: Store,
        deployment: Deployment,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        heads: Heads | None = None,
        health: Health | None = None,
    ) -> None:
        self._source, self._store, self._deployment, self._settings = source, store, deployment, settings
        self._clock, self._heads, self._health = clock, heads, health
        self._span = NEAR
        self._behind_since: float | None = None
        self._place = store.checkpoint()
        self._started = False
        self._asked = -1.0
        self._stop = threading.Event()

    def run(self, stop: threading.Event, lease: Lease | None = None) -> None:
        """Until `stop` is set, or the lease is lost. A failing node is asked again, ever less often. Raises WrongChain when it
        has no such deployment, PastFinality when the chain took back what was final."""
        self._stop = stop
        failures, checked = 0, False
        while not stop.is_set():
            try:
                if lease is not None and not self._leads(lease):
                    stop.wait(FIRST_BACKOFF)
                    continue
                if not checked:
                    self._source.check(self._deployment)
                    checked = True
                pause = 0.0 if self.step() else self._settings.poll_interval
                failures = 0
            except (SourceError, MalformedLog) as error:
                failures += 1
                pause = 0.0 if isinstance(error, TooMuch) and failures == 1 else self._backoff(failures)
                log.warning("node_failed", error=str(error), retry_in=round(pause, 1))
            if pause:
                self._rest(pause, stop)

    def _leads(self, lease: Lease) -> bool:
        """Whether the lease is ours; asked once a second. Whoever lost it and got it again reads the checkpoint again."""
        if self._clock() - self._asked < 1:
            return True
        self._asked = self._clock()
        if lease.held():
            return True
        log.warning("lease_lost")
        self._asked = -1.0
        if lease.take():
            self._place = self._store.checkpoint()
            return True
        return False

    def _rest(self, pause: float, stop: threading.Event) -> None:
        if self._heads is None:
            stop.wait(pause)
        else:
            self._heads.wait(pause)

    def step(self) -> bool:
        """One block, one range or one rewind; False when the mirror is level with the node. Raises SourceError."""
        if self._heads is not None and self._follow(self._heads):
            return True
        place = self._place
        view = self._source.view(place[0] if place else None)
        if not self._started:
            self._start(view)
        if self._health is not None:
            self._health.seen(view.head.number)
        if place is not None and not self._stands(place, view):
            return False
        if place is not None and (view.at is None or view.at.hash != place[1]):
            self._go_back(view)
            return True
        return self._go_on(place, view)

    def _start(self, view: View) -> None:
        """What was left off: a window that the chain has left, indexes that a backfill had dropped."""
        if self._place is not None:
            self._store.index(True)
        self._started = True

    def _follow(self, heads: Heads) -> bool:
        """Appends the heads that were pushed, as far as each follows the last; False when one does not, or none came."""
        followed = False
        for block in heads.take():
            place = self._place
            if place is None or block.parent_hash != place[1] or int(block.number, 16) != place[0] + 1 or not self._started:
                return False
            self._append(self._source.prove([block]), place, None, proven=True)
            followed = True
        return followed

    def _stands(self, place: Place, view: View) -> bool:
        """False while the node is shorter than the mirror but agrees with it: it may only be behind, for a while."""
        head = view.head
        if head.number >= place[0] or dict(self._store.blocks()).get(head.number) != head.hash:
            self._behind_since = None
            return True
        self._behind_since = self._clock() if self._behind_since is None else self._behind_since
        return self._clock() - self._behind_since >= self._settings.behind_grace

    def _go_back(self, view: View) -> None:
        self._place = self._store.checkpoint()
        blocks = self._store.blocks()
        ancestor = common_ancestor(blocks, lambda number: self._hash_below(number, view.head.number))
        self._prove_turn(blocks, ancestor, view.head.number)
        log.warning("reorganized", mirrored=blocks[-1][0] if blocks else None, common=ancestor)
        try:
            self._store.rewind(ancestor)
        except PastFinality as error:
            if self._health is not None:
                self._health.halted(str(error))
            raise
        self.refill(ancestor)
        if self._health is not None:
            self._health.reorganized((blocks[-1][0] if blocks else 0) - (ancestor or 0))

    def _hash_below(self, number: int, head: int) -> str | None:
        """A node that has its head has every block below it: that it says it has not is no sign of a reorganization."""
        block_hash = self._source.block_hash(number)
        if block_hash is None and number <= head:
            raise SourceError(f"the node has block {head} and not block {number}")
        return block_hash

    def _prove_turn(self, blocks: Sequence[Place], ancestor: int | None, head: int) -> None:
        """Nothing is taken back without a header in its place: the node must show another block that follows the common one, or
        that the common one is its head. Raises ChainMoved."""
        stored = dict(blocks)
        if ancestor is None:
            other = self._source.header(min(stored)) if stored else None
            if stored and (other is None or other.hash == stored[other.number]):
                raise ChainMoved("the chain changed while its common block was looked for")
            return
        shown = self._source.headers([ancestor, ancestor + 1] if head > ancestor else [ancestor])
        follows = len(shown) == 1 or (shown[1].parent_hash == shown[0].hash and shown[1].hash != stored.get(ancestor + 1))
        if shown[0].hash != stored[ancestor] or not follows:
            raise ChainMoved("the chain changed while its common block was looked for")

    def refill(self, ancestor: int | None) -> None:
        """After a rewind beyond the window, its headers are kept again."""
        self._place = self._store.checkpoint()
        missing = self._store.missing()
        if missing:
            self._store.keep(self._source.headers(missing))

    def _go_on(self, place: Place | None, view: View) -> bool:
        first = self._deployment.block if place is None else place[0] + 1
        head = view.head.number
        if head < first:
            self._store.finalize(view.safe, view.finalized)
            return False
        if head - first >= HISTORY:
            self._backfill(place, first, view)
            return True
        last = min(head, first + self._span - 1)
        try:
            blocks = self._source.proven(first, last)
        except TooMuch:
            self._span = max(1, (last - first + 1) // 2)  # Nodes limit the range or the answer, each in its own way.
            raise
        self._span = min(NEAR, self._span * 2)
        self._append(blocks, place, view, proven=True)
        return True

    def _backfill(self, place: Place | None, first: int, view: View) -> None:
        """Everything to the head, in windows fetched ahead: as claimed, then, with the indexes built, as proven."""
        if self._health is not None:
            self._health.backfilling()
        if place is None:
            self._store.index(False)
        below, trusted = view.head.number - HISTORY, self._settings.verify != "all"
        self._fetch_ahead(trusted, first, below, view)
        if self._stop.is_set():
            return
        self._store.index(True)
        self._fetch_ahead(False, below + 1, view.head.number, view)

    def _fetch_ahead(self, trusted: bool, first: int, last: int, view: View) -> None:
        fetch, most = (self._source.claimed, self._settings.max_range) if trusted else (self._source.proven, NEAR)
        with Windows(fetch, first, last, most) as windows:
            for blocks in windows.merged():
                if self._stop.is_set():
                    return
                self._append(blocks, self._place, view, proven=not trusted)

    def _append(self, blocks: BlockRange, place: Place | None, view: View | None, proven: bool) -> None:
        first, last = blocks.first, blocks.last
        if place is not None and first.parent_hash != place[1]:
            raise ChainMoved(f"block {first.number} does not follow the mirror's block {place[0]}")
        head, safe, finalized = (view.head.number, view.safe, view.finalized) if view else (last.number, 0, 0)
        if view is None and self._settings.finality is not None:
            safe = finalized = max(0, last.number - self._settings.finality)
        try:
            events = self._store.append(blocks, place, head, safe, finalized)
        except Overtaken:
            self._place = self._store.checkpoint()
            return
        except BaseException:
            self._place = self._store.checkpoint()
            raise
        self._place = (last.number, last.hash)
        if self._health is not None:
            self._health.appended(last.number, head, proven and self._settings.verify != "off")
        if events:
            log.info("mirrored", blocks=f"{first.number}-{last.number}", events=events, head=head)

    def _backoff(self, failures: int) -> float:
        """Doubles from half a second, with jitter so that many clients do not come back at once."""
        longest = min(self._settings.longest_backoff, FIRST_BACKOFF * 2 ** (failures - 1))
        return float(longest * random.uniform(0.5, 1))


def recover(runner: Runner, store: Store, source: Source) -> int:
    """After the chain took back what was final, as a person decided: back to the common block, which is returned (-1: to
    nothing)."""
    ancestor = common_ancestor(store.blocks(), source.block_hash)
    store.rewind(ancestor, past_finality=True)
    runner.refill(ancestor)
    return BEFORE_ALL if ancestor is None else ancestor
