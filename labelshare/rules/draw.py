"""Seed, sample, panel and sealed ballots of an audit, as the contracts compute them (specification T6–T9)."""

from collections import Counter
from collections.abc import Callable

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from labelshare.rules.eip712 import word

MAX_TRIES, TRIES_PER_SLOT, LEAST_TRIES = 1024, 16, 64


class DrawFailed(ValueError):
    """Too few eligible seats were hit within the bounded number of tries."""


def sample_size(task_count: int, audit_rate: int) -> int:
    """Audited tasks of a round: ceil(taskCount · auditRate / 256)."""
    return -(-task_count * audit_rate // 256)


def audit_seed(block_hash: bytes, round_id: int, attempt: int) -> bytes:
    """The seed of an audit attempt. Raises ValueError when a value is not of its type."""
    return keccak(word("bytes32", block_hash) + word("uint256", round_id) + word("uint8", attempt))


def sample(seed: bytes, task_count: int, size: int) -> tuple[int, ...]:
    """`size` distinct task indices in ascending order. Raises ValueError when there are fewer tasks."""
    if not 0 <= size <= task_count:
        raise ValueError(f"Cannot sample {size} of {task_count} tasks.")
    tasks = list(range(task_count))
    for i in range(size):
        number = int.from_bytes(keccak(encode(("bytes32", "string", "uint256"), (seed, "sample", i))), "big")
        j = i + number % (task_count - i)
        tasks[i], tasks[j] = tasks[j], tasks[i]
    return tuple(sorted(tasks[:size]))


def draw_panel(seed: bytes, slots: int, eligible: Callable[[int], str | None], size: int) -> list[tuple[str, int]]:
    """(validator, seats drawn) in ascending order of address.

    Args:
        eligible: the owner of a seat that may be drawn, else None.
    """
    taken: dict[int, str] = {}
    tries = min(MAX_TRIES, LEAST_TRIES + TRIES_PER_SLOT * slots) if slots else 0
    for i in range(tries):
        if len(taken) == size:
            break
        seat = int.from_bytes(keccak(word("bytes32", seed) + word("uint256", i)), "big") % slots
        owner = eligible(seat)
        if seat not in taken and owner is not None:
            taken[seat] = owner
    if len(taken) < size:
        raise DrawFailed(f"Only {len(taken)} of {size} seats could be drawn.")
    return sorted(Counter(taken.values()).items())


def commitment(round_id: int, attempt: int, validator: str, answers: bytes, salt: bytes) -> bytes:
    """What a validator commits to before anyone reveals. Raises ValueError when a value is not of its type."""
    head = word("uint256", round_id) + word("uint8", attempt) + word("address", validator)
    if type(answers) is not bytes:
        raise ValueError(f"expected bytes, got {answers!r}")
    padding = bytes(-len(answers) % 32)
    return keccak(head + word("uint256", 5 * 32) + word("bytes32", salt) + word("uint256", len(answers)) + answers + padding)
