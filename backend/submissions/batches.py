"""Group commit: what arrives together is decided in one SQL transaction, and each is answered only after it is committed."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
LARGEST = 64  # items of a batch


class Batches(Generic[Item, Result]):
    """`decide` gets a batch and gives a result, or what is wrong, for each item in turn; what it raises is everybody's.
    `key`: no two items of a batch have the same, so that none depends on another of its batch."""

    def __init__(self, decide: Callable[[Sequence[Item]], Sequence[Result | Exception]], key: Callable[[Item], Hashable]) -> None:
        self._decide, self._key = decide, key
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._lock = threading.Lock()
        self._busy = False
        self._worker = ThreadPoolExecutor(1, "batches")

    async def put(self, item: Item) -> Result:
        """The item's result, once its batch is committed. Raises what was wrong with it."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append((item, future))
            idle, self._busy = not self._busy, True
        if idle:
            self._worker.submit(self._work)
        return await future

    def _work(self) -> None:
        """Batch after batch: what comes while one is being decided is in the next."""
        while batch := self._next():
            try:
                results = self._decide([item for item, _ in batch])
            except Exception as error:
                results = [error] * len(batch)
            answers = defaultdict(list)
            for (_, future), result in zip(batch, results, strict=True):
                answers[future.get_loop()].append((future, result))
            for loop, of_loop in answers.items():
                with suppress(RuntimeError):  # The loop has ended: nobody waits there.
                    loop.call_soon_threadsafe(_answer, of_loop)

    def _next(self) -> list[tuple[Item, "asyncio.Future[Result]"]]:
        """The longest waiting item of each key, in their order. Without any the work is over."""
        chosen: dict[Hashable, tuple[Item, asyncio.Future[Result]]] = {}
        later = []
        with self._lock:
            for waiting in self._waiting:
                key = self._key(waiting[0])
                if len(chosen) == LARGEST or key in chosen:
                    later.append(waiting)
                else:
                    chosen[key] = waiting
            self._waiting = later
            self._busy = bool(chosen)
        return list(chosen.values())


def _answer(answers: Sequence[tuple["asyncio.Future[Result]", Result | Exception]]) -> None:
    """In the loop of the futures, whose requests may be gone."""
    for future, result in answers:
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
