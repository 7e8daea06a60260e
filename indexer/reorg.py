"""Where two chains part. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

HISTORY = 256  # Blocks that a reorganization can take back by the journal: the window.


@dataclass(frozen=True)
class Header:
    """A block's place in the chain; hashes are lowercase 0x strings, timestamp unix seconds."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int


def common_ancestor(stored: Sequence[tuple[int, str]], chain_hash: Callable[[int], str | None]) -> int | None:
    """The highest of the stored (number, hash), ascending by number, that is still in the chain; None when none is.

    Blocks below a common block are common too, so bisection suffices: `chain_hash` (None: the chain has no such block)
    is asked about log2 of the stored blocks.
    """
    low, high = 0, len(stored)
    while low < high:
        middle = (low + high) // 2
        number, block_hash = stored[middle]
        if chain_hash(number) == block_hash:
            low = middle + 1
        else:
            high = middle
    return stored[low - 1][0] if low else None


def linked(headers: Sequence[Header]) -> bool:
    """Whether neighbours by number name each other as parent and child. Gaps in the numbers are allowed."""
    return all(child.parent_hash == parent.hash for parent, child in pairwise(headers) if child.number == parent.number + 1)
