"""Sums over labels: how every step of the scoring rule is computed.

Labels are cut into blocks of consecutive tasks, each with all labels of its tasks. A step maps over the blocks: what it finds of a
task stays with the task, what it finds of contributors and classes is added into tables. These are sums of integers, so no cut, no
order and no number of threads changes a bit. A distributed engine would keep the blocks on its machines and add the same tables.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from threading import Lock

import numpy as np

from labelshare.rules.fixed import Ints

MAX_LABELS = 1 << 26
MAX_TASKS = 1 << 28


@dataclass(frozen=True)
class Split:
    """How sums are cut: labels and tasks a block (a larger task is a block of its own), and threads. No result depends on it."""

    block: int = 1 << 15
    threads: int = 1


ONE_THREAD = Split()


@dataclass(frozen=True, eq=False)
class Block:
    """The labels of some consecutive tasks.

    Attributes:
        tasks: where they are in an array over all tasks.
        size: how many tasks there are.
        task: int64[n], counted from the block's first.
        contributor, answer: int64[n].
        said: int64[n], contributor · classes + answer: where the pair is in a table over both.
    """

    tasks: slice
    size: int
    task: Ints
    contributor: Ints
    answer: Ints
    said: Ints

    def only(self, which: Ints) -> "Block":
        """The block with those of its labels alone, by their places in it; its tasks stay."""
        return Block(self.tasks, self.size, self.task[which], self.contributor[which], self.answer[which], self.said[which])


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels as parallel columns of indices, in any order and any integer type; (task, contributor) pairs are unique.

    At most 2^26 labels of weight <= 2 and 2^28 tasks, so that every number of the rule stays below 2^62. The largest are a
    contributor's gains, 2^26 labels · 2 · 2 ONE · ONE = 2^60, the crowd's counts, 2^26 · 2 ONE · ONE = 2^59, and the shares of the
    classes, 2^28 · ONE · ONE = 2^60. Raises ValueError when there are more, or an index is out of bounds.

    Attributes:
        task, contributor, answer: int[n], below `tasks`, `contributors` and `classes`.
    """

    task: Ints
    contributor: Ints
    answer: Ints
    tasks: int
    contributors: int
    classes: int
    split: Split = ONE_THREAD

    def __post_init__(self) -> None:
        if len(self.task) > MAX_LABELS or self.tasks > MAX_TASKS:
            raise ValueError(f"{len(self.task)} labels of {self.tasks} tasks: the rule takes {MAX_LABELS} of {MAX_TASKS}.")
        columns = {"task": self.task, "contributor": self.contributor, "class": self.answer}
        for (name, column), bound in zip(columns.items(), (self.tasks, self.contributors, self.classes), strict=True):
            if len(column) != len(self.task):
                raise ValueError(f"{len(column)} {name} indices for {len(self.task)} labels.")
            if len(column) and not 0 <= int(column.min()) <= int(column.max()) < bound:
                raise ValueError(f"The {name} indices are {column.min()} to {column.max()}, not 0 to {bound - 1}.")

    def sum(self, work: Callable[..., None], *shapes: tuple[int, ...]) -> list[Ints]:
        """Calls `work(block, *tables)` for every block, to add into int64 tables of the given shapes; returns their sums.

        Blocks come in any order, on any thread; the tables begin at zero, a set for each thread. Whatever else `work` writes must
        be of its block's tasks.
        """
        cuts, lock = iter(self._cuts), Lock()

        def share() -> list[Ints]:
            tables = [np.zeros(shape, np.int64) for shape in shapes]
            while True:
                with lock:
                    cut = next(cuts, None)
                if cut is None:
                    return tables
                work(self._block(*cut), *tables)

        if self.split.threads == 1:
            return share()
        with ThreadPoolExecutor(self.split.threads) as pool:
            shares = [pool.submit(share) for _ in range(self.split.threads)]
        total, *others = [done.result() for done in shares]
        for tables in others:
            for table, more in zip(total, tables, strict=True):
                table += more
        return total

    @cached_property
    def _by_task(self) -> tuple[Ints, Ints, Ints]:
        task, contributor, answer = (np.asarray(column, dtype=np.int64) for column in (self.task, self.contributor, self.answer))
        if (task[1:] >= task[:-1]).all():
            return task, contributor, answer
        order = task.argsort()
        return task[order], contributor[order], answer[order]

    @cached_property
    def _cuts(self) -> list[tuple[int, int, int, int]]:
        """(first task, last, first label, last) of each block, the last ones excluded."""
        before = np.searchsorted(self._by_task[0], np.arange(self.tasks + 1))  # labels before each task
        size = before + np.arange(self.tasks + 1)
        steps = np.arange(0, int(size[-1]), self.split.block)
        tasks = np.unique(np.append(np.searchsorted(size, steps), self.tasks))
        return [(int(t), int(u), int(before[t]), int(before[u])) for t, u in pairwise(tasks)]

    def _block(self, first: int, last: int, start: int, end: int) -> Block:
        task, contributor, answer = (column[start:end] for column in self._by_task)
        return Block(slice(first, last), last - first, task - first, contributor, answer, contributor * self.classes + answer)


def add_at(table: Ints, index: Ints, values: Ints | int) -> None:
    """Adds values to the places of a one-dimensional table; a place may occur any number of times."""
    np.add.at(table, index, values)


def count_at(index: Ints, size: int) -> Ints:
    """int64[size]: how often each place occurs."""
    return np.bincount(index, minlength=size).astype(np.int64, copy=False)
