"""The next windows of a backfill, fetched and parsed while the last ones are written.

A window is a run of blocks, sized by the bytes of the answer: it grows or shrinks towards TARGET, so that neither the node nor our
memory ever holds much. One thread fetches, in order, at most AHEAD windows before the writer.
"""

import gc
import queue
import threading
from collections.abc import Callable, Iterator
from itertools import chain, pairwise
from types import TracebackType

from indexer.refusals import suggested_span
from indexer.rpc import SourceError, TooMuch
from indexer.source import BlockRange, ChainMoved

TARGET = 700_000
AHEAD = 2
FIRST_SPAN = 20
GROWTH = 3
LOGS = 12_000
LEAST = 4
REFUSALS = 24
SELDOM = 200_000  # Objects between two looks for cycles: what is made here makes none, and looking costs a tenth of the time.
Fetch = Callable[[int, int], BlockRange]


def joined(parts: list[BlockRange]) -> BlockRange:
    """One range of consecutive ones. Raises ChainMoved when they do not follow each other."""
    for low, high in pairwise(parts):
        if high.first.parent_hash != low.last.hash:
            raise ChainMoved(f"block {high.first.number} does not follow block {low.last.number}")
    headers = tuple(chain.from_iterable(part.headers for part in parts))
    return BlockRange(headers, list(chain.from_iterable(part.logs for part in parts)), sum(part.size for part in parts))


class Windows:
    """Blocks first to last through `fetch`. A context manager; iterate it inside. `most`: blocks in a window at most."""

    def __init__(self, fetch: Fetch, first: int, last: int, most: int) -> None:
        self._fetch, self._next, self._last, self._most = fetch, first, last, most
        self._span = min(FIRST_SPAN, most)
        self._ready: queue.Queue[BlockRange | SourceError | None] = queue.Queue(AHEAD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="indexer-fetch", daemon=True)

    def __enter__(self) -> "Windows":
        self._collecting = gc.get_threshold()
        gc.set_threshold(SELDOM, *self._collecting[1:])
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()
        while self._thread.is_alive():
            try:
                self._ready.get(timeout=0.05)
            except queue.Empty:
                continue
        self._thread.join()
        gc.set_threshold(*self._collecting)

    def merged(self) -> Iterator[BlockRange]:
        """Windows put together until they hold LOGS logs or nothing more is ready: fewer, larger transactions."""
        parts: list[BlockRange] = []
        for window in self:
            parts.append(window)
            if sum(len(part.logs) for part in parts) >= LOGS or (self._ready.empty() and len(parts) >= LEAST):
                yield joined(parts)
                parts = []
        if parts:
            yield joined(parts)

    def __iter__(self) -> Iterator[BlockRange]:
        """Raises SourceError."""
        while (window := self._ready.get()) is not None:
            if isinstance(window, SourceError):
                raise window
            yield window

    def _work(self) -> None:
        try:
            while self._next <= self._last and not self._stopped.is_set():
                self._ready.put(self._window())
            self._ready.put(None)
        except SourceError as error:
            self._ready.put(error)
        except Exception as error:  # A bug of ours must not leave the writer waiting.
            self._ready.put(SourceError(f"{type(error).__name__}: {error}"))

    def _window(self) -> BlockRange:
        """The next window; where the node refuses it, a smaller one."""
        for _ in range(REFUSALS):
            last = min(self._last, self._next + self._span - 1)
            try:
                window = self._fetch(self._next, last)
            except TooMuch as error:
                if last == self._next:
                    raise
                fits = suggested_span(str(error), self._next)
                self._span = max(1, min((last - self._next + 1) // 2, fits or self._most))
                continue
            self._adapt(last - self._next + 1, window.size)
            self._next = last + 1
            return window
        raise SourceError("the node refuses every range")

    def _adapt(self, span: int, size: int) -> None:
        fitting = span * TARGET // max(size, 1)
        self._span = max(1, min(self._most, fitting, span * GROWTH))
