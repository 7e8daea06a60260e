"""Group commit: what arrives together is decided in one SQL transaction, and each is answered only after it is committed."""

import asyncio
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
LARGEST = 32  # items of a batch: what waits longer than a batch takes is in the next


class Batches(Generic[Item, Result]):
    """`decide` gets a batch and gives a result, or what is wrong, for each item in turn; what it raises is everybody's.
    `key`: no two items of a batch have the same, so that none depends on another of its batch."""

    def __init__(self, decide: Callable[[Sequence[Item]], Sequence[Result | Exception]], key: Callable[[Item], Hashable]) -> None:
        self._decide, self._key = decide, key
        self._waiting: list[tuple[Item, Future[Result]]] = []
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, "batches")

    async def put(self, item: Item) -> Result:
        """The item's result, once its batch is committed. Raises what was wrong with it."""
        future: Future[Result] = Future()
        with self._lock:
            self._waiting.append((item, future))
        # A turn an item: most find that an earlier turn took theirs along.
        self._worker.submit(self._turn)
        return await asyncio.wrap_future(future)

    def _turn(self) -> None:
        batch = [(item, future) for item, future in self._next() if future.set_running_or_notify_cancel()]
        if not batch:
            return
        try:
            results = self._decide([item for item, _ in batch])
        except Exception as error:
            results = [error] * len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _next(self) -> list[tuple[Item, Future[Result]]]:
        """The longest waiting item of each key, in their order."""
        chosen: dict[Hashable, tuple[Item, Future[Result]]] = {}
        later = []
        with self._lock:
            for waiting in self._waiting:
                key = self._key(waiting[0])
                if len(chosen) == LARGEST or key in chosen:
                    later.append(waiting)
                else:
                    chosen[key] = waiting
            self._waiting = later
        return list(chosen.values())
