"""The indexer's loop: fetch the next range, append it; where the chain turned, go back to the common block."""

import random
import threading
import time
from collections.abc import Callable

import structlog

from indexer.reorg import common_ancestor
from indexer.settings import Settings
from indexer.source import ChainMoved, Source, SourceError
from indexer.store import Overtaken, Store
from labelshare.chain import Deployment

log = structlog.get_logger("indexer")

FIRST_BACKOFF = 0.5


class Runner:
    """Follows one node into one store. `clock`: seconds, monotonic."""

    def __init__(
        self,
        source: Source,
        store: Store,
        deployment: Deployment,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._store, self._deployment, self._settings = source, store, deployment, settings
        self._clock = clock
        self._span = settings.max_range
        self._behind_since: float | None = None

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. A failing node is asked again, ever less often. Raises WrongChain when it has no such deployment."""
        failures, checked = 0, False
        while not stop.is_set():
            try:
                if not checked:
                    self._source.check(self._deployment)
                    checked = True
                pause = 0.0 if self.step() else self._settings.poll_interval
                failures = 0
            except SourceError as error:
                failures += 1
                pause = self._backoff(failures)
                log.warning("node_failed", error=str(error), retry_in=round(pause, 1))
            stop.wait(pause)

    def step(self) -> bool:
        """One range or one rewind; False when the mirror is level with the node. Raises SourceError."""
        checkpoint = self._store.checkpoint()
        if checkpoint is not None and not self._stands(*checkpoint):
            return False
        if checkpoint is not None and self._source.block_hash(checkpoint[0]) != checkpoint[1]:
            self._go_back()
            return True
        return self._go_on(checkpoint)

    def _stands(self, number: int, block_hash: str) -> bool:
        """False while the node is shorter than the mirror but agrees with it: it may only be behind, for a while."""
        head = self._source.head()
        if head >= number or dict(self._store.blocks()).get(head) != self._source.block_hash(head):
            self._behind_since = None
            return True
        self._behind_since = self._clock() if self._behind_since is None else self._behind_since
        return self._clock() - self._behind_since >= self._settings.behind_grace

    def _go_back(self) -> None:
        blocks = self._store.blocks()
        ancestor = common_ancestor(blocks, self._source.block_hash)
        log.warning("reorganized", mirrored=blocks[-1][0], common=ancestor)
        self._store.rewind(ancestor)

    def _go_on(self, checkpoint: tuple[int, str] | None) -> bool:
        first = self._deployment.block if checkpoint is None else checkpoint[0] + 1
        head = self._source.head()
        if head < first:
            return False
        last = min(head, first + self._span - 1)
        try:
            blocks = self._source.read(first, last, head)
        except ChainMoved:
            raise
        except SourceError:
            self._span = max(1, (last - first + 1) // 2)  # Nodes limit the range or the answer, each in its own way.
            raise
        if checkpoint is not None and blocks.first.parent_hash != checkpoint[1]:
            raise ChainMoved(f"block {first} does not follow the mirror's block {checkpoint[0]}")
        try:
            events = self._store.append(blocks, checkpoint)
        except Overtaken:
            return True
        self._span = min(self._settings.max_range, self._span * 2)
        if events:
            log.info("mirrored", blocks=f"{first}-{last}", events=events, head=head)
        return True

    def _backoff(self, failures: int) -> float:
        """Doubles from half a second, with jitter so that many clients do not come back at once."""
        longest = min(self._settings.longest_backoff, FIRST_BACKOFF * 2 ** (failures - 1))
        return float(longest * random.uniform(0.5, 1))
